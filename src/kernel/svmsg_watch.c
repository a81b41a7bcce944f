/* SPDX-License-Identifier: MIT */
/* A descriptor for a System V queue, set by a thread that looks at the queue's record.
 *
 * Ordering. `lock` makes a look and the setting of the event one step, so that the event always tells what was
 * seen last: a receiver that has taken the last message looks, and from then on the descriptor is not readable,
 * even if the thread was about to say otherwise.
 *
 * An eventfd is readable unless it is 0, writable unless it is full: 1 says both, and what says neither does not
 * happen, as a queue without messages has room. */
#include "kernel/svmsg_watch.h"

#include "base/deadline.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "kernel/memory.h"
#include "kernel/svmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAUSE_FIRST_NS 50000
#define PAUSE_MOST_NS 2000000
#define FULL (UINT64_MAX - 1) /* of an eventfd */

/* Whose thread it is. */
enum owner { OWNER_PARENT, OWNER_STARTING, OWNER_SELF };

struct svmsg_watch {
    atomic_int *owner; /* enum owner: in memory that fork empties */
    int id;
    int fd;
    size_t largest;
    uint64_t level; /* of the event: 0, 1 or FULL; under lock, as the next three */
    bool runs, stops;
    bool removed; /* the queue: the event says everything, and the next call why */
    pthread_mutex_t lock;
    pthread_cond_t change; /* of runs and stops */
    pthread_t thread;
};

static uint64_t level_of(struct svmsg_watch *w)
{
    struct svmsg_facts facts;

    w->removed = svmsg_facts(w->id, &facts) < 0;
    if (w->removed)
        return 1;
    if (facts.messages == 0)
        return 0;
    return facts.bytes + w->largest <= facts.capacity && facts.messages < facts.capacity ? 1 : FULL;
}

/* Under the lock. Whether anything has changed. */
static bool look(struct svmsg_watch *w)
{
    uint64_t level = level_of(w);
    uint64_t step = level;

    if (level == w->level)
        return false;
    if (level < w->level)
        event_unset(w->fd);
    else
        step = level - w->level;
    if (step > 0)
        (void)eventfd_write(w->fd, step);
    w->level = level;
    return true;
}

static void *run(void *argument)
{
    struct svmsg_watch *w = argument;
    int64_t pause_ns = PAUSE_FIRST_NS;

    (void)pthread_mutex_lock(&w->lock);
    w->runs = true;
    (void)pthread_cond_broadcast(&w->change);
    while (!w->stops) {
        struct timespec until;

        pause_ns = look(w) ? PAUSE_FIRST_NS : pause_ns * 2;
        pause_ns = pause_ns < PAUSE_MOST_NS ? pause_ns : PAUSE_MOST_NS;
        until = deadline_timespec(clock_now_ns() + pause_ns);
        if (w->removed)
            (void)pthread_cond_wait(&w->change, &w->lock);
        else
            (void)pthread_cond_timedwait(&w->change, &w->lock, &until);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static int start_thread(struct svmsg_watch *w)
{
    sigset_t all, before;
    int result;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&w->thread, NULL, run, w);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0)
        return error_set(-ENOMEM, "no thread can be started to watch the queue (pollable): see "
                                  "RLIMIT_NPROC");
    /* a fork from here on does not fall into a thread's beginning, where a libc may hold locks */
    (void)pthread_mutex_lock(&w->lock);
    while (!w->runs)
        (void)pthread_cond_wait(&w->change, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
    return 0;
}

static int start(struct svmsg_watch *w)
{
    int result;

    (void)pthread_mutex_init(&w->lock, NULL);
    init_condition(&w->change);
    w->level = 0;
    w->runs = w->stops = false;
    (void)look(w);
    result = start_thread(w);
    /* pairs with the acquire in owns(): who sees it may use the lock */
    atomic_store_explicit(w->owner, result == 0 ? OWNER_SELF : OWNER_PARENT, memory_order_release);
    return result;
}

/* In a forked child: the event is the parent's, and so is the thread. That nobody can be told of a failure here
 * leaves the descriptor as it was: the next look tries again. */
static void start_anew(struct svmsg_watch *w)
{
    int fd = -1;
    bool replaced = event_create(&fd) == 0 && dup3(fd, w->fd, O_CLOEXEC) == w->fd;

    descriptor_close(fd);
    if (replaced)
        (void)start(w);
    else
        atomic_store_explicit(w->owner, OWNER_PARENT, memory_order_relaxed);
}

static bool owns(const struct svmsg_watch *w)
{
    return atomic_load_explicit(w->owner, memory_order_acquire) == OWNER_SELF;
}

static void destroy(struct svmsg_watch *w)
{
    memory_close(w->owner, sizeof *w->owner);
    descriptor_close(w->fd);
    free(w);
}

int svmsg_watch_start(int id, size_t largest, struct svmsg_watch **ret_watch, int *ret_fd)
{
    struct svmsg_watch *w = calloc(1, sizeof *w);
    void *memory;
    int result;

    if (w == NULL)
        return error_set(-ENOMEM, "no memory to watch a queue");
    w->id = id;
    w->largest = largest;
    w->fd = -1;
    result = memory_create(sizeof *w->owner, &memory);
    if (result == 0) {
        w->owner = memory;
        result = event_create(&w->fd);
    }
    if (result == 0)
        result = start(w);
    if (result < 0) {
        destroy(w);
        return result;
    }
    *ret_watch = w;
    *ret_fd = w->fd;
    return 0;
}

void svmsg_watch_look(struct svmsg_watch *w)
{
    int nobody = OWNER_PARENT;

    /* of two threads that come here first one starts it, and the other does without */
    if (atomic_compare_exchange_strong(w->owner, &nobody, OWNER_STARTING))
        start_anew(w);
    if (!owns(w))
        return;
    (void)pthread_mutex_lock(&w->lock);
    (void)look(w);
    (void)pthread_mutex_unlock(&w->lock);
}

void svmsg_watch_stop(struct svmsg_watch *w)
{
    if (w == NULL)
        return;
    if (owns(w)) { /* else the thread is the parent's, and so is what it uses */
        (void)pthread_mutex_lock(&w->lock);
        w->stops = true;
        (void)pthread_cond_broadcast(&w->change);
        (void)pthread_mutex_unlock(&w->lock);
        (void)pthread_join(w->thread, NULL);
        (void)pthread_cond_destroy(&w->change);
        (void)pthread_mutex_destroy(&w->lock);
    }
    destroy(w);
}
