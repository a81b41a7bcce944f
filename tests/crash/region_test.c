/* SPDX-License-Identifier: MIT */
/* Who makes, opens, enlarges or removes a region dies: the next one finds it whole, or none, and can make it. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/region.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)
#define NEW (BOTH | ENL_CREATE)

struct pair {
    uint32_t first, second; /* the same, whoever looks */
};

struct region_state {
    char address[128];
    struct enl_region *stage;
};

static struct enl_region *worker;

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* ---- a region of two words ------------------------------------------------------------------------------------ */

static int fill(void *data, size_t size, void *argument)
{
    struct pair *p = data;

    (void)size, (void)argument;
    if (p->first != 0 || p->second != 0)
        return -EUCLEAN; /* a dead one's half was left */
    p->first = 7;
    p->second = 7;
    return 0;
}

static const struct enl_field fields[] = {
    ENL_FIELD(struct pair, first),
    ENL_FIELD(struct pair, second),
};

static const struct enl_layout layout = {
    .name = "pair", .size = sizeof(struct pair), .field_count = 2, .fields = fields, .init = fill};

static void name_shm(void *state)
{
    struct region_state *s = state;

    (void)snprintf(s->address, sizeof s->address, "shm:/%s", test_name("pair"));
}

static void name_segment(void *state)
{
    struct region_state *s = state;

    (void)snprintf(s->address, sizeof s->address, "svshm:.#1");
}

static void name_empty_file(void *state)
{
    struct region_state *s = state;
    int fd = CHECK_OK(open("pair", O_RDWR | O_CREAT | O_CLOEXEC, 0600));

    CHECK_EQ(close(fd), 0);
    (void)snprintf(s->address, sizeof s->address, "file:pair");
}

static void make_shm(void *state)
{
    struct region_state *s = state;

    name_shm(state);
    CHECK_OK(enl_region_open(s->address, NEW, &layout, &s->stage));
}

static void make_segment(void *state)
{
    struct region_state *s = state;

    name_segment(state);
    CHECK_OK(enl_region_open(s->address, NEW, &layout, &s->stage));
}

/* The worker is dead, and no user. */
static void is_whole(struct enl_region *r)
{
    struct pair *p = enl_region_data(r);

    CHECK_EQ(p->first, 7);
    CHECK_EQ(p->second, 7);
    while (CHECK_OK(enl_region_users(r, NULL, 0)) > 1)
        (void)usleep(100); /* the kernel is still taking it down */
    CHECK_EQ(enl_region_users(r, NULL, 0), 1);
}

/* ---- making ----------------------------------------------------------------------------------------------------- */

static void make_named(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_open(s->address, NEW, &layout, &worker));
}

static void make_visible(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_open(s->address, NEW, &layout, &worker));
}

static void make_in_file(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_open(s->address, NEW, &layout, &worker));
}

/* Opens it as who expects it to be there, and as who would make it: both find the same. */
static void check_made(void *state, bool completed)
{
    struct region_state *s = state;
    struct enl_region *r;
    int result = enl_region_open(s->address, BOTH, &layout, &r);

    if (completed)
        CHECK_EQ(result, 0);
    CHECK(result == 0 || result == -ENOENT || result == -EAGAIN || result == -ESTALE);
    if (result == 0) {
        is_whole(r);
        enl_region_close(r);
    }
    CHECK_OK(enl_region_open(s->address, NEW, &layout, &r));
    is_whole(r);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(s->address));
}

CRASH(region_with_a_name_is_whole_or_made_anew, .state_size = sizeof(struct region_state),
      .set_up = name_shm, .operate = make_named, .check = check_made)
CRASH(region_in_a_segment_is_finished_by_the_next, .state_size = sizeof(struct region_state),
      .set_up = name_segment, .operate = make_visible, .check = check_made)
CRASH(region_in_an_empty_file_is_finished_by_the_next, .state_size = sizeof(struct region_state),
      .set_up = name_empty_file, .operate = make_in_file, .check = check_made)

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

static void open_and_close(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_open(s->address, BOTH, &layout, &worker));
    enl_region_close(worker);
}

static void open_and_close_segment(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_open(s->address, BOTH, &layout, &worker));
    enl_region_close(worker);
}

static void check_alone(void *state, bool completed)
{
    struct region_state *s = state;

    (void)completed;
    is_whole(s->stage);
    enl_region_close(s->stage);
    check_made(state, true);
}

CRASH(region_lists_no_user_killed_while_it_opens_or_closes,
      .state_size = sizeof(struct region_state), .set_up = make_shm, .operate = open_and_close,
      .check = check_alone)
CRASH(region_in_a_segment_lists_no_user_killed_while_it_opens_or_closes,
      .state_size = sizeof(struct region_state), .set_up = make_segment,
      .operate = open_and_close_segment, .check = check_alone)

/* ---- growing and removing --------------------------------------------------------------------------------------- */

static void open_for_worker(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_open(s->address, BOTH, &layout, &worker));
}

static void grow(void *state)
{
    (void)state;
    CHECK_OK(enl_region_grow(worker, 65536));
}

static void check_grown(void *state, bool completed)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_grow(s->stage, 0));
    CHECK(enl_region_size(s->stage) == sizeof(struct pair) || enl_region_size(s->stage) == 65536);
    CHECK_OK(enl_region_grow(s->stage, 65536));
    ((char *)enl_region_data(s->stage))[65535] = 'x';
    check_alone(state, completed);
}

CRASH(region_has_one_size_or_the_other, .state_size = sizeof(struct region_state),
      .set_up = make_shm, .prepare = open_for_worker, .operate = grow, .check = check_grown)

static void remove_name(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_unlink(s->address));
}

static void remove_segment(void *state)
{
    struct region_state *s = state;

    CHECK_OK(enl_region_unlink(s->address));
}

static void check_removed(void *state, bool completed)
{
    struct region_state *s = state;
    struct enl_region *r;
    int result;

    is_whole(s->stage);
    enl_region_close(s->stage);
    result = enl_region_open(s->address, BOTH, &layout, &r);
    CHECK(completed ? result == -ENOENT : result == 0 || result == -ENOENT);
    if (result == 0) {
        is_whole(r);
        enl_region_close(r);
        CHECK_OK(enl_region_unlink(s->address));
    }
}

CRASH(region_with_a_name_is_there_or_removed, .state_size = sizeof(struct region_state),
      .set_up = make_shm, .operate = remove_name, .check = check_removed)
CRASH(region_in_a_segment_is_there_or_removed, .state_size = sizeof(struct region_state),
      .set_up = make_segment, .operate = remove_segment, .check = check_removed)
