/* SPDX-License-Identifier: MIT */
/* A process that does several steps of a System V set at once dies at each instruction of it: all of them were done or
 * none, what was to be undone is, and nobody is kept from the set. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/sync.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { EACH = 3, ALL = 2 * EACH }; /* permits */

struct set {
    char address[2][256];      /* of its semaphores */
    struct enl_sync *stage[2]; /* the same */
    unsigned done;             /* calls of the worker */
};

static struct enl_sync *worker;

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void make_set(void *state)
{
    struct set *s = state;
    const char *path = test_temp_path("key");

    CHECK_EQ(close(CHECK_OK(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600))), 0);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(s->address[i], sizeof s->address[i], "svsem:%s#1?count=2&value=%d&index=%d",
                       path, EACH, i);
        CHECK_EQ(enl_sync_open(s->address[i], ENL_CREATE, &s->stage[i]), 0);
    }
}

static void open_set(void *state)
{
    CHECK_EQ(enl_sync_open(((struct set *)state)->address[0], 0, &worker), 0);
}

/* So many permits of the first semaphore to the second, or (negative) back: their sum never changes. */
static int move(struct enl_sync *s, int16_t count, uint32_t flags, enl_deadline until)
{
    int16_t size = count < 0 ? (int16_t)-count : count;
    const struct enl_semaphore_step steps[] = {
        {.index = count < 0, .change = (int16_t)-size, .flags = flags},
        {.index = count > 0, .change = size, .flags = flags}};

    return enl_semaphore_operate(s, steps, 2, until);
}

/* The third and the fourth wait: for a permit more than there is, and until the second semaphore has none. */
static void move_permits(void *state)
{
    struct set *s = state;
    const struct enl_semaphore_step until_none = {.index = 1, .change = 0};

    CHECK_EQ(move(worker, 2, 0, ENL_NOW), 0);
    s->done++;
    CHECK_EQ(move(worker, -2, 0, ENL_FOREVER), 0);
    s->done++;
    CHECK_EQ(move(worker, EACH + 1, 0, ENL_FOREVER), 0);
    s->done++;
    CHECK_EQ(move(worker, -EACH - 1, 0, ENL_NOW), 0);
    s->done++;
    CHECK_EQ(enl_semaphore_operate(worker, &until_none, 1, ENL_FOREVER), 0);
    s->done++;
    CHECK_EQ(move(worker, 1, ENL_UNDO, ENL_FOREVER), 0);
    s->done++;
}

static void give_what_it_waits_for(void *state)
{
    struct set *s = state;

    CHECK(s->done == 2 || s->done == 4);
    CHECK_EQ(move(s->stage[0], s->done == 2 ? -1 : -(EACH - 1), 0, ENL_NOW), 0);
}

static unsigned value(struct enl_sync *s)
{
    struct enl_sync_stat stat;

    CHECK_EQ(enl_sync_stat(s, &stat), 0);
    CHECK_EQ(stat.waiters, 0);
    CHECK_EQ(stat.zero_waiters, 0);
    return (unsigned)stat.value;
}

#define HAS(value) (1u << (value))

/* What the first semaphore may have after so many calls: one more was done, or helped, or not. */
static const unsigned allowed[] = {
    HAS(3) | HAS(1), HAS(1) | HAS(3), HAS(3) | HAS(4) | HAS(0), HAS(0) | HAS(4), HAS(4) | HAS(6),
    HAS(6),          HAS(6),
};

static void check_permits(void *state, bool completed)
{
    struct set *s = state;
    unsigned first = value(s->stage[0]);

    CHECK(!completed || s->done == 6);
    CHECK((allowed[s->done] & HAS(first)) != 0);
    CHECK_EQ(first + value(s->stage[1]), ALL);
    if (first < ALL)
        CHECK_EQ(move(s->stage[0], (int16_t)(first - ALL), 0, ENL_NOW), 0);
    CHECK_EQ(enl_sync_unlink(s->address[0]), 0);
    enl_sync_close(s->stage[0]);
    enl_sync_close(s->stage[1]);
    CHECK_EQ(unlink(test_temp_path("key")), 0);
}

CRASH(steps_of_a_set_are_done_all_or_not_by_a_process_killed_at_any_instruction,
      .state_size = sizeof(struct set), .set_up = make_set, .prepare = open_set,
      .operate = move_permits, .help = give_what_it_waits_for, .check = check_permits)
