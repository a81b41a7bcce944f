/* SPDX-License-Identifier: MIT */
/* The bare ways over queues, POSIX and System V, as a program without a library would use them. */
#include "way.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <unistd.h>

static int result(ssize_t r)
{
    return r < 0 ? -errno : 0;
}

/* Makes the object of one direction: from the side given to the other one. */
typedef int direction_maker(struct course *c, enum side from);

static int make_directions(struct course *c, direction_maker *make)
{
    int r;

    for (int i = 0; i < 2; i++)
        c->fd.send[i] = c->fd.receive[i] = -1;
    r = make(c, SIDE_PING);
    if (r == 0 && c->pattern == PATTERN_ROUND_TRIP)
        r = make(c, SIDE_PONG);
    return r;
}

/* ---- POSIX ----------------------------------------------------------------------------------- */

/* A queue whose messages have this size; its name is not needed once both ends are open. */
static int open_queue(struct course *c, int ret_fds[2])
{
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = (long)c->size};
    int mode = c->wait == WAIT_LOOK ? O_NONBLOCK : 0;
    char name[64];
    int r;

    (void)snprintf(name, sizeof name, "/enlace-bench-%d", (int)getpid());
    ret_fds[0] = mq_open(name, O_RDONLY | O_CREAT | O_EXCL | mode, 0600, &attributes);
    if (ret_fds[0] < 0)
        return -errno;
    ret_fds[1] = mq_open(name, O_WRONLY | mode);
    r = result(ret_fds[1]);
    (void)mq_unlink(name);
    return r;
}

static int check_mq(struct course *c)
{
    int fds[2] = {-1, -1}, r = open_queue(c, fds);

    if (r < 0) {
        (void)snprintf(c->error, sizeof c->error, "no bare queue for messages of %zu bytes: %s",
                       c->size, strerror(-r));
        return r;
    }
    (void)mq_close(fds[0]);
    (void)mq_close(fds[1]);
    return 0;
}

static int mq_direction(struct course *c, enum side from)
{
    int fds[2] = {-1, -1}, r = open_queue(c, fds);

    if (r < 0)
        return r;
    c->fd.receive[!from] = fds[0];
    c->fd.send[from] = fds[1];
    return 0;
}

static int make_mq(struct course *c)
{
    return make_directions(c, mq_direction);
}

static void join_mq(struct course *c, enum side side)
{
    c->side = side;
    if (c->fd.send[!side] >= 0)
        (void)mq_close(c->fd.send[!side]);
    if (c->fd.receive[!side] >= 0)
        (void)mq_close(c->fd.receive[!side]);
}

static int send_mq(struct course *c, const void *data)
{
    return result(mq_send(c->fd.send[c->side], data, c->size, 0));
}

static int receive_mq(struct course *c, void *buffer)
{
    return result(mq_receive(c->fd.receive[c->side], buffer, c->size, NULL));
}

/* ---- System V -------------------------------------------------------------------------------- */

#define LARGEST 8192u /* what the kernel allows by default */

struct bare_message {
    long type;
    char bytes[LARGEST];
};

static int check_svmsg(struct course *c)
{
    if (c->size <= LARGEST)
        return 0;
    (void)snprintf(c->error, sizeof c->error, "a bare System V message has at most %u bytes",
                   LARGEST);
    return -EMSGSIZE;
}

static int svmsg_direction(struct course *c, enum side from)
{
    int id = msgget(IPC_PRIVATE, 0600);

    c->fd.receive[!from] = c->fd.send[from] = id;
    return result(id);
}

static int make_svmsg(struct course *c)
{
    return make_directions(c, svmsg_direction);
}

static void join_svmsg(struct course *c, enum side side)
{
    c->side = side;
}

static int send_svmsg(struct course *c, const void *data)
{
    struct bare_message m;

    m.type = 1;
    memcpy(m.bytes, data, c->size);
    return result(msgsnd(c->fd.send[c->side], &m, c->size, c->wait == WAIT_LOOK ? IPC_NOWAIT : 0));
}

static int receive_svmsg(struct course *c, void *buffer)
{
    int flags = c->wait == WAIT_LOOK ? IPC_NOWAIT : 0;
    struct bare_message m;
    ssize_t size = msgrcv(c->fd.receive[c->side], &m, c->size, 0, flags);

    if (size < 0)
        return errno == ENOMSG ? -EAGAIN : -errno;
    memcpy(buffer, m.bytes, c->size);
    return 0;
}

static void end_svmsg(struct course *c)
{
    if (c->side != SIDE_PING)
        return;
    (void)msgctl(c->fd.send[SIDE_PING], IPC_RMID, NULL);
    if (c->fd.receive[SIDE_PING] >= 0)
        (void)msgctl(c->fd.receive[SIDE_PING], IPC_RMID, NULL);
}

const struct way way_mq = {
    .name = "bare",
    .check = check_mq,
    .make = make_mq,
    .join = join_mq,
    .send = send_mq,
    .receive = receive_mq,
};

const struct way way_svmsg = {
    .name = "bare",
    .check = check_svmsg,
    .make = make_svmsg,
    .join = join_svmsg,
    .send = send_svmsg,
    .receive = receive_svmsg,
    .end = end_svmsg,
};
