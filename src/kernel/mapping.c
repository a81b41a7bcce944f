/* SPDX-License-Identifier: MIT */
/* Mappings of files, by mmap.
 *
 * Guarded copies are process_vm_readv and process_vm_writev of this process on itself, which it always may: the
 * kernel walks the pages as a debugger does, and where it finds none says EFAULT. A handler of SIGBUS would belong
 * to the whole process; pread and pwrite would not see private mappings, cannot write huge pages, and a pwrite
 * behind the end of a truncated file would make it longer again. Where a filter of system calls or an emulator knows
 * no such call, the bytes go through a pipe, whose write and read say EFAULT likewise. */
#include "kernel/mapping.h"

#include "kernel/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux 5.14, which older headers do not name. */
#define POPULATE_READ 22
#define POPULATE_WRITE 23

size_t mapping_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int mapping_create(int fd, uint64_t offset, size_t size, unsigned flags, void **ret_memory)
{
    int protection = PROT_READ | ((flags & MAPPING_WRITE) != 0 ? PROT_WRITE : 0) |
                     ((flags & MAPPING_EXECUTE) != 0 ? PROT_EXEC : 0);
    int kind = (flags & MAPPING_PRIVATE) != 0 ? MAP_PRIVATE : MAP_SHARED;
    void *memory = mmap(NULL, size, protection, kind, fd, (off_t)offset);

    if (memory == MAP_FAILED)
        return -errno;
    *ret_memory = memory;
    return 0;
}

int mapping_grow(void *memory, size_t size, size_t new_size)
{
    return mremap(memory, size, new_size, 0) == MAP_FAILED ? -errno : 0;
}

void mapping_close(void *memory, size_t size)
{
    if (memory != NULL)
        (void)munmap(memory, size);
}

int mapping_advise(void *memory, size_t size, enum mapping_advice advice)
{
    static const int advices[] = {
        [MAPPING_NORMAL] = MADV_NORMAL,         [MAPPING_RANDOM] = MADV_RANDOM,
        [MAPPING_SEQUENTIAL] = MADV_SEQUENTIAL, [MAPPING_WILL_NEED] = MADV_WILLNEED,
        [MAPPING_DONT_NEED] = MADV_DONTNEED,    [MAPPING_HUGE] = MADV_HUGEPAGE,
        [MAPPING_NO_DUMP] = MADV_DONTDUMP,
    };

    return madvise(memory, size, advices[advice]) == 0 ? 0 : -errno;
}

/* Adding 0 changes nothing, whatever another process stores there at the same time. */
static void touch(unsigned char *memory, size_t size, bool writes)
{
    size_t page = mapping_page();

    for (size_t at = 0; at < size; at += page) {
        if (writes)
            (void)__atomic_fetch_add(memory + at, 0, __ATOMIC_RELAXED);
        else
            (void)__atomic_load_n(memory + at, __ATOMIC_RELAXED);
    }
}

int mapping_populate(void *memory, size_t size, bool writes)
{
    while (madvise(memory, size, writes ? POPULATE_WRITE : POPULATE_READ) != 0) {
        if (errno == EINVAL) {
            touch(memory, size, writes);
            return 0;
        }
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
    return 0;
}

int mapping_lock(void *memory, size_t size)
{
    return mlock(memory, size) == 0 ? 0 : -errno;
}

void mapping_unlock(void *memory, size_t size)
{
    (void)munlock(memory, size);
}

int mapping_flush(void *memory, size_t size)
{
    return msync(memory, size, MS_SYNC) == 0 ? 0 : -errno;
}

uint64_t mapping_lock_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur;
}

#define PIPE_HOLDS 65536

typedef ssize_t copier(pid_t, const struct iovec *, unsigned long, const struct iovec *,
                       unsigned long, unsigned long);

static int copy(copier *call, void *here, void *there, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct iovec own = {.iov_base = (char *)here + at, .iov_len = size - at};
        struct iovec other = {.iov_base = (char *)there + at, .iov_len = size - at};
        ssize_t copied = call(getpid(), &own, 1, &other, 1, 0);

        if (copied < 0)
            return -errno;
        if (copied == 0)
            return -EFAULT;
        at += (size_t)copied;
    }
    return 0;
}

/* What the pipe has taken is less than asked only where the next byte cannot be read. */
static int copy_part(const int ends[2], void *to, const void *from, size_t size, size_t *ret_copied)
{
    ssize_t there = write(ends[1], from, size);
    ssize_t here = there <= 0 ? there : read(ends[0], to, (size_t)there);

    if (here < 0)
        return -errno;
    *ret_copied = (size_t)here;
    return here == there && here > 0 ? 0 : -EFAULT;
}

static int copy_by_pipe(void *to, const void *from, size_t size)
{
    int result = 0;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    for (size_t at = 0; at < size && result == 0;) {
        size_t part = size - at < PIPE_HOLDS ? size - at : PIPE_HOLDS;

        result = copy_part(ends, (char *)to + at, (const char *)from + at, part, &part);
        if (result == -EINTR)
            result = 0;
        else
            at += part;
    }
    descriptor_close(ends[0]);
    descriptor_close(ends[1]);
    return result;
}

static bool is_forbidden(int result)
{
    return result == -ENOSYS || result == -EPERM || result == -EACCES;
}

int mapping_read(const void *memory, void *buffer, size_t size)
{
    int result = copy(process_vm_readv, buffer, (void *)(uintptr_t)memory, size);

    return is_forbidden(result) ? copy_by_pipe(buffer, memory, size) : result;
}

int mapping_write(void *memory, const void *data, size_t size)
{
    int result = copy(process_vm_writev, (void *)(uintptr_t)data, memory, size);

    return is_forbidden(result) ? copy_by_pipe(memory, data, size) : result;
}
