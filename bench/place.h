/* SPDX-License-Identifier: MIT */
/* Where the two processes run: each on its own CPU, both on one, or where the kernel likes. */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <stdbool.h>

enum place { PLACE_SPLIT, PLACE_SAME, PLACE_FREE };

/* The two processes: the first one begins, the other one answers. */
enum side { SIDE_PING, SIDE_PONG };

const char *place_name(enum place place);

/* Whether this process may use as many CPUs as the place needs. */
bool place_possible(enum place place);

/* The CPUs of "split": of two cores where there are two. */
void place_cpus(int ret_cpus[2]);

/* Moves the calling process. 0 or a negative errno. */
int place_pin(enum place place, enum side side);

/* The kernel shares the processor between sessions, whatever the nice levels within each of
 * them: makes this process the leader of a session of its own and raises that. False if the
 * kernel has no such groups or does not let us. */
bool place_raise_session(void);

#endif
