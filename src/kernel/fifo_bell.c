/* SPDX-License-Identifier: MIT */
/* A bell with a name. */
#include "kernel/fifo_bell.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 10 /* while others make and remove it */

static int open_once(const char *path, int *ret_fd)
{
    struct descriptor_facts facts;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    int result;

    if (fd < 0)
        return -errno;
    result = descriptor_facts(fd, &facts);
    if (result == 0 && facts.kind != DESCRIPTOR_PIPE)
        result = error_set(-EEXIST, "%s is no FIFO, and so no bell", path);
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}

int fifo_bell_open(const char *path, uint32_t mode, int *ret_fd)
{
    int result = -ENOENT;

    for (int i = 0; i < TRIES && result == -ENOENT; i++) {
        result = open_once(path, ret_fd);
        if (result != -ENOENT)
            break;
        result = fifo_create(path, mode);
        if (result == 0 || result == -EEXIST)
            result = open_once(path, ret_fd);
    }
    return result;
}

static bool rings(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    return poll(&item, 1, 0) > 0;
}

int fifo_bell_ring(int fd)
{
    ssize_t written;

    if (rings(fd))
        return 0;
    do
        written = write(fd, "", 1);
    while (written < 0 && errno == EINTR);
    return written > 0 || errno == EAGAIN ? 0 : -errno;
}

void fifo_bell_hush(int fd)
{
    char bytes[64];
    ssize_t count = 1;

    while (rings(fd) && (count > 0 || errno == EINTR))
        count = read(fd, bytes, sizeof bytes);
}
