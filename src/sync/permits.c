/* SPDX-License-Identifier: MIT */
/* A semaphore whose permits have owners. */
#include "sync/permits.h"

#include "base/error.h"
#include "kernel/futex.h"
#include "sync/sync.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>

#define HUNGRY_AFTER 3 /* sleeps that ended without a permit */

int permits_init(struct permits_layout *p, uint64_t total)
{
    if (total < 1 || total > PERMITS_MOST)
        return error_set(-EINVAL, "%llu owned permits: there may be 1 to %u",
                         (unsigned long long)total, PERMITS_MOST);
    p->total = (uint32_t)total;
    for (uint32_t i = 0; i < PERMITS_MOST; i++)
        atomic_store_explicit(&p->owners[i], 0, memory_order_relaxed);
    atomic_store_explicit(&p->turn, 0, memory_order_relaxed);
    atomic_store_explicit(&p->waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&p->contended, 0, memory_order_relaxed);
    atomic_store_explicit(&p->recovered, 0, memory_order_relaxed);
    atomic_store_explicit(&p->live, PERMITS_LIVE, memory_order_relaxed);
    return 0;
}

/* How many there are, as the shared word says, or -EBADMSG, -EIDRM. */
static int total_of(const struct permits_layout *p)
{
    uint32_t total = p->total;
    uint32_t live = atomic_load_explicit(&p->live, memory_order_relaxed);

    if (live == 0)
        return error_set(-EIDRM, "the semaphore was destroyed, or its memory is another's by now");
    if (live != PERMITS_LIVE || total < 1 || total > PERMITS_MOST)
        return error_set(-EBADMSG, "its words are %u and %u, which make no sense", (unsigned)live,
                         (unsigned)total);
    return (int)total;
}

int permits_check(const struct permits_layout *p)
{
    int total = total_of(p);

    return total < 0 ? total : 0;
}

uint32_t permits_free(const struct permits_layout *p)
{
    int total = total_of(p);
    uint32_t count = 0;

    for (int i = 0; i < total; i++)
        count += atomic_load_explicit(&p->owners[i], memory_order_relaxed) == 0;
    return count;
}

static void wake(struct permits_layout *p)
{
    /* seq_cst: after the permit's exchange, and before the waiters' flag is looked at */
    uint32_t turn = atomic_fetch_add(&p->turn, PERMITS_TURN) + PERMITS_TURN;

    if ((turn & PERMITS_WAITERS) == 0 || futex_wake(&p->turn, 1) != 0)
        return;
    /* nobody was there, and who comes from now on makes the number grow */
    (void)atomic_compare_exchange_strong(&p->turn, &turn, turn & ~PERMITS_WAITERS);
}

/* Frees what the dead hold. How many, or a negative errno. */
static int recover(struct enl_sync *s, struct permits_layout *p, uint32_t own)
{
    int total = total_of(p);
    int found = 0;

    for (int i = 0; i < total; i++) {
        uint32_t owner = atomic_load_explicit(&p->owners[i], memory_order_relaxed);
        int alive = owner == 0 || owner == own ? 1 : roster_is_alive(s->roster, owner);

        if (alive < 0)
            return alive;
        if (alive != 0 || !atomic_compare_exchange_strong(&p->owners[i], &owner, 0))
            continue;
        (void)atomic_fetch_add_explicit(&p->recovered, 1, memory_order_relaxed);
        found++;
    }
    for (int i = 1; i < found; i++) /* one is for who asks */
        wake(p);
    return total < 0 ? total : found;
}

/* 1: taken. Begins where others probably do not. */
static int take_free(struct permits_layout *p, uint32_t own)
{
    int total = total_of(p);
    int first = total > 0 ? (int)(token_slot(own) % (uint32_t)total) : 0;

    for (int i = 0; i < total; i++) {
        int at = (first + i) % total;
        uint32_t owner = 0;

        /* acquire (and more): pairs with the exchange of who gave it back */
        if (atomic_load_explicit(&p->owners[at], memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong(&p->owners[at], &owner, own))
            return 1;
    }
    return total < 0 ? total : 0;
}

/* Who was hungry has eaten, or leaves: those who sleep for its sake look again. */
static void end_hunger(struct permits_layout *p)
{
    if ((atomic_fetch_and(&p->turn, ~PERMITS_HUNGRY) & PERMITS_HUNGRY) != 0)
        (void)futex_wake(&p->turn, INT_MAX);
}

static int wait_and_take(struct enl_sync *s, struct permits_layout *p, uint32_t own,
                         enl_deadline until)
{
    unsigned sleeps = 0;
    int slept = 0;

    for (;;) {
        uint32_t turn = atomic_load(&p->turn);
        uint32_t marked =
            (turn + PERMITS_TURN) | PERMITS_WAITERS | (sleeps >= HUNGRY_AFTER ? PERMITS_HUNGRY : 0);
        int result = recover(s, p, own);

        if (result >= 0 && !atomic_compare_exchange_strong(&p->turn, &turn, marked))
            continue;
        if (result >= 0 && (sleeps > 0 || (turn & PERMITS_HUNGRY) == 0))
            result = take_free(p, own);
        else if (result > 0)
            result = 0;
        if (sleeps > 0 && (result != 0 || slept < 0))
            end_hunger(p);
        if (result != 0 || slept < 0)
            return result != 0 ? result : slept;
        slept = sync_sleep(s, &p->turn, marked, until, true);
        sleeps++;
    }
}

/* Unless somebody is hungry, for whose sake all others sleep first. */
static int take_at_once(struct permits_layout *p, uint32_t own, enl_deadline until)
{
    uint32_t turn = atomic_load_explicit(&p->turn, memory_order_relaxed);

    return (turn & PERMITS_HUNGRY) != 0 && until != ENL_NOW ? 0 : take_free(p, own);
}

int permits_take(struct enl_sync *s, struct permits_layout *p, enl_deadline until)
{
    uint32_t own;
    int result = sync_join(s, &own);

    if (result == 0)
        result = take_at_once(p, own, until);

    if (result != 0)
        return result < 0 ? result : 0;
    if (until == ENL_NOW) {
        result = recover(s, p, own);
        if (result > 0)
            result = take_free(p, own);
        if (result != 0)
            return result < 0 ? result : 0;
        return error_note(-EAGAIN, "no permit is free now");
    }
    (void)atomic_fetch_add_explicit(&p->waiting, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&p->contended, 1, memory_order_relaxed);
    result = wait_and_take(s, p, own, until);
    (void)atomic_fetch_sub_explicit(&p->waiting, 1, memory_order_relaxed);
    return result < 0 ? result : 0;
}

static uint32_t held(const struct permits_layout *p, int total, uint32_t own)
{
    uint32_t count = 0;

    for (int i = 0; i < total; i++)
        count += atomic_load_explicit(&p->owners[i], memory_order_relaxed) == own;
    return count;
}

int permits_give(struct enl_sync *s, struct permits_layout *p, uint32_t count)
{
    uint32_t given = 0, own;
    int result = sync_join(s, &own);
    int total = result < 0 ? result : total_of(p);

    if (total < 0)
        return total;
    if (held(p, total, own) < count)
        return error_set(-EPERM,
                         "this process holds %u of the semaphore's permits, and cannot give %u "
                         "back: permits have owners here",
                         (unsigned)held(p, total, own), (unsigned)count);
    for (int i = 0; i < total && given < count; i++) {
        uint32_t owner = own;

        /* release (and more): pairs with the exchange of who takes it */
        if (atomic_load_explicit(&p->owners[i], memory_order_relaxed) != owner ||
            !atomic_compare_exchange_strong(&p->owners[i], &owner, 0))
            continue;
        given++;
        wake(p);
    }
    /* fewer only if another thread of this process gave its back meanwhile */
    return given == count ? 0 : error_set(-EPERM, "another thread gave the permits back");
}

int permits_end(struct enl_sync *s, struct permits_layout *p)
{
    int result = recover(s, p, 0);

    if (result < 0)
        return result;
    if (permits_free(p) < p->total)
        return error_set(-EBUSY, "%u of its permits are held",
                         (unsigned)(p->total - permits_free(p)));
    atomic_store_explicit(&p->live, 0, memory_order_release);
    (void)atomic_fetch_add(&p->turn, PERMITS_TURN);
    (void)futex_wake(&p->turn, INT_MAX);
    return 0;
}
