/* SPDX-License-Identifier: MIT */
/* Sleeping until a descriptor is ready, a deadline passes or somebody interrupts. */
#include "kernel/wait.h"

#include "base/deadline.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/futex.h"
#include "kernel/thread.h"

#include <errno.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the kernel takes it, on 32 bit too. libc's ppoll copies the timeout before the call, and so would
 * reopen the window: the call is made directly. */
struct wait_timeout {
    int64_t seconds;
    int64_t nanoseconds;
};

#ifdef SYS_ppoll_time64
#define PPOLL SYS_ppoll_time64
#else
#define PPOLL SYS_ppoll
#endif

void interrupt_init(struct interrupt *i)
{
    atomic_init(&i->raised, 0);
    atomic_init(&i->wake_fd, -1);
    atomic_init(&i->blocking_fd, -1);
    atomic_init(&i->asleep, NULL);
}

void interrupt_fini(struct interrupt *i)
{
    descriptor_close(atomic_load_explicit(&i->wake_fd, memory_order_relaxed));
}

int interrupt_raise(struct interrupt *i)
{
    int saved = errno;
    int result = 0;
    int blocking_fd, wake_fd;
    int64_t *asleep;

    /* both seq_cst: pairs with make_wakeable() */
    atomic_store(&i->raised, 1);
    wake_fd = atomic_load(&i->wake_fd);
    if (wake_fd >= 0)
        result = eventfd_write(wake_fd, 1) == 0 || errno == EAGAIN ? 0 : -errno;
    if (!thread_is_alone())
        (void)futex_wake((_Atomic uint32_t *)&i->raised, INT_MAX);
    asleep = atomic_load_explicit(&i->asleep, memory_order_relaxed); /* same thread only */
    if (asleep != NULL)
        *asleep = -1;
    blocking_fd = atomic_load_explicit(&i->blocking_fd, memory_order_relaxed);
    if (blocking_fd >= 0 && descriptor_set_blocking(blocking_fd, false) != 0)
        result = -errno;
    errno = saved;
    return result;
}

void interrupt_clear(struct interrupt *i)
{
    int wake_fd = atomic_load_explicit(&i->wake_fd, memory_order_relaxed);
    int blocking_fd = atomic_load_explicit(&i->blocking_fd, memory_order_relaxed);
    eventfd_t count;

    if (atomic_exchange(&i->raised, 0) == 0)
        return;
    if (wake_fd >= 0)
        (void)eventfd_read(wake_fd, &count); /* non-blocking; empty is fine */
    if (blocking_fd >= 0)
        (void)descriptor_set_blocking(blocking_fd,
                                      true); /* else its calls say -EAGAIN: still right */
}

int interrupt_arm(struct interrupt *i, int64_t *read_by_call)
{
    atomic_store_explicit(&i->asleep, read_by_call, memory_order_relaxed);
    /* a handler that comes from here on finds the bytes written; one that came before is seen below */
    atomic_signal_fence(memory_order_seq_cst);
    return interrupt_raised(i) ? -ECANCELED : 0;
}

void interrupt_disarm(struct interrupt *i)
{
    atomic_store_explicit(&i->asleep, NULL, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

/* After this interrupt_raise() reaches the ppoll that follows. */
static int make_wakeable(struct interrupt *i, struct wait_timeout *timeout, struct pollfd *ret_fd)
{
    int wake_fd = atomic_load_explicit(&i->wake_fd, memory_order_relaxed);

    *ret_fd = (struct pollfd){.fd = -1};
    if (thread_is_alone())
        return interrupt_arm(i, &timeout->nanoseconds);
    if (wake_fd < 0) {
        int expected = -1;

        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_fd < 0)
            return error_set(-errno, "no descriptor to be woken by (eventfd): close some, or "
                                     "raise RLIMIT_NOFILE");
        /* a sender and a receiver may come here at once; seq_cst: pairs with interrupt_raise() */
        if (!atomic_compare_exchange_strong(&i->wake_fd, &expected, wake_fd)) {
            descriptor_close(wake_fd);
            wake_fd = expected;
        }
    }
    *ret_fd = (struct pollfd){.fd = wake_fd, .events = POLLIN};
    return atomic_load(&i->raised) ? -ECANCELED : 0;
}

static int poll_once(struct pollfd fds[], size_t fd_count, struct interrupt *const who[],
                     size_t who_count, enl_deadline until)
{
    struct timespec left = deadline_timespec(deadline_left_ns(until, clock_now_ns()));
    struct wait_timeout timeout = {.seconds = left.tv_sec, .nanoseconds = left.tv_nsec};
    int result = 0;
    long ready;

    for (size_t i = 0; i < who_count && result == 0; i++)
        result = make_wakeable(who[i], &timeout, &fds[fd_count + i]);
    if (result == 0) {
        ready = syscall(PPOLL, fds, fd_count + who_count, &timeout, NULL, (size_t)8);
        result = ready >= 0 ? (int)ready : -errno;
    }
    for (size_t i = 0; i < who_count; i++)
        interrupt_disarm(who[i]);
    return result;
}

int wait_for(struct pollfd fds[], size_t fd_count, struct interrupt *const who[], size_t who_count,
             enl_deadline until)
{
    for (;;) {
        int result = poll_once(fds, fd_count, who, who_count, until);
        int ready = 0;

        for (size_t i = 0; i < who_count; i++)
            if (interrupt_raised(who[i]))
                return error_note(-ECANCELED, "interrupted by enl_interrupt; enl_interrupt_clear "
                                              "lets calls go on");
        if (result < 0 && result != -EINTR)
            return error_set(result, "cannot wait for %zu descriptors", fd_count);
        for (size_t i = 0; result > 0 && i < fd_count; i++)
            ready += fds[i].revents != 0;
        if (ready > 0)
            return ready;
        if (deadline_left_ns(until, clock_now_ns()) == 0)
            return error_note(-ETIMEDOUT, "the deadline passed");
    }
}

int wait_look(struct pollfd fds[], size_t fd_count)
{
    int ready;

    do
        ready = poll(fds, (nfds_t)fd_count, 0);
    while (ready < 0 && errno == EINTR);
    return ready >= 0 ? ready : -errno;
}
