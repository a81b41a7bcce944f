/* SPDX-License-Identifier: MIT */
/* Files sent over mechanisms into which the kernel does not copy them itself. */
#ifndef LINK_FILE_COPY_H
#define LINK_FILE_COPY_H

#include "link/link.h"

/* That a descriptor is of a file with so many bytes from there on; or why not, with a text. */
int link_check_file(int fd, uint64_t offset, size_t size);
/* A piece of it as one message, by way of a loan: how much of it was sent. */
ssize_t link_copy_file(struct enl_link *l, int fd, uint64_t offset, size_t size,
                       enl_deadline until);

#endif
