/* SPDX-License-Identifier: MIT */
/* A system call that sleeps until a signal ends it, begun only while a flag is zero, with no window between the
 * look at the flag and the call: for calls that the kernel gives neither a timeout, nor a descriptor, nor a signal
 * mask.
 *
 * Ordering. The flag is set by a handler on this very thread. The look and the instruction that enters the kernel
 * form a restartable sequence (rseq), which glibc registers for each thread: a handler that runs between the two
 * returns not to the call but behind it. A handler that runs in the kernel's sleep ends it with -EINTR, as these
 * calls are never restarted after one. So a flag set at any moment is seen, or the call ends. */
#ifndef KERNEL_GUARDED_H
#define KERNEL_GUARDED_H

#include <stdatomic.h>
#include <stdbool.h>

/* Whether this thread can make such calls: not on every machine, kernel and libc. */
bool guarded_possible(void);

/* The call's result, or a negative errno; -EINTR: the flag is set, or a signal came, or (at any time) for no
 * reason. Look at the flag, and call again. */
long guarded_call(const atomic_int *flag, long number, const long arguments[5]);

#endif
