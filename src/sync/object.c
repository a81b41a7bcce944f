/* SPDX-License-Identifier: MIT */
/* Making an object, or doing anything else, once among processes that may die at it.
 *
 * Ordering. The doer writes what it makes, then stores LIVE (release); who reads LIVE (acquire) sees it.
 * Crash. The word says BUSY and who from the first step on. Died before the exchange: nothing happened. Died
 * between it and object_done(): the next one finds a dead doer and does all of it again. Died after the store
 * and before the wake: it is done, and who sleeps sees that at the end of its slice. */
#include "sync/object.h"

#include "base/error.h"
#include "kernel/futex.h"

#include <errno.h>
#include <limits.h>

/* 1: the doer of the word is dead, and this process replaces it. 0: look again. */
static int replace(struct enl_sync *s, _Atomic uint32_t *word, uint32_t seen, uint32_t token)
{
    int alive = roster_is_alive(s->roster, WORD_OWNER(seen));

    if (alive != 0)
        return alive < 0 ? alive : 0;
    /* acquire: pairs with nothing that the dead one promised; what it wrote is written again */
    return atomic_compare_exchange_strong_explicit(word, &seen, WORD_BUSY | token,
                                                   memory_order_acquire, memory_order_relaxed);
}

int object_begin(struct enl_sync *s, _Atomic uint32_t *word, enl_deadline until)
{
    uint32_t token;
    int result = sync_join(s, &token);

    if (result < 0)
        return result;
    for (;;) {
        /* pairs with the release in object_done() */
        uint32_t seen = atomic_load_explicit(word, memory_order_acquire);

        if ((seen & WORD_LIVE) != 0)
            return 0;
        if (seen == 0) {
            /* pairs with the release in object_undone() */
            if (atomic_compare_exchange_strong_explicit(word, &seen, WORD_BUSY | token,
                                                        memory_order_acquire, memory_order_relaxed))
                return 1;
            continue;
        }
        if ((seen & ~TOKEN_MASK) != WORD_BUSY)
            return sync_bad_word(s, seen);
        result = replace(s, word, seen, token);
        if (result == 0)
            result = sync_sleep(s, word, seen, until, true);
        if (result != 0)
            return result;
    }
}

static void end(_Atomic uint32_t *word, uint32_t state)
{
    /* pairs with the acquires in object_begin() */
    atomic_store_explicit(word, state, memory_order_release);
    (void)futex_wake(word, INT_MAX);
}

void object_done(_Atomic uint32_t *word)
{
    end(word, WORD_LIVE);
}

void object_undone(_Atomic uint32_t *word)
{
    end(word, 0);
}
