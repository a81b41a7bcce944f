/* SPDX-License-Identifier: MIT */
/* Ways that send and receive 32 messages with one call: enlace, and the minimal ring, copying both. One way alone. */
#include "way.h"

#include "reference/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 32u

/* Of one process: what it gathers until it is sent, or hands out after it was received. */
struct batch {
    struct batch_ring ring; /* of the bare way */
    struct enl_message messages[BATCH];
    size_t count, next;   /* messages there; the next one to be handed out */
    unsigned char data[]; /* of all of them */
};

static int failed(struct course *c, ssize_t r)
{
    (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return (int)r;
}

/* Before the fork: each process has its copy. */
static int prepare(struct course *c, struct batch **ret_batch)
{
    struct batch *b = calloc(1, sizeof *b + BATCH * c->size);

    if (b == NULL || c->pattern != PATTERN_ONE_WAY) {
        free(b);
        return b == NULL ? -ENOMEM : -ENOTSUP;
    }
    for (size_t i = 0; i < BATCH; i++)
        b->messages[i] = (struct enl_message){
            .data = b->data + i * c->size,
            .size = c->size,
            .capacity = c->size,
        };
    *ret_batch = b;
    return 0;
}

static int loan(struct course *c, void **ret_data)
{
    *ret_data = c->batch->data + c->batch->count * c->size;
    return 0;
}

static int release(struct course *c)
{
    c->batch->next++;
    return 0;
}

/* ---- enlace ---------------------------------------------------------------------------------- */

static int make(struct course *c)
{
    int r = prepare(c, &c->batch);

    return r < 0 ? r : way_enlace.make(c);
}

static void join(struct course *c, enum side side)
{
    way_enlace.join(c, side);
}

static enl_deadline until(const struct course *c)
{
    return c->wait == WAIT_SLEEP ? ENL_FOREVER : ENL_NOW;
}

/* All that was gathered, in as many calls as the room takes. */
static int flush(struct course *c)
{
    struct batch *b = c->batch;
    size_t sent = 0;

    if (c->side != SIDE_PING)
        return 0;
    while (sent < b->count) {
        ssize_t r =
            enl_send_messages(c->link.send[c->side], b->messages + sent, b->count - sent, until(c));

        if (r < 0 && r != -EAGAIN)
            return failed(c, r);
        sent += r > 0 ? (size_t)r : 0;
    }
    b->count = 0;
    return 0;
}

static int commit(struct course *c)
{
    return ++c->batch->count < BATCH ? 0 : flush(c);
}

static int take(struct course *c, const void **ret_data)
{
    struct batch *b = c->batch;

    if (b->next == b->count) {
        ssize_t r = enl_receive_messages(c->link.receive[c->side], b->messages, BATCH, until(c));

        if (r < 0)
            return r == -EAGAIN ? -EAGAIN : failed(c, r);
        b->count = (size_t)r;
        b->next = 0;
    }
    *ret_data = b->messages[b->next].data;
    return b->messages[b->next].size == c->size ? 0 : -EBADMSG;
}

static int check(struct course *c)
{
    return way_enlace.check(c);
}

static void end(struct course *c)
{
    way_enlace.end(c);
    free(c->batch);
}

/* ---- the ring -------------------------------------------------------------------------------- */

static int make_ring(struct course *c)
{
    int r = prepare(c, &c->batch);

    return r < 0 ? r : batch_make(&c->batch->ring, c->size, RING_BYTES);
}

static void join_ring(struct course *c, enum side side)
{
    c->side = side;
}

static int flush_ring(struct course *c)
{
    struct batch *b = c->batch;

    if (c->side != SIDE_PING)
        return 0;
    batch_put(&b->ring, b->data, b->count);
    b->count = 0;
    return 0;
}

static int commit_ring(struct course *c)
{
    return ++c->batch->count < BATCH ? 0 : flush_ring(c);
}

static int take_ring(struct course *c, const void **ret_data)
{
    struct batch *b = c->batch;

    if (b->next == b->count) {
        b->count = batch_get(&b->ring, b->data, BATCH);
        b->next = 0;
    }
    *ret_data = b->data + b->next * c->size;
    return 0;
}

static void end_ring(struct course *c)
{
    free(c->batch);
}

const struct way way_enlace_batch = {
    .name = "enlace",
    .check = check,
    .make = make,
    .join = join,
    .loan = loan,
    .commit = commit,
    .take = take,
    .release = release,
    .flush = flush,
    .end = end,
};

const struct way way_ring_batch = {
    .name = "ring",
    .make = make_ring,
    .join = join_ring,
    .loan = loan,
    .commit = commit_ring,
    .take = take_ring,
    .release = release,
    .flush = flush_ring,
    .end = end_ring,
};
