/* SPDX-License-Identifier: MIT */
/* Sleeping on a 32-bit word that processes share, and waking who sleeps there. */
#include "kernel/futex.h"

#include "base/deadline.h"
#include "kernel/clock.h"
#include "kernel/guarded.h"
#include "kernel/thread.h"
#include "kernel/wait.h"

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's numbers: not every libc brings its headers. */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_WAKE_OP 5
#define FUTEX_WAIT_BITSET 9 /* the one whose timeout is absolute, by the monotonic clock */
#define FUTEX_ANY 0xffffffffu
/* Add so much; wake nobody at the second word, which is the same: no word with its highest bit set is above 2047. */
#define OP_ADD(number) (1u << 28 | 4u << 24 | (uint32_t)(number) << 12 | 0x7ffu)
#define WAITV 449 /* futex_waitv, the same on every machine */
#define WAITV_32 2
#define MONOTONIC 1

/* As the kernel takes it, on 32 bit too. */
struct futex_timeout {
    int64_t seconds;
    int64_t nanoseconds;
};

struct futex_waiter {
    uint64_t value, address;
    uint32_t flags, reserved;
};

#ifdef SYS_futex_time64
#define FUTEX SYS_futex_time64
#else
#define FUTEX SYS_futex
#endif

#define SLICE_NS 50000000

/* Whether this kernel has no futex_waitv: learnt once, the same for all threads. */
static atomic_bool no_waitv;

void futex_pretend_old_kernel(bool old)
{
    atomic_store_explicit(&no_waitv, old, memory_order_relaxed);
}

static long wait_one(_Atomic uint32_t *word, uint32_t expected, const struct futex_timeout *timeout)
{
    return syscall(FUTEX, word, FUTEX_WAIT_BITSET, expected, timeout, NULL, FUTEX_ANY);
}

static long wait_two(_Atomic uint32_t *word, uint32_t expected, const struct futex_timeout *timeout,
                     struct interrupt *who)
{
    struct futex_waiter waiters[2] = {
        {.value = expected, .address = (uintptr_t)word, .flags = WAITV_32},
        {.value = 0, .address = (uintptr_t)&who->raised, .flags = WAITV_32},
    };
    long result = syscall(WAITV, waiters, 2u, 0u, timeout, MONOTONIC);

    return result >= 0 ? 0 : result;
}

/* Several threads: an interrupt comes from any of them. */
static long wait_among(_Atomic uint32_t *word, uint32_t expected, struct futex_timeout *timeout,
                       struct interrupt *who)
{
    int64_t slice_end = clock_now_ns() + SLICE_NS;
    long result;

    if (!atomic_load_explicit(&no_waitv, memory_order_relaxed)) {
        result = wait_two(word, expected, timeout, who);
        if (result == 0 || (errno != ENOSYS && errno != EPERM)) /* EPERM: a filter that is older */
            return result;
        atomic_store_explicit(&no_waitv, true, memory_order_relaxed);
    }
    if (timeout == NULL)
        return wait_one(word, expected,
                        &(struct futex_timeout){slice_end / 1000000000, slice_end % 1000000000});
    if (timeout->seconds > slice_end / 1000000000) {
        timeout->seconds = slice_end / 1000000000;
        timeout->nanoseconds = slice_end % 1000000000;
    }
    return wait_one(word, expected, timeout);
}

/* A lone thread, without a timer: a handler's interrupt is not slept through, as kernel/guarded.h says. */
static long wait_guarded(_Atomic uint32_t *word, uint32_t expected, struct interrupt *who)
{
    return guarded_call(&who->raised, FUTEX,
                        (const long[5]){(long)(uintptr_t)word, FUTEX_WAIT, (long)(int32_t)expected,
                                        0, 0});
}

int futex_wait(_Atomic uint32_t *word, uint32_t expected, enl_deadline until, struct interrupt *who)
{
    enl_deadline end = until > 0 ? until : 0;
    struct futex_timeout timeout = {.seconds = end / 1000000000, .nanoseconds = end % 1000000000};
    bool for_ever = until == ENL_FOREVER;
    long result;

    if (who == NULL && for_ever) {
        result = wait_one(word, expected, NULL) == 0 ? 0 : -errno;
    } else if (who != NULL && for_ever && thread_is_alone() && guarded_possible()) {
        result = wait_guarded(word, expected, who);
    } else if (who == NULL) {
        result = wait_one(word, expected, &timeout) == 0 ? 0 : -errno;
    } else if (thread_is_alone()) {
        result = interrupt_arm(who, &timeout.nanoseconds);
        if (result == 0)
            result = wait_one(word, expected, &timeout) == 0 ? 0 : -errno;
        interrupt_disarm(who);
    } else {
        result = wait_among(word, expected, for_ever ? NULL : &timeout, who) == 0 ? 0 : -errno;
    }
    if (who != NULL && interrupt_raised(who))
        return -ECANCELED;
    if (result == 0 || result == -EAGAIN || result == -EINTR)
        return 0;
    if (result == -ETIMEDOUT) /* perhaps of a slice */
        return deadline_left_ns(until, clock_now_ns()) == 0 ? -ETIMEDOUT : 0;
    return (int)result;
}

int futex_wake(_Atomic uint32_t *word, int count)
{
    int saved = errno;
    long woken = syscall(FUTEX, word, FUTEX_WAKE, count, NULL, NULL, 0);

    errno = saved;
    return woken > 0 ? (int)woken : 0; /* the word may be gone by now: then so are its sleepers */
}

int futex_add_and_wake(_Atomic uint32_t *word, uint32_t add, int count)
{
    int saved = errno;
    long woken = syscall(FUTEX, word, FUTEX_WAKE_OP, count, (long)0, word, OP_ADD(add));

    if (woken < 0) { /* an emulator that cannot: two steps */
        (void)atomic_fetch_add_explicit(word, add, memory_order_release);
        errno = saved;
        return futex_wake(word, count);
    }
    return (int)woken;
}
