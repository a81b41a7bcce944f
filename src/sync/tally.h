/* SPDX-License-Identifier: MIT */
/* A number that is added to and taken from, and waited for while it is zero: what a counting semaphore and an event
 * are made of.
 *
 * Layout. tally_layout.h.
 *
 * Ordering. `state` is written by everybody, by compare-and-swap or by the kernel's addition: a release when something is
 * added, which pairs with the acquire of who takes it. Who is about to sleep counts itself in `waiting`, then sets WAITERS in
 * the very word that it sleeps on (a release, so that who sees the bit sees the count), so the one that adds either sees the
 * bit, or changes the word before the sleep begins, which then does not begin. Who sees WAITERS lets the kernel add and wake
 * in one step. Who finds others counted sets CROWD too, and that changes the word under one who believed to be alone.
 *
 * Fairness. Who adds wakes one; who comes along meanwhile may be faster. A waiter that was woken in vain a few times sets
 * HUNGRY: from then on only those take who have slept, in whose order the kernel wakes, until one did.
 *
 * Crash. Each change is one instruction or one system call, so nothing is ever half done. Who adds and dies has woken
 * already. Who was woken and dies before it took has lost the wake-up for the next one: so all but a lone waiter look up
 * 25 times a second; nobody stands in front of a lone one, whose sleep needs no timer (that is a tenth of a round trip). A
 * death can leave WAITERS, CROWD, HUNGRY and `waiting` for nobody: a newcomer who finds HUNGRY sleeps no longer than one
 * slice before it may take, WAITERS costs who adds a system call, CROWD a timer. */
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

/* Adds count, of 1 to TALLY_MOST; with TALLY_ONE_AT_MOST adds nothing to what is not zero. -EOVERFLOW, -EIDRM. */
int tally_add(struct tally *t, uint32_t count);
/* Takes 1, or with TALLY_TAKE_ALL everything. -EAGAIN, -ETIMEDOUT, -ECANCELED, -EIDRM, with texts. */
int tally_take(struct enl_sync *s, struct tally *t, enl_deadline until, uint32_t *ret_taken);

/* The two in the way of most semaphores: without flags, nobody waits, there is something to take. False: nothing is
 * done, call the function. count is 1 to TALLY_MOST. */
static inline bool tally_add_fast(struct tally *t, uint32_t count)
{
    /* relaxed: the exchange looks again */
    uint32_t seen = atomic_load_explicit(&t->state, memory_order_relaxed);

    return seen - TALLY_LIVE <= (TALLY_MOST - count) * TALLY_UNIT && seen % TALLY_UNIT == 0 &&
           /* release: pairs with the acquire of who takes */
           atomic_compare_exchange_strong_explicit(&t->state, &seen, seen + count * TALLY_UNIT,
                                                   memory_order_release, memory_order_relaxed);
}

static inline bool tally_take_fast(struct tally *t)
{
    uint32_t seen = atomic_load_explicit(&t->state, memory_order_relaxed);

    return seen >= TALLY_LIVE + TALLY_UNIT && (seen & TALLY_HUNGRY) == 0 &&
           /* acquire: pairs with the release of who added */
           atomic_compare_exchange_strong_explicit(&t->state, &seen, seen - TALLY_UNIT,
                                                   memory_order_acquire, memory_order_relaxed);
}

#endif
