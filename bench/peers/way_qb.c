/* SPDX-License-Identifier: MIT */
/* The way of libqb's ring buffer in shared memory, one for each direction. Its reader sleeps on a semaphore; its writer
 * has nothing to sleep on when the ring is full, and tries again. */
#include "peers/peers.h"

#include <errno.h>
#include <qb/qbrb.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define LEAST_BYTES ((size_t)256 << 10)

static qb_ringbuffer_t *open_ring(struct course *c, int direction, uint32_t flags)
{
    char name[64];
    size_t bytes = c->size * 4 > LEAST_BYTES ? c->size * 4 : LEAST_BYTES;

    (void)snprintf(name, sizeof name, "enlace-bench-%d-%d", c->peer.number, direction);
    return qb_rb_open(name, bytes, flags | QB_RB_FLAG_SHARED_PROCESS, 0);
}

static int make(struct course *c)
{
    c->peer.number = (uint32_t)getpid();
    for (int i = 0; i < 2; i++) {
        c->peer.rings[i] = open_ring(c, i, QB_RB_FLAG_CREATE);
        if (c->peer.rings[i] == NULL)
            return -errno;
    }
    return 0;
}

static void join(struct course *c, enum side side)
{
    c->side = side;
}

static int send_it(struct course *c, const void *data)
{
    for (;;) {
        ssize_t size = qb_rb_chunk_write(c->peer.rings[c->side], data, c->size);

        if (size != -EAGAIN)
            return size < 0 ? (int)size : 0;
        if (c->wait == WAIT_LOOK)
            return -EAGAIN;
        (void)sched_yield();
    }
}

static int receive(struct course *c, void *buffer)
{
    int wait_ms = c->wait == WAIT_LOOK ? 0 : -1;
    ssize_t size = qb_rb_chunk_read(c->peer.rings[!c->side], buffer, c->size, wait_ms);

    if (size == -ETIMEDOUT || size == -EBADMSG)
        return -EAGAIN;
    return size < 0 ? (int)size : (size_t)size == c->size ? 0 : -EBADMSG;
}

static void end(struct course *c)
{
    for (int i = 0; i < 2; i++)
        qb_rb_close(c->peer.rings[i]); /* the first one to do so removes the names */
}

const struct way way_qb = {
    .name = "libqb ring",
    .make = make,
    .join = join,
    .send = send_it,
    .receive = receive,
    .end = end,
};
