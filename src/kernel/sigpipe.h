/* SPDX-License-Identifier: MIT */
/* Keeps the SIGPIPE of a call away, where the call has no switch of its own: two system calls. */
#ifndef KERNEL_SIGPIPE_H
#define KERNEL_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe_guard {
    sigset_t before;
    bool was_pending;
};

void sigpipe_block(struct sigpipe_guard *guard);
/* raised: the call failed with EPIPE. errno is kept. */
void sigpipe_restore(const struct sigpipe_guard *guard, bool raised);

#endif
