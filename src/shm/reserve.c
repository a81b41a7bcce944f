/* SPDX-License-Identifier: MIT */
/* Reserving: every limit is looked at first, for the kernel answers some of them with a signal. */
#include "shm/reserve.h"

#include "base/error.h"
#include "kernel/backing.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int reserve_memory(int fd, size_t size, const char *what)
{
    uint64_t limit = backing_file_limit();
    int result;

    if (size > limit)
        return error_set(-EFBIG, "%s needs %zu bytes, has %" PRIu64 " (RLIMIT_FSIZE, ulimit -f)",
                         what, size, limit);
    result = backing_allocate(fd, size);
    return result < 0 ? error_set(result, "%s needs %zu bytes, which cannot be had: %s", what, size,
                                  strerror(-result))
                      : 0;
}
