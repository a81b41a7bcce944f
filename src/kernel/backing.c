/* SPDX-License-Identifier: MIT */
/* The memory or disk behind a file, by fallocate and what the kernel tells of its room. */
#include "kernel/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

uint64_t backing_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return BACKING_UNLIMITED;
    return limit.rlim_cur;
}

int backing_allocate(int fd, uint64_t size)
{
    if (size > INT64_MAX)
        return -EFBIG;
    while (fallocate(fd, 0, 0, (off_t)size) != 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}
