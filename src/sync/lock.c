/* SPDX-License-Identifier: MIT */
/* The lock: a word that says who has it, which whoever needs it can take from the dead. */
#include "sync/lock.h"

#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/futex.h"

#include <limits.h>

/* Who has waited so long and lost again asks to be served before newcomers. Long enough to be rare: a lock
 * handed to a sleeper is idle until it has woken up. */
#define STARVING_NS 10000000

/* One call of lock_acquire(). */
struct attempt {
    struct enl_sync *s;
    struct lock_layout *l;
    uint32_t token;
    unsigned how;
    int64_t since_ns; /* when it first slept; 0: it has not */
    bool asks;        /* whether the owner lives: it has slept for a whole slice */
};

static bool is_starving(const struct attempt *a)
{
    return a->since_ns != 0 && clock_now_ns() - a->since_ns >= STARVING_NS;
}

static uint32_t taken(const struct attempt *a, uint32_t seen)
{
    uint32_t word = WORD_LIVE | a->token | (seen & (WORD_DIRTY | WORD_WAITERS));

    if ((a->how & LOCK_PASSING) != 0)
        word |= WORD_BUSY;
    /* others may sleep still: who has slept cannot know that it was the only one */
    if (a->since_ns != 0)
        word |= WORD_WAITERS;
    /* who was unlucky lets the rule stand, for others may be; who was not ends it */
    if ((seen & WORD_STARVING) != 0 && is_starving(a))
        word |= WORD_STARVING;
    return word;
}

static int dead_owner(const struct enl_sync *s)
{
    return error_set(-EOWNERDEAD,
                     "the process that held the %s died: put in order what it guards, then "
                     "call enl_%s_consistent",
                     sync_kind(s->kind)->name, s->kind == ENL_RWLOCK ? "rwlock" : "mutex");
}

/* 1: taken from `seen`. 0: look again. */
static int take(const struct attempt *a, uint32_t seen, uint32_t as_if)
{
    /* pairs with the releases in lock.h and lock_release() */
    if (!atomic_compare_exchange_strong_explicit(&a->l->head.word, &seen, taken(a, as_if),
                                                 memory_order_acquire, memory_order_relaxed))
        return 0;
    atomic_store_explicit(&a->l->depth, 0, memory_order_relaxed);
    lock_set_thread(a->l);
    return (as_if & WORD_DIRTY) != 0 ? dead_owner(a->s) : 1;
}

/* 1 or -EOWNERDEAD: taken from a dead owner. 0: it lives, or look again. */
static int take_from_dead(const struct attempt *a, uint32_t seen)
{
    int alive = roster_is_alive(a->s->roster, WORD_OWNER(seen));
    int result;

    if (alive != 0)
        return alive < 0 ? alive : 0;
    /* what a passing one held was in order, unless it was told otherwise */
    result = take(a, seen, (seen & WORD_BUSY) != 0 ? seen : seen | WORD_DIRTY);
    if (result != 0)
        atomic_fetch_add_explicit(&a->l->deaths, 1, memory_order_relaxed);
    return result;
}

/* Says that somebody is about to sleep: the word as it is then, or 0: look again. */
static uint32_t announce(const struct attempt *a, uint32_t seen)
{
    uint32_t announced = seen | WORD_WAITERS;

    if (is_starving(a))
        announced |= WORD_STARVING;
    /* relaxed: only the flags matter, and who releases reads them in the same word */
    if (announced != seen &&
        !atomic_compare_exchange_strong_explicit(&a->l->head.word, &seen, announced,
                                                 memory_order_relaxed, memory_order_relaxed))
        return 0;
    return announced;
}

static int sleep_on(struct attempt *a, uint32_t seen, enl_deadline until)
{
    int64_t now_ns = clock_now_ns();
    int result;

    if (a->since_ns == 0) {
        a->since_ns = now_ns;
        atomic_fetch_add_explicit(&a->l->waits, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&a->l->waiters, 1, memory_order_relaxed);
    }
    result = sync_sleep(a->s, &a->l->head.word, seen, until, (a->how & LOCK_INTERRUPTIBLE) != 0);
    a->asks = clock_now_ns() - now_ns >= SYNC_SLICE_NS;
    return result;
}

static int step(struct attempt *a, enl_deadline until)
{
    uint32_t seen = atomic_load_explicit(&a->l->head.word, memory_order_relaxed);
    uint32_t owner = WORD_OWNER(seen);
    int result = 0;

    if (seen == WORD_LOST)
        return error_set(-ENOTRECOVERABLE,
                         "a holder of the %s died, and the next one unlocked it without "
                         "saying that all is in order: destroy it and make it anew",
                         sync_kind(a->s->kind)->name);
    if ((seen & WORD_LIVE) == 0)
        return sync_bad_word(a->s, seen);
    if (owner == 0 && ((seen & WORD_STARVING) == 0 || a->since_ns != 0))
        return take(a, seen, seen);
    /* whoever it is by now: it may have died at any moment of the slice */
    if (owner != 0 && owner != a->token && (until == ENL_NOW || a->asks))
        result = take_from_dead(a, seen);
    if (result != 0)
        return result;
    if (until == ENL_NOW)
        return error_note(-EAGAIN, "it is held");
    seen = announce(a, seen);
    if (seen == 0)
        return 0;
    return sleep_on(a, seen, until);
}

/* While STARVING a free lock is kept for those who sleep: if nobody does, it must not stay so. */
static void wake_starving(struct lock_layout *l, uint32_t word)
{
    if (futex_wake(&l->head.word, 1) > 0)
        return;
    /* whoever fell asleep on the old word meanwhile is woken; who comes later finds the new one */
    if (atomic_compare_exchange_strong_explicit(&l->head.word, &word,
                                                word & ~(WORD_STARVING | WORD_WAITERS),
                                                memory_order_relaxed, memory_order_relaxed))
        (void)futex_wake(&l->head.word, 1);
}

/* Who gives up may have been woken at that very moment, and for its sake a free lock may be kept. */
static void pass_on(struct lock_layout *l)
{
    uint32_t seen = atomic_load_explicit(&l->head.word, memory_order_relaxed);

    if (WORD_OWNER(seen) == 0 && (seen & WORD_STARVING) != 0)
        wake_starving(l, seen);
    else
        (void)futex_wake(&l->head.word, 1);
}

int lock_acquire(struct enl_sync *s, struct lock_layout *l, enl_deadline until, unsigned how)
{
    struct attempt a = {.s = s, .l = l, .how = how};
    int result = sync_join(s, &a.token);

    while (result == 0)
        result = step(&a, until);
    if (a.since_ns != 0) {
        atomic_fetch_sub_explicit(&l->waiters, 1, memory_order_relaxed);
        if (result < 0 && result != -EOWNERDEAD)
            pass_on(l);
    }
    return result == 1 ? 0 : result;
}

void lock_release(struct lock_layout *l, bool kept)
{
    uint32_t seen = atomic_load_explicit(&l->head.word, memory_order_relaxed);
    uint32_t next;

    lock_unset_thread(l);
    do {
        next = WORD_LIVE;
        if ((seen & WORD_STARVING) != 0)
            next |= WORD_STARVING | WORD_WAITERS;
        if ((seen & WORD_DIRTY) != 0)
            next = kept ? next | WORD_DIRTY : WORD_LOST;
        /* release: pairs with the acquires in lock_try_fast() and take() */
    } while (!atomic_compare_exchange_weak_explicit(&l->head.word, &seen, next,
                                                    memory_order_release, memory_order_relaxed));
    if (next == WORD_LOST)
        (void)futex_wake(&l->head.word, INT_MAX);
    else if ((next & WORD_STARVING) != 0)
        wake_starving(l, next);
    else if ((seen & WORD_WAITERS) != 0)
        (void)futex_wake(&l->head.word, 1);
}

void lock_mend(struct lock_layout *l)
{
    /* relaxed: the next owner is reached by the release that follows */
    atomic_fetch_and_explicit(&l->head.word, ~WORD_DIRTY, memory_order_relaxed);
}

int lock_destroy(struct enl_sync *s, struct lock_layout *l)
{
    const char *name = sync_kind(s->kind)->name;

    for (;;) {
        uint32_t seen = atomic_load_explicit(&l->head.word, memory_order_relaxed);
        uint32_t owner = WORD_OWNER(seen);
        int alive = 0;

        if ((seen & WORD_LIVE) == 0)
            return sync_bad_word(s, seen);
        if (owner != 0 && seen != WORD_LOST)
            alive = roster_is_alive(s->roster, owner);
        if (alive < 0)
            return alive;
        if (alive > 0)
            return error_set(-EBUSY, "the %s is held by member %u", name, token_slot(owner));
        /* acquire: who makes it anew writes after what the last owner wrote */
        if (atomic_compare_exchange_strong_explicit(&l->head.word, &seen, 0, memory_order_acquire,
                                                    memory_order_relaxed))
            break;
    }
    (void)futex_wake(&l->head.word, INT_MAX);
    return 0;
}
