/* SPDX-License-Identifier: MIT */
/* The way of a program with an event loop of its own: it sleeps in epoll_wait on the link's descriptor and receives
 * without waiting. */
#include "way.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

static int check(struct course *c)
{
    return way_enlace.check(c);
}

static int make(struct course *c)
{
    return way_enlace.make(c);
}

/* In c->link.set: the set with the link's descriptor, or a negative errno, which the first receive gives. */
static void join(struct course *c, enum side side)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd;

    way_enlace.join(c, side);
    c->link.set = epoll_create1(EPOLL_CLOEXEC);
    if (c->link.set < 0) {
        c->link.set = -errno;
        return;
    }
    fd = enl_link_fd(c->link.receive[side]);
    if (fd < 0 || epoll_ctl(c->link.set, EPOLL_CTL_ADD, fd, &event) < 0) {
        close(c->link.set);
        c->link.set = fd < 0 ? fd : -errno;
    }
}

static int send(struct course *c, const void *data)
{
    return way_enlace.send(c, data);
}

/* The set is level-triggered, so one receive for each event is enough; an event without a message is allowed. */
static int receive(struct course *c, void *buffer)
{
    struct epoll_event event;
    ssize_t r;

    if (c->link.set < 0)
        return c->link.set;
    do {
        if (epoll_wait(c->link.set, &event, 1, -1) < 0)
            return -errno;
        r = enl_receive(c->link.receive[c->side], buffer, c->size, ENL_NOW);
    } while (r == -EAGAIN);
    if (r < 0)
        (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return r < 0 ? (int)r : (size_t)r == c->size ? 0 : -EBADMSG;
}

static void end(struct course *c)
{
    way_enlace.end(c);
    if (c->link.set >= 0)
        close(c->link.set);
}

const struct way way_enlace_poll = {
    .name = "enlace",
    .check = check,
    .make = make,
    .join = join,
    .send = send,
    .receive = receive,
    .end = end,
};
