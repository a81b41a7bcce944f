/* SPDX-License-Identifier: MIT */
/* The mutex: a lock with a thread that has it. */
#include "sync/mutex.h"

#include "base/error.h"
#include "sync/lock.h"

#include <limits.h>

/* The thread locks what it has: 1 if that is for lock_acquire(), which waits. */
static int lock_again(struct enl_sync *mutex, struct lock_layout *l)
{
    uint32_t depth = atomic_load_explicit(&l->depth, memory_order_relaxed);

    if ((mutex->flags & ENL_CHECKED) != 0)
        return error_set(-EDEADLK, "this thread has the mutex already");
    if ((mutex->flags & ENL_RECURSIVE) == 0)
        return 1;
    if (depth >= INT_MAX)
        return error_set(-EOVERFLOW, "this thread has locked the mutex %u times", depth);
    atomic_store_explicit(&l->depth, depth + 1, memory_order_relaxed);
    return 0;
}

/* apart, so that the way without a system call saves no registers */
static __attribute__((noinline)) int lock_slowly(struct enl_sync *mutex, enl_deadline until)
{
    struct lock_layout *l = mutex->object;

    if (lock_is_mine(mutex, l)) {
        int result = lock_again(mutex, l);

        if (result <= 0)
            return result;
    }
    return lock_acquire(mutex, l, until, LOCK_INTERRUPTIBLE);
}

int enl_mutex_lock(struct enl_sync *mutex, enl_deadline until)
{
    if (!sync_is(mutex, ENL_MUTEX))
        return sync_wrong_kind(mutex, ENL_MUTEX);
    if (__builtin_expect(lock_try_fast(mutex, mutex->object), 1))
        return 0;
    return lock_slowly(mutex, until);
}

/* 0 if this thread has it. */
static int check_owner(const struct enl_sync *mutex)
{
    struct lock_layout *l = mutex->object;
    uint32_t word = atomic_load_explicit(&l->head.word, memory_order_relaxed);

    if (lock_is_mine(mutex, l))
        return 0;
    if ((word & WORD_LIVE) == 0)
        return sync_bad_word(mutex, word);
    if (WORD_OWNER(word) == 0 || word == WORD_LOST)
        return error_set(-EPERM, "the mutex is not locked");
    if (WORD_OWNER(word) == sync_token(mutex))
        return error_set(-EPERM, "another thread of this process has the mutex");
    return error_set(-EPERM, "another process has the mutex: member %u",
                     token_slot(WORD_OWNER(word)));
}

static __attribute__((noinline)) int unlock_slowly(struct enl_sync *mutex)
{
    struct lock_layout *l = mutex->object;
    int result = check_owner(mutex);
    uint32_t depth;

    if (result < 0)
        return result;
    depth = atomic_load_explicit(&l->depth, memory_order_relaxed);
    if (depth > 0 && (mutex->flags & ENL_RECURSIVE) != 0)
        atomic_store_explicit(&l->depth, depth - 1, memory_order_relaxed);
    else
        lock_release(l, false);
    return 0;
}

int enl_mutex_unlock(struct enl_sync *mutex)
{
    struct lock_layout *l;

    if (!sync_is(mutex, ENL_MUTEX))
        return sync_wrong_kind(mutex, ENL_MUTEX);
    l = mutex->object;
    if (__builtin_expect((mutex->flags & ENL_RECURSIVE) == 0 && lock_release_fast(mutex, l), 1))
        return 0;
    return unlock_slowly(mutex);
}

int enl_mutex_consistent(struct enl_sync *mutex)
{
    int result;

    if (!sync_is(mutex, ENL_MUTEX))
        return sync_wrong_kind(mutex, ENL_MUTEX);
    result = check_owner(mutex);
    if (result == 0)
        lock_mend(mutex->object);
    return result;
}

int mutex_destroy(struct enl_sync *s)
{
    return lock_destroy(s, s->object);
}
