/* SPDX-License-Identifier: MIT */
/* The children of this process that enl_spawn started: those that the program holds, and those that it has
 * closed before their end, to be collected by a later call. */
#ifndef PROCESS_CHILDREN_H
#define PROCESS_CHILDREN_H

#include "kernel/child.h"
#include "kernel/tie.h"
#include "kernel/wait.h"

#include <enlace/process.h>
#include <stdatomic.h>

struct enl_child {
    struct enl_child *next, *previous; /* in one of the two lists */
    struct interrupt interrupt;
    int pidfd;
    pid_t pid;
    int parent; /* the process whose child it is: a forked one has a copy of this, and other descriptors */
    bool tied;
    bool own_group;
    atomic_bool ended; /* and collected: end says how; both are set under the lock of children.c */
    atomic_bool lost;  /* somebody else collected it */
    struct child_end end;
    struct tie tie;
};

/* A new child, not yet started. -ENOMEM. */
int children_create(struct enl_child **ret_child);
void children_destroy(struct enl_child *c); /* of one that is in no list */
void children_add(struct enl_child *c);
/* The program lets go of it: destroyed if it has ended, else when it has. */
void children_let_go(struct enl_child *c);
/* Looks whether it has ended, and collects it. -EAGAIN: it has not; -ECHILD: not ours any more. */
int children_collect(struct enl_child *c);
/* Collects a few of those that were let go. Every call that starts or waits does so. */
void children_sweep(void);
int children_sweep_all(void); /* returns how many still run */
/* Any child, as child_collect_any(); one of ours keeps its end. */
int children_collect_any(pid_t *ret_pid, struct child_end *ret_end);

#endif
