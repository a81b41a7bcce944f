/* SPDX-License-Identifier: MIT */
/* A bell with a name: a FIFO that is readable while it rings, for processes that have never met. Everybody has it open for
 * reading and writing, so that it never ends, and nobody waits for it but in a poll. */
#ifndef KERNEL_FIFO_BELL_H
#define KERNEL_FIFO_BELL_H

#include <stdint.h>

/* Opens it, and makes it with this mode, whatever the umask, if it is not there. -EEXIST with a text if the name is
 * something else's. */
int fifo_bell_open(const char *path, uint32_t mode, int *ret_fd);
int fifo_bell_ring(int fd); /* rings on, if it does already */
void fifo_bell_hush(int fd);

#endif
