/* SPDX-License-Identifier: MIT */
/* What is done once, by one of the processes that want it done. */
#include "sync/once.h"

#include "base/error.h"
#include "sync/object.h"
#include "sync/once_layout.h"

#include <errno.h>

int enl_once_run(struct enl_sync *once, int (*run)(void *argument), void *argument,
                 enl_deadline until)
{
    struct once_layout *o;
    uint32_t word, done;
    int result;

    if (!sync_is(once, ENL_ONCE))
        return sync_wrong_kind(once, ENL_ONCE);
    if (run == NULL)
        return error_set(-EINVAL, "there is no function to be run");
    o = once->object;
    /* pairs with the release in object_done() */
    done = atomic_load_explicit(&o->done, memory_order_acquire);
    if (done == WORD_LIVE)
        return 0;
    word = atomic_load_explicit(&o->head.word, memory_order_relaxed);
    if (word != WORD_LIVE)
        return sync_bad_word(once, word);
    result = object_begin(once, &o->done, until);
    if (result <= 0)
        return result;
    result = run(argument);
    if (result < 0) {
        object_undone(&o->done);
        return result;
    }
    object_done(&o->done);
    return 0;
}

int once_destroy(struct enl_sync *s)
{
    struct once_layout *o = s->object;
    uint32_t done = atomic_load_explicit(&o->done, memory_order_relaxed);
    uint32_t live = WORD_LIVE;
    int alive = 0;

    if (done != 0 && done != WORD_LIVE)
        alive = roster_is_alive(s->roster, WORD_OWNER(done));
    if (alive < 0)
        return alive;
    if (alive > 0)
        return error_set(-EBUSY, "member %u is at it", token_slot(WORD_OWNER(done)));
    /* relaxed: nothing is read through it */
    if (!atomic_compare_exchange_strong_explicit(&o->head.word, &live, 0, memory_order_relaxed,
                                                 memory_order_relaxed))
        return sync_bad_word(s, live);
    return 0;
}
