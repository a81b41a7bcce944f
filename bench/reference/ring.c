/* SPDX-License-Identifier: MIT */
/* The minimal ring: its memory. */
#include "reference/ring.h"

#include <errno.h>
#include <sys/mman.h>

#define STAMP sizeof(uint64_t)
#define LINE ((size_t)64)
#define SMALL (2 * LINE)      /* a slot of at most so much has its stamp in front */
#define SMALLEST ((size_t)16) /* several slots of the smallest messages share a line */
#define SLOTS_MIN 4u

int ring_make(struct ring *r, size_t size, size_t bytes)
{
    size_t slot = (STAMP + size + STAMP - 1) / STAMP * STAMP;
    size_t unit = slot <= LINE / 2 ? SMALLEST : LINE;

    *r = (struct ring){
        .stride = (slot + unit - 1) / unit * unit,
        .count = SLOTS_MIN,
        .stamp_at = slot <= SMALL ? 0 : slot - STAMP,
        .data_at = slot <= SMALL ? STAMP : 0,
    };
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
