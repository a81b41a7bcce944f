/* SPDX-License-Identifier: MIT */
/* POSIX message queues, by system call. */
#include "kernel/mqueue.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "kernel/limit.h"

#include <enlace/link.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LIMITS "/proc/sys/fs/mqueue/"
#define FILE_SYSTEM 0x19800202 /* MQUEUE_MAGIC, of a header that musl systems lack */

/* What the kernel counts for a message besides its bytes: the record, and a node of the tree of priorities. */
#define RECORD_BYTES 48u
#define NODE_BYTES 48u

/* As the kernel takes it, on 32 bit too. */
struct moment {
    int64_t seconds;
    int64_t nanoseconds;
};

/* As the kernel takes them. Its header for them has the name of ours. */
struct attributes {
    long flags;
    long depth;
    long message;
    long queued;
    long reserved[4];
};

#ifdef SYS_mq_timedsend_time64
#define TIMEDSEND SYS_mq_timedsend_time64
#define TIMEDRECEIVE SYS_mq_timedreceive_time64
#else
#define TIMEDSEND SYS_mq_timedsend
#define TIMEDRECEIVE SYS_mq_timedreceive
#endif

/* ---- making and opening --------------------------------------------------------------------------------- */

void mqueue_default_size(struct mqueue_size *ret_size)
{
    uint64_t depth_most = limit_read(LIMITS "msg_max", 10);
    uint64_t message_most = limit_read(LIMITS "msgsize_max", 8192);
    uint64_t depth = limit_read(LIMITS "msg_default", 10);
    uint64_t message = limit_read(LIMITS "msgsize_default", 8192);

    ret_size->depth = (size_t)(depth < depth_most ? depth : depth_most);
    ret_size->message = (size_t)(message < message_most ? message : message_most);
}

static int explain_size(const struct mqueue_size *size)
{
    uint64_t depth_most = limit_read(LIMITS "msg_max", 10);
    uint64_t message_most = limit_read(LIMITS "msgsize_max", 8192);

    if (size->depth > depth_most)
        return error_set(-EINVAL,
                         "depth=%zu is above " LIMITS "msg_max, %llu: ask for less, or raise it: "
                         "sysctl fs.mqueue.msg_max=%zu",
                         size->depth, (unsigned long long)depth_most, size->depth);
    if (size->message > message_most)
        return error_set(-EINVAL,
                         "message=%zu is above " LIMITS "msgsize_max, %llu: ask for less, or "
                         "raise it: sysctl fs.mqueue.msgsize_max=%zu",
                         size->message, (unsigned long long)message_most, size->message);
    return error_set(-EINVAL, "the kernel refuses a queue of depth=%zu and message=%zu",
                     size->depth, size->message);
}

/* -EMFILE has two meanings: a descriptor that can be had rules one of them out. */
static int explain_no_room(const struct mqueue_size *size)
{
    uint64_t needed =
        (uint64_t)size->depth * (RECORD_BYTES + size->message) +
        (size->depth < MQUEUE_PRIORITIES ? size->depth : MQUEUE_PRIORITIES) * (uint64_t)NODE_BYTES;
    struct rlimit limit = {0, 0};
    int fd;

    if (event_create(&fd) < 0)
        return -EMFILE;
    descriptor_close(fd);
    (void)getrlimit(RLIMIT_MSGQUEUE, &limit);
    return error_set(-EMFILE,
                     "the queue needs %llu bytes, and all queues of this user together may have "
                     "%llu (RLIMIT_MSGQUEUE): ask for a smaller depth= or message=, remove "
                     "queues, or raise it: ulimit -q",
                     (unsigned long long)needed, (unsigned long long)limit.rlim_cur);
}

static int explain(int result, const struct mqueue_size *size)
{
    switch (result) {
    case -EINVAL:
    case -EOVERFLOW:
        return explain_size(size);
    case -EMFILE:
        return explain_no_room(size);
    case -ENOSPC:
        return error_set(result,
                         "there are as many queues as " LIMITS "queues_max allows, %llu: remove "
                         "some, or raise it: sysctl fs.mqueue.queues_max=%llu",
                         (unsigned long long)limit_read(LIMITS "queues_max", 256),
                         (unsigned long long)limit_read(LIMITS "queues_max", 256) * 2);
    default:
        return result;
    }
}

static int open_flags(unsigned access)
{
    if (access == (ENL_READ | ENL_WRITE))
        return O_RDWR;
    return access == ENL_WRITE ? O_WRONLY : O_RDONLY;
}

/* The kernel's names have no slash. All of its queues' descriptors are CLOEXEC. */
static int call_open(const char *name, int flags, uint32_t mode,
                     const struct attributes *attributes)
{
    long fd = syscall(SYS_mq_open, name + 1, flags, mode, attributes);

    return fd >= 0 ? (int)fd : -errno;
}

int mqueue_create(const char *name, unsigned access, uint32_t mode, const struct mqueue_size *size,
                  int *ret_fd)
{
    struct attributes attributes = {.depth = (long)size->depth, .message = (long)size->message};
    int fd = call_open(name, open_flags(access) | O_CREAT | O_EXCL, mode, &attributes);
    int result;

    if (fd < 0)
        return explain(fd, size);
    result = descriptor_set_mode(fd, mode); /* the umask may have taken bits away */
    if (result < 0) {
        (void)mqueue_unlink(name);
        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}

int mqueue_open(const char *name, unsigned access, int *ret_fd)
{
    int fd = call_open(name, open_flags(access), 0, NULL);

    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

int mqueue_unlink(const char *name)
{
    return syscall(SYS_mq_unlink, name + 1) == 0 ? 0 : -errno;
}

bool mqueue_is(int fd)
{
    struct statfs status;

    return fstatfs(fd, &status) == 0 && (unsigned long)status.f_type == FILE_SYSTEM;
}

/* ---- messages ------------------------------------------------------------------------------------------- */

static ssize_t result_of(long result)
{
    if (result >= 0)
        return result;
    return errno == ETIMEDOUT ? -EAGAIN : -errno;
}

ssize_t mqueue_send(int fd, const void *data, size_t size, unsigned priority, bool may_block)
{
    struct moment passed = {0, 0}; /* no wait, also where the description waits */
    long result = syscall(TIMEDSEND, fd, data, size, priority, may_block ? NULL : &passed);

    return result == 0 ? (ssize_t)size : result_of(result);
}

ssize_t mqueue_receive(int fd, void *buffer, size_t size, unsigned *ret_priority, bool may_block)
{
    struct moment passed = {0, 0};

    return result_of(
        syscall(TIMEDRECEIVE, fd, buffer, size, ret_priority, may_block ? NULL : &passed));
}

/* ---- asking and telling --------------------------------------------------------------------------------- */

/* The number behind a key of "QSIZE:5          NOTIFY:0     SIGNO:0     NOTIFY_PID:0". */
static bool read_status(int fd, const char *key, uint64_t *ret_value)
{
    char text[160];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    const char *found;

    if (size <= 0)
        return false;
    text[size] = '\0';
    found = strstr(text, key);
    if (found == NULL)
        return false;
    *ret_value = strtoull(found + strlen(key), NULL, 10);
    return true;
}

int mqueue_facts(int fd, struct mqueue_facts *ret_facts)
{
    struct attributes attributes;
    struct stat status;
    uint64_t bytes = UINT64_MAX;

    if (syscall(SYS_mq_getsetattr, fd, NULL, &attributes) != 0 || fstat(fd, &status) != 0)
        return -errno;
    if (!read_status(fd, "QSIZE:", &bytes) && attributes.queued == 0)
        bytes = 0;
    *ret_facts = (struct mqueue_facts){
        .size = {.depth = (size_t)attributes.depth, .message = (size_t)attributes.message},
        .queued = (size_t)attributes.queued,
        .queued_bytes = bytes,
        .mode = status.st_mode & 07777,
        .uid = status.st_uid,
        .gid = status.st_gid,
    };
    return 0;
}

int mqueue_notify(int fd, int signal, void *value)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    uint64_t pid = 0;

    event.sigev_value.sival_ptr = value;
    if (syscall(SYS_mq_notify, fd, signal == 0 ? NULL : &event) == 0)
        return 0;
    if (errno != EBUSY)
        return -errno;
    (void)read_status(fd, "NOTIFY_PID:", &pid);
    return error_set(-EBUSY,
                     "process %llu is to be told of messages already, and the kernel tells one at "
                     "a time",
                     (unsigned long long)pid);
}
