/* SPDX-License-Identifier: MIT */
/* Files in memory that only their maker can write, by memfd_create and seals. */
#include "kernel/sealed.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Numbers that not every libc knows; the same on all machines. */
#define CREATE_CLOSED_ON_EXEC 1u
#define CREATE_SEALABLE 2u
#define CREATE_NEVER_EXECUTED 8u /* since Linux 6.3, where the administrator may demand it */
#define ADD_SEALS 1033
#define GET_SEALS 1034
#define SEAL_SEAL 1
#define SEAL_SHRINK 2
#define SEAL_GROW 4
#define SEAL_FUTURE_WRITE 16
#define ALL_SEALS (SEAL_SEAL | SEAL_SHRINK | SEAL_GROW | SEAL_FUTURE_WRITE)
#define FIXED_WHERE_NOTHING_IS 0x100000 /* of mmap, since Linux 4.17 */
#define TMPFS_FILE_SYSTEM 0x01021994
#define BLOCK 512 /* of st_blocks, on every file system */

static uint64_t limit_of(int resource)
{
    struct rlimit limit;

    return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

int sealed_create(const char *name, int *ret_fd)
{
    unsigned flags = CREATE_CLOSED_ON_EXEC | CREATE_SEALABLE;
    int fd = memfd_create(name, flags | CREATE_NEVER_EXECUTED);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, flags);
    if (fd < 0 && errno == EMFILE)
        return error_set(-EMFILE,
                         "a segment needs one more descriptor, this process has %" PRIu64
                         " and may have no more (RLIMIT_NOFILE, ulimit -n)",
                         limit_of(RLIMIT_NOFILE));
    if (fd < 0)
        return error_set(-errno, "the kernel gives no file in memory (memfd_create): %s",
                         strerror(errno));
    *ret_fd = fd;
    return 0;
}

/* The mode first: from the moment that it is sealed it may be passed on. */
int sealed_close_up(int fd)
{
    if (fchmod(fd, 0400) != 0 || fcntl(fd, ADD_SEALS, ALL_SEALS) != 0)
        return error_set(-errno, "the kernel does not seal a file in memory as Linux 5.10 does: %s",
                         strerror(errno));
    return 0;
}

int sealed_claim(int fd)
{
    return fcntl(fd, ADD_SEALS, SEAL_SEAL) == 0 ? 0 : -errno;
}

/* Of the file system for huge pages. A file of small pages tells by its unit of transfer that it is not there, unless
 * the administrator lets all files in memory have huge ones. */
static bool has_huge_pages(int fd, const struct stat *s)
{
    struct statfs system;

    return (size_t)s->st_blksize != sealed_page_size() &&
           (fstatfs(fd, &system) != 0 || system.f_type != TMPFS_FILE_SYSTEM);
}

/* Why the size could not be set. */
static int refuse_size(int fd, uint64_t size)
{
    struct stat s;

    if (fstat(fd, &s) != 0 || (uint64_t)s.st_size != size)
        return error_set(-EBADMSG, "the peer's segment has %jd bytes, not the agreed %" PRIu64,
                         (intmax_t)s.st_size, size);
    return error_set(-EBADMSG, "the peer's segment was not passed for reading and writing, so "
                               "that its size cannot be verified");
}

/* The seals come first: what has them is a file in memory, so that none of the calls after it can be held up, as a
 * file system made by a hostile program could. Setting the size that it has, which is all that they allow, takes away
 * what was allocated beyond the end (fallocate with KEEP_SIZE) and would be counted as if it filled holes. */
int sealed_check(int fd, uint64_t size, uint64_t *ret_inode)
{
    int seals = fcntl(fd, GET_SEALS);
    struct stat s = {.st_size = 0};

    if (seals < 0)
        return error_set(-EBADMSG, "the peer's segment is no file in memory (memfd)");
    if ((seals & ALL_SEALS) != ALL_SEALS)
        return error_set(
            -EBADMSG,
            "the peer's segment has the seals %#x, not all of %#x (SEAL, SHRINK, GROW, "
            "FUTURE_WRITE)",
            (unsigned)seals, ALL_SEALS);
    if (ftruncate(fd, (off_t)size) != 0)
        return refuse_size(fd, size);
    if (fstat(fd, &s) != 0 || has_huge_pages(fd, &s))
        return error_set(-EBADMSG, "the peer's segment is made of huge pages, which its owner "
                                   "could not be held to have");
    if ((uint64_t)s.st_size != size || (uint64_t)s.st_blocks < (size + BLOCK - 1) / BLOCK)
        return error_set(-EBADMSG,
                         "the peer's segment has holes: %jd blocks of %d bytes for %" PRIu64
                         " bytes",
                         (intmax_t)s.st_blocks, BLOCK, size);
    *ret_inode = s.st_ino;
    return 0;
}

static int no_room(int result, size_t size)
{
    uint64_t limit = limit_of(RLIMIT_AS);

    if (result == -ENOMEM && limit != RLIM_INFINITY)
        return error_set(result,
                         "a segment needs %zu bytes of address space, this process has %" PRIu64
                         " in all (RLIMIT_AS, ulimit -v)",
                         size, limit);
    return error_set(result, "a segment needs %zu bytes of address space, which cannot be had: %s",
                     size, strerror(-result));
}

/* The second mapping first, and the other one right below it, where there mostly is room: no mapping has to be
 * taken away for another one. */
static char *map_below(int fd, size_t header_size, size_t ring_size, int protection)
{
    size_t size = header_size + ring_size;
    char *second = mmap(NULL, ring_size, protection, MAP_SHARED, fd, (off_t)header_size);
    char *first;

    if (second == MAP_FAILED)
        return second;
    first = mmap(second - size, size, protection, MAP_SHARED | FIXED_WHERE_NOTHING_IS, fd, 0);
    if (first == second - size)
        return first;
    if (first != MAP_FAILED) /* a kernel that takes the place for a mere wish */
        (void)munmap(first, size);
    (void)munmap(second, ring_size);
    return MAP_FAILED;
}

/* The whole, of which that part is mapped over at once that lies beyond the file's end. */
static char *map_over(int fd, size_t header_size, size_t ring_size, int protection)
{
    size_t size = header_size + 2 * ring_size;
    char *memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    int saved;

    if (memory == MAP_FAILED || mmap(memory + header_size + ring_size, ring_size, protection,
                                     MAP_SHARED | MAP_FIXED, fd, (off_t)header_size) != MAP_FAILED)
        return memory;
    saved = errno;
    (void)munmap(memory, size);
    errno = saved;
    return MAP_FAILED;
}

int sealed_map(int fd, size_t header_size, size_t ring_size, bool writable, void **ret_memory)
{
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    size_t size;
    char *memory;

    if (__builtin_add_overflow(header_size, ring_size, &size) ||
        __builtin_add_overflow(size, ring_size, &size))
        return no_room(-ENOMEM, SIZE_MAX);
    memory = map_below(fd, header_size, ring_size, protection);
    if (memory == MAP_FAILED)
        memory = map_over(fd, header_size, ring_size, protection);
    if (memory == MAP_FAILED)
        return no_room(-errno, size);
    if (madvise(memory, size, MADV_DONTFORK) != 0) {
        int result = -errno;

        (void)munmap(memory, size);
        return no_room(result, size);
    }
    *ret_memory = memory;
    return 0;
}

void sealed_unmap(void *memory, size_t header_size, size_t ring_size)
{
    if (memory != NULL)
        (void)munmap(memory, header_size + 2 * ring_size);
}

size_t sealed_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}
