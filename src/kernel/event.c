/* SPDX-License-Identifier: MIT */
/* An event to be polled and a counter to be shared (eventfd), and a set of descriptors that is itself an event
 * (epoll). */
#include "kernel/event.h"

#include "kernel/descriptor.h"
#include "kernel/guarded.h"
#include "kernel/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define CALL_NOWAIT 0x8L /* a flag of preadv2, which not every libc wraps nor names */

/* Set by tests, before the counters whose calls look at it. */
static atomic_bool pretend_old;

int event_create(int *ret_fd)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

void event_set(int fd)
{
    (void)eventfd_write(fd, 1); /* full is set too */
}

void event_unset(int fd)
{
    eventfd_t count;

    (void)eventfd_read(fd, &count); /* empty is unset too */
}

int event_set_create(int *ret_fd)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int control(int set_fd, int operation, int fd, bool readable, bool writable)
{
    struct epoll_event event = {
        /* a peer that will send no more is told as EPOLLHUP is, but to those who wait for space alone:
         * it may still receive */
        .events = (readable || !writable ? EPOLLRDHUP : 0u) | (readable ? EPOLLIN : 0u) |
                  (writable ? EPOLLOUT : 0u),
        .data.fd = fd,
    };

    return epoll_ctl(set_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

int event_set_add(int set_fd, int fd, bool readable, bool writable)
{
    return control(set_fd, EPOLL_CTL_ADD, fd, readable, writable);
}

int event_set_change(int set_fd, int fd, bool readable, bool writable)
{
    return control(set_fd, EPOLL_CTL_MOD, fd, readable, writable);
}

/* ---- counters ------------------------------------------------------------------------------------------ */

void event_pretend_old_kernel(bool old)
{
    atomic_store_explicit(&pretend_old, old, memory_order_relaxed);
}

int event_counter_create(uint64_t value, bool semaphore, bool blocks, int *ret_fd)
{
    int fd =
        eventfd(0, EFD_CLOEXEC | (semaphore ? EFD_SEMAPHORE : 0) | (blocks ? 0 : EFD_NONBLOCK));

    if (fd < 0)
        return -errno;
    /* written, because the call itself takes 32 bits only */
    if (value > 0 && eventfd_write(fd, value) != 0) {
        int result = -errno;

        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}

bool event_counter_is(int fd)
{
    static const char kind[] = "anon_inode:[eventfd]";
    char path[40];
    char target[sizeof kind];
    ssize_t size;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    size = readlink(path, target, sizeof target);
    return size == sizeof kind - 1 && memcmp(target, kind, sizeof kind - 1) == 0;
}

/* The buffers of a read, the last eight bytes of which make the call fail when all their bits are set. */
union armed_buffer {
    struct iovec v;
    int64_t words[sizeof(struct iovec) / sizeof(int64_t)];
};

#define LAST_WORD (sizeof(struct iovec) / sizeof(int64_t) - 1)

/* readv, although it costs more than read: of read's arguments a handler could change none. */
static int take_armed(int fd, struct interrupt *who, uint64_t *ret_value)
{
    uint64_t value = 0;
    union armed_buffer buffer = {.v = {.iov_base = &value, .iov_len = sizeof value}};
    ssize_t size = -1;
    int result = interrupt_arm(who, &buffer.words[LAST_WORD]);

    if (result == 0) {
        size = readv(fd, &buffer.v, 1);
        result = size >= 0 ? 0 : -errno;
    }
    interrupt_disarm(who);
    if (size == sizeof value)
        *ret_value = value;
    return result < 0 && interrupt_raised(who) ? -EINTR : result;
}

static int take_sleeping(int fd, struct interrupt *who, uint64_t *ret_value)
{
    long arguments[5] = {fd, (long)ret_value, sizeof *ret_value};
    long size;

    if (!guarded_possible() || atomic_load_explicit(&pretend_old, memory_order_relaxed))
        return take_armed(fd, who, ret_value);
    /* that a handler may let a read begin anew does no harm: it begins at the look at the flag */
    size = guarded_call(&who->raised, SYS_read, arguments);
    return size >= 0 ? 0 : (int)size;
}

static bool is_ready(int fd, short events)
{
    struct pollfd item = {.fd = fd, .events = events};

    return wait_look(&item, 1) > 0;
}

static int take_plainly(int fd, uint64_t *ret_value)
{
    return read(fd, ret_value, sizeof *ret_value) >= 0 ? 0 : -errno;
}

/* Of a description that blocks, without sleeping. */
static int take_now(struct event_counter *c, uint64_t *ret_value)
{
    struct iovec v = {.iov_base = ret_value, .iov_len = sizeof *ret_value};

    if (!c->no_per_call && !atomic_load_explicit(&pretend_old, memory_order_relaxed)) {
        if (syscall(SYS_preadv2, c->fd, &v, 1L, -1L, -1L, CALL_NOWAIT) >= 0)
            return 0;
        if (errno != EOPNOTSUPP && errno != ENOSYS)
            return -errno;
        c->no_per_call = true;
    }
    return is_ready(c->fd, POLLIN) ? take_plainly(c->fd, ret_value) : -EAGAIN;
}

int event_counter_take(struct event_counter *c, struct interrupt *who, bool may_block,
                       uint64_t *ret_value)
{
    if (!c->blocks)
        return take_plainly(c->fd, ret_value);
    return may_block ? take_sleeping(c->fd, who, ret_value) : take_now(c, ret_value);
}

/* A number of which all bits are set is refused, so the number itself can be armed. */
static int add_sleeping(int fd, struct interrupt *who, uint64_t value)
{
    int64_t armed = (int64_t)value;
    int result = interrupt_arm(who, &armed);

    if (result == 0)
        result = write(fd, &armed, sizeof armed) >= 0 ? 0 : -errno;
    interrupt_disarm(who);
    return result < 0 && interrupt_raised(who) ? -EINTR : result;
}

static bool has_room(int fd, uint64_t value)
{
    struct pollfd item = {.fd = fd, .events = POLLIN | POLLOUT};
    uint64_t there = 0;

    if (wait_look(&item, 1) <= 0 || (item.revents & POLLOUT) == 0)
        return false; /* not even for 1 */
    if ((item.revents & POLLIN) == 0 || value == 1)
        return true;
    return event_counter_look(fd, &there, NULL) == 0 && EVENT_COUNTER_MOST - there >= value;
}

int event_counter_add(const struct event_counter *c, struct interrupt *who, bool may_block,
                      uint64_t value)
{
    if (c->blocks && may_block)
        return add_sleeping(c->fd, who, value);
    if (c->blocks && !has_room(c->fd, value))
        return -EAGAIN;
    return write(c->fd, &value, sizeof value) >= 0 ? 0 : -errno;
}

int event_counter_look(int fd, uint64_t *ret_value, int *ret_semaphore)
{
    char path[40];
    char text[512];
    const char *line;
    uint64_t value = 0;
    int semaphore = -1;
    ssize_t size;
    int file_fd;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    file_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file_fd < 0)
        return -errno;
    size = descriptor_read(file_fd, text, sizeof text - 1);
    descriptor_close(file_fd);
    if (size < 0)
        return (int)size;
    text[size] = '\0';
    line = strstr(text, "eventfd-count:");
    if (line == NULL || sscanf(line, "eventfd-count: %" SCNx64, &value) != 1)
        return -ENOTSUP;
    line = strstr(text, "eventfd-semaphore:");
    if (line != NULL && sscanf(line, "eventfd-semaphore: %d", &semaphore) != 1)
        semaphore = -1;
    if (ret_value != NULL)
        *ret_value = value;
    if (ret_semaphore != NULL)
        *ret_semaphore = semaphore;
    return 0;
}
