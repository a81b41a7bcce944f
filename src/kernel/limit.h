/* SPDX-License-Identifier: MIT */
/* The kernel's limits, as it tells them under /proc/sys. */
#ifndef KERNEL_LIMIT_H
#define KERNEL_LIMIT_H

#include <stdint.h>

/* The number in a file of one line, or `otherwise` if it cannot be read. */
uint64_t limit_read(const char *path, uint64_t otherwise);

#endif
