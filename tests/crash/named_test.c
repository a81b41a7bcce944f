/* SPDX-License-Identifier: MIT */
/* Objects that stand alone by name, whose maker or user dies at each instruction: the next one opens them whole. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

struct named {
    char address[256];
    bool opened; /* the worker's call returned */
    struct enl_sync *stage;
};

static struct enl_sync *worker;

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void open_and_close(void *state)
{
    struct named *n = state;

    CHECK_EQ(enl_sync_open(n->address, ENL_CREATE, &worker), 0);
    n->opened = true;
    enl_sync_close(worker);
}

static void check_open(void *state, bool completed)
{
    struct named *n = state;

    CHECK(!completed || n->opened);
    CHECK_EQ(enl_sync_open(n->address, ENL_CREATE, &n->stage), 0);
    CHECK_EQ(enl_semaphore_wait(n->stage, ENL_NOW), 0);
    CHECK_EQ(enl_semaphore_wait(n->stage, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_semaphore_post(n->stage, 1), 0);
    CHECK_EQ(enl_sync_unlink(n->address), 0);
    enl_sync_close(n->stage);
}

static void name_shm(void *state)
{
    struct named *n = state;

    (void)snprintf(n->address, sizeof n->address, "shm:/%s?value=1", test_name("alone"));
}

CRASH(semaphore_by_name_is_made_after_a_maker_killed_at_any_instruction,
      .state_size = sizeof(struct named), .set_up = name_shm, .operate = open_and_close,
      .check = check_open)

static void name_svsem(void *state)
{
    struct named *n = state;
    const char *path = test_temp_path("key");

    CHECK_EQ(close(CHECK_OK(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600))), 0);
    (void)snprintf(n->address, sizeof n->address, "svsem:%s#1?value=1", path);
}

static void open_svsem(void *state)
{
    open_and_close(state);
}

static void check_svsem(void *state, bool completed)
{
    check_open(state, completed);
    CHECK_EQ(unlink(test_temp_path("key")), 0);
}

CRASH(semaphore_set_is_made_after_a_maker_killed_at_any_instruction,
      .state_size = sizeof(struct named), .set_up = name_svsem, .operate = open_svsem,
      .check = check_svsem)

/* ---- with a descriptor -------------------------------------------------------------------------------------- */

static void open_pollable(void *state)
{
    struct named *n = state;

    (void)snprintf(n->address, sizeof n->address, "shm:/%s?value=1&pollable", test_name("alone"));
    CHECK_EQ(enl_sync_open(n->address, ENL_CREATE, &n->stage), 0);
}

static void open_too(void *state)
{
    CHECK_EQ(enl_sync_open(((struct named *)state)->address, 0, &worker), 0);
}

static void take_and_give(void *state)
{
    (void)state;
    CHECK_EQ(enl_semaphore_wait(worker, ENL_NOW), 0);
    CHECK_EQ(enl_semaphore_post(worker, 1), 0);
}

static int is_readable(struct enl_sync *s)
{
    struct pollfd item = {.fd = CHECK_OK(enl_sync_fd(s)), .events = POLLIN};

    return poll(&item, 1, 0);
}

static void check_pollable(void *state, bool completed)
{
    struct named *n = state;

    (void)completed;
    while (enl_semaphore_wait(n->stage, ENL_NOW) == 0)
        continue;
    CHECK_EQ(is_readable(n->stage), 0);
    CHECK_EQ(enl_semaphore_post(n->stage, 1), 0);
    CHECK_EQ(is_readable(n->stage), 1);
    CHECK_EQ(enl_semaphore_wait(n->stage, ENL_NOW), 0);
    CHECK_EQ(enl_semaphore_wait(n->stage, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_sync_unlink(n->address), 0);
    enl_sync_close(n->stage);
}

CRASH(pollable_semaphore_tells_the_truth_after_a_user_killed_at_any_instruction,
      .state_size = sizeof(struct named), .set_up = open_pollable, .prepare = open_too,
      .operate = take_and_give, .check = check_pollable)
