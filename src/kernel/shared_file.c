/* SPDX-License-Identifier: MIT */
/* Files that hold shared memory. */
#include "kernel/shared_file.h"

#include "kernel/descriptor.h"

#include <assert.h>
#include <enlace/link.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What not every libc names: Linux 6.3, 5.1. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif

#define DESCRIPTOR_PATH_SIZE 32
#define NS_PER_S 1000000000

static_assert(SHARED_FILE_SEAL == F_SEAL_SEAL && SHARED_FILE_SEAL_SHRINK == F_SEAL_SHRINK &&
                  SHARED_FILE_SEAL_GROW == F_SEAL_GROW && SHARED_FILE_SEAL_WRITE == F_SEAL_WRITE &&
                  SHARED_FILE_SEAL_FUTURE_WRITE == F_SEAL_FUTURE_WRITE,
              "they go to the kernel");

int shared_file_memory(const char *name, bool huge, int *ret_fd)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge ? MFD_HUGETLB : 0);
    int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, flags);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int access_mode(unsigned access)
{
    return (access & ENL_WRITE) != 0 ? O_RDWR : O_RDONLY;
}

int shared_file_open(const char *path, unsigned access, bool follows, int *ret_fd)
{
    int fd = open(path, access_mode(access) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                            (follows ? 0 : O_NOFOLLOW));

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int end_with(int result, int fd)
{
    descriptor_close(fd);
    return result;
}

static int create_named(const char *path, uint32_t mode, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, mode);

    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) != 0) {
        int result = -errno;

        (void)unlink(path);
        return end_with(result, fd);
    }
    *ret_fd = fd;
    return 0;
}

int shared_file_create(const char *path, uint32_t mode, bool *ret_named, int *ret_fd)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char folder[4096];
    int fd;

    if (size >= sizeof folder)
        return -ENAMETOOLONG;
    memcpy(folder, slash == NULL ? "." : path, size);
    folder[size] = '\0';
    fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, mode);
    *ret_named = fd < 0;
    /* A file system that cannot says EOPNOTSUPP; a kernel or one that knows nothing of it takes it for an open. */
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL))
        return create_named(path, mode, ret_fd);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) != 0)
        return end_with(-errno, fd);
    *ret_fd = fd;
    return 0;
}

int shared_file_link(int fd, const char *path)
{
    char source[DESCRIPTOR_PATH_SIZE];

    (void)snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != ENOENT)
        return -errno;
    /* Without /proc: as root, and since Linux 6.10 as whoever opened it. */
    return linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

int shared_file_unlink(const char *path)
{
    return unlink(path) == 0 ? 0 : -errno;
}

int shared_file_facts(int fd, struct shared_file_facts *ret_facts)
{
    int flags = fcntl(fd, F_GETFL);
    struct stat s;

    if (flags < 0 || fstat(fd, &s) != 0)
        return -errno;
    *ret_facts = (struct shared_file_facts){
        .size = (uint64_t)s.st_size,
        .device = (uint64_t)s.st_dev,
        .inode = (uint64_t)s.st_ino,
        .mode = (uint32_t)s.st_mode & 07777,
        .uid = s.st_uid,
        .gid = s.st_gid,
        .change_ns = (int64_t)s.st_ctim.tv_sec * NS_PER_S + s.st_ctim.tv_nsec,
        .access = (flags & O_ACCMODE) == O_RDWR     ? ENL_READ | ENL_WRITE
                  : (flags & O_ACCMODE) == O_RDONLY ? ENL_READ
                                                    : ENL_WRITE,
        .is_file = S_ISREG(s.st_mode),
        .can_be_mapped = S_ISREG(s.st_mode) || S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode),
    };
    return 0;
}

ssize_t shared_file_write(int fd, const void *data, size_t size, uint64_t offset)
{
    ssize_t written = pwrite(fd, data, size, (off_t)offset);

    return written < 0 ? -errno : written;
}

int shared_file_seal(int fd, unsigned seals)
{
    return fcntl(fd, F_ADD_SEALS, (int)seals) == 0 ? 0 : -errno;
}

int shared_file_seals(int fd, unsigned *ret_seals)
{
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0)
        return -errno;
    *ret_seals = (unsigned)seals & 31u; /* without that of execution, of Linux 6.3 */
    return 0;
}
