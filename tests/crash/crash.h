/* SPDX-License-Identifier: MIT */
/* Kills a process after each instruction of an operation, and looks at those that survive it.
 *
 * A case is one operation and what must hold after a death in its middle. For each point of the operation, in
 * a process of its own (the stage, a copy of the same memory each time, so that the points repeat):
 *
 *   set_up    in the stage: makes the peers, which are the stage itself or its children
 *   prepare   in the worker, a child of the stage: brings it to the start of the operation
 *   operate   in the worker: the operation, run up to the point; there the worker is killed with SIGKILL
 *   check     in the stage: the peers go on, what was done is done and what was not is not; and it ends their
 *             use of everything: descriptors, shared mappings, children, names and System V objects that
 *             are there afterwards are a failure, orphans of the worker that go on running, too
 *
 * First the operation is single-stepped to its end, which gives the list of points. A point is "after n
 * instructions": it is reached again by a hardware breakpoint, counting how often it was passed, so the cost is
 * linear, or by stepping where the machine has none. An instruction that repeats (rep) is three points: first,
 * middle, last. Where a system call sleeps, the worker is also killed inside. Points after a system call and
 * after a store into shared memory are the ones that a peer can tell apart: they are counted separately and
 * are never left out of a sample.
 *
 * A death is known here as soon as the kernel tells of it. What goes with the memory of the dead (leases) goes a
 * moment later if somebody is just looking at that memory, as ps does: check waits for it.
 *
 * The worker has one thread. Give times to wait and looks that repeat (?wait=sleep), as one that spins would
 * be stepped for ever. Only tests include this header. */
#ifndef CRASH_H
#define CRASH_H

#include <stdbool.h>
#include <stddef.h>

struct crash_case {
    const char *name; /* a sentence, as that of a test */
    size_t
        state_size; /* of the zeroed memory that all processes of one point share, at most 64 KiB */
    void (*set_up)(void *state);  /* NULL: nothing to make */
    void (*prepare)(void *state); /* NULL: nothing to bring it to */
    void (*operate)(
        void *state); /* no static function of two cases: its address is the mark of its start */
    /* In the stage, for each sleep of the worker in a system call of operate: does what ends the sleep, and
     * never waits, as the worker may be stopped by then. NULL: only others can. */
    void (*help)(void *state);
    void (*check)(void *state, bool completed); /* completed: killed after the end of operate */
    /* Steps through the first child that operate makes, too, until that executes; the worker is killed
     * at each of the child's instructions, and the child goes on. */
    bool follow_child;
    const char *file; /* where it is written; CRASH() fills it */
};

/* Registers a case as a test of its name: CRASH(name, .state_size = ..., .operate = ..., .check = ...) */
#define CRASH(case_name, ...)                                                                      \
    __attribute__((constructor)) static void crash_register_##case_name(void)                      \
    {                                                                                              \
        static const struct crash_case the_case = {.name = #case_name,                             \
                                                   .file = __FILE__,                               \
                                                   __VA_ARGS__};                                   \
        crash_add(&the_case);                                                                      \
    }

/* Keeps the pointer. */
void crash_add(const struct crash_case *c);

#endif
