/* SPDX-License-Identifier: MIT */
/* Sets of signals as bits, and as the C library has them. */
#ifndef KERNEL_SIGNAL_SET_H
#define KERNEL_SIGNAL_SET_H

#include "base/signal_name.h"
#include "kernel/signals.h"

#include <signal.h>

static inline uint64_t signal_set_bits(const sigset_t *set)
{
    uint64_t bits = 0;

    for (int number = 1; number <= SIGNAL_NUMBER_MAX; number++)
        if (sigismember(set, number) == 1)
            bits |= SIGNAL_BIT(number);
    return bits;
}

static inline void signal_set_fill(uint64_t bits, sigset_t *ret_set)
{
    (void)sigemptyset(ret_set);
    for (int number = 1; number <= SIGNAL_NUMBER_MAX; number++)
        if ((bits & SIGNAL_BIT(number)) != 0)
            (void)sigaddset(ret_set, number);
}

#endif
