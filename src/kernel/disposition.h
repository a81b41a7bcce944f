/* SPDX-License-Identifier: MIT */
/* What this process does with a signal when it comes. */
#ifndef KERNEL_DISPOSITION_H
#define KERNEL_DISPOSITION_H

#include "kernel/signals.h"

#include <signal.h>

enum disposition_kind {
    DISPOSITION_DEFAULT,
    DISPOSITION_IGNORE,
    DISPOSITION_OURS, /* the function that disposition_handle() was told */
    DISPOSITION_OTHER /* of the rest of the program, in other[] */
};

struct disposition {
    enum disposition_kind kind;
    uint64_t masked;
    bool restart, once, nested;
    uint64_t other[2]; /* the address of a handler; flags, as they were read */
};

/* The one function that is called for all signals that are ours, in the handler; errno is kept. To be called before
 * a disposition is set to it. */
void disposition_handle(void (*handle)(const struct signal_facts *facts));

/* -EINVAL: a signal that cannot be changed, or that the C library keeps for itself. */
int disposition_set(int number, const struct disposition *how);
int disposition_get(int number, struct disposition *ret_how);

/* Async-signal-safe. */
void signal_decode(const siginfo_t *info, struct signal_facts *ret_facts);

#endif
