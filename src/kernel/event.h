/* SPDX-License-Identifier: MIT */
/* An event to be polled and a counter to be shared (eventfd), and a set of descriptors that is itself an event
 * (epoll). */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct interrupt;

int event_create(int *ret_fd); /* non-blocking */
void event_set(int fd);
void event_unset(int fd);

/* The set's own descriptor is readable while one of its members is ready. */
int event_set_create(int *ret_fd);
int event_set_add(int set_fd, int fd, bool readable, bool writable);
int event_set_change(int set_fd, int fd, bool readable, bool writable);

/* ---- counters: what is added by some is taken by others, all of it or (semaphore) one at a time ------------ */

#define EVENT_COUNTER_MOST (UINT64_MAX - 1) /* what it holds at most; zero is empty */

/* One descriptor of a counter. All descriptors share one description, and its blocking mode is never changed:
 * each call does what it is told to whatever the mode. */
struct event_counter {
    int fd;
    bool blocks;      /* the mode that it was found in */
    bool no_per_call; /* this kernel's reads know no mode of their own (RWF_NOWAIT) */
};

int event_counter_create(uint64_t value, bool semaphore, bool blocks, int *ret_fd);
bool event_counter_is(int fd); /* as /proc says; without it, none is one */

/* Takes what is there: one system call. -EAGAIN: nothing is, or others were faster. With may_block, which only
 * a process's one thread may say, it sleeps until something is, or a handler raises `who`: -EINTR. */
int event_counter_take(struct event_counter *c, struct interrupt *who, bool may_block,
                       uint64_t *ret_value);

/* Adds value, of 1 to EVENT_COUNTER_MOST. -EAGAIN: the sum would be above it. may_block as above. One system
 * call, but where the description blocks and the call may not: there the kernel has to be asked before whether
 * it would (one more; and where more than 1 is added to what is not empty, three more for the number). If
 * others fill the counter between the two, the call sleeps until it is taken from. */
int event_counter_add(const struct event_counter *c, struct interrupt *who, bool may_block,
                      uint64_t value);

/* What it holds, as /proc says. ret_semaphore: 1, 0, or -1 on a kernel that does not tell. Either may be NULL. */
int event_counter_look(int fd, uint64_t *ret_value, int *ret_semaphore);

/* Tests take the per-call switches of newer kernels away. */
void event_pretend_old_kernel(bool old);

#endif
