/* SPDX-License-Identifier: MIT */
/* The points of an operation, in the order of its instructions. */
#ifndef POINTS_H
#define POINTS_H

#include "tracee.h"

#include <stdatomic.h>

/* "Stopped before the instruction at `place`, which it has come to `times` times, `more` steps into it." */
struct point {
    uintptr_t place;
    uint32_t times;
    uint32_t more; /* above 0 only where an instruction repeats itself */
    bool in_child;
    bool after_call;  /* the instruction before was a system call */
    bool after_store; /* it has changed memory that others see */
    bool
        in_loop; /* one of many turns of a small loop, in which nothing is stored that others see */
    bool
        adds; /* of an instruction that repeats itself the first, middle and last do; all others but those in_loop */
    bool sleeps; /* the instruction at `place` is a system call that sleeps */
    uint32_t
        from; /* the point, this one or one before, from which it is reached by the fewest stops: see go */
};

enum { POINTS_MOST = 1 << 18 };

/* Written by the stage that records, read by those that kill: shared among them, not with
 * the worker. */
struct points {
    size_t count;
    struct tracee_sequences sequences;
    bool not_permitted; /* to trace */
    struct point list[POINTS_MOST];
};

/* Steps the worker from the start of its operation to the end. Each step is counted in *steps, here and below. */
void points_record(struct points *p, struct tracee *t, atomic_size_t *steps);
/* Brings a worker that stands at the start to that point; false: it has not passed there. */
bool points_go_to(const struct points *p, size_t number, struct tracee *t, atomic_size_t *steps);
/* The same by counting: to the one that is the so many-th this time; false: the operation was over before. */
bool points_count_to(size_t number, struct tracee *t, atomic_size_t *steps);

#endif
