/* SPDX-License-Identifier: MIT */
/* Mappings of files: making, growing, ending them, and touching them without fear of SIGBUS. */
#ifndef KERNEL_MAPPING_H
#define KERNEL_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* flags */
#define MAPPING_WRITE 1u
#define MAPPING_EXECUTE 2u
#define MAPPING_PRIVATE 4u

size_t mapping_page(void); /* of this system */

int mapping_create(int fd, uint64_t offset, size_t size, unsigned flags, void **ret_memory);
/* Makes it longer where it is: -ENOMEM if there is no room behind it, and others. */
int mapping_grow(void *memory, size_t size, size_t new_size);
void mapping_close(void *memory, size_t size); /* NULL is allowed */

enum mapping_advice {
    MAPPING_NORMAL,
    MAPPING_RANDOM,
    MAPPING_SEQUENTIAL,
    MAPPING_WILL_NEED,
    MAPPING_DONT_NEED,
    MAPPING_HUGE,
    MAPPING_NO_DUMP,
};
/* memory is on a page, as of the next ones. -EINVAL: the kernel does not know it. */
int mapping_advise(void *memory, size_t size, enum mapping_advice advice);
/* Maps each page now, writable ones as after a store. -ENOMEM, -EFAULT: some cannot be had. */
int mapping_populate(void *memory, size_t size, bool writes);
int mapping_lock(void *memory, size_t size);
void mapping_unlock(void *memory, size_t size);
int mapping_flush(void *memory, size_t size); /* waits */
uint64_t mapping_lock_limit(void);            /* RLIMIT_MEMLOCK; UINT64_MAX: none */

/* Copies by the kernel, which answers -EFAULT where a plain access would be ended by SIGBUS. A part may have been
 * copied then. */
int mapping_read(const void *memory, void *buffer, size_t size);
int mapping_write(void *memory, const void *data, size_t size);

#endif
