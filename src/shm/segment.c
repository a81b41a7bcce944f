/* SPDX-License-Identifier: MIT */
/* Segments: made, closed up, given away, and mapped by a peer that trusts nothing. */
#include "shm/segment.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/sealed.h"
#include "shm/reserve.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

size_t segment_header_size(size_t header_size)
{
    size_t page = sealed_page_size();

    return (header_size + page - 1) / page * page;
}

/* The sum is what the file has, and the ring counts twice in memory. */
static int check_sizes(size_t header_size, size_t ring_size, size_t *ret_size)
{
    size_t size;

    if (header_size == 0 || ring_size == 0 || ring_size % sealed_page_size() != 0)
        return error_set(-EINVAL, "a segment cannot have a header of %zu bytes and a ring of %zu",
                         header_size, ring_size);
    if (header_size > SIZE_MAX / 2 ||
        __builtin_add_overflow(segment_header_size(header_size), ring_size, &size) ||
        size > SIZE_MAX / 2)
        return error_set(-EFBIG, "a segment with a ring of %zu bytes is beyond what can be mapped",
                         ring_size);
    *ret_size = size;
    return 0;
}

static int map(int fd, size_t header_size, size_t ring_size, bool writable, struct segment *ret)
{
    void *memory;
    int result;

    header_size = segment_header_size(header_size);
    result = sealed_map(fd, header_size, ring_size, writable, &memory);
    if (result < 0)
        return result;
    *ret = (struct segment){
        .fd = writable ? fd : -1,
        .header = memory,
        .ring = (unsigned char *)memory + header_size,
        .header_size = header_size,
        .ring_size = ring_size,
    };
    return 0;
}

/* Reserved before it is mapped, so that no store into it can fail; mapped before it is sealed, for afterwards nobody
 * gets a writable mapping. */
int segment_create(size_t header_size, size_t ring_size, struct segment *ret_segment)
{
    struct segment s = {.fd = -1};
    size_t size;
    int fd;
    int result = check_sizes(header_size, ring_size, &size);

    if (result >= 0)
        result = sealed_create(SEALED_NAME, &fd);
    if (result < 0)
        return result;
    result = reserve_new_memory(fd, size, "a segment");
    if (result >= 0)
        result = map(fd, header_size, ring_size, true, &s);
    if (result >= 0)
        result = sealed_close_up(fd);
    if (result < 0) {
        sealed_unmap(s.header, s.header_size, s.ring_size);
        descriptor_close(fd);
        return result;
    }
    *ret_segment = s;
    return 0;
}

int segment_map(int fd, size_t header_size, size_t ring_size, struct segment *ret_segment)
{
    uint64_t inode;
    size_t size;
    int result = check_sizes(header_size, ring_size, &size);

    if (result >= 0)
        result = sealed_check(fd, size, &inode);
    if (result >= 0)
        result = map(fd, header_size, ring_size, false, ret_segment);
    if (result >= 0)
        ret_segment->inode = inode;
    return result;
}

void segment_unmap(struct segment *s)
{
    if (s->header == NULL)
        return;
    sealed_unmap(s->header, s->header_size, s->ring_size);
    descriptor_close(s->fd);
    *s = (struct segment){.fd = -1};
}
