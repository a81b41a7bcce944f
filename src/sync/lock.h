/* SPDX-License-Identifier: MIT */
/* The lock: a word that says who has it, which whoever needs it can take from the dead.
 *
 * Layout    sync/lock_layout.h, sync/word.h
 * Ordering  Taking is an acquire, releasing a release, of the one word: what an owner wrote the next one sees. Taking
 *           from the dead is an acquire of the word that the dead one wrote by its own exchange; what it wrote after that
 *           is seen because the kernel dropped its lease after it had run its last instruction.
 * Crash     docs/design/sync.md, line by line. */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "sync/lock_layout.h"
#include "sync/sync.h"

#include <errno.h>

/* How lock_acquire() takes. */
#define LOCK_INTERRUPTIBLE 1u
#define LOCK_PASSING                                                                               \
    2u /* to change nothing that the lock guards: one's death then is no -EOWNERDEAD */

/* Waits until the lock is the caller's: 0, or -EOWNERDEAD, and then it is DIRTY. -ENOTRECOVERABLE,
 * -EAGAIN, -ETIMEDOUT, -ECANCELED, -EIDRM, -EBADMSG: it is not. */
int lock_acquire(struct enl_sync *s, struct lock_layout *l, enl_deadline until, unsigned how);

/* The owner lets go; the caller has checked that it is the owner. A DIRTY lock is lost, unless `kept`: then
 * the next one is told what this one was told. */
void lock_release(struct lock_layout *l, bool kept);

/* Takes DIRTY away. */
void lock_mend(struct lock_layout *l);

/* Makes the word zero: -EBUSY if a living process has it. */
int lock_destroy(struct enl_sync *s, struct lock_layout *l);

/* ---- which thread of the owner -------------------------------------------------------------------- */

static inline _Atomic uintptr_t *lock_thread(struct lock_layout *l)
{
    return (_Atomic uintptr_t *)(void *)l->thread;
}

/* Only the owner's process gives these bytes a meaning, and only a thread of its own can have written its own
 * address: relaxed. */
static inline bool lock_is_of_thread(struct lock_layout *l)
{
    return atomic_load_explicit(lock_thread(l), memory_order_relaxed) ==
           (uintptr_t)__builtin_thread_pointer();
}

static inline void lock_set_thread(struct lock_layout *l)
{
    atomic_store_explicit(lock_thread(l), (uintptr_t)__builtin_thread_pointer(),
                          memory_order_relaxed);
}

static inline void lock_unset_thread(struct lock_layout *l)
{
    atomic_store_explicit(lock_thread(l), 0, memory_order_relaxed);
}

/* Whether this thread has it; not as a passing one. */
static inline bool lock_is_mine(const struct enl_sync *s, struct lock_layout *l)
{
    uint32_t word = atomic_load_explicit(&l->head.word, memory_order_relaxed);
    uint32_t token = sync_token(s);

    return token != 0 && (word & (TOKEN_MASK | WORD_LIVE | WORD_BUSY)) == (WORD_LIVE | token) &&
           lock_is_of_thread(l);
}

/* ---- the way without a system call ------------------------------------------------------------------ */

static inline bool lock_try_fast(const struct enl_sync *s, struct lock_layout *l)
{
    uint32_t token = sync_token(s);
    uint32_t free = WORD_LIVE;

    /* acquire: pairs with the release in lock_release() and lock_release_fast() */
    if (token == 0 ||
        !atomic_compare_exchange_strong_explicit(&l->head.word, &free, WORD_LIVE | token,
                                                 memory_order_acquire, memory_order_relaxed))
        return false;
    lock_set_thread(l);
    return true;
}

/* Only if it is this thread's, nobody waits and nothing is to be repaired. The word is looked at before the thread
 * is touched: a forked child has its parent's thread pointer, but not its token. */
static inline bool lock_release_fast(const struct enl_sync *s, struct lock_layout *l)
{
    uint32_t held = WORD_LIVE | sync_token(s);

    if (atomic_load_explicit(&l->head.word, memory_order_relaxed) != held || !lock_is_of_thread(l))
        return false;
    lock_unset_thread(l);
    /* release: pairs with the acquires in lock_try_fast() and lock_acquire() */
    if (atomic_compare_exchange_strong_explicit(&l->head.word, &held, WORD_LIVE,
                                                memory_order_release, memory_order_relaxed))
        return true;
    lock_set_thread(l); /* somebody has begun to wait */
    return false;
}

#endif
