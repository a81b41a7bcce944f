/* SPDX-License-Identifier: MIT */
/* Private memory for buffers, by mmap. */
#include "kernel/memory.h"

#include "base/error.h"

#include <errno.h>
#include <sys/mman.h>

int memory_create(size_t size, void **ret_memory)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return error_set(-errno,
                         "no memory for a buffer of %zu bytes: ask for a smaller message=", size);
    if (madvise(memory, size, MADV_WIPEONFORK) != 0) {
        int result = -errno;

        (void)munmap(memory, size);
        return error_set(result, "this kernel cannot wipe a buffer on fork (MADV_WIPEONFORK): "
                                 "Linux 4.14 or later is needed");
    }
    *ret_memory = memory;
    return 0;
}

void memory_close(void *memory, size_t size)
{
    if (memory != NULL)
        (void)munmap(memory, size);
}
