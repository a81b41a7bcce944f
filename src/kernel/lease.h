/* SPDX-License-Identifier: MIT */
/* Leases: a lock on one byte of a file that lives exactly as long as this process, whatever becomes of its
 * descriptors and of its forked children.
 *
 * The lock belongs to an open file description; a mapping that no child inherits keeps the description open when its
 * descriptor is closed. It ends with the mapping, by lease_end(), exec or death. A fork by another thread
 * during lease_begin() itself may carry the description into that child: then the lease lasts as long as the child. */
#ifndef KERNEL_LEASE_H
#define KERNEL_LEASE_H

#include <stddef.h>
#include <stdint.h>

/* A file, to tell it from another one that a descriptor's number may stand for later. */
struct lease_file {
    int fd; /* borrowed; open for reading and writing */
    uint64_t device, inode;
    size_t block_size; /* what a mapping's size is a multiple of, where pages are huge */
};

int lease_file_open(int fd, struct lease_file *ret);

/* Takes the first byte of offset .. offset + count - 1 that nobody has: which, counted from offset.
 * ret_lease is to be given to lease_end(). -EUSERS, without a text, if all are taken. */
int lease_begin(const struct lease_file *file, uint64_t offset, uint32_t count, void **ret_lease);
void lease_end(const struct lease_file *file, void *lease); /* NULL is no lease */

/* Whether somebody, this process too, has the byte. -EBADF if the program closed the descriptor. */
int lease_is_held(const struct lease_file *file, uint64_t offset);

#endif
