/* SPDX-License-Identifier: MIT */
/* A member of a roster dies while it joins, is one, or leaves: nobody takes it for living, and no place is lost. */
#include "shm/roster.h"

#include "crash.h"
#include "runner/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 3u

struct roster_state {
    int fd;
    void *memory;
    struct roster *stage;
    uint32_t token; /* of the worker, once it knows */
};

static struct roster *worker;

static struct roster *open_roster(const struct roster_state *s)
{
    struct roster *r;

    CHECK_OK(roster_open(s->memory, roster_size(SLOTS), s->fd, &r));
    return r;
}

static void make_roster(void *state)
{
    struct roster_state *s = state;

    s->fd = CHECK_OK(open(test_temp_path("roster"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK_EQ(ftruncate(s->fd, (off_t)roster_size(SLOTS)), 0);
    s->memory = mmap(NULL, roster_size(SLOTS), PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    CHECK(s->memory != MAP_FAILED);
    roster_format(s->memory, SLOTS);
    s->stage = open_roster(s);
    CHECK_OK(roster_join(s->stage));
}

static void open_for_worker(void *state)
{
    worker = open_roster(state);
}

static void join_and_leave(void *state)
{
    struct roster_state *s = state;

    CHECK_OK(roster_join(worker));
    s->token = atomic_load(&roster_self(worker)->token);
    roster_close(worker);
}

static void check_places(void *state, bool completed)
{
    struct roster_state *s = state;
    struct roster_entry entries[SLOTS];
    struct roster *others[SLOTS - 1];

    CHECK(!completed || s->token != 0);
    while (CHECK_OK(roster_list(s->stage, entries, SLOTS)) > 1)
        (void)usleep(100); /* the kernel is still taking the dead one down */
    if (s->token != 0)
        CHECK_EQ(roster_is_alive(s->stage, s->token), 0);
    CHECK_EQ(entries[0].pid, getpid());
    for (unsigned i = 0; i < SLOTS - 1; i++) {
        others[i] = open_roster(s);
        CHECK_OK(roster_join(others[i]));
        CHECK(atomic_load(&roster_self(others[i])->token) != s->token);
        /* still not, though somebody else may have its place */
        if (s->token != 0)
            CHECK_EQ(roster_is_alive(s->stage, s->token), 0);
    }
    CHECK_EQ(roster_list(s->stage, entries, SLOTS), SLOTS);
    for (unsigned i = 0; i < SLOTS - 1; i++)
        roster_close(others[i]);
    roster_close(s->stage);
    CHECK_EQ(munmap(s->memory, roster_size(SLOTS)), 0);
    CHECK_EQ(close(s->fd), 0);
    CHECK_EQ(unlink(test_temp_path("roster")), 0);
}

CRASH(roster_loses_no_place_to_a_member_killed_at_any_instruction,
      .state_size = sizeof(struct roster_state), .set_up = make_roster, .prepare = open_for_worker,
      .operate = join_and_leave, .check = check_places)
