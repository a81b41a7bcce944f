/* SPDX-License-Identifier: MIT */
/* Children that die with their parent, whenever it dies; and threads that start children at once. */
#include "kernel/spawn.h"

#include "process/shell_test.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* ---- dies with its parent ------------------------------------------------------------------------------ */

struct tied {
    int pipe[2];
    atomic_int child;
    atomic_int step;
};

static const uint32_t TIED = ENL_SPAWN_DIES_WITH_PARENT;

static void *start_tied(void *argument)
{
    struct tied *t = argument;
    const struct enl_give give[] = {{.fd = 1, .from_fd = t->pipe[1]}};
    struct enl_child *c = start_shell("echo; exec sleep 100", TIED, give, 1);

    atomic_store(&t->child, enl_child_pid(c));
    return c;
}

static void parent_of_tied(void *argument)
{
    struct tied *t = argument;
    pthread_t thread;
    void *c;

    CHECK_EQ(pthread_create(&thread, NULL, start_tied, t), 0);
    CHECK_EQ(pthread_join(thread, &c), 0);
    (void)close(t->pipe[1]);
    while (atomic_load(&t->step) ==
           0) /* the thread is gone; the child must not be, and has said its line */
        (void)usleep(1000);
    (void)usleep(20000);
    CHECK_EQ(enl_child_wait(c, ENL_NOW, NULL), -EAGAIN);
    (void)kill(getpid(), SIGKILL);
}

TEST(child_dies_with_its_parents_process_and_not_with_the_thread)
{
    for (unsigned without = 0; without < 2; without++) {
        struct tied *t = test_shared(sizeof *t);
        pid_t parent;
        char text[16];

        spawn_pretend(without);
        CHECK_EQ(pipe2(t->pipe, O_CLOEXEC), 0);
        parent = test_child(parent_of_tied, t);
        CHECK_EQ(close(t->pipe[1]), 0);
        CHECK_EQ(read(t->pipe[0], text, sizeof text), 1);
        atomic_store(&t->step, 1);
        CHECK_EQ(read(t->pipe[0], text, sizeof text), 0); /* the child's end */
        test_join_killed(parent, SIGKILL);
        CHECK_EQ(close(t->pipe[0]), 0);
    }
    spawn_pretend(0);
}

/* Another process that was forked from the parent does not keep the child alive. */
static void parent_with_another_child(void *argument)
{
    struct tied *t = argument;

    (void)start_tied(t);
    (void)close(t->pipe[1]);
    if (fork() == 0) {
        (void)close(t->pipe[0]);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        atomic_fetch_add(&t->step, 1);
        (void)poll(NULL, 0, 60000);
        _exit(0);
    }
    while (atomic_load(&t->step) < 2) /* and the tied one has said its line */
        (void)usleep(1000);
    _exit(0);
}

TEST(relatives_forked_later_do_not_keep_a_tied_child)
{
    struct tied *t = test_shared(sizeof *t);
    pid_t parent;
    char text[16];

    CHECK_EQ(pipe2(t->pipe, O_CLOEXEC), 0);
    parent = test_child(parent_with_another_child, t);
    CHECK_EQ(close(t->pipe[1]), 0);
    CHECK_EQ(read(t->pipe[0], text, sizeof text), 1);
    atomic_fetch_add(&t->step, 1);
    CHECK_EQ(read(t->pipe[0], text, sizeof text), 0);
    test_join(parent);
    CHECK_EQ(close(t->pipe[0]), 0);
}

static void spawn_until_killed(void *argument)
{
    struct tied *t = argument;
    const struct enl_give give[] = {{.fd = 1, .from_fd = t->pipe[1]}};

    for (;;) {
        struct enl_child *c = start_shell("exec sleep 100", TIED | ENL_SPAWN_SESSION, give, 1);

        atomic_fetch_add(&t->step, 1);
        enl_child_close(c);
    }
}

/* Whatever the parent was doing, the pipe ends: nobody who holds it lives on. */
TEST(parent_killed_at_any_moment_of_a_spawn_leaves_no_child, .stress = true, .deadline_s = 120)
{
    for (int round = 0; round < 60 && test_has_time(); round++) {
        struct tied *t = test_shared(sizeof *t);
        pid_t parent;
        char byte;

        CHECK_EQ(pipe2(t->pipe, O_CLOEXEC), 0);
        parent = test_child(spawn_until_killed, t);
        CHECK_EQ(close(t->pipe[1]), 0);
        (void)usleep((unsigned)(round * 137 % 4000));
        test_kill(parent);
        CHECK_EQ(read(t->pipe[0], &byte, 1), 0);
        CHECK_EQ(close(t->pipe[0]), 0);
    }
}

/* ---- threads ------------------------------------------------------------------------------------------- */

static void *spawn_some(void *argument)
{
    for (int i = 0; i < 40; i++) {
        struct enl_child *c = start_shell("exit 0", 0, NULL, 0);

        if (i % 2 == 0)
            CHECK_EQ(collect(c, ENL_EXITED), 0);
        else
            enl_child_close(c);
    }
    return argument;
}

static void *allocate(void *argument)
{
    while (!atomic_load((atomic_int *)argument))
        free(malloc(1000));
    return NULL;
}

TEST(threads_start_children_while_others_allocate, .stress = true, .deadline_s = 120)
{
    atomic_int stop = 0;
    pthread_t busy, threads[4];

    CHECK_EQ(pthread_create(&busy, NULL, allocate, &stop), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, spawn_some, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    atomic_store(&stop, 1);
    CHECK_EQ(pthread_join(busy, NULL), 0);
    while (enl_reap() > 0)
        (void)usleep(1000);
}
