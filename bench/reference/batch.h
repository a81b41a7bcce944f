/* SPDX-License-Identifier: MIT */
/* The minimal ring for batches: as the minimal ring, but messages have no stamps, and the writer publishes its position
 * once for many.
 *
 * Ordering. The writer's release of `written` pairs with the reader's acquire: all messages before it are there. The
 * reader's release of `read`, half of the ring at a time, pairs with the writer's acquire: their slots are free.
 * Crash. Whoever waits for a dead side waits for ever. */
#ifndef BENCH_REFERENCE_BATCH_H
#define BENCH_REFERENCE_BATCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct batch_shared {
    _Alignas(128) _Atomic uint64_t written; /* by the writer */
    _Alignas(128) _Atomic uint64_t read;    /* by the reader */
    _Alignas(128) unsigned char slots[];
};

/* Of each side, in its own memory. */
struct batch_ring {
    struct batch_shared *shared;
    size_t size, count; /* of a message, slots (a power of two) */
    uint64_t position;  /* messages written, or read */
    uint64_t limit;     /* the writer may write, the reader may read until then */
};

/* Memory for a ring of messages of size bytes, to be inherited. 0 or a negative errno. */
int batch_make(struct batch_ring *r, size_t size, size_t bytes);

static inline unsigned char *batch_slot(const struct batch_ring *r, uint64_t position)
{
    return r->shared->slots + (position & (r->count - 1)) * r->size;
}

/* Copies so many messages in, waiting for room, and publishes them. */
static inline void batch_put(struct batch_ring *r, const unsigned char *data, size_t count)
{
    while (r->position + count > r->limit)
        r->limit = atomic_load_explicit(&r->shared->read, memory_order_acquire) + r->count;
    for (size_t i = 0; i < count; i++)
        memcpy(batch_slot(r, r->position++), data + i * r->size, r->size);
    atomic_store_explicit(&r->shared->written, r->position, memory_order_release);
}

/* Copies up to so many out, waiting for the first one, and says how many. */
static inline size_t batch_get(struct batch_ring *r, unsigned char *data, size_t most)
{
    uint64_t half = r->count / 2, before = r->position;
    size_t count;

    while (r->position == r->limit)
        r->limit = atomic_load_explicit(&r->shared->written, memory_order_acquire);
    count = r->limit - r->position < most ? (size_t)(r->limit - r->position) : most;
    for (size_t i = 0; i < count; i++)
        memcpy(data + i * r->size, batch_slot(r, r->position++), r->size);
    if (before / half != r->position / half)
        atomic_store_explicit(&r->shared->read, r->position, memory_order_release);
    return count;
}

#endif
