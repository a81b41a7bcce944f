/* SPDX-License-Identifier: MIT */
/* The minimal ring: its memory. */
#include "reference/ring.h"

#include <errno.h>
#include <sys/mman.h>

#define SMALL_UNIT 16u /* several slots of small messages share a line */
#define SLOTS_MIN 4u

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

int ring_make(struct ring *r, size_t size, size_t bytes)
{
    size_t slot = RING_STAMP + size;

    *r = (struct ring){.count = SLOTS_MIN};
    if (slot <= RING_LINE) {
        r->stride = slot <= RING_LINE / 2 ? round_up(slot, SMALL_UNIT) : RING_LINE;
    } else {
        r->last = round_up(slot, RING_STAMP);
        r->stride = round_up(r->last + RING_STAMP, RING_LINE);
    }
    while (r->count * 2 * r->stride <= bytes)
        r->count *= 2;
    r->free_until = r->count;
    r->shared = mmap(NULL, sizeof *r->shared + r->count * r->stride, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return r->shared == MAP_FAILED ? -errno : 0;
}
