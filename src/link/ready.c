/* SPDX-License-Identifier: MIT */
/* The one descriptor of a link for event loops. */
#include "link/ready.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "kernel/thread.h"
#include "link/link.h"

void ready_init(struct ready *r)
{
    r->memory_fd = -1;
    r->memory_set = r->watches_write = false;
    atomic_init(&r->set_fd, -1);
    atomic_init(&r->want, ENL_READABLE);
    atomic_flag_clear_explicit(&r->busy, memory_order_relaxed);
}

void ready_fini(struct ready *r)
{
    /* the inner set first: the kernel's descriptor must not be closed while it is a member */
    descriptor_close(atomic_load_explicit(&r->set_fd, memory_order_relaxed));
    descriptor_close(r->memory_fd);
    atomic_store_explicit(&r->set_fd, -1, memory_order_relaxed);
    r->memory_fd = -1;
}

unsigned ready_wanted(const struct enl_link *l)
{
    return atomic_load_explicit(&l->ready.want, memory_order_relaxed);
}

/* With one thread there is nobody to exclude; no holder sleeps. */
static bool lock(struct ready *r)
{
    if (thread_is_alone())
        return false;
    while (atomic_flag_test_and_set_explicit(&r->busy, memory_order_acquire))
        thread_yield();
    return true;
}

static void unlock(struct ready *r, bool locked)
{
    if (locked)
        /* pairs with the acquire of the next holder */
        atomic_flag_clear_explicit(&r->busy, memory_order_release);
}

/* What is left to be sent waits for space too: the program asks enl_link_events, which goes on with it. */
static bool watches_write(const struct enl_link *l)
{
    return (ready_wanted(l) & ENL_WRITABLE) != 0 ||
           (l->ops->unsent != NULL && !l->batches && l->ops->unsent(l) > 0);
}

static bool watches_read(const struct enl_link *l)
{
    /* a queue's descriptor is readable to its senders too */
    return l->listens || ((ready_wanted(l) & ENL_READABLE) != 0 && (l->access & ENL_READ) != 0);
}

static int make(struct enl_link *l)
{
    struct ready *r = &l->ready;
    int set_fd, memory_fd;
    int result;

    if (l->fd < 0 || (l->caps.can & ENL_CAN_POLL) == 0)
        return link_cannot(l, "be polled (pollable)");
    if (l->ops->pending != NULL)
        (void)l->ops->pending(l); /* it may have to put the descriptor right first, after a fork */
    result = event_set_create(&set_fd);
    if (result < 0)
        return error_set(result, "no descriptor for the link's event set: close some, or raise "
                                 "RLIMIT_NOFILE");
    result = event_create(&memory_fd);
    if (result == 0) {
        r->watches_write = watches_write(l);
        result = event_set_add(set_fd, memory_fd, true, false);
        if (result == 0)
            result = event_set_add(set_fd, l->fd, watches_read(l), r->watches_write);
        if (result < 0)
            descriptor_close(memory_fd);
    }
    if (result < 0) {
        descriptor_close(set_fd);
        return error_set(result,
                         "cannot make the link's event set: too many descriptors or watches");
    }
    r->memory_fd = memory_fd;
    atomic_store_explicit(&r->set_fd, set_fd, memory_order_release);
    ready_received(l, r);
    return 0;
}

void ready_look_at_memory(struct enl_link *l)
{
    struct ready *r = &l->ready;
    bool pending =
        (ready_wanted(l) & ENL_READABLE) != 0 && l->ops->pending != NULL && l->ops->pending(l);

    if (pending == r->memory_set)
        return;
    r->memory_set = pending;
    if (pending)
        event_set(r->memory_fd);
    else
        event_unset(r->memory_fd);
}

/* Puts the kernel's descriptor into the set for what is waited for now. */
static int watch(struct enl_link *l, bool anyway)
{
    struct ready *r = &l->ready;
    bool locked = lock(r);
    bool write = watches_write(l);
    int result = 0;

    if (anyway || write != r->watches_write) {
        r->watches_write = write;
        result = event_set_change(atomic_load_explicit(&r->set_fd, memory_order_relaxed), l->fd,
                                  watches_read(l), write);
    }
    unlock(r, locked);
    return result;
}

void ready_look_at_rest(struct enl_link *l)
{
    (void)watch(l, false);
}

int ready_fd(struct enl_link *l)
{
    int set_fd = atomic_load_explicit(&l->ready.set_fd, memory_order_relaxed);
    int result = set_fd >= 0 ? 0 : make(l);

    return result < 0 ? result : atomic_load_explicit(&l->ready.set_fd, memory_order_relaxed);
}

int ready_want(struct enl_link *l, unsigned events)
{
    int result = ready_fd(l);

    if (result < 0)
        return result;
    atomic_store_explicit(&l->ready.want, events, memory_order_relaxed);
    result = watch(l, true);
    ready_look_at_memory(l);
    return result < 0 ? error_set(result, "cannot change the link's event set") : 0;
}
