/* SPDX-License-Identifier: MIT */
/* The minimal ring: one writer, one reader, messages of one size, both look all the time. It has
 * nothing but what a message costs: no sleeping, no death, no checks. Native links are measured
 * against it.
 *
 * Layout. The reader's cursor, then slots of a stamp (the message's number, from 1 on) and the
 * data. The stamp of small messages is in front, because processors that fetch lines ahead fetch
 * those behind it; that of large ones is behind, so that the line which the reader looks at is
 * written last.
 * Ordering. The writer's release of the stamp pairs with the reader's acquire: the data is
 * there. The reader's release of its cursor, half of the ring at a time, pairs with the writer's
 * acquire: the slots are free.
 * Crash. Whoever waits for a dead side waits for ever. */
#ifndef BENCH_REFERENCE_RING_H
#define BENCH_REFERENCE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RING_BYTES (256u << 10)                     /* fits into the second-level cache of both */
#define RING_BYTES_LARGE ((8u << 20) + (64u << 10)) /* 8 MiB of messages, and their stamps */
#define RING_BYTES_SMALL (8u << 10)                 /* fits into the first one: for a round trip */

struct ring_shared {
    _Alignas(128) _Atomic uint64_t read; /* by the reader: how many it has read */
    _Alignas(128) unsigned char slots[];
};

/* Of each side, in its own memory. */
struct ring {
    struct ring_shared *shared;
    unsigned char *slot;      /* of the next message */
    size_t stamp_at, data_at; /* in it */
    size_t stride, count;     /* bytes of a slot, slots (a power of two) */
    uint64_t position;        /* messages written, or read */
    uint64_t free_until;      /* writer: it may write until then */
};

/* Memory for a ring of messages of size bytes, to be inherited. 0 or a negative errno. */
int ring_make(struct ring *r, size_t size, size_t bytes);

static inline _Atomic uint64_t *ring_stamp(const struct ring *r)
{
    return (_Atomic uint64_t *)(void *)(r->slot + r->stamp_at);
}

/* Done when a message is over, so that the next one finds its slot without a calculation. */
static inline void ring_advance(struct ring *r)
{
    r->position++;
    r->slot = r->shared->slots + (r->position & (r->count - 1)) * r->stride;
}

/* Room for the next message; then the message is there for the reader. */
static inline void *ring_loan(struct ring *r)
{
    while (r->position == r->free_until)
        r->free_until = atomic_load_explicit(&r->shared->read, memory_order_acquire) + r->count;
    return r->slot + r->data_at;
}

static inline void ring_commit(struct ring *r)
{
    atomic_store_explicit(ring_stamp(r), r->position + 1, memory_order_release);
    ring_advance(r);
}

/* The next message, in place; then its slot is free. */
static inline const void *ring_take(struct ring *r)
{
    _Atomic uint64_t *stamp = ring_stamp(r);
    uint64_t wanted = r->position + 1;

    while (atomic_load_explicit(stamp, memory_order_acquire) != wanted)
        ;
    return r->slot + r->data_at;
}

static inline void ring_release(struct ring *r)
{
    ring_advance(r);
    if ((r->position & (r->count / 2 - 1)) == 0)
        atomic_store_explicit(&r->shared->read, r->position, memory_order_release);
}

#endif
