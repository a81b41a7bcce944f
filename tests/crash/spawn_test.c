/* SPDX-License-Identifier: MIT */
/* The parent is killed after each instruction of a start: a child that was to die with it does, whatever the
 * child had come to by then. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

struct start {
    int pipe[2]; /* its writing end is held by whoever lives on */
    int pid;     /* of the child, when the call has returned */
};

static void make_pipe(void *state)
{
    struct start *s = state;

    CHECK_EQ(pipe2(s->pipe, O_CLOEXEC), 0);
}

/* The harness waits for the orphans of the killed parent, and not for ever. */
static void nobody_lives_on(void *state, bool completed)
{
    struct start *s = state;
    char byte;

    CHECK_EQ(close(s->pipe[1]), 0);
    CHECK_EQ(read(s->pipe[0], &byte, 1), 0);
    CHECK_EQ(close(s->pipe[0]), 0);
    if (completed)
        CHECK(s->pid > 0);
}

static void spawn(struct start *s, uint32_t flags)
{
    static const char *const words[] = {"/bin/sleep", "100", NULL};
    const struct enl_give give[] = {{.fd = 1, .from_fd = s->pipe[1]}};
    const struct enl_spawn how = {.argv = words,
                                  .give = give,
                                  .give_count = 1,
                                  .flags = ENL_SPAWN_DIES_WITH_PARENT | flags};
    struct enl_child *c;

    CHECK_OK(enl_spawn(&how, &c));
    s->pid = enl_child_pid(c);
}

static void spawn_tied(void *state)
{
    spawn(state, 0);
}

CRASH(spawn_leaves_no_child_of_a_parent_killed_at_any_instruction,
      .state_size = sizeof(struct start), .set_up = make_pipe, .operate = spawn_tied,
      .check = nobody_lives_on)

/* The same parent sleeps until the child has executed: all that the child does is a moment of the parent. */
static void spawn_session(void *state)
{
    spawn(state, ENL_SPAWN_SESSION);
}

CRASH(spawned_child_dies_at_any_instruction_where_its_parent_was_killed,
      .state_size = sizeof(struct start), .set_up = make_pipe, .operate = spawn_session,
      .check = nobody_lives_on, .follow_child = true)

/* ---- fork ---------------------------------------------------------------------------------------------- */

static int wait_for_ever(void *argument)
{
    (void)argument;
    (void)pause();
    return 0;
}

static void fork_tied(void *state)
{
    struct start *s = state;
    const struct enl_give give[] = {{.fd = ENL_FD_ANY, .from_fd = s->pipe[1], .name = "end"}};
    const struct enl_fork how = {.run = wait_for_ever,
                                 .give = give,
                                 .give_count = 1,
                                 .flags = ENL_SPAWN_DIES_WITH_PARENT};
    struct enl_child *c;

    CHECK_OK(enl_fork(&how, &c));
    s->pid = enl_child_pid(c);
}

CRASH(fork_leaves_no_child_of_a_parent_killed_at_any_instruction,
      .state_size = sizeof(struct start), .set_up = make_pipe, .operate = fork_tied,
      .check = nobody_lives_on)
