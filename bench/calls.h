/* SPDX-License-Identifier: MIT */
/* System calls: how many a way makes for its messages, counted by tracing the two processes.
 * Counts, unlike times, are the same on every machine and under any load. */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include "duel.h"

#include <stddef.h>
#include <stdint.h>

#define CALLS_KINDS_MAX 600 /* more than any architecture has */

struct calls {
    int error; /* 0, or why nothing was counted, with a text */
    char text[240];
    double each; /* calls per message, both sides together */
    uint32_t messages;
    uint32_t counts[CALLS_KINDS_MAX]; /* by number */
};

/* Asleep (ENL_FOREVER): round trips in which each receiver waits, and messages that are there before
 * their receiver comes. Looking (ENL_NOW): a receive that finds nothing, a send, a receive. */
struct calls_plan {
    enum wait wait;
    size_t size;      /* of a message */
    uint32_t waiting; /* how many of them may wait for their receiver */
};
#define CALLS_WAITING 8u /* fit into any mechanism that does not merge them */

void calls_count(const struct entry *e, const struct calls_plan *plan, struct calls *ret_calls);

/* "write 200, read 200", cut to fit. */
void calls_text(const struct calls *calls, char *ret_text, size_t size);

#endif
