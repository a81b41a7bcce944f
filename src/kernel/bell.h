/* SPDX-License-Identifier: MIT */
/* Bells, by which one process wakes another, and the set on which their owner sleeps.
 *
 * A bell is an event that is never read: it is in its owner's set edge-triggered, so that each ring is told once,
 * to whoever empties the set. The set's own descriptor is readable while something has not been told. */
#ifndef KERNEL_BELL_H
#define KERNEL_BELL_H

#include <enlace/deadline.h>
#include <stdbool.h>

struct interrupt;

/* What a set tells, as a mask. */
#define BELL_RUNG 1u   /* a ring of its own bell */
#define BELL_SOCKET 2u /* something came over the socket, or its peer hung up */
#define BELL_ENDED 4u  /* a process has ended: told again and again */

int bell_create(int *ret_fd); /* rung once already */
void bell_ring(int fd);

int bell_set_create(int *ret_fd);
/* which: one of the above. */
int bell_set_add(int set_fd, int fd, unsigned which);
void bell_set_remove(int set_fd, int fd);
/* Tells once more what is so now: of a bell, that it was ever rung; of a socket, that there is something to receive. */
void bell_set_rearm(int set_fd, int fd, unsigned which);
/* What is to be told now: the mask, or 0. */
unsigned bell_set_empty(int set_fd);
/* Sleeps until there is something: 0 and the mask, which may be 0 when a signal came; -ETIMEDOUT, -ECANCELED if who is
 * raised. who may be NULL. */
int bell_set_sleep(int set_fd, struct interrupt *who, enl_deadline until, unsigned *ret_told);

/* Tests take the newer call away. */
void bell_pretend_old_kernel(bool old);

#endif
