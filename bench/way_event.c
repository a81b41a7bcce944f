/* SPDX-License-Identifier: MIT */
/* Ways whose message is one number: an eventfd's, and the value that a signal brings. */
#include "way.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int result(ssize_t r)
{
    return r < 0 ? -errno : 0;
}

static int check_size(struct course *c)
{
    if (c->size == sizeof(uint64_t) && sizeof(uintptr_t) == sizeof(uint64_t))
        return 0;
    (void)snprintf(c->error, sizeof c->error, "the message is a number of 8 bytes");
    return -EMSGSIZE;
}

/* ---- eventfd --------------------------------------------------------------------------------- */

static int make_eventfd(struct course *c)
{
    for (int from = 0; from < 2; from++) {
        int fd = eventfd(0, EFD_CLOEXEC | (c->wait == WAIT_LOOK ? EFD_NONBLOCK : 0));

        c->fd.send[from] = c->fd.receive[!from] = fd;
        if (fd < 0)
            return -errno;
    }
    return 0;
}

static void join_eventfd(struct course *c, enum side side)
{
    c->side = side; /* both use both */
}

static int send_eventfd(struct course *c, const void *data)
{
    return result(write(c->fd.send[c->side], data, sizeof(uint64_t)));
}

static int receive_eventfd(struct course *c, void *buffer)
{
    return result(read(c->fd.receive[c->side], buffer, sizeof(uint64_t)));
}

/* ---- signals --------------------------------------------------------------------------------- */

#define NUMBER (SIGRTMIN + 2) /* another one than those of the way with enlace, in the same run */

/* How each learns the other's number, once both are there. */
static int make_meeting(struct course *c)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    memset(&c->signal, 0, sizeof c->signal);
    memcpy(c->signal.meeting, fds, sizeof fds);
    return 0;
}

/* Only when the other one may send: 0, and it never will, if it is gone. */
static pid_t meet(struct course *c, enum side side)
{
    pid_t own = getpid(), other = 0;
    int fd = c->signal.meeting[side];

    c->side = side;
    if (write(fd, &own, sizeof own) != sizeof own || read(fd, &other, sizeof other) != sizeof other)
        other = 0;
    close(c->signal.meeting[SIDE_PING]);
    close(c->signal.meeting[SIDE_PONG]);
    return other;
}

static void join_signal(struct course *c, enum side side)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, NUMBER);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    c->signal.peer = meet(c, side);
}

static int send_signal(struct course *c, const void *data)
{
    union sigval value;

    memcpy(&value.sival_ptr, data, sizeof value.sival_ptr);
    return c->signal.peer == 0 ? -ESRCH : result(sigqueue(c->signal.peer, NUMBER, value));
}

static int receive_signal(struct course *c, void *buffer)
{
    static const struct timespec none;
    siginfo_t info;
    sigset_t set;
    int r;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, NUMBER);
    do
        r = sigtimedwait(&set, &info, c->wait == WAIT_LOOK ? &none : NULL);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    memcpy(buffer, &info.si_value.sival_ptr, sizeof info.si_value.sival_ptr);
    return 0;
}

/* A process receives first, and then lets the other one open it. */
static void join_enlace(struct course *c, enum side side)
{
    char address[64];
    int r;

    (void)snprintf(address, sizeof address, "signal:%s", c->what);
    r = enl_open(address, ENL_READ, &c->signal.receive);
    c->signal.peer = meet(c, side);
    (void)snprintf(address, sizeof address, "signal:%s?pid=%d", c->what, (int)c->signal.peer);
    if (r == 0)
        r = enl_open(address, ENL_WRITE, &c->signal.send);
    if (r < 0)
        (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
}

static int sized(struct course *c, ssize_t r)
{
    if (r == (ssize_t)c->size || r == -EAGAIN)
        return r < 0 ? (int)r : 0;
    if (r < 0 && c->error[0] == '\0')
        (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return r < 0 ? (int)r : -EBADMSG;
}

static enl_deadline until(const struct course *c)
{
    return c->wait == WAIT_SLEEP ? ENL_FOREVER : ENL_NOW;
}

static int send_enlace(struct course *c, const void *data)
{
    return sized(c, enl_send(c->signal.send, data, c->size, until(c)));
}

static int receive_enlace(struct course *c, void *buffer)
{
    return sized(c, enl_receive(c->signal.receive, buffer, c->size, until(c)));
}

static void end_enlace(struct course *c)
{
    enl_close(c->signal.send);
    enl_close(c->signal.receive);
}

const struct way way_eventfd = {
    .name = "bare",
    .check = check_size,
    .make = make_eventfd,
    .join = join_eventfd,
    .send = send_eventfd,
    .receive = receive_eventfd,
};

const struct way way_signal = {
    .name = "bare",
    .check = check_size,
    .make = make_meeting,
    .join = join_signal,
    .send = send_signal,
    .receive = receive_signal,
};

const struct way way_enlace_signal = {
    .name = "enlace",
    .check = check_size,
    .make = make_meeting,
    .join = join_enlace,
    .send = send_enlace,
    .receive = receive_enlace,
    .end = end_enlace,
};
