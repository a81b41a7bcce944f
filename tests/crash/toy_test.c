/* SPDX-License-Identifier: MIT */
/* The test of the harness: a toy box that a writer fills before it says so. mutants_test.py turns the two lines
 * round, and must see this fail. */
#include "crash.h"
#include "runner/test.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct toy {
    _Atomic uint32_t full;
    unsigned char content[48];
    int pipe[2];
    unsigned helped;
};

static const unsigned char letters[48] = "the box is full when all of these letters are in";

static void fill(void *state)
{
    struct toy *t = state;

    memcpy(t->content, letters, sizeof t->content);
    atomic_store_explicit(&t->full, 1, memory_order_release);
}

static void full_means_filled(void *state, bool completed)
{
    struct toy *t = state;

    if (completed)
        CHECK_EQ(atomic_load(&t->full), 1);
    if (atomic_load(&t->full) == 1)
        CHECK_MEM(t->content, letters, sizeof letters);
}

CRASH(toy_box_is_full_only_when_it_is_filled, .state_size = sizeof(struct toy), .operate = fill,
      .check = full_means_filled)

/* ---- sleeping, and loops ------------------------------------------------------------------------------- */

static void make_pipe(void *state)
{
    struct toy *t = state;

    CHECK_EQ(pipe(t->pipe), 0);
}

static void read_thrice(void *state)
{
    struct toy *t = state;
    char byte;

    for (int i = 0; i < 3; i++)
        if (read(t->pipe[0], &byte, 1) == 1)
            t->content[i] = (unsigned char)byte;
}

static void write_once(void *state)
{
    struct toy *t = state;

    t->helped++;
    CHECK_EQ(write(t->pipe[1], "x", 1), 1);
}

static void nothing_is_read_twice(void *state, bool completed)
{
    struct toy *t = state;
    size_t read = strlen((const char *)t->content);

    CHECK(read <= t->helped);
    CHECK(t->helped <= read + 1);
    if (completed)
        CHECK_EQ(read, 3);
    CHECK_EQ(close(t->pipe[0]), 0);
    CHECK_EQ(close(t->pipe[1]), 0);
}

CRASH(toy_reader_is_helped_and_killed_in_its_sleep, .state_size = sizeof(struct toy),
      .set_up = make_pipe, .operate = read_thrice, .help = write_once,
      .check = nothing_is_read_twice)
