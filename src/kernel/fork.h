/* SPDX-License-Identifier: MIT */
/* A copy of this process that runs a function. */
#ifndef KERNEL_FORK_H
#define KERNEL_FORK_H

#include "kernel/spawn.h"

struct fork_plan {
    const struct spawn_move *moves; /* as of spawn_plan */
    size_t move_count;
    int tie_fd; /* or -1 */
    bool new_session, new_group;
    int (*run)(void *argument); /* in the child, which ends with the status that it returns */
    void *argument;
};

/* By libc's fork, so that the child may allocate whatever other threads were doing. Returns when the child is set up;
 * a failure of that leaves no child, and ret->step is the step. */
int fork_start(const struct fork_plan *plan, struct spawned *ret);

#endif
