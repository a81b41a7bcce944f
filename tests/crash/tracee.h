/* SPDX-License-Identifier: MIT */
/* A worker under ptrace: started, stepped or run to a point, and killed there. Used by the stage alone. */
#ifndef TRACEE_H
#define TRACEE_H

#include "crash.h"
#include "sequence.h"

#include <stdint.h>
#include <sys/types.h>

/* Where restartable sequences begin, as far as they are known, and where they end. */
struct tracee_sequences {
    unsigned count;
    struct {
        uintptr_t entry; /* the instruction after which it is one */
        struct sequence sequence;
    } list[4];
};

struct tracee {
    struct tracee_sequences *sequences;
    const struct crash_case *the_case;
    void *state;
    pid_t worker;
    pid_t child; /* its first child, when that is followed and stopped; else 0 */
    bool had_child;
    uintptr_t end;          /* the place where the operation is over */
    unsigned long switches; /* of the worker to other processes, when it was last helped */
    unsigned naps;          /* since then */
};

/* Starts the worker: prepared, and stopped at the first instruction of operate. False: it may not be traced
 * here. */
bool tracee_start(struct tracee *t, const struct crash_case *c, void *state,
                  struct tracee_sequences *sequences);

/* One instruction, of the followed child if it is stopped, else of the worker. */
struct step {
    uintptr_t place; /* of the next instruction */
    bool in_child;   /* the next instruction is the child's */
    bool after_call; /* that one was a system call */
    bool slept;      /* and slept */
};
void tracee_step(struct tracee *t, struct step *ret);
bool tracee_is_over(const struct tracee *t);
uintptr_t tracee_place(const struct tracee *t);

/* Runs on until it has come to the place that often. False: the operation ended before. -ENOTSUP, before the first instruction: no breakpoints. */
int tracee_run_to(struct tracee *t, bool in_child, uintptr_t place, unsigned times);

/* Who is stepped on from that place must not be stopped there once more. */
void tracee_forget_place(struct tracee *t);

/* The worker is at a system call: makes it, until it sleeps. False: it does not. */
bool tracee_enter_call(struct tracee *t);

/* Kills and collects the worker; a child that was followed goes on. */
void tracee_kill(struct tracee *t);

#endif
