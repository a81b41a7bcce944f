/* SPDX-License-Identifier: MIT */
/* The condition: a number that grows with every signal; a waiter sleeps while it is the one it saw under the mutex.
 *
 * Ordering. A waiter reads the number while it has the mutex. A signal given for a change made under the mutex comes
 * after that in the order of the number. Before it sleeps the waiter sets bit 0, by an exchange that fails if the number has
 * changed; a signal that comes later finds the bit, and the kernel looks at the number again before it puts the waiter
 * to sleep. Nothing is read through the number: what changed is seen by the mutex.
 * Crash. A dead waiter leaves at most the bit: one needless look for sleepers. A waiter that was woken and then killed has used
 * up a wake-up that another needed, and so has a signaller that died between the number and the wake: every waiter
 * looks at the number at the end of its slice, and returns when it has changed, as it may without a signal. Who dies with
 * the mutex may have owed a signal: waiters look for that, too, and the one that is told wakes the others. */
#include "sync/condition.h"

#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/futex.h"
#include "kernel/thread.h"
#include "sync/condition_layout.h"
#include "sync/lock.h"

#include <limits.h>

#define SLEEPERS 1u
#define SIGNAL 2u

#define LOOK_NS 20000 /* how long to look before sleeping */
#define SKIP_MOST 64  /* sleeps without a look, when looking has not paid */

static int check(const struct enl_sync *condition)
{
    const struct object_layout *head;
    uint32_t word;

    if (!sync_is(condition, ENL_CONDITION))
        return sync_wrong_kind(condition, ENL_CONDITION);
    head = condition->object;
    word = atomic_load_explicit(&head->word, memory_order_relaxed);
    return word == WORD_LIVE ? 0 : sync_bad_word(condition, word);
}

/* Whether who has the mutex is dead. */
static int is_owner_dead(struct enl_sync *mutex)
{
    const struct lock_layout *l = mutex->object;
    uint32_t word = atomic_load_explicit(&l->head.word, memory_order_relaxed);
    int alive;

    if ((word & WORD_LIVE) == 0 || WORD_OWNER(word) == 0 || word == WORD_LOST ||
        WORD_OWNER(word) == sync_token(mutex))
        return 0;
    alive = roster_is_alive(mutex->roster, WORD_OWNER(word));
    return alive < 0 ? alive : alive == 0;
}

/* Lets others run for a moment and looks whether one has signalled: much shorter than a sleep where that is so. */
static bool look(struct enl_sync *condition, uint32_t seen)
{
    struct condition_layout *c = condition->object;
    uint32_t skip = atomic_load_explicit(&condition->skip, memory_order_relaxed);
    uint32_t next = atomic_load_explicit(&condition->skip_next, memory_order_relaxed);
    int64_t end;

    if (skip > 0) {
        atomic_store_explicit(&condition->skip, skip - 1, memory_order_relaxed);
        return false;
    }
    end = clock_now_ns() + LOOK_NS;
    do {
        thread_yield();
        if (((atomic_load_explicit(&c->sequence, memory_order_relaxed) ^ seen) & ~SLEEPERS) != 0) {
            atomic_store_explicit(&condition->skip_next, 0, memory_order_relaxed);
            return true;
        }
    } while (clock_now_ns() < end);
    next = next == 0 ? 1 : next < SKIP_MOST ? 2 * next : SKIP_MOST;
    atomic_store_explicit(&condition->skip_next, next, memory_order_relaxed);
    atomic_store_explicit(&condition->skip, next, memory_order_relaxed);
    return false;
}

/* Waits for another number than `seen`, or a dead owner of the mutex. */
static int await(struct enl_sync *condition, struct enl_sync *mutex, uint32_t seen,
                 enl_deadline until)
{
    struct condition_layout *c = condition->object;
    uint32_t now = seen;

    if (look(condition, seen))
        return 0;
    /* another waiter may have set the bit meanwhile */
    if ((seen & SLEEPERS) == 0 &&
        !atomic_compare_exchange_strong_explicit(&c->sequence, &now, seen | SLEEPERS,
                                                 memory_order_relaxed, memory_order_relaxed) &&
        now != (seen | SLEEPERS))
        return 0;
    seen |= SLEEPERS;
    for (;;) {
        int result = sync_sleep(condition, &c->sequence, seen, until, true);

        /* relaxed: what has changed is read with the mutex */
        if (result < 0 || atomic_load_explicit(&c->sequence, memory_order_relaxed) != seen)
            return result;
        result = check(condition);
        if (result == 0)
            result = is_owner_dead(mutex);
        if (result != 0)
            return result < 0 ? result : 0;
    }
}

int enl_condition_wait(struct enl_sync *condition, struct enl_sync *mutex, enl_deadline until)
{
    struct condition_layout *c;
    struct lock_layout *l;
    uint32_t seen, depth;
    int result = check(condition), locked = 0;

    if (result == 0 && !sync_is(mutex, ENL_MUTEX))
        result = sync_wrong_kind(mutex, ENL_MUTEX);
    if (result < 0)
        return result;
    c = condition->object;
    l = mutex->object;
    if (!lock_is_mine(mutex, l))
        return error_set(-EPERM, "this thread does not have the mutex that it gives to wait");
    if (until == ENL_NOW)
        return error_note(-EAGAIN, "it would have to wait");
    seen = atomic_load_explicit(&c->sequence, memory_order_relaxed);
    depth = atomic_load_explicit(&l->depth, memory_order_relaxed);
    atomic_store_explicit(&l->depth, 0, memory_order_relaxed);
    if (!lock_release_fast(mutex, l))
        lock_release(l, false);
    result = await(condition, mutex, seen, until);
    if (!lock_try_fast(mutex, l))
        locked = lock_acquire(mutex, l, ENL_FOREVER, 0);
    if (locked < 0 && locked != -EOWNERDEAD)
        return locked;
    atomic_store_explicit(&l->depth, depth, memory_order_relaxed);
    if (locked == 0)
        return result;
    (void)enl_condition_broadcast(condition); /* what the dead one may have owed the others */
    return locked;
}

int enl_condition_signal(struct enl_sync *condition)
{
    struct condition_layout *c;
    int result = check(condition);
    uint32_t now;

    if (result < 0)
        return result;
    c = condition->object;
    now = atomic_fetch_add_explicit(&c->sequence, SIGNAL, memory_order_relaxed) + SIGNAL;
    if ((now & SLEEPERS) == 0 || futex_wake(&c->sequence, 1) > 0)
        return 0;
    /* nobody slept: the next signal need not look. Who fell asleep since, on this number, is woken; who comes later
     * sets the bit again */
    if (atomic_compare_exchange_strong_explicit(&c->sequence, &now, now & ~SLEEPERS,
                                                memory_order_relaxed, memory_order_relaxed))
        (void)futex_wake(&c->sequence, INT_MAX);
    return 0;
}

int enl_condition_broadcast(struct enl_sync *condition)
{
    struct condition_layout *c;
    int result = check(condition);
    uint32_t seen;

    if (result < 0)
        return result;
    c = condition->object;
    seen = atomic_load_explicit(&c->sequence, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&c->sequence, &seen, (seen + SIGNAL) & ~SLEEPERS,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
    if ((seen & SLEEPERS) != 0)
        (void)futex_wake(&c->sequence, INT_MAX);
    return 0;
}

int condition_destroy(struct enl_sync *s)
{
    struct condition_layout *c = s->object;
    uint32_t live = WORD_LIVE;

    /* relaxed: waiters look at the word after the number has changed, which futex_wake() makes sure that they see */
    if (!atomic_compare_exchange_strong_explicit(&c->head.word, &live, 0, memory_order_relaxed,
                                                 memory_order_relaxed))
        return sync_bad_word(s, live);
    (void)futex_wake(&c->sequence, INT_MAX);
    return 0;
}
