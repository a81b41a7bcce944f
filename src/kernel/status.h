/* SPDX-License-Identifier: MIT */
/* Single lines of the kernel's files about processes and descriptors: /proc/N/status, /proc/self/fdinfo/N. */
#ifndef KERNEL_STATUS_H
#define KERNEL_STATUS_H

#include <stdint.h>

/* The number behind key ("SigBlk:") at the beginning of a line of the file fd, read from where it stands:
 * hexadecimal, decimal. -ENOENT: there is no such line. */
int status_bits(int fd, const char *key, uint64_t *ret_bits);
int status_number(int fd, const char *key, int64_t *ret_number);

#endif
