/* SPDX-License-Identifier: MIT */
/* What the way of iceoryx, in C, asks of its C++. */
#ifndef BENCH_PEERS_ICEORYX_H
#define BENCH_PEERS_ICEORYX_H

#include <stddef.h>

/* The daemon, in this process, until SIGTERM: one pool of chunks for messages of this size. Calls ready(argument) when
 * it can be found; ends the process if it cannot run, with a text on standard error. */
void iceoryx_daemon(size_t size, void (*ready)(void *argument), void *argument);

/* The rest for one course in one process: it publishes to its partner and subscribes to it. */
struct iceoryx;

/* name: of this process, to the daemon. Waits until both sides hear each other. NULL: no memory. */
struct iceoryx *iceoryx_join(const char *name, int side, size_t size);
void *iceoryx_loan(struct iceoryx *i, size_t size); /* NULL: none is free */
void iceoryx_publish(struct iceoryx *i, void *data);
const void *iceoryx_take(struct iceoryx *i, int waits); /* NULL: nothing is there */
void iceoryx_release(struct iceoryx *i, const void *data);
void iceoryx_end(struct iceoryx *i);

#endif
