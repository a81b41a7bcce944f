/* SPDX-License-Identifier: MIT */
/* The one descriptor of a link for event loops: a set of the kernel's descriptor and of an event that is set
 * while something waits in user memory. Made by the first enl_link_fd or enl_link_want; before that, nobody
 * pays for it. */
#ifndef LINK_READY_H
#define LINK_READY_H

#include <stdbool.h>

struct enl_link;

struct ready {
    int set_fd;    /* -1: not asked for yet */
    int memory_fd; /* readable while user memory has something, or an interrupt is raised */
    unsigned want;
    bool memory_set;
    bool watches_write; /* the kernel's descriptor is in the set for writing too */
};

void ready_init(struct ready *r);
void ready_fini(struct ready *r);
int ready_fd(struct enl_link *l);
int ready_want(struct enl_link *l, unsigned events);
/* After each call that may have changed what waits in user memory; costs a test if no fd was asked for. */
void ready_refresh(struct enl_link *l);

static inline void ready_update(struct enl_link *l, const struct ready *r)
{
    if (r->set_fd >= 0)
        ready_refresh(l);
}

#endif
