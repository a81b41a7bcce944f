/* SPDX-License-Identifier: MIT */
/* The children of this process that enl_spawn started: those that the program holds, and those that it has
 * closed before their end, to be collected by a later call. */
#include "process/children.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/thread.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SWEEP_AT_ONCE 8 /* so that a thousand that go on running cost a call no more than these */

/* Globals, because a process has its children once, whoever in it asks. The lock is held for a few calls
 * that do not wait. It is the number of the process that holds it: in a forked child, a lock that was held at the
 * fork is known to be of the parent, and the lists, which may be half changed, are the parent's children. */
static atomic_int holder;
static int owner;
static struct enl_child *held;
static struct enl_child *let_go; /* a ring: its first is looked at next */
static atomic_size_t
    let_go_count; /* changed under the lock; read without, to see that there is nothing */

static void lock(void)
{
    int self = thread_process();

    for (;;) {
        int found = 0;

        /* acquire: pairs with the release in unlock() */
        if (atomic_compare_exchange_weak_explicit(&holder, &found, self, memory_order_acquire,
                                                  memory_order_relaxed))
            break;
        if (found != 0 && found != self &&
            atomic_compare_exchange_strong_explicit(&holder, &found, self, memory_order_acquire,
                                                    memory_order_relaxed))
            break;
        thread_yield();
    }
    if (owner != self) {
        owner = self;
        held = let_go = NULL;
        atomic_store_explicit(&let_go_count, 0, memory_order_relaxed);
    }
}

static void unlock(void)
{
    atomic_store_explicit(&holder, 0, memory_order_release);
}

int children_create(struct enl_child **ret_child)
{
    struct enl_child *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_set(-ENOMEM, "no memory for a child");
    interrupt_init(&c->interrupt);
    c->pidfd = -1;
    c->parent = thread_process();
    c->tie.fd = -1;
    *ret_child = c;
    return 0;
}

void children_destroy(struct enl_child *c)
{
    if (c->tied)
        tie_close(&c->tie);
    descriptor_close(c->pidfd);
    interrupt_fini(&c->interrupt);
    free(c);
}

static void insert(struct enl_child **list, struct enl_child *c)
{
    if (*list == NULL) {
        c->next = c->previous = c;
        *list = c;
        return;
    }
    c->next = *list;
    c->previous = (*list)->previous;
    c->previous->next = c;
    c->next->previous = c;
}

static void take_out(struct enl_child **list, struct enl_child *c)
{
    if (*list == c)
        *list = c->next == c ? NULL : c->next;
    c->previous->next = c->next;
    c->next->previous = c->previous;
    c->next = c->previous = NULL;
}

void children_add(struct enl_child *c)
{
    lock();
    insert(&held, c);
    unlock();
}

/* Under the lock. */
static int collect(struct enl_child *c)
{
    int result;

    if (c->ended)
        return 0;
    if (c->lost)
        return -ECHILD;
    result = child_collect(c->pidfd, false, &c->end);
    c->ended = result == 0;
    c->lost = result == -ECHILD;
    return result;
}

int children_collect(struct enl_child *c)
{
    int result;

    lock();
    result = collect(c);
    unlock();
    return result;
}

void children_let_go(struct enl_child *c)
{
    bool runs;

    if (c->parent != thread_process())
        return; /* a copy: its descriptors may be closed, and their numbers others' */
    lock();
    runs = collect(c) == -EAGAIN;
    take_out(&held, c);
    if (runs) {
        insert(&let_go, c);
        atomic_fetch_add_explicit(&let_go_count, 1, memory_order_relaxed);
    }
    unlock();
    if (!runs)
        children_destroy(c);
}

static size_t count_let_go(void)
{
    return atomic_load_explicit(&let_go_count, memory_order_relaxed);
}

static void sweep(size_t at_most)
{
    struct enl_child *ended = NULL;

    if (count_let_go() == 0)
        return; /* as nearly always */
    lock();
    for (size_t i = 0; i < at_most && let_go != NULL; i++) {
        struct enl_child *c = let_go;

        let_go = c->next;
        if (collect(c) == -EAGAIN)
            continue;
        take_out(&let_go, c);
        atomic_fetch_sub_explicit(&let_go_count, 1, memory_order_relaxed);
        c->next = ended;
        ended = c;
    }
    unlock();
    while (ended != NULL) {
        struct enl_child *next = ended->next;

        children_destroy(ended);
        ended = next;
    }
}

void children_sweep(void)
{
    sweep(SWEEP_AT_ONCE);
}

int children_sweep_all(void)
{
    sweep(count_let_go());
    return (int)count_let_go();
}

/* Collects the child of that number if it is in the list. One that somebody else has collected may be there, too, whose
 * number was given away since: the pidfd tells them apart. */
static struct enl_child *collect_from(struct enl_child *list, pid_t pid)
{
    struct enl_child *c = list;

    if (c == NULL)
        return NULL;
    do {
        if (c->pid == pid && !c->ended && collect(c) == 0)
            return c;
        c = c->next;
    } while (c != list);
    return NULL;
}

/* Under the lock. */
static int collect_number(pid_t pid, struct child_end *ret_end)
{
    const struct enl_child *c = collect_from(held, pid);

    if (c == NULL)
        c = collect_from(let_go, pid);
    if (c == NULL)
        return child_collect_number(pid, ret_end);
    *ret_end = c->end;
    return 0;
}

int children_collect_any(pid_t *ret_pid, struct child_end *ret_end)
{
    int result, found;

    lock();
    do {
        result = found = child_find_ended(ret_pid);
        if (found == 0)
            result = collect_number(*ret_pid, ret_end);
    } while (found == 0 && result < 0); /* somebody else was quicker: the next one */
    unlock();
    return result;
}
