/* SPDX-License-Identifier: MIT */
/* Bells, by which one process wakes another, and the set on which their owner sleeps. */
#include "kernel/bell.h"

#include "base/deadline.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/event.h"
#include "kernel/guarded.h"
#include "kernel/thread.h"
#include "kernel/wait.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EPOLL_PWAIT2 441 /* on every machine; not every libc names it */
#define FOREVER_SECONDS 1000000000

/* What the kernel reads, whatever the libc's time is. */
struct sleep_timeout {
    int64_t seconds;
    int64_t nanoseconds;
};

/* Set by tests, and where the kernel lacks the call (Linux before 5.11). */
static atomic_bool no_fine_sleep;

void bell_pretend_old_kernel(bool old)
{
    atomic_store_explicit(&no_fine_sleep, old, memory_order_relaxed);
}

int bell_create(int *ret_fd)
{
    int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

void bell_ring(int fd)
{
    event_set(fd);
}

int bell_set_create(int *ret_fd)
{
    return event_set_create(ret_fd);
}

static uint32_t events_of(unsigned which)
{
    switch (which) {
    case BELL_RUNG:
        return EPOLLIN | EPOLLET;
    case BELL_SOCKET:
        return EPOLLIN | EPOLLRDHUP | EPOLLET;
    default:
        return EPOLLIN;
    }
}

int bell_set_add(int set_fd, int fd, unsigned which)
{
    struct epoll_event event = {.events = events_of(which), .data.u32 = which};

    return epoll_ctl(set_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

void bell_set_remove(int set_fd, int fd)
{
    (void)epoll_ctl(set_fd, EPOLL_CTL_DEL, fd, NULL);
}

void bell_set_rearm(int set_fd, int fd, unsigned which)
{
    struct epoll_event event = {.events = events_of(which), .data.u32 = which};

    (void)epoll_ctl(set_fd, EPOLL_CTL_MOD, fd, &event);
}

#define TOLD_MOST 4

static unsigned mask_of(const struct epoll_event events[], long count)
{
    unsigned told = 0;

    for (long i = 0; i < count; i++)
        told |= events[i].data.u32;
    return told;
}

unsigned bell_set_empty(int set_fd)
{
    struct epoll_event events[TOLD_MOST];

    return mask_of(events, epoll_wait(set_fd, events, TOLD_MOST, 0));
}

/* One call, of a process with one thread: whoever interrupts makes its timeout invalid. */
static int sleep_alone(int set_fd, struct interrupt *who, enl_deadline until, unsigned *ret_told)
{
    struct epoll_event events[TOLD_MOST];
    struct sleep_timeout timeout = {.seconds = FOREVER_SECONDS};
    int result = 0;
    long count = 0;

    if (until != ENL_FOREVER) {
        struct timespec left = deadline_timespec(deadline_left_ns(until, clock_now_ns()));

        timeout = (struct sleep_timeout){.seconds = left.tv_sec, .nanoseconds = left.tv_nsec};
    }
    if (who != NULL)
        result = interrupt_arm(who, &timeout.nanoseconds);
    if (result == 0) {
        count = syscall(EPOLL_PWAIT2, set_fd, events, TOLD_MOST, &timeout, NULL, (size_t)8);
        if (count < 0)
            result = -errno;
    }
    if (who != NULL)
        interrupt_disarm(who);
    *ret_told = mask_of(events, count);
    return result;
}

/* Without a timeout, which would cost a timer. */
static int sleep_guarded(int set_fd, const struct interrupt *who, unsigned *ret_told)
{
    struct epoll_event events[TOLD_MOST];
    const long arguments[5] = {set_fd, (long)(intptr_t)events, TOLD_MOST, -1, 0};
    long count = guarded_call(&who->raised, SYS_epoll_pwait, arguments);

    *ret_told = mask_of(events, count);
    return count < 0 ? (int)count : 0;
}

static int sleep_by_poll(int set_fd, struct interrupt *who, enl_deadline until, unsigned *ret_told)
{
    struct pollfd fds[2] = {{.fd = set_fd, .events = POLLIN}};
    int result = wait_for(fds, 1, &who, who != NULL, until);

    *ret_told = result > 0 ? bell_set_empty(set_fd) : 0;
    return result > 0 ? 0 : result;
}

int bell_set_sleep(int set_fd, struct interrupt *who, enl_deadline until, unsigned *ret_told)
{
    int result;

    if (!thread_is_alone() || atomic_load_explicit(&no_fine_sleep, memory_order_relaxed))
        return sleep_by_poll(set_fd, who, until, ret_told);
    if (until == ENL_FOREVER && who != NULL && guarded_possible())
        result = sleep_guarded(set_fd, who, ret_told);
    else
        result = sleep_alone(set_fd, who, until, ret_told);
    if (who != NULL && interrupt_raised(who))
        return error_note(-ECANCELED,
                          "interrupted by enl_interrupt; enl_interrupt_clear lets calls go on");
    if (result == -ENOSYS) {
        bell_pretend_old_kernel(true);
        return sleep_by_poll(set_fd, who, until, ret_told);
    }
    if (result == -EINTR)
        return 0;
    if (result < 0)
        return error_set(result, "cannot wait for the link");
    if (*ret_told == 0 && deadline_left_ns(until, clock_now_ns()) == 0)
        return error_note(-ETIMEDOUT, "the deadline passed");
    return 0;
}
