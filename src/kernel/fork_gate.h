/* SPDX-License-Identifier: MIT */
/* The gate between forks and what they must not cut in two, and what is to be done before each of them.
 *
 * Threads alone are kept apart: a handler of a signal that forks while its own thread is inside is let through, and so is
 * whoever makes a copy of the process by a call that runs no fork handlers. */
#ifndef KERNEL_FORK_GATE_H
#define KERNEL_FORK_GATE_H

/* Part of something that wants to hear of forks; a zeroed one is not in the list. */
struct fork_watcher {
    void (*before)(struct fork_watcher *w); /* in the parent, inside the gate */
    struct fork_watcher *next, *previous;
};

/* No thread of this process forks until it is left. A thread may enter several times. What is done inside is short. */
void fork_gate_enter(void);
void fork_gate_leave(void);

/* From now on w->before is called before each fork. A forked child has a list of its own. */
void fork_watch(struct fork_watcher *w, void (*before)(struct fork_watcher *w));
/* One that is not in the list stays so. */
void fork_unwatch(struct fork_watcher *w);

#endif
