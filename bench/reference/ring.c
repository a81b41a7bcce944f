/* SPDX-License-Identifier: MIT */
/* The minimal ring: its memory. */
#include "reference/ring.h"

#include <errno.h>
#include <sys/mman.h>

#define SMALL_UNIT 16u /* several slots of small messages share a line */
#define SLOTS_MIN 4u

int ring_make(struct ring *r, size_t size, size_t bytes)
{
    size_t slot = RING_STAMP + size, unit = slot <= RING_LINE / 2 ? SMALL_UNIT : RING_LINE;

    *r = (struct ring){.stride = (slot + unit - 1) / unit * unit, .count = SLOTS_MIN};
    while (r->count * 2 * r->stride <= bytes)
        r->count *= 2;
    r->free_until = r->count;
    r->shared = mmap(NULL, sizeof *r->shared + r->count * r->stride, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (r->shared == MAP_FAILED)
        return -errno;
    r->slot = r->shared->slots;
    return 0;
}
