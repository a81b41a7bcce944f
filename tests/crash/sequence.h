/* SPDX-License-Identifier: MIT */
/* Restartable sequences (rseq): who stops in one is sent elsewhere, so that they cannot be stepped through. Nor may the
 * stop be behind the instruction that begins one, and which that is shows only then: it is remembered, and the operation
 * recorded anew. */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sequence {
    uintptr_t end;       /* the first place behind it */
    uintptr_t elsewhere; /* where it goes on when it was stopped in its middle */
};

/* Whether a worker, of the same memory layout as this process, is in one at that place. */
bool sequence_at(pid_t pid, uintptr_t place, struct sequence *ret);

#endif
