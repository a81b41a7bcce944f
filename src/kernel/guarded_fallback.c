/* SPDX-License-Identifier: MIT */
/* For machines and C libraries without restartable sequences: there are no guarded calls. */
#include "kernel/guarded.h"

#include <errno.h>

bool guarded_possible(void)
{
    return false;
}

long guarded_call(const atomic_int *flag, long number, const long arguments[5])
{
    (void)flag;
    (void)number;
    (void)arguments;
    return -ENOSYS;
}
