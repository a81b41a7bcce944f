/* SPDX-License-Identifier: MIT */
/* A mutex whose holder, or who is about to be, dies at each instruction: the next one is told, and nobody waits
 * for the dead. */
#include "crash.h"
#include "sync/place_test.h"

#include <enlace/sync.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

/* What the mutex guards: two counts that are equal when nobody has it. */
struct books {
    atomic_uint first, second;
    bool held;        /* by the stage, which helps by letting go */
    atomic_bool done; /* the peer had it */
    pid_t peer;
};

/* Opened by the stage; its children become members of their own. */
static struct place place;
static struct enl_sync *mutex;

static void make_mutex(void *state)
{
    (void)state;
    place_make(&place);
    mutex = place_open(&place, 0, ENL_MUTEX, 0);
    CHECK_EQ(enl_mutex_lock(mutex, ENL_NOW), 0);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

static void become_member(void *state)
{
    (void)state;
    CHECK_EQ(enl_mutex_lock(mutex, ENL_NOW), 0);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

static void keep_books(void *state)
{
    struct books *b = state;

    CHECK_EQ(enl_mutex_lock(mutex, ENL_FOREVER), 0);
    b->first++;
    b->second++;
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

/* Puts in order what a dead holder left, and says so. */
static void repair(struct books *b, int locked)
{
    if (locked == -EOWNERDEAD) {
        b->second = b->first;
        CHECK_EQ(enl_mutex_consistent(mutex), 0);
    } else {
        CHECK_EQ(locked, 0);
    }
    CHECK_EQ(b->first, b->second);
}

static void check_books(void *state, bool completed)
{
    struct books *b = state;
    int locked;

    if (b->held)
        CHECK_EQ(enl_mutex_unlock(mutex), 0);
    locked = enl_mutex_lock(mutex, ENL_NOW);
    if (locked == -EAGAIN) /* the kernel is still taking the dead one down */
        locked = enl_mutex_lock(mutex, ENL_FOREVER);
    if (completed) {
        CHECK_EQ(locked, 0);
        CHECK_EQ(b->second, 1);
    }
    repair(b, locked);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
    CHECK_EQ(enl_mutex_lock(mutex, ENL_NOW), 0);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
    CHECK_EQ(enl_sync_destroy(mutex), 0);
    enl_sync_close(mutex);
    place_end(&place);
}

CRASH(mutex_is_taken_from_a_member_killed_at_any_instruction, .state_size = sizeof(struct books),
      .set_up = make_mutex, .prepare = become_member, .operate = keep_books, .check = check_books)

/* ---- while others wait, or have it ---------------------------------------------------------------------- */

static void set_up_held(void *state)
{
    struct books *b = state;

    make_mutex(state);
    CHECK_EQ(enl_mutex_lock(mutex, ENL_NOW), 0);
    b->held = true;
}

static void let_go(void *state)
{
    struct books *b = state;

    if (b->held)
        CHECK_EQ(enl_mutex_unlock(mutex), 0);
    b->held = false;
}

/* The first call of the worker, which becomes a member in it and sleeps. */
static void wait_for_it(void *state)
{
    keep_books(state);
}

CRASH(mutex_is_not_lost_to_a_waiter_killed_at_any_instruction, .state_size = sizeof(struct books),
      .set_up = set_up_held, .operate = wait_for_it, .help = let_go, .check = check_books)

static void take_when_free(void *state)
{
    struct books *b = state;

    repair(b, enl_mutex_lock(mutex, ENL_FOREVER));
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
    atomic_store(&b->done, true);
}

/* The worker has it before the peer wants it, and goes on when the peer waits. */
static void hold_until_wanted(void *state)
{
    struct books *b = state;

    CHECK_EQ(enl_mutex_lock(mutex, ENL_NOW), 0);
    b->peer = test_child(take_when_free, b);
    while ((atomic_load((_Atomic uint32_t *)mutex->object) & WORD_WAITERS) == 0)
        (void)usleep(100);
}

static void unlock_for_another(void *state)
{
    struct books *b = state;

    b->first++;
    b->second++;
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

/* The peer is the dead worker's child, so it comes to the stage. */
static void check_peer(void *state, bool completed)
{
    struct books *b = state;

    test_join(b->peer);
    CHECK(atomic_load(&b->done));
    check_books(state, completed);
}

CRASH(mutex_goes_to_a_waiter_from_a_holder_killed_at_any_instruction,
      .state_size = sizeof(struct books), .set_up = make_mutex, .prepare = hold_until_wanted,
      .operate = unlock_for_another, .check = check_peer)

/* ---- a repairer dies, too ------------------------------------------------------------------------------- */

static void die_holding(void *argument)
{
    struct books *b = argument;

    CHECK_EQ(enl_mutex_lock(mutex, ENL_NOW), 0);
    b->first++;
    (void)kill(getpid(), SIGKILL);
}

static void set_up_dead(void *state)
{
    make_mutex(state);
    test_join_killed(test_child(die_holding, state), SIGKILL);
    while (CHECK_OK(roster_list(place.roster, NULL, 0)) > 1)
        (void)usleep(100); /* the kernel is still taking it down */
}

static void mend(void *state)
{
    struct books *b = state;

    repair(b, enl_mutex_lock(mutex, ENL_NOW));
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
}

CRASH(mutex_of_a_dead_holder_survives_a_repairer_killed_at_any_instruction,
      .state_size = sizeof(struct books), .set_up = set_up_dead, .operate = mend,
      .check = check_books)

/* ---- making and destroying ------------------------------------------------------------------------------ */

static void make_place(void *state)
{
    (void)state;
    place_make(&place);
}

static void make_and_destroy(void *state)
{
    struct books *b = state;

    mutex = place_open(&place, 0, ENL_MUTEX, ENL_CHECKED);
    CHECK_EQ(enl_mutex_lock(mutex, ENL_NOW), 0);
    CHECK_EQ(enl_mutex_unlock(mutex), 0);
    CHECK_EQ(enl_sync_destroy(mutex), 0);
    enl_sync_close(mutex);
    b->first = b->second = 1;
}

static void check_made(void *state, bool completed)
{
    struct books *b = state;

    mutex = place_open(&place, 0, ENL_MUTEX, ENL_CHECKED);
    b->second = b->first;
    check_books(state, completed);
}

CRASH(mutex_is_made_after_a_maker_killed_at_any_instruction, .state_size = sizeof(struct books),
      .set_up = make_place, .operate = make_and_destroy, .check = check_made)
