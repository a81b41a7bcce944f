/* SPDX-License-Identifier: MIT */
/* A number that is added to and taken from, and waited for while it is zero. */
#include "sync/tally.h"

#include "base/error.h"
#include "kernel/futex.h"
#include "sync/sync.h"

#include <errno.h>
#include <limits.h>

#define HUNGRY_AFTER 3 /* sleeps that ended with nothing to take */

void tally_init(struct tally *t, uint32_t value, uint32_t flags)
{
    atomic_store_explicit(&t->waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&t->contended, 0, memory_order_relaxed);
    t->flags = flags;
    atomic_store_explicit(&t->state, TALLY_LIVE | value * TALLY_UNIT, memory_order_relaxed);
}

int tally_check(const struct tally *t)
{
    uint32_t state = atomic_load_explicit(&t->state, memory_order_relaxed);

    if ((state & TALLY_LIVE) != 0 && (t->flags & ~(TALLY_ONE_AT_MOST | TALLY_TAKE_ALL)) == 0)
        return 0;
    return error_set(-EBADMSG, "its words are 0x%08x and 0x%08x, which make no sense",
                     (unsigned)state, (unsigned)t->flags);
}

void tally_end(struct tally *t)
{
    atomic_store_explicit(&t->state, 0, memory_order_release);
    (void)futex_wake(&t->state, INT_MAX);
}

static int refuse(uint32_t state)
{
    if (state == 0)
        return error_set(-EIDRM, "the object was destroyed, or its memory is another's by now");
    return error_set(-EBADMSG, "its word is 0x%08x, which makes no sense", (unsigned)state);
}

/* ---- adding ------------------------------------------------------------------------------------------------- */

/* A wake-up that reaches nobody shows that WAITERS is older than those who left, or died. It is taken away while there is
 * something to take, when nobody falls asleep. Who fell asleep meanwhile was woken when that was added, and sets the bit
 * again; a second one looks up by itself. */
static void forget_waiters(struct tally *t)
{
    uint32_t seen = atomic_load_explicit(&t->state, memory_order_acquire);

    if ((seen & TALLY_LIVE) != 0 && (seen & TALLY_HUNGRY) == 0 && tally_value(seen) > 0)
        (void)atomic_compare_exchange_strong_explicit(&t->state, &seen,
                                                      seen & ~(TALLY_WAITERS | TALLY_CROWD),
                                                      memory_order_relaxed, memory_order_relaxed);
}

/* In steps, as the kernel adds no more at once; each of them wakes as many as it adds. */
static void add_and_wake(struct tally *t, uint32_t count)
{
    int woken = 0;

    while (count > 0) {
        uint32_t step = count < FUTEX_ADD_MOST / TALLY_UNIT ? count : FUTEX_ADD_MOST / TALLY_UNIT;

        woken += futex_add_and_wake(&t->state, step * TALLY_UNIT, (int)step);
        count -= step;
    }
    if (woken == 0)
        forget_waiters(t);
}

/* The kernel adds without a look at the highest value: there is room for what a few thousand processes add at once. */
#define KERNEL_MOST (TALLY_MOST / 2)
#define KERNEL_COUNT_MOST 65536

int tally_add(struct tally *t, uint32_t count)
{
    uint32_t seen = atomic_load_explicit(&t->state, memory_order_relaxed);

    for (;;) {
        uint32_t added = count;

        if ((seen & TALLY_LIVE) == 0)
            return refuse(seen);
        if ((t->flags & TALLY_ONE_AT_MOST) != 0)
            added = tally_value(seen) == 0 ? 1 : 0;
        if (tally_value(seen) > TALLY_MOST - added)
            return error_set(-EOVERFLOW, "%u and %u more would be above %u, the highest value",
                             (unsigned)tally_value(seen), (unsigned)added, TALLY_MOST);
        if ((seen & TALLY_WAITERS) != 0 && added > 0 && added <= KERNEL_COUNT_MOST &&
            tally_value(seen) <= KERNEL_MOST) {
            add_and_wake(t, added);
            return 0;
        }
        /* release: pairs with the acquire of who takes; also if nothing is added, so that who takes the one that is
         * there sees what was written before this call */
        if (!atomic_compare_exchange_weak_explicit(&t->state, &seen, seen + added * TALLY_UNIT,
                                                   memory_order_release, memory_order_relaxed))
            continue;
        if ((seen & TALLY_WAITERS) != 0 && added > 0)
            (void)futex_wake(&t->state, INT_MAX);
        return 0;
    }
}

/* ---- taking ------------------------------------------------------------------------------------------------- */

/* One try. A waiter has slept, and is one of `waiting` itself. */
static bool take(struct tally *t, uint32_t seen, bool has_slept, uint32_t *ret_taken)
{
    uint32_t taken = (t->flags & TALLY_TAKE_ALL) != 0 ? tally_value(seen) : 1;
    uint32_t next = seen - taken * TALLY_UNIT;

    if (has_slept) {
        next &= ~(TALLY_HUNGRY | TALLY_CROWD | TALLY_WAITERS);
        if (atomic_load_explicit(&t->waiting, memory_order_relaxed) > 1)
            next |= TALLY_CROWD | TALLY_WAITERS;
    }
    /* acquire: pairs with the release of who added */
    if (!atomic_compare_exchange_weak_explicit(&t->state, &seen, next, memory_order_acquire,
                                               memory_order_relaxed))
        return false;
    if ((seen & ~next & TALLY_HUNGRY) != 0 && tally_value(next) > 0)
        (void)futex_wake(&t->state, INT_MAX); /* those who slept for the hungry one's sake */
    *ret_taken = (t->flags & TALLY_ONE_AT_MOST) != 0 ? 1 : taken;
    return true;
}

/* A hungry one that leaves without having eaten lets go those who sleep for its sake; others who are hungry set the
 * bit again. */
static int leave(struct tally *t, bool was_hungry, int result)
{
    uint32_t seen;

    if (!was_hungry)
        return result;
    seen = atomic_fetch_and_explicit(&t->state, ~TALLY_HUNGRY, memory_order_relaxed);
    if (tally_value(seen) > 0)
        (void)futex_wake(&t->state, INT_MAX);
    return result;
}

/* What a waiter makes of the word that it is going to sleep on. */
static uint32_t mark(struct tally *t, uint32_t seen, unsigned sleeps)
{
    uint32_t marked = seen | TALLY_WAITERS;

    if (atomic_load_explicit(&t->waiting, memory_order_relaxed) > 1)
        marked |= TALLY_CROWD;
    return sleeps >= HUNGRY_AFTER ? marked | TALLY_HUNGRY : marked;
}

static int wait_and_take(struct enl_sync *s, struct tally *t, enl_deadline until,
                         uint32_t *ret_taken)
{
    unsigned sleeps = 0;
    int result = 0;

    for (;;) {
        /* acquire: pairs with the release of who sets WAITERS, and has counted itself before */
        uint32_t seen = atomic_load_explicit(&t->state, memory_order_acquire);
        uint32_t marked = mark(t, seen, sleeps);

        if ((seen & TALLY_LIVE) == 0)
            return refuse(seen);
        if (tally_value(seen) > 0 && (sleeps > 0 || (seen & TALLY_HUNGRY) == 0)) {
            if (take(t, seen, sleeps > 0, ret_taken))
                return 0;
            continue;
        }
        if (result < 0)
            return leave(t, sleeps > HUNGRY_AFTER, result);
        if (marked != seen &&
            !atomic_compare_exchange_weak_explicit(&t->state, &seen, marked, memory_order_release,
                                                   memory_order_relaxed))
            continue;
        if ((marked & (TALLY_CROWD | TALLY_HUNGRY)) != 0)
            result = sync_sleep(s, &t->state, marked, until, true);
        else
            result = sync_sleep_through(s, &t->state, marked, until);
        sleeps++;
    }
}

/* Without a sleep. 1: taken. With ENL_NOW even a hungry one's share is taken: that one could be dead. */
static int take_now(struct tally *t, enl_deadline until, uint32_t *ret_taken)
{
    for (;;) {
        uint32_t seen = atomic_load_explicit(&t->state, memory_order_relaxed);

        if ((seen & TALLY_LIVE) == 0)
            return refuse(seen);
        if (tally_value(seen) == 0 || ((seen & TALLY_HUNGRY) != 0 && until != ENL_NOW))
            return 0;
        if (take(t, seen, false, ret_taken))
            return 1;
    }
}

int tally_take(struct enl_sync *s, struct tally *t, enl_deadline until, uint32_t *ret_taken)
{
    int result = take_now(t, until, ret_taken);

    if (result != 0)
        return result < 0 ? result : 0;
    if (until == ENL_NOW)
        return error_note(-EAGAIN, "there is nothing to take now");
    (void)atomic_fetch_add_explicit(&t->waiting, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&t->contended, 1, memory_order_relaxed);
    result = wait_and_take(s, t, until, ret_taken);
    (void)atomic_fetch_sub_explicit(&t->waiting, 1, memory_order_relaxed);
    return result;
}
