/* SPDX-License-Identifier: MIT */
/* The way of a server of many: the second side has them all in one epoll set and answers whoever comes; the first side
 * speaks through one after the other. */
#include "way.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define FDS_EACH 8u  /* at most so many descriptors an end */
#define FDS_REST 64u /* and the benchmark's own */
#define STRIDE 617u  /* from one to the next, so that they are not neighbours; a prime */
#define ADDRESS "channel:"

static int failed(struct course *c, ssize_t r)
{
    (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return (int)r;
}

/* How many links: what. */
static size_t number(const struct course *c)
{
    return (size_t)strtoul(c->what, NULL, 10);
}

/* Tells how many descriptors are needed, and has. */
static int check(struct course *c)
{
    size_t needed = number(c) * FDS_EACH + FDS_REST;
    struct rlimit limit;

    if (c->wait != WAIT_SLEEP)
        return -ENOTSUP;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (limit.rlim_max >= needed)
        return 0;
    (void)snprintf(c->error, sizeof c->error, "needs %zu descriptors, may have %llu", needed,
                   (unsigned long long)limit.rlim_max);
    return -EMFILE;
}

static int raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* Before the fork: the pairs. No end is a process's own before its first use. */
static int make(struct course *c)
{
    int r = raise_limit();

    memset(&c->many, 0, sizeof c->many);
    c->many.count = number(c);
    c->many.set = -1;
    c->many.ends = calloc(c->many.count, sizeof c->many.ends[0]);
    if (c->many.ends == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < c->many.count && r == 0; i++)
        r = enl_pair(ADDRESS, c->many.ends[i].side);
    return r < 0 ? failed(c, r) : 0;
}

static int watch(struct course *c)
{
    c->many.set = epoll_create1(EPOLL_CLOEXEC);
    if (c->many.set < 0)
        return -errno;
    for (size_t i = 0; i < c->many.count; i++) {
        struct enl_link *l = c->many.ends[i].side[SIDE_PONG];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = l};
        int fd = enl_link_fd(l);

        if (fd < 0)
            return failed(c, fd);
        if (epoll_ctl(c->many.set, EPOLL_CTL_ADD, fd, &event) < 0)
            return -errno;
    }
    return 0;
}

/* A first message through each, and its answer: what is done at the first use only does not count. */
static int warm_up(struct course *c)
{
    uint64_t word = 0;

    for (size_t step = 0; step < 2; step++) {
        bool sends = (step == 0) == (c->side == SIDE_PING);

        for (size_t i = 0; i < c->many.count; i++) {
            struct enl_link *l = c->many.ends[i].side[c->side];
            ssize_t r = sends ? enl_send(l, &word, sizeof word, ENL_FOREVER)
                              : enl_receive(l, &word, sizeof word, ENL_FOREVER);

            if (r < 0)
                return failed(c, r);
        }
    }
    return 0;
}

static void join(struct course *c, enum side side)
{
    c->side = side;
    for (size_t i = 0; i < c->many.count; i++)
        enl_close(c->many.ends[i].side[!side]);
    c->many.failure = warm_up(c);
    if (c->many.failure == 0 && side == SIDE_PONG)
        c->many.failure = watch(c);
}

static int send_message(struct course *c, const void *data)
{
    ssize_t r = c->many.failure;

    if (r == 0 && c->side == SIDE_PING) {
        c->many.next = (c->many.next + STRIDE) % c->many.count;
        c->many.link = c->many.ends[c->many.next].side[SIDE_PING];
    }
    if (r == 0)
        r = enl_send(c->many.link, data, c->size, ENL_FOREVER);
    return r < 0 ? failed(c, r) : 0;
}

/* The next one of the set that has a message. An event without one is allowed. */
static ssize_t receive_any(struct course *c, void *buffer)
{
    struct epoll_event event;
    ssize_t r;

    do {
        if (epoll_wait(c->many.set, &event, 1, -1) < 0)
            return -errno;
        c->many.link = event.data.ptr;
        r = enl_receive(c->many.link, buffer, c->size, ENL_NOW);
    } while (r == -EAGAIN);
    return r;
}

static int receive_message(struct course *c, void *buffer)
{
    ssize_t r = c->many.failure;

    if (r == 0)
        r = c->side == SIDE_PONG ? receive_any(c, buffer)
                                 : enl_receive(c->many.link, buffer, c->size, ENL_FOREVER);
    if (r < 0)
        return failed(c, r);
    return (size_t)r == c->size ? 0 : -EBADMSG;
}

static void end(struct course *c)
{
    for (size_t i = 0; i < c->many.count; i++)
        enl_close(c->many.ends[i].side[c->side]);
    if (c->many.set >= 0)
        close(c->many.set);
    free(c->many.ends);
}

const struct way way_enlace_many = {
    .name = "enlace",
    .check = check,
    .make = make,
    .join = join,
    .send = send_message,
    .receive = receive_message,
    .end = end,
    .serves = true,
};
