/* SPDX-License-Identifier: MIT */
/* Memory that grows without being copied: small from malloc, large from the system, in huge pages where it has them. */
#include "kernel/buffer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SMALLEST ((size_t)16 * 1024)
#define LARGE ((size_t)1 << 20)     /* from malloc up to this */
#define HUGE_PAGE ((size_t)2 << 20) /* of most machines: elsewhere it is a number as any */

static bool is_mapped(const struct buffer *b)
{
    return b->room > LARGE;
}

static size_t round_up(size_t size)
{
    return (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* Address space that begins where a huge page may. */
static char *reserve(size_t size)
{
    char *all =
        mmap(NULL, size + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t before;

    if (all == MAP_FAILED)
        return NULL;
    before = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE;
    if (before > 0)
        (void)munmap(all, before);
    (void)munmap(all + before + size, HUGE_PAGE - before);
    return all + before;
}

static char *map(size_t size)
{
    char *bytes = reserve(size);

    if (bytes == NULL || mprotect(bytes, size, PROT_READ | PROT_WRITE) == 0)
        return bytes;
    (void)munmap(bytes, size);
    return NULL;
}

/* The pages themselves move to the new place. */
static char *remap(const struct buffer *b, size_t size)
{
    char *place = reserve(size);

    if (place == NULL ||
        mremap(b->bytes, b->room, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED)
        return place;
    (void)munmap(place, size);
    return NULL;
}

static int grow_mapped(struct buffer *b, size_t size)
{
    char *bytes = is_mapped(b) ? remap(b, size) : map(size);

    if (bytes == NULL)
        return -ENOMEM;
    if (!is_mapped(b)) {
        if (b->room > 0)
            memcpy(bytes, b->bytes, b->room);
        free(b->bytes);
    }
    /* a fault for each small page costs more than the reading of what comes into it */
    (void)madvise(bytes, size, MADV_HUGEPAGE);
    *b = (struct buffer){bytes, size};
    return 0;
}

int buffer_grow(struct buffer *b, size_t room)
{
    size_t size = b->room == 0 ? SMALLEST : b->room <= SIZE_MAX / 4 ? b->room * 2 : b->room;
    char *bytes;

    if (room <= b->room)
        return 0;
    if (room > SIZE_MAX / 2)
        return -ENOMEM;
    if (size < room)
        size = room;
    if (size > LARGE)
        return grow_mapped(b, round_up(size));
    bytes = realloc(b->bytes, size);
    if (bytes == NULL)
        return -ENOMEM;
    *b = (struct buffer){bytes, size};
    return 0;
}

void buffer_trim(struct buffer *b, size_t used)
{
    size_t size = round_up(used > LARGE ? used : LARGE + 1);

    if (!is_mapped(b) || size >= b->room)
        return;
    (void)munmap(b->bytes + size, b->room - size);
    b->room = size;
}

void buffer_free(struct buffer *b)
{
    if (is_mapped(b))
        (void)munmap(b->bytes, b->room);
    else
        free(b->bytes);
    *b = (struct buffer){NULL, 0};
}
