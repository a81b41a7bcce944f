/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: each call may block or not as it is told, and a write never raises SIGPIPE. */
#include "kernel/pipe.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/limit.h"
#include "kernel/sigpipe.h"
#include "kernel/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Flags of preadv2 and pwritev2, which not every libc wraps nor names. */
#define CALL_NOWAIT 0x8
#define CALL_NOSIGNAL 0x100 /* Linux 6.18 */

/* What this kernel was found not to have: the same for every link, hence one for the process. Only ever set,
 * so a race costs one refused call more. */
static atomic_bool no_nosignal;
static atomic_bool pretend_old;

void pipe_pretend_old_kernel(bool old)
{
    atomic_store_explicit(&pretend_old, old, memory_order_relaxed);
    atomic_store_explicit(&no_nosignal, old, memory_order_relaxed);
}

int pipe_create(int ret_fds[2])
{
    return pipe2(ret_fds, O_CLOEXEC) == 0 ? 0 : -errno;
}

void pipe_end_init(struct pipe_end *end, int fd, bool fd_blocks)
{
    *end = (struct pipe_end){
        .fd = fd,
        .other_fd = -1,
        .fd_blocks = fd_blocks,
        .no_per_call = atomic_load_explicit(&pretend_old, memory_order_relaxed),
    };
}

void pipe_end_fini(struct pipe_end *end)
{
    descriptor_close(end->other_fd);
    descriptor_close(end->fd);
    end->fd = end->other_fd = -1;
}

/* A description of our own of the same pipe, in the other mode. O_NONBLOCK first, for a FIFO's open would
 * wait for a peer. */
static int open_other(struct pipe_end *end)
{
    char path[32];
    int access;

    if (end->other_fd >= 0)
        return end->other_fd;
    if (end->other_failed)
        return -1;
    access = fcntl(end->fd, F_GETFL) & O_ACCMODE;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", end->fd);
    end->other_fd = open(path, access | O_NONBLOCK | O_CLOEXEC);
    if (end->other_fd >= 0 && !end->fd_blocks &&
        descriptor_set_blocking(end->other_fd, true) != 0) {
        descriptor_close(end->other_fd);
        end->other_fd = -1;
    }
    end->other_failed = end->other_fd < 0;
    return end->other_fd;
}

int pipe_end_blocking_fd(struct pipe_end *end)
{
    return end->fd_blocks ? end->fd : open_other(end);
}

static bool ready_now(int fd, short events)
{
    struct pollfd item = {.fd = fd, .events = events};

    return wait_look(&item, 1) > 0;
}

/* Which descriptor and per-call flag make a call of this mode. -EAGAIN: it would block. */
static int way_to_call(struct pipe_end *end, bool may_block, short events, int *ret_flags)
{
    int fd;

    *ret_flags = 0;
    if (may_block == end->fd_blocks)
        return end->fd;
    if (may_block) {
        fd = open_other(end);
        return fd >= 0 ? fd : end->fd;
    }
    if (!end->no_per_call) {
        *ret_flags = CALL_NOWAIT;
        return end->fd;
    }
    fd = open_other(end);
    if (fd >= 0)
        return fd;
    return ready_now(end->fd, events) ? end->fd : -EAGAIN;
}

static long read_with_flags(int fd, void *buffer, size_t size, int flags)
{
    struct iovec v = {.iov_base = buffer, .iov_len = size};

    return syscall(SYS_preadv2, fd, &v, 1L, -1L, -1L, (long)flags);
}

ssize_t pipe_end_read(struct pipe_end *end, void *buffer, size_t size, bool may_block)
{
    int flags;
    int fd = way_to_call(end, may_block, POLLIN, &flags);
    ssize_t count;

    if (fd < 0)
        return fd;
    if (flags == 0)
        return descriptor_read(fd, buffer, size);
    count = read_with_flags(fd, buffer, size, flags);
    if (count >= 0)
        return count;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return -errno;
    end->no_per_call = true;
    return pipe_end_read(end, buffer, size, may_block);
}

/* For kernels without the per-call switch. */
static ssize_t write_guarded(int fd, const struct iovec v[], int count)
{
    struct sigpipe_guard guard;
    ssize_t written;

    sigpipe_block(&guard);
    written = writev(fd, v, count);
    sigpipe_restore(&guard, written < 0 && errno == EPIPE);
    return written >= 0 ? written : -errno;
}

ssize_t pipe_end_write(struct pipe_end *end, const struct iovec v[], int count, bool may_block)
{
    int flags;
    int fd = way_to_call(end, may_block, POLLOUT, &flags);
    bool guarded = atomic_load_explicit(&no_nosignal, memory_order_relaxed);
    long written;

    if (fd < 0)
        return fd;
    if (guarded && flags == 0)
        return write_guarded(fd, v, count);
    if (guarded) {
        /* a kernel with RWF_NOWAIT on pipes and without RWF_NOSIGNAL (6.5 to 6.17) */
        end->no_per_call = true;
        return pipe_end_write(end, v, count, may_block);
    }
    written = syscall(SYS_pwritev2, fd, v, (long)count, -1L, -1L, (long)(flags | CALL_NOSIGNAL));
    if (written >= 0)
        return written;
    if (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (flags != 0)
        end->no_per_call = true; /* first suspect: without it the other flag may be known */
    else
        atomic_store_explicit(&no_nosignal, true, memory_order_relaxed);
    return pipe_end_write(end, v, count, may_block);
}

int pipe_capacity(int fd, size_t *ret_bytes)
{
    int bytes = fcntl(fd, F_GETPIPE_SZ);

    if (bytes < 0)
        return -errno;
    *ret_bytes = (size_t)bytes;
    return 0;
}

int pipe_set_capacity(int fd, size_t bytes)
{
    int result;

    if (fcntl(fd, F_SETPIPE_SZ, bytes) >= 0)
        return 0;
    result = -errno;
    if (result == -EPERM)
        return error_set(
            result,
            "a capacity of %zu bytes is not allowed: above /proc/sys/fs/pipe-max-size "
            "(%llu), or the pipes of this user are above pipe-user-pages-soft (%llu pages)",
            bytes, (unsigned long long)limit_read("/proc/sys/fs/pipe-max-size", 0),
            (unsigned long long)limit_read("/proc/sys/fs/pipe-user-pages-soft", 0));
    if (result == -EBUSY)
        return error_set(result, "a capacity of %zu bytes is less than what waits in the pipe now",
                         bytes);
    return error_set(result, "the kernel refuses a pipe capacity of %zu bytes", bytes);
}

int fifo_create(const char *path, uint32_t mode)
{
    struct stat status;
    char link_path[32];
    int result = 0;
    int fd;

    if (mkfifo(path, mode) != 0)
        return -errno;
    fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    /* the umask may have taken bits away; through the descriptor, so that it is this FIFO that changes */
    if (fstat(fd, &status) != 0)
        result = -errno;
    else if (S_ISFIFO(status.st_mode) && (status.st_mode & 07777) != mode) {
        (void)snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
        if (chmod(link_path, mode) != 0)
            result = -errno;
    }
    descriptor_close(fd);
    return result;
}

int fifo_open(const char *path, bool writes, int *ret_fd)
{
    struct descriptor_facts facts;
    struct stat status;
    int result;
    int fd;

    /* Looked at first: opening a device may have effects. Looked at again below, as it may have changed. */
    if (stat(path, &status) != 0)
        return -errno;
    if (!S_ISFIFO(status.st_mode))
        return error_set(-EINVAL, "%s is not a FIFO: choose another path, or remove it first",
                         path);
    fd = open(path, (writes ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    result = descriptor_facts(fd, &facts);
    if (result == 0 && facts.kind != DESCRIPTOR_PIPE)
        result =
            error_set(-EINVAL, "%s is not a FIFO but %s", path, descriptor_kind_name(facts.kind));
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}
