/* SPDX-License-Identifier: MIT */
/* Sleeping until a descriptor is ready, a deadline passes or somebody interrupts, with no window between
 * the last look and the sleep.
 *
 * Ordering. `raised` is written by who interrupts (another thread, or a signal handler), and read by who
 * waits. A waiter first says how it can be woken, then looks at `raised`, then sleeps:
 *   - in a process with one thread only a handler on this very thread can interrupt. `asleep` points at
 *     eight bytes, in ppoll of its timeout, which the kernel reads when the call begins (and begins anew
 *     after a handler): the handler makes them invalid, and the call ends at once. No descriptor is needed,
 *     and nothing that another process shares is touched.
 *   - with several threads `wake_fd`, an eventfd, is part of what is polled. The store of wake_fd and the
 *     look at `raised`, and in interrupt_raise() the store of `raised` and the look at wake_fd, are seq_cst:
 *     at least one of the two sees the other's.
 *   - `blocking_fd` is a descriptor of a description of our own, on which this process sleeps in a plain
 *     blocking call (one thread only). The handler makes it non-blocking: the call that it interrupted,
 *     restarted or about to begin, ends at once. */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include <enlace/deadline.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct interrupt {
    atomic_int raised; /* also slept on: kernel/futex.h */
    atomic_int wake_fd;
    atomic_int blocking_fd;
    _Atomic(int64_t *) asleep; /* on the waiter's stack */
};

void interrupt_init(struct interrupt *i);
void interrupt_fini(struct interrupt *i);
int interrupt_raise(struct interrupt *i); /* async-signal-safe */
void interrupt_clear(struct interrupt *i);

static inline int interrupt_raised(const struct interrupt *i)
{
    /* pairs with the store in interrupt_raise(); nothing else is read through it */
    return atomic_load_explicit(&i->raised, memory_order_relaxed);
}

/* Around a blocking call of the only thread of this process, other than ppoll: `read_by_call` are eight bytes
 * that the kernel reads when the call begins, and that end it with an error when all their bits are set. An
 * interrupt sets them. -ECANCELED, without a text, if it is raised already; the call must not be made then,
 * and what it says when interrupt_raised() afterwards does not count. */
int interrupt_arm(struct interrupt *i, int64_t *read_by_call);
void interrupt_disarm(struct interrupt *i);

/* Polls fds[0..fd_count) until one is ready: returns how many are. -ETIMEDOUT (at once, if none is, for
 * ENL_NOW), -ECANCELED if one of who[] is raised, -EMFILE and others from the kernel. fds has room for
 * who_count more. */
int wait_for(struct pollfd fds[], size_t fd_count, struct interrupt *const who[], size_t who_count,
             enl_deadline until);

/* What is ready now, without waiting: how many. */
int wait_look(struct pollfd fds[], size_t fd_count);

#endif
