/* SPDX-License-Identifier: MIT */
/* The read-write lock: a reader counts itself in a word of its own, a writer takes a lock and then waits for each
 * of those words.
 *
 * Ordering. A reader raises its word, then looks at the writer's; a writer takes its word, then looks at the
 * readers': all four are seq_cst, so at least one of the two sees the other. A reader that sees a writer takes its
 * word back and goes through the writers' lock itself, in turn, so that neither side starves.
 * A reader that leaves lowers its word (release) before it looks for a writer to wake; a writer reads it
 * (acquire) before it writes.
 * Crash. Only a member writes its readers' word. If it dies, a writer that finds the word and a dead member takes
 * it away; so does the slot's next member, which leaves reader_died for a writer. */
#include "sync/rwlock.h"

#include "base/error.h"
#include "kernel/futex.h"
#include "sync/lock.h"
#include "sync/rwlock_layout.h"

#include <limits.h>

static uint32_t generation_of(uint32_t token)
{
    return token >> TOKEN_SLOT_BITS << READERS_COUNT_BITS;
}

static _Atomic uint32_t *own_word(struct rwlock_layout *rw, uint32_t token)
{
    return &rw->readers[token_slot(token)];
}

/* 0 if somebody else changed the word: look again. */
static bool change(_Atomic uint32_t *word, uint32_t seen, uint32_t next)
{
    /* seq_cst: the two sides of the head; release for who leaves */
    return atomic_compare_exchange_strong_explicit(word, &seen, next, memory_order_seq_cst,
                                                   memory_order_relaxed);
}

/* Counts a reader of this process. */
static int count_in(struct rwlock_layout *rw, uint32_t token)
{
    _Atomic uint32_t *word = own_word(rw, token);

    for (;;) {
        uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);
        uint32_t count = seen & READERS_COUNT_MASK;

        if ((seen & ~READERS_COUNT_MASK) != generation_of(token)) {
            if (count != 0) /* a predecessor's, that died: pairs with the exchange in drain() */
                atomic_store_explicit(&rw->writer.reader_died, 1, memory_order_release);
            count = 0;
        }
        if (count == READERS_COUNT_MASK)
            return error_set(-EOVERFLOW, "this process reads %u times", count);
        if (change(word, seen, generation_of(token) | (count + 1)))
            return 0;
    }
}

/* -EPERM: this process does not read. */
static int count_out(struct rwlock_layout *rw, uint32_t token)
{
    _Atomic uint32_t *word = own_word(rw, token);
    uint32_t seen;

    do {
        seen = atomic_load_explicit(word, memory_order_relaxed);
        if ((seen & ~READERS_COUNT_MASK) != generation_of(token) ||
            (seen & READERS_COUNT_MASK) == 0)
            return error_set(-EPERM, "this process neither reads nor writes");
    } while (!change(word, seen, seen - 1));
    /* pairs with the exchange that takes the writers' lock: it sees the lower word, or this sees it */
    if ((seen & READERS_COUNT_MASK) == 1 &&
        WORD_OWNER(atomic_load_explicit(&rw->writer.head.word, memory_order_seq_cst)) != 0)
        (void)futex_wake(word, INT_MAX);
    return 0;
}

/* Waits until one member reads no more. 1: it died reading. */
static int await_reader(struct enl_sync *s, uint32_t slot, enl_deadline until)
{
    struct rwlock_layout *rw = s->object;
    _Atomic uint32_t *word = &rw->readers[slot];
    bool asks = until == ENL_NOW; /* whether the reader lives: not before it has had time to go */

    for (;;) {
        uint32_t seen = atomic_load_explicit(word, memory_order_seq_cst);
        int result = 1;

        if ((seen & READERS_COUNT_MASK) == 0)
            return 0;
        if (asks)
            result = roster_is_alive(s->roster, token_of(slot, seen >> READERS_COUNT_BITS));
        if (result == 0 && change(word, seen, 0))
            return 1;
        if (result > 0) {
            result = sync_sleep(s, word, seen, until, true);
            asks = true;
        }
        if (result < 0)
            return result;
    }
}

/* Waits until nobody reads: 1 if one died reading and no writer was told. */
static int drain(struct enl_sync *s, enl_deadline until)
{
    struct rwlock_layout *rw = s->object;

    for (uint32_t slot = 0; slot < roster_slot_count(s->roster); slot++) {
        int result = await_reader(s, slot, until);

        if (result < 0)
            return result;
        if (result > 0)
            atomic_store_explicit(&rw->writer.reader_died, 1, memory_order_relaxed);
    }
    /* pairs with the release in count_in() */
    return (int)atomic_exchange_explicit(&rw->writer.reader_died, 0, memory_order_acquire) & 1;
}

/* The writers' lock is this thread's, as `result` says; now the readers have to go. */
static int become_writer(struct enl_sync *s, int result, enl_deadline until)
{
    struct rwlock_layout *rw = s->object;
    int drained;

    /* between the exchange that took the lock and the looks at the readers: both sides are seq_cst */
    atomic_thread_fence(memory_order_seq_cst);
    drained = drain(s, until);
    if (drained < 0) {
        lock_release(&rw->writer, true);
        return drained;
    }
    if (drained > 0 && result == 0)
        result = error_set(-EOWNERDEAD, "a process died reading; there is nothing to repair");
    return result;
}

int enl_rwlock_write(struct enl_sync *rwlock, enl_deadline until)
{
    struct rwlock_layout *rw;
    int result = 0;

    if (!sync_is(rwlock, ENL_RWLOCK))
        return sync_wrong_kind(rwlock, ENL_RWLOCK);
    rw = rwlock->object;
    if (!lock_try_fast(rwlock, &rw->writer))
        result = lock_acquire(rwlock, &rw->writer, until, LOCK_INTERRUPTIBLE);
    if (result < 0 && result != -EOWNERDEAD)
        return result;
    return become_writer(rwlock, result, until);
}

static int read_in_turn(struct enl_sync *s, uint32_t token, enl_deadline until)
{
    struct rwlock_layout *rw = s->object;
    int result = lock_acquire(s, &rw->writer, until, LOCK_INTERRUPTIBLE | LOCK_PASSING);

    if (result == -EOWNERDEAD) {
        /* to be repaired, which takes a writer: no longer passing. Only the owner changes this bit */
        atomic_fetch_and_explicit(&rw->writer.head.word, ~WORD_BUSY, memory_order_relaxed);
        return become_writer(s, result, until);
    }
    if (result < 0)
        return result;
    result = count_in(rw, token);
    lock_release(&rw->writer, true);
    return result;
}

int enl_rwlock_read(struct enl_sync *rwlock, enl_deadline until)
{
    struct rwlock_layout *rw;
    uint32_t token;
    int result;

    if (!sync_is(rwlock, ENL_RWLOCK))
        return sync_wrong_kind(rwlock, ENL_RWLOCK);
    rw = rwlock->object;
    result = sync_join(rwlock, &token);
    if (result == 0)
        result = count_in(rw, token);
    if (result < 0)
        return result;
    /* seq_cst: pairs with the taking of the writers' lock; what the last writer wrote is seen */
    if (atomic_load_explicit(&rw->writer.head.word, memory_order_seq_cst) == WORD_LIVE)
        return 0;
    (void)count_out(rw, token);
    return read_in_turn(rwlock, token, until);
}

int enl_rwlock_unlock(struct enl_sync *rwlock)
{
    struct rwlock_layout *rw;
    uint32_t token, word;

    if (!sync_is(rwlock, ENL_RWLOCK))
        return sync_wrong_kind(rwlock, ENL_RWLOCK);
    rw = rwlock->object;
    token = sync_token(rwlock);
    if (lock_release_fast(rwlock, &rw->writer))
        return 0;
    if (lock_is_mine(rwlock, &rw->writer)) {
        lock_release(&rw->writer, false);
        return 0;
    }
    word = atomic_load_explicit(&rw->writer.head.word, memory_order_relaxed);
    if ((word & WORD_LIVE) == 0)
        return sync_bad_word(rwlock, word);
    if (token == 0)
        return error_set(-EPERM, "this process neither reads nor writes");
    return count_out(rw, token);
}

int enl_rwlock_consistent(struct enl_sync *rwlock)
{
    struct rwlock_layout *rw;

    if (!sync_is(rwlock, ENL_RWLOCK))
        return sync_wrong_kind(rwlock, ENL_RWLOCK);
    rw = rwlock->object;
    if (!lock_is_mine(rwlock, &rw->writer))
        return error_set(-EPERM, "this thread does not write");
    lock_mend(&rw->writer);
    return 0;
}

int rwlock_destroy(struct enl_sync *s)
{
    struct rwlock_layout *rw = s->object;
    uint32_t slot_count = roster_slot_count(s->roster);

    for (uint32_t slot = 0; slot < slot_count; slot++) {
        uint32_t seen = atomic_load_explicit(&rw->readers[slot], memory_order_seq_cst);
        int alive = 0;

        if ((seen & READERS_COUNT_MASK) != 0)
            alive = roster_is_alive(s->roster, token_of(slot, seen >> READERS_COUNT_BITS));
        if (alive < 0)
            return alive;
        if (alive > 0)
            return error_set(-EBUSY, "member %u reads", slot);
    }
    return lock_destroy(s, &rw->writer);
}
