/* SPDX-License-Identifier: MIT */
/* A condition whose waiter or signaller dies at each instruction hangs nobody; what is to be done once is done
 * by the next one. */
#include "crash.h"
#include "sync/place_test.h"

#include <enlace/sync.h>
#include <errno.h>
#include <stdatomic.h>

/* The mutex guards two counts: what was given, and what was taken of it. Each step is one store. */
struct meeting {
    atomic_uint given, taken;
    atomic_bool waits, done; /* the peer */
    pid_t peer;
};

static struct place place;
static struct enl_sync *mutex, *condition;

static void open_both(void)
{
    place_make(&place);
    mutex = place_open(&place, 0, ENL_MUTEX, 0);
    condition = place_open(&place, 256, ENL_CONDITION, 0);
}

static void close_both(void)
{
    CHECK_EQ(enl_sync_destroy(condition), 0);
    CHECK_EQ(enl_sync_destroy(mutex), 0);
    enl_sync_close(condition);
    enl_sync_close(mutex);
    place_end(&place);
}

/* The counts are always in order. */
static void mend(int locked)
{
    if (locked == -EOWNERDEAD)
        CHECK_EQ(enl_mutex_consistent(mutex), 0);
    else
        CHECK_EQ(locked, 0);
}

static void take(struct meeting *m)
{
    mend(enl_mutex_lock(mutex, ENL_FOREVER));
    atomic_store(&m->waits, true);
    while (atomic_load(&m->given) == atomic_load(&m->taken))
        mend(enl_condition_wait(condition, mutex, ENL_FOREVER));
    atomic_fetch_add(&m->taken, 1);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

static void give(struct meeting *m)
{
    CHECK_EQ(enl_mutex_lock(mutex, ENL_FOREVER), 0);
    atomic_fetch_add(&m->given, 1);
    CHECK_EQ(enl_condition_signal(condition), 0);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

static void take_one(void *state)
{
    struct meeting *m = state;

    take(m);
    atomic_store(&m->done, true);
}

/* A peer that waits. */
static void meet(void *state)
{
    struct meeting *m = state;

    open_both();
    m->peer = test_child(take_one, m);
    while (!atomic_load(&m->waits))
        (void)usleep(100);
    mend(enl_mutex_lock(mutex, ENL_FOREVER)); /* now it sleeps, or is about to */
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

/* ---- a waiter dies ------------------------------------------------------------------------------------- */

static void wait_beside(void *state)
{
    take(state);
}

/* Help: it does not wait for the mutex, whose holder may be stopped. */
static void give_one(void *state)
{
    struct meeting *m = state;

    if (enl_mutex_lock(mutex, ENL_NOW) != 0)
        return;
    atomic_fetch_add(&m->given, 1);
    CHECK_EQ(enl_condition_signal(condition), 0);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

/* What the dead waiter has not taken the peer gets, though nobody signals again. */
static void check_waiter(void *state, bool completed)
{
    struct meeting *m = state;

    (void)completed;
    mend(enl_mutex_lock(mutex, ENL_FOREVER));
    if (atomic_load(&m->given) == atomic_load(&m->taken) && !atomic_load(&m->done)) {
        atomic_fetch_add(&m->given, 1);
        CHECK_EQ(enl_condition_signal(condition), 0);
    }
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
    test_join(m->peer);
    CHECK(atomic_load(&m->done));
    CHECK(atomic_load(&m->taken) <= atomic_load(&m->given));
    close_both();
}

CRASH(condition_hangs_nobody_after_a_waiter_killed_at_any_instruction,
      .state_size = sizeof(struct meeting), .set_up = meet, .operate = wait_beside,
      .help = give_one, .check = check_waiter)

/* ---- a signaller dies ---------------------------------------------------------------------------------- */

static void give_and_signal(void *state)
{
    give(state);
}

static void give_and_tell_all(void *state)
{
    struct meeting *m = state;

    CHECK_EQ(enl_mutex_lock(mutex, ENL_FOREVER), 0);
    atomic_fetch_add(&m->given, 1);
    CHECK_EQ(enl_condition_broadcast(condition), 0);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

/* Who is told of the death signals again, as the dead one may not have. Else it had not begun, or was done. */
static void check_signaller(void *state, bool completed)
{
    struct meeting *m = state;
    int locked = enl_mutex_lock(mutex, ENL_FOREVER);
    bool told = locked == -EOWNERDEAD;

    mend(locked);
    CHECK(!completed || atomic_load(&m->given) == 1);
    if (told || atomic_load(&m->given) == 0) {
        atomic_store(&m->given, 1);
        CHECK_EQ(enl_condition_signal(condition), 0);
    }
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
    test_join(m->peer);
    CHECK_EQ(atomic_load(&m->taken), 1);
    close_both();
}

CRASH(condition_hangs_nobody_after_a_signaller_killed_at_any_instruction,
      .state_size = sizeof(struct meeting), .set_up = meet, .operate = give_and_signal,
      .check = check_signaller)
CRASH(condition_hangs_nobody_after_a_broadcaster_killed_at_any_instruction,
      .state_size = sizeof(struct meeting), .set_up = meet, .operate = give_and_tell_all,
      .check = check_signaller)

/* ---- once ---------------------------------------------------------------------------------------------- */

static struct enl_sync *once;

static void make_once(void *state)
{
    (void)state;
    place_make(&place);
    once = place_open(&place, 0, ENL_ONCE, 0);
}

static int count(void *argument)
{
    struct meeting *m = argument;

    atomic_fetch_add(&m->given, 1);
    atomic_fetch_add(&m->taken, 1);
    return 0;
}

static void run_once(void *state)
{
    CHECK_EQ(enl_once_run(once, count, state, ENL_FOREVER), 0);
}

static void check_once(void *state, bool completed)
{
    struct meeting *m = state;

    CHECK_EQ(enl_once_run(once, count, state, ENL_FOREVER), 0);
    CHECK_EQ(enl_once_run(once, count, state, ENL_NOW), 0);
    if (completed)
        CHECK_EQ(atomic_load(&m->given), 1);
    CHECK(atomic_load(&m->taken) >= 1 && atomic_load(&m->given) <= 2);
    CHECK_EQ(enl_sync_destroy(once), 0);
    enl_sync_close(once);
    place_end(&place);
}

CRASH(once_is_done_after_a_doer_killed_at_any_instruction, .state_size = sizeof(struct meeting),
      .set_up = make_once, .operate = run_once, .check = check_once)
