/* SPDX-License-Identifier: MIT */
/* A number that is added to and taken from, and waited for while it is zero: what a counting semaphore and an event
 * are made of.
 *
 * Layout. tally_layout.h.
 *
 * Ordering. `state` is written by everybody, by compare-and-swap alone: a release when something is added, which pairs
 * with the acquire of who takes it. Who is about to sleep sets WAITERS in the very word that it sleeps on, so the one
 * that adds either sees the bit, or changes the word before the sleep begins, which then does not begin.
 *
 * Fairness. Who adds wakes one; who comes along meanwhile may be faster. A waiter that was woken in vain a few times sets
 * HUNGRY: from then on only those take who have slept, in whose order the kernel wakes, until one did.
 *
 * Crash. Each change is one instruction, so nothing is ever half done. What a death can lose is a wake-up: of who added
 * and died before it woke, or was woken and died before it took. It can leave WAITERS, HUNGRY and `waiting` set for
 * nobody. So sleepers look up 20 times a second; a newcomer who finds HUNGRY sleeps no longer than one such slice before
 * it may take; WAITERS costs the next one who adds a system call, and is taken away if nobody was there. */
#ifndef SYNC_TALLY_H
#define SYNC_TALLY_H

#include "sync/tally_layout.h"

#include <enlace/deadline.h>
#include <stdbool.h>

struct enl_sync;

static inline uint32_t tally_value(uint32_t state)
{
    return (state & ~TALLY_LIVE) / TALLY_UNIT;
}

/* A new one; the tally is the caller's alone still. */
void tally_init(struct tally *t, uint32_t value, uint32_t flags);
/* -EBADMSG with a text if it is none. */
int tally_check(const struct tally *t);
/* From now on all calls say -EIDRM, those that sleep, too. */
void tally_end(struct tally *t);

/* The parts of the calls below that are not inline. */
int tally_add_slowly(struct tally *t, uint32_t count, uint32_t seen);
void tally_wake(struct tally *t, uint32_t count);
int tally_take_slowly(struct enl_sync *s, struct tally *t, enl_deadline until, uint32_t *ret_taken);

/* Adds count, of 1 to TALLY_MOST; with TALLY_ONE_AT_MOST adds nothing to what is not zero. -EOVERFLOW, -EIDRM. */
static inline int tally_add(struct tally *t, uint32_t count)
{
    /* relaxed: the exchange looks again */
    uint32_t seen = atomic_load_explicit(&t->state, memory_order_relaxed);

    if ((int32_t)seen < 0 && t->flags == 0 && tally_value(seen) <= TALLY_MOST - count &&
        /* release: pairs with the acquire of who takes */
        atomic_compare_exchange_strong_explicit(&t->state, &seen, seen + count * TALLY_UNIT,
                                                memory_order_release, memory_order_relaxed)) {
        if ((seen & TALLY_WAITERS) != 0)
            tally_wake(t, count);
        return 0;
    }
    return tally_add_slowly(t, count, seen);
}

/* Takes 1, or with TALLY_TAKE_ALL everything. -EAGAIN, -ETIMEDOUT, -ECANCELED, -EIDRM, with texts. */
static inline int tally_take(struct enl_sync *s, struct tally *t, enl_deadline until,
                             uint32_t *ret_taken)
{
    uint32_t seen = atomic_load_explicit(&t->state, memory_order_relaxed);

    if ((int32_t)seen < 0 && tally_value(seen) > 0 && (seen & TALLY_HUNGRY) == 0 && t->flags == 0 &&
        /* acquire: pairs with the release of who added */
        atomic_compare_exchange_strong_explicit(&t->state, &seen, seen - TALLY_UNIT,
                                                memory_order_acquire, memory_order_relaxed)) {
        *ret_taken = 1;
        return 0;
    }
    return tally_take_slowly(s, t, until, ret_taken);
}

#endif
