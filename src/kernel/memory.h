/* SPDX-License-Identifier: MIT */
/* Private memory for buffers: zeroed, taken from the system page by page as it is touched, and zeroed
 * again in a forked child, so that what one process had buffered is not there twice. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <stddef.h>

/* -ENOMEM with a text if there is not so much address space. */
int memory_create(size_t size, void **ret_memory);
void memory_close(void *memory, size_t size); /* NULL is allowed */

#endif
