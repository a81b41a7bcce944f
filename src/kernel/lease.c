/* SPDX-License-Identifier: MIT */
/* Leases: a lock on one byte of a file that lives exactly as long as this process. */
#include "kernel/lease.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/fork_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int lease_file_open(int fd, struct lease_file *ret)
{
    struct stat facts;

    if (fstat(fd, &facts) != 0)
        return error_set(-errno, "descriptor %d, which leases are to be held on, is not open", fd);
    *ret = (struct lease_file){.fd = fd,
                               .device = (uint64_t)facts.st_dev,
                               .inode = (uint64_t)facts.st_ino,
                               .block_size = facts.st_blksize > 0 ? (size_t)facts.st_blksize : 1};
    return 0;
}

static int check(const struct lease_file *file)
{
    struct stat facts;

    if (fstat(file->fd, &facts) == 0 && (uint64_t)facts.st_dev == file->device &&
        (uint64_t)facts.st_ino == file->inode)
        return 0;
    return error_set(-EBADF,
                     "descriptor %d of a region's file was closed by the program: who is alive "
                     "can no longer be found out; leave the library's descriptors open",
                     file->fd);
}

/* A description that nobody else has: an inherited or received descriptor shares its own. */
static int reopen(const struct lease_file *file, int *ret_fd)
{
    char path[40];
    int fd;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set(-errno, "cannot open a region's file again through %s: %s%s", path,
                         strerror(errno),
                         errno == EACCES || errno == ENOENT
                             ? ": members need /proc and write permission"
                             : error_advice(-errno));
    *ret_fd = fd;
    return 0;
}

static int keep(const struct lease_file *file, int fd, void **ret_lease)
{
    void *lease = mmap(NULL, file->block_size, PROT_NONE, MAP_SHARED, fd, 0);

    if (lease == MAP_FAILED)
        return error_set(-errno, "cannot map a region's file to hold a lease on it");
    if (madvise(lease, file->block_size, MADV_DONTFORK) != 0) {
        int result = -errno;

        (void)munmap(lease, file->block_size);
        return error_set(result, "cannot keep a lease from children (MADV_DONTFORK)");
    }
    *ret_lease = lease;
    return 0;
}

static int begin(const struct lease_file *file, uint64_t offset, uint32_t count, void **ret_lease)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    uint32_t i;
    int fd;
    int result = check(file);

    if (result == 0)
        result = reopen(file, &fd);
    if (result < 0)
        return result;
    for (i = 0; i < count; i++) {
        lock.l_start = (off_t)(offset + i);
        if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
            break;
        if (errno != EAGAIN && errno != EACCES) {
            result = error_set(-errno, "cannot lock a byte of a region's file to be a member");
            goto close_fd;
        }
    }
    result = i == count ? -EUSERS : keep(file, fd, ret_lease);
close_fd:
    descriptor_close(fd);
    return result < 0 ? result : (int)i;
}

int lease_begin(const struct lease_file *file, uint64_t offset, uint32_t count, void **ret_lease)
{
    int result;

    /* while a locked description is open: a child that another thread forked then would keep it, and the lease, as long
     * as it lives */
    fork_gate_enter();
    result = begin(file, offset, count, ret_lease);
    fork_gate_leave();
    return result;
}

void lease_end(const struct lease_file *file, void *lease)
{
    if (lease != NULL)
        (void)munmap(lease, file->block_size);
}

int lease_is_held(const struct lease_file *file, uint64_t offset)
{
    /* as a reader: F_WRLCK would take a mere reader's lock for a member's */
    struct flock lock = {.l_type = F_RDLCK,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)offset,
                         .l_len = 1};
    int result = check(file);

    if (result < 0)
        return result;
    if (fcntl(file->fd, F_OFD_GETLK, &lock) != 0)
        return error_set(-errno, "cannot find out who is a member of a region");
    return lock.l_type != F_UNLCK;
}
