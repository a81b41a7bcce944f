/* SPDX-License-Identifier: MIT */
/* The one descriptor of a link for event loops: a set of the kernel's descriptor and of an event that is set
 * while something waits in user memory. Made by the first enl_link_fd or enl_link_want; before that, nobody
 * pays for it. */
#ifndef LINK_READY_H
#define LINK_READY_H

#include <stdatomic.h>
#include <stdbool.h>

struct enl_link;

/* A receiving and a sending thread may both have something to say about it. What waits in user memory only the
 * receiving one may look at; the kernel's part belongs to whoever holds `busy`. */
struct ready {
    atomic_int set_fd;  /* -1: not asked for yet; the rest is there before it (release, acquire) */
    int memory_fd;      /* readable while user memory has something to receive */
    atomic_uint want;   /* relaxed: who changes it changes the set afterwards */
    bool memory_set;    /* the receiving thread's */
    bool watches_write; /* the kernel's descriptor is in the set for writing too */
    atomic_flag busy;
};

void ready_init(struct ready *r);
void ready_fini(struct ready *r);
int ready_fd(struct enl_link *l);
int ready_want(struct enl_link *l, unsigned events);
unsigned ready_wanted(const struct enl_link *l);
/* What ready_received() and ready_sent() do once a descriptor was asked for. */
void ready_look_at_memory(struct enl_link *l);
void ready_look_at_rest(struct enl_link *l);

/* After each call of the receiving side that may have changed what waits in user memory; costs a test if no
 * descriptor was asked for. */
static inline void ready_received(struct enl_link *l, const struct ready *r)
{
    if (atomic_load_explicit(&r->set_fd, memory_order_acquire) < 0)
        return;
    ready_look_at_memory(l);
    ready_look_at_rest(l);
}

/* After each call of the sending side that may have changed what is left to be sent. */
static inline void ready_sent(struct enl_link *l, const struct ready *r)
{
    if (atomic_load_explicit(&r->set_fd, memory_order_acquire) >= 0)
        ready_look_at_rest(l);
}

#endif
