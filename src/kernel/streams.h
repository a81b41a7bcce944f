/* SPDX-License-Identifier: MIT */
/* The streams of the C library around a fork: nothing is printed twice, and nobody waits for a stream that another
 * thread holds. Of stdout and stderr: other streams belong to who opened them. */
#ifndef KERNEL_STREAMS_H
#define KERNEL_STREAMS_H

#include <stdbool.h>
#include <stdio.h>

struct streams_hold {
    bool held[2];
};

/* Before a fork: what is buffered goes out, unless another thread holds the stream. */
void streams_before_fork(struct streams_hold *hold);
/* After it. In the child what is buffered is the parent's: it is dropped. */
void streams_in_parent(const struct streams_hold *hold);
void streams_in_child(const struct streams_hold *hold);
/* At the end of a child: what it has printed itself. */
void streams_flush(void);

#endif
