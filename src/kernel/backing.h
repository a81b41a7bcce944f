/* SPDX-License-Identifier: MIT */
/* The memory or disk behind a file: how much there is of it, and taking it. */
#ifndef KERNEL_BACKING_H
#define KERNEL_BACKING_H

#include <stdint.h>

#define BACKING_UNLIMITED UINT64_MAX

/* RLIMIT_FSIZE: beyond it the kernel sends SIGXFSZ. */
uint64_t backing_file_limit(void);

/* Gives the file at least this size, with memory or disk behind each byte. -ENOSPC: there is not so much;
 * -EOPNOTSUPP where the file system cannot. Look at what there is first: this may end the process. */
int backing_allocate(int fd, uint64_t size);

#endif
