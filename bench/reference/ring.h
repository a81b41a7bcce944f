/* SPDX-License-Identifier: MIT */
/* The minimal ring: one writer, one reader, messages of one size, both look all the time. It has
 * nothing but what a message costs: no sleeping, no death, no checks. Native links are measured
 * against it.
 *
 * Layout. The reader's cursor, then slots: a stamp (the message's number, from 1 on), the data,
 * and, unless all of it is in one cache line, a second stamp. The reader looks at both, so that
 * first and last line come at the same time, not one after the other.
 * Ordering. The writer's release of each stamp pairs with the reader's acquire: the data is
 * there. The reader's release of its cursor, a quarter of the ring at a time, pairs with the
 * writer's acquire: the slots are free.
 * Crash. Whoever waits for a dead side waits for ever. */
#ifndef BENCH_REFERENCE_RING_H
#define BENCH_REFERENCE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RING_STAMP sizeof(uint64_t)
#define RING_LINE 64u
#define RING_BYTES (256u << 10)     /* fits into the second-level cache of both */
#define RING_BYTES_SMALL (2u << 10) /* for a round trip, with one message at a time */

struct ring_shared {
    _Alignas(128) _Atomic uint64_t read; /* by the reader: how many it has read */
    _Alignas(128) unsigned char slots[];
};

/* Of each side, in its own memory. */
struct ring {
    struct ring_shared *shared;
    size_t stride, count; /* bytes of a slot, slots (a power of two) */
    size_t last;          /* where in a slot the second stamp is; 0: the first one is all */
    uint64_t position;    /* messages written, or read */
    uint64_t free_until;  /* writer: it may write until then */
};

/* Memory for a ring of messages of size bytes, to be inherited. 0 or a negative errno. */
int ring_make(struct ring *r, size_t size, size_t bytes);

static inline unsigned char *ring_slot(const struct ring *r)
{
    return r->shared->slots + (r->position & (r->count - 1)) * r->stride;
}

static inline _Atomic uint64_t *ring_stamp(unsigned char *slot, size_t offset)
{
    return (_Atomic uint64_t *)(void *)(slot + offset);
}

/* Room for the next message; then the message is there for the reader. */
static inline void *ring_loan(struct ring *r)
{
    while (r->position == r->free_until)
        r->free_until = atomic_load_explicit(&r->shared->read, memory_order_acquire) + r->count;
    return ring_slot(r) + RING_STAMP;
}

static inline void ring_commit(struct ring *r)
{
    unsigned char *slot = ring_slot(r);

    r->position++;
    atomic_store_explicit(ring_stamp(slot, r->last), r->position, memory_order_release);
    if (r->last != 0)
        atomic_store_explicit(ring_stamp(slot, 0), r->position, memory_order_release);
}

/* The next message, in place; then its slot is free. */
static inline const void *ring_take(struct ring *r)
{
    unsigned char *slot = ring_slot(r);
    uint64_t wanted = r->position + 1, first, last;

    do {
        first = atomic_load_explicit(ring_stamp(slot, 0), memory_order_acquire);
        last = atomic_load_explicit(ring_stamp(slot, r->last), memory_order_acquire);
    } while ((first ^ wanted) | (last ^ wanted));
    return slot + RING_STAMP;
}

static inline void ring_release(struct ring *r)
{
    r->position++;
    if ((r->position & (r->count / 4 - 1)) == 0)
        atomic_store_explicit(&r->shared->read, r->position, memory_order_release);
}

#endif
