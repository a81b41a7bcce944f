/* SPDX-License-Identifier: MIT */
/* The gate between forks and what they must not cut in two, by the handlers that libc's fork runs. */
#include "kernel/fork_gate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Globals, because a fork copies all there is. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct fork_watcher *first; /* inside the gate alone */
static _Thread_local unsigned inside;
static _Thread_local bool is_forking; /* with the lock */

static void before_fork(void)
{
    if (inside > 0) /* a handler of a signal that interrupted this thread there */
        return;
    is_forking = pthread_mutex_lock(&gate) == 0;
    for (struct fork_watcher *w = first; w != NULL; w = w->next)
        w->before(w);
}

static void after_fork(void)
{
    if (is_forking)
        (void)pthread_mutex_unlock(&gate);
    is_forking = false;
}

/* When the library is loaded, not when the gate is entered first: a fork that was under way by then would know nothing
 * of it. Fails without memory alone. */
__attribute__((constructor)) static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

void fork_gate_enter(void)
{
    if (inside == 0)
        (void)pthread_mutex_lock(&gate);
    inside++;
}

void fork_gate_leave(void)
{
    inside--;
    if (inside == 0)
        (void)pthread_mutex_unlock(&gate);
}

void fork_watch(struct fork_watcher *w, void (*before)(struct fork_watcher *w))
{
    fork_gate_enter();
    *w = (struct fork_watcher){.before = before, .next = first};
    if (first != NULL)
        first->previous = w;
    first = w;
    fork_gate_leave();
}

void fork_unwatch(struct fork_watcher *w)
{
    if (w->before == NULL)
        return;
    fork_gate_enter();
    if (w->next != NULL)
        w->next->previous = w->previous;
    if (w->previous != NULL)
        w->previous->next = w->next;
    else
        first = w->next;
    *w = (struct fork_watcher){.before = NULL};
    fork_gate_leave();
}
