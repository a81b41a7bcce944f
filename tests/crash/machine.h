/* SPDX-License-Identifier: MIT */
/* What the harness must know of the processor: where a stopped process is, and how to stop it elsewhere. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MACHINE_BREAKPOINTS = 4 };

/* Whether processes can be stepped here at all. */
extern const bool machine_steps;

/* The address of the next instruction of a stopped process; 0 if it cannot be told. */
uintptr_t machine_place(pid_t pid);
/* Whether the instruction there calls the kernel. Code is the same here as in the process. */
bool machine_is_call(uintptr_t place);
/* Where the function returns to at whose first instruction the process is stopped; 0: it cannot be told, or calls the
 * kernel in the way of all calls (the shared code of the kernel, of 32 bit). */
uintptr_t machine_caller(pid_t pid);
/* Stops the process before the instruction at that place, each time. -ENOTSUP and others: it cannot be done. */
int machine_break(pid_t pid, unsigned number, uintptr_t place);

#endif
