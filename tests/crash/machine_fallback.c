/* SPDX-License-Identifier: MIT */
/* A processor that the harness does not know: nothing is stepped. */
#include "machine.h"

#include <errno.h>

const bool machine_steps = false;

uintptr_t machine_place(pid_t pid)
{
    (void)pid;
    return 0;
}

uintptr_t machine_caller(pid_t pid)
{
    (void)pid;
    return 0;
}

bool machine_is_call(uintptr_t place)
{
    (void)place;
    return false;
}

int machine_break(pid_t pid, unsigned number, uintptr_t place)
{
    (void)pid;
    (void)number;
    (void)place;
    return -ENOTSUP;
}
