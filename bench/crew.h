/* SPDX-License-Identifier: MIT */
/* The crew: two processes that do one piece of work together under a time limit, and meet
 * between its steps. Whatever happens to them happens to them alone: a failure or a hang ends
 * both, and the benchmark goes on. */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include "place.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Lies in shared memory, first in a larger struct of the work's own. */
struct crew {
    char error[240]; /* why the work failed */
    _Alignas(128) _Atomic uint32_t arrived;
    _Atomic uint32_t round;
};

struct crew_work {
    /* In the process that becomes SIDE_PING, before it forks SIDE_PONG: what both shall inherit.
     * May be NULL. The results are 0 or a negative errno; crew_fail gives one. */
    int (*make)(struct crew *c);
    int (*run)(struct crew *c, enum side side);
};

/* Zeroed memory that children share with us. Ends the program if there is none. */
void *crew_memory(size_t size);

/* Does the work. 0, or a negative errno with its text in c->error (-ETIME: it took longer than
 * limit_ns). */
int crew_run(struct crew *c, const struct crew_work *work, enum place place, uint64_t limit_ns);

/* Waits, sleeping, until the other side has come here too. */
void crew_meet(struct crew *c);

/* Keeps the text of the first failure; gives error back. */
int crew_fail(struct crew *c, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
