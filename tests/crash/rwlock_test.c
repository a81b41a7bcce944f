/* SPDX-License-Identifier: MIT */
/* A read-write lock whose reader or writer dies at each instruction: a writer's death is told, a reader's is
 * harmless, and nobody waits for the dead. */
#include "crash.h"
#include "sync/place_test.h"

#include <enlace/sync.h>
#include <errno.h>
#include <stdatomic.h>

struct books {
    atomic_uint first, second; /* equal when nobody writes */
    bool held;                 /* by the stage, which helps by letting go */
    atomic_bool done, waits;
    pid_t peer;
};

static struct place place;
static struct enl_sync *rwlock;

static void make_rwlock(void *state)
{
    (void)state;
    place_make(&place);
    rwlock = place_open(&place, 0, ENL_RWLOCK, 0);
    CHECK_EQ(enl_rwlock_read(rwlock, ENL_NOW), 0);
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
}

static void become_member(void *state)
{
    (void)state;
    CHECK_OK(roster_join(place.roster));
}

static void look(void *state)
{
    struct books *b = state;

    CHECK_EQ(enl_rwlock_read(rwlock, ENL_FOREVER), 0);
    CHECK_EQ(b->first, b->second);
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
}

static void change(void *state)
{
    struct books *b = state;

    CHECK_EQ(enl_rwlock_write(rwlock, ENL_FOREVER), 0);
    b->first++;
    b->second++;
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
}

/* As a writer, told or not of a death. */
static void repair(struct books *b, int locked)
{
    if (locked == -EOWNERDEAD) {
        b->second = b->first;
        CHECK_EQ(enl_rwlock_consistent(rwlock), 0);
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
        CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
    locked = enl_rwlock_write(rwlock, ENL_NOW);
    if (locked == -EAGAIN) /* the kernel is still taking the dead one down */
        locked = enl_rwlock_write(rwlock, ENL_FOREVER);
    if (completed)
        CHECK_EQ(locked, 0);
    repair(b, locked);
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
    CHECK_EQ(enl_rwlock_write(rwlock, ENL_NOW), 0);
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
    CHECK_EQ(enl_rwlock_read(rwlock, ENL_NOW), 0);
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
    CHECK_EQ(enl_sync_destroy(rwlock), 0);
    enl_sync_close(rwlock);
    place_end(&place);
}

/* The next one only reads: it is told of a writer, and of nothing else. */
static void check_as_reader(void *state, bool completed)
{
    struct books *b = state;
    int locked = enl_rwlock_read(rwlock, ENL_NOW);

    if (locked == -EAGAIN)
        locked = enl_rwlock_read(rwlock, ENL_FOREVER);
    if (completed)
        CHECK_EQ(locked, 0);
    repair(b, locked); /* then it writes */
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
    check_books(state, false);
}

CRASH(rwlock_goes_on_after_a_reader_killed_at_any_instruction, .state_size = sizeof(struct books),
      .set_up = make_rwlock, .prepare = become_member, .operate = look, .check = check_books)
CRASH(rwlock_goes_on_after_a_writer_killed_at_any_instruction, .state_size = sizeof(struct books),
      .set_up = make_rwlock, .prepare = become_member, .operate = change, .check = check_as_reader)

/* ---- while others wait, or have it ---------------------------------------------------------------------- */

static void set_up_read(void *state)
{
    struct books *b = state;

    make_rwlock(state);
    CHECK_EQ(enl_rwlock_read(rwlock, ENL_NOW), 0);
    b->held = true;
}

static void set_up_written(void *state)
{
    struct books *b = state;

    make_rwlock(state);
    CHECK_EQ(enl_rwlock_write(rwlock, ENL_NOW), 0);
    b->held = true;
}

static void let_go(void *state)
{
    struct books *b = state;

    if (b->held)
        CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
    b->held = false;
}

static void wait_to_write(void *state)
{
    change(state);
}

static void wait_to_read(void *state)
{
    look(state);
}

CRASH(rwlock_is_not_lost_to_a_writer_killed_as_it_waits_for_readers,
      .state_size = sizeof(struct books), .set_up = set_up_read, .prepare = become_member,
      .operate = wait_to_write, .help = let_go, .check = check_books)
CRASH(rwlock_is_not_lost_to_a_reader_killed_as_it_waits_for_a_writer,
      .state_size = sizeof(struct books), .set_up = set_up_written, .prepare = become_member,
      .operate = wait_to_read, .help = let_go, .check = check_books)

static void write_when_free(void *state)
{
    struct books *b = state;

    CHECK_EQ(enl_rwlock_write(rwlock, ENL_NOW), -EAGAIN);
    atomic_store(&b->waits, true);
    repair(b, enl_rwlock_write(rwlock, ENL_FOREVER));
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
    atomic_store(&b->done, true);
}

static void read_until_wanted(void *state)
{
    struct books *b = state;

    CHECK_EQ(enl_rwlock_read(rwlock, ENL_NOW), 0);
    b->peer = test_child(write_when_free, b);
    while (!atomic_load(&b->waits))
        (void)usleep(100);
    (void)usleep(1000); /* it may sleep by now; if it does not, that is another good moment */
}

static void end_reading(void *state)
{
    (void)state;
    CHECK_EQ(enl_rwlock_unlock(rwlock), 0);
}

/* The peer is the dead worker's child, so it comes to the stage. */
static void check_peer(void *state, bool completed)
{
    struct books *b = state;

    (void)completed;
    test_join(b->peer);
    CHECK(atomic_load(&b->done));
    check_books(state, false);
}

CRASH(rwlock_goes_to_a_writer_from_a_reader_killed_at_any_instruction,
      .state_size = sizeof(struct books), .set_up = make_rwlock, .prepare = read_until_wanted,
      .operate = end_reading, .check = check_peer)
