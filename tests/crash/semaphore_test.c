/* SPDX-License-Identifier: MIT */
/* Semaphores and events whose users die at each instruction: no permit is doubled, those with owners come back,
 * and nobody sleeps beside what it could take. */
#include "crash.h"
#include "sync/place_test.h"

#include <enlace/sync.h>
#include <errno.h>
#include <stdatomic.h>

#define OWNED 2u

struct permits {
    atomic_bool waits, done; /* the peer */
    bool helped;
    pid_t peer;
};

static struct place place;
static struct enl_sync *object;

static void make(uint32_t kind, uint64_t value)
{
    struct enl_sync_options o = {.size = sizeof o, .kind = kind, .value = value};

    place_make(&place);
    CHECK_OK(sync_create(place.data, place.roster, &o, ENL_CREATE, &object));
}

static void end(void)
{
    CHECK_EQ(enl_sync_destroy(object), 0);
    enl_sync_close(object);
    place_end(&place);
}

static uint64_t value(void)
{
    struct enl_sync_stat stat;

    CHECK_EQ(enl_sync_stat(object, &stat), 0);
    return stat.value;
}

/* ---- a semaphore whose permits are nobody's --------------------------------------------------------------- */

static void make_semaphore(void *state)
{
    (void)state;
    make(ENL_SEMAPHORE, 1);
}

static void take_and_give(void *state)
{
    (void)state;
    CHECK_EQ(enl_semaphore_wait(object, ENL_FOREVER), 0);
    CHECK_EQ(enl_semaphore_post(object, 1), 0);
}

/* It goes on, with what is there. */
static void check_value(void *state, bool completed)
{
    (void)state;
    CHECK(value() <= 1);
    CHECK(!completed || value() == 1);
    if (value() == 0)
        CHECK_EQ(enl_semaphore_post(object, 1), 0);
    CHECK_EQ(enl_semaphore_wait(object, ENL_FOREVER), 0);
    CHECK_EQ(enl_semaphore_wait(object, ENL_NOW), -EAGAIN);
    end();
}

CRASH(semaphore_has_its_value_after_a_user_killed_at_any_instruction,
      .state_size = sizeof(struct permits), .set_up = make_semaphore, .operate = take_and_give,
      .check = check_value)

/* ---- beside a peer that waits ----------------------------------------------------------------------------- */

static void take_one(void *state)
{
    struct permits *p = state;

    atomic_store(&p->waits, true);
    CHECK_EQ(enl_semaphore_wait(object, ENL_FOREVER), 0);
    atomic_store(&p->done, true);
}

static void meet(void *state)
{
    struct permits *p = state;

    make(ENL_SEMAPHORE, 0);
    p->peer = test_child(take_one, p);
    while (!atomic_load(&p->waits))
        (void)usleep(100);
}

static void post_one(void *state)
{
    (void)state;
    CHECK_EQ(enl_semaphore_post(object, 1), 0);
}

/* What is there the peer finds by itself, whoever died before waking it or instead of taking it. */
static void check_peer(void *state, bool completed)
{
    struct permits *p = state;

    (void)completed;
    if (value() == 0 && !atomic_load(&p->done))
        CHECK_EQ(enl_semaphore_post(object, 1), 0);
    test_join(p->peer);
    CHECK(atomic_load(&p->done));
    CHECK(value() <= 1);
    end();
}

CRASH(semaphore_waiter_finds_what_a_poster_killed_at_any_instruction_gave,
      .state_size = sizeof(struct permits), .set_up = meet, .operate = post_one,
      .check = check_peer)

static void take_beside(void *state)
{
    (void)state;
    CHECK_EQ(enl_semaphore_wait(object, ENL_FOREVER), 0);
}

static void give_two(void *state)
{
    struct permits *p = state;

    if (!p->helped)
        CHECK_EQ(enl_semaphore_post(object, 2), 0);
    p->helped = true;
}

CRASH(semaphore_waiter_finds_what_another_killed_at_any_instruction_left,
      .state_size = sizeof(struct permits), .set_up = meet, .operate = take_beside,
      .help = give_two, .check = check_peer)

/* ---- permits with owners ---------------------------------------------------------------------------------- */

static void make_owned(void *state)
{
    (void)state;
    make(ENL_OWNED_SEMAPHORE, OWNED);
}

/* All of them are the stage's in the end, once each. */
static void check_owned(void *state, bool completed)
{
    (void)state;
    CHECK(!completed || value() == OWNED);
    for (unsigned i = 0; i < OWNED; i++)
        CHECK_EQ(enl_semaphore_wait(object, ENL_FOREVER), 0);
    CHECK_EQ(enl_semaphore_wait(object, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_semaphore_post(object, OWNED), 0);
    CHECK_EQ(value(), OWNED);
    end();
}

CRASH(owned_permits_come_back_from_a_holder_killed_at_any_instruction,
      .state_size = sizeof(struct permits), .set_up = make_owned, .operate = take_and_give,
      .check = check_owned)

static void make_and_hold(void *state)
{
    make_owned(state);
    for (unsigned i = 0; i < OWNED; i++)
        CHECK_EQ(enl_semaphore_wait(object, ENL_NOW), 0);
}

static void take_when_given(void *state)
{
    take_and_give(state);
}

static void give_all(void *state)
{
    struct permits *p = state;

    if (!p->helped)
        CHECK_EQ(enl_semaphore_post(object, OWNED), 0);
    p->helped = true;
}

static void check_all_given(void *state, bool completed)
{
    give_all(state);
    check_owned(state, completed);
}

CRASH(owned_permits_are_not_lost_to_a_waiter_killed_at_any_instruction,
      .state_size = sizeof(struct permits), .set_up = make_and_hold, .operate = take_when_given,
      .help = give_all, .check = check_all_given)

/* ---- events ------------------------------------------------------------------------------------------------ */

static void make_event(void *state)
{
    (void)state;
    make(ENL_EVENT, 0);
}

static void set_and_wait(void *state)
{
    (void)state;
    CHECK_EQ(enl_event_set(object, 3), 0);
    CHECK_EQ(enl_event_wait(object, ENL_FOREVER), 3);
    CHECK_OK(enl_event_wait(object, ENL_FOREVER));
}

static void set_event(void *state)
{
    (void)state;
    CHECK_EQ(enl_event_set(object, 1), 0);
}

static void check_event(void *state, bool completed)
{
    (void)state;
    CHECK(value() == 0 || value() == 1 || value() == 3);
    CHECK(!completed || value() == 0);
    CHECK_EQ(enl_event_set(object, 1), 0);
    CHECK(CHECK_OK(enl_event_wait(object, ENL_FOREVER)) >= 1);
    CHECK_EQ(enl_event_wait(object, ENL_NOW), -EAGAIN);
    end();
}

CRASH(event_goes_on_after_a_user_killed_at_any_instruction, .state_size = sizeof(struct permits),
      .set_up = make_event, .operate = set_and_wait, .help = set_event, .check = check_event)

/* ---- barriers ---------------------------------------------------------------------------------------------- */

struct march {
    atomic_bool over, left;
    atomic_uint passed;
    bool helped;
};

static void make_barrier(void *state)
{
    (void)state;
    make(ENL_BARRIER, 2);
}

static void arrive(void *state)
{
    (void)state;
    CHECK_OK(enl_barrier_wait(object, ENL_FOREVER));
}

static void arrive_last(void *state)
{
    struct march *m = state;

    if (!m->helped && enl_barrier_wait(object, ENL_NOW) >= 0)
        m->helped = true;
}

static void march(void *state)
{
    struct march *m = state;

    while (!atomic_load(&m->over)) {
        int result = enl_barrier_wait(object, ENL_FOREVER);

        CHECK(result == 0 || result == 1 || result == -EOWNERDEAD);
        atomic_fetch_add(&m->passed, 1);
    }
    atomic_store(&m->left, true);
}

/* Who waits for one that was a party is told of its death; then two that live pass phase after phase. */
static void check_barrier(void *state, bool completed)
{
    struct march *m = state;
    pid_t peer;
    int result;

    if (m->helped) {
        result = enl_barrier_wait(object, ENL_FOREVER);
        CHECK(result == -EOWNERDEAD || (!completed && result >= 0));
    }
    peer = test_child(march, m);
    while (atomic_load(&m->passed) < 4) {
        result = enl_barrier_wait(object, ENL_FOREVER);
        CHECK(result == 0 || result == 1 || result == -EOWNERDEAD);
    }
    atomic_store(&m->over, true);
    do { /* it may arrive once more, however late, or not */
        result = enl_barrier_wait(object, enl_in_ms(5));
        CHECK(result == 0 || result == 1 || result == -EOWNERDEAD || result == -ETIMEDOUT);
    } while (!atomic_load(&m->left));
    test_join(peer);
    end();
}

CRASH(barrier_lets_others_pass_after_a_party_killed_at_any_instruction,
      .state_size = sizeof(struct march), .set_up = make_barrier, .operate = arrive,
      .help = arrive_last, .check = check_barrier)
