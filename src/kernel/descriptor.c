/* SPDX-License-Identifier: MIT */
/* What can be done with any descriptor. */
#include "kernel/descriptor.h"

#include "kernel/sigpipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

void descriptor_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = saved;
}

int descriptor_duplicate(int fd, int *ret_fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0)
        return -errno;
    *ret_fd = copy;
    return 0;
}

static enum descriptor_kind kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFIFO:
        return DESCRIPTOR_PIPE;
    case S_IFSOCK:
        return DESCRIPTOR_SOCKET;
    case S_IFREG:
        return DESCRIPTOR_FILE;
    case S_IFDIR:
        return DESCRIPTOR_DIRECTORY;
    case S_IFCHR:
    case S_IFBLK:
        return DESCRIPTOR_DEVICE;
    default:
        return DESCRIPTOR_OTHER;
    }
}

int descriptor_facts(int fd, struct descriptor_facts *ret_facts)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fstat(fd, &status) != 0)
        return -errno;
    *ret_facts = (struct descriptor_facts){
        .kind = kind_of(status.st_mode),
        .reads = (flags & O_ACCMODE) != O_WRONLY && (flags & O_PATH) == 0,
        .writes = (flags & O_ACCMODE) != O_RDONLY && (flags & O_PATH) == 0,
        .blocks = (flags & O_NONBLOCK) == 0,
        .size = status.st_size > 0 ? (uint64_t)status.st_size : 0,
        .device = (uint64_t)status.st_dev,
        .inode = (uint64_t)status.st_ino,
        .mode = status.st_mode & 07777,
        .uid = status.st_uid,
        .gid = status.st_gid,
    };
    return 0;
}

const char *descriptor_kind_name(enum descriptor_kind kind)
{
    static const char *const names[] = {
        [DESCRIPTOR_PIPE] = "a pipe or FIFO",
        [DESCRIPTOR_SOCKET] = "a socket",
        [DESCRIPTOR_FILE] = "a regular file",
        [DESCRIPTOR_DIRECTORY] = "a directory",
        [DESCRIPTOR_DEVICE] = "a device or terminal",
        [DESCRIPTOR_OTHER] = "of a kind without a name",
    };

    return names[kind];
}

int descriptor_set_blocking(int fd, bool blocks)
{
    int flags = fcntl(fd, F_GETFL);
    int wanted = blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;

    if (flags < 0 || (flags != wanted && fcntl(fd, F_SETFL, wanted) != 0))
        return -errno;
    return 0;
}

int descriptor_set_inherited(int fd, bool inherited)
{
    return fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC) == 0 ? 0 : -errno;
}

int descriptor_set_mode(int fd, uint32_t mode)
{
    return fchmod(fd, mode) == 0 ? 0 : -errno;
}

int descriptor_set_owner(int fd, uint32_t uid, uint32_t gid)
{
    return fchown(fd, uid, gid) == 0 ? 0 : -errno;
}

int descriptor_queued(int fd, size_t *ret_bytes)
{
    int bytes;

    if (ioctl(fd, FIONREAD, &bytes) != 0)
        return -errno;
    *ret_bytes = bytes > 0 ? (size_t)bytes : 0;
    return 0;
}

ssize_t descriptor_read(int fd, void *buffer, size_t size)
{
    ssize_t count = read(fd, buffer, size);

    return count >= 0 ? count : -errno;
}

ssize_t descriptor_read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    ssize_t count = pread(fd, buffer, size, (off_t)offset);

    return count >= 0 ? count : -errno;
}

ssize_t descriptor_send_file(int to_fd, int file_fd, uint64_t offset, size_t size)
{
    off_t at = (off_t)offset;
    struct sigpipe_guard guard;
    ssize_t count;

    sigpipe_block(&guard);
    count = sendfile(to_fd, file_fd, &at, size);
    /* the file goes in pieces: the signal may come with a later one, and the count of those before it */
    sigpipe_restore(&guard, count < 0 ? errno == EPIPE : (size_t)count < size);
    return count >= 0 ? count : -errno;
}
