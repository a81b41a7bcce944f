/* SPDX-License-Identifier: MIT */
/* The minimal ring for batches: its memory. */
#include "reference/batch.h"

#include <errno.h>
#include <sys/mman.h>

#define SLOTS_MIN 64u

int batch_make(struct batch_ring *r, size_t size, size_t bytes)
{
    *r = (struct batch_ring){.size = size, .count = SLOTS_MIN};
    while (r->count * 2 * size <= bytes)
        r->count *= 2;
    r->shared = mmap(NULL, sizeof *r->shared + r->count * size, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return r->shared == MAP_FAILED ? -errno : 0;
}
