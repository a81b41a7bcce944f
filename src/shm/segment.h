/* SPDX-License-Identifier: MIT */
/* A segment: memory that one process writes and its peers only read, enforced by the kernel (kernel/sealed.h).
 *
 * In its file lie a header and a ring; in memory the ring follows a second time, so that what begins in it goes on
 * beyond its end in one piece. A forked child has none of the mappings. */
#ifndef SHM_SEGMENT_H
#define SHM_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

struct segment {
    int fd; /* of an own one, to be passed to peers; else -1 */
    void *header;
    unsigned char *ring;
    size_t header_size, ring_size; /* the header's is rounded up to pages */
    uint64_t inode;                /* of a peer's: which file it is */
};

/* What segment_create() and segment_map() make of a header's size. */
size_t segment_header_size(size_t header_size);

/* An own one, zeroed, with memory behind each byte, sealed. ring_size is a multiple of the page (-EINVAL).
 * -EMFILE, -ENFILE, -EFBIG, -ENOSPC, -ENOMEM with a text "needs X, has Y"; nothing is left then. */
int segment_create(size_t header_size, size_t ring_size, struct segment *ret_segment);

/* A peer's, to be read; nothing but fd comes from the peer. The fd stays the caller's and may be closed at once.
 * -EBADMSG with a text: it is not sealed, has holes, another size, huge pages, or is no memfd. -ENOMEM. */
int segment_map(int fd, size_t header_size, size_t ring_size, struct segment *ret_segment);

/* Takes the mappings away, closes the own fd, and leaves a struct that is empty, as a zeroed one is: nothing is done to those.
 * Who has closed the fd earlier has set it to -1. */
void segment_unmap(struct segment *s);

#endif
