/* SPDX-License-Identifier: MIT */
/* The kernel's limits, as it tells them under /proc/sys. */
#include "kernel/limit.h"

#include "kernel/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t limit_read(const char *path, uint64_t otherwise)
{
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    char *end = text;
    uint64_t value;

    descriptor_close(fd);
    if (size <= 0)
        return otherwise;
    text[size] = '\0';
    value = strtoull(text, &end, 10);
    return end == text ? otherwise : value;
}
