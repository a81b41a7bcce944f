/* SPDX-License-Identifier: MIT */
/* Boost's message queue, for C. */
#ifndef BENCH_PEERS_BOOST_H
#define BENCH_PEERS_BOOST_H

#include <stddef.h>

struct boost_queue;

int boost_queue_make(const char *name, size_t size, struct boost_queue **ret_queue);
int boost_queue_send(struct boost_queue *q, const void *data, size_t size, int waits);
int boost_queue_receive(struct boost_queue *q, void *buffer, size_t size, int waits);
void boost_queue_end(struct boost_queue *q); /* the name, too */

#endif
