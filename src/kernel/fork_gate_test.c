/* SPDX-License-Identifier: MIT */
/* Proof of fork_gate.c: no fork while a thread is inside, and whoever watches is asked before. */
#include "kernel/fork_gate.h"

#include "runner/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

struct busy {
    atomic_bool stops;
    atomic_uint inside; /* 1 while a thread is */
};

static void *go_in_and_out(void *argument)
{
    struct busy *b = argument;

    while (!atomic_load(&b->stops)) {
        fork_gate_enter();
        fork_gate_enter();
        atomic_store(&b->inside, 1);
        fork_gate_leave();
        for (unsigned i = 0; i < 1000; i++)
            atomic_signal_fence(memory_order_seq_cst);
        atomic_store(&b->inside, 0);
        fork_gate_leave();
    }
    return NULL;
}

static int status_of_child(const struct busy *b)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        unsigned was = atomic_load(&b->inside);

        fork_gate_enter(); /* nobody who is not here holds it */
        fork_gate_leave();
        _exit((int)was);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

TEST(no_fork_happens_while_a_thread_is_inside_the_gate)
{
    struct busy b;
    pthread_t thread;

    atomic_init(&b.stops, false);
    atomic_init(&b.inside, 0);
    CHECK_EQ(pthread_create(&thread, NULL, go_in_and_out, &b), 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(status_of_child(&b), 0);
    atomic_store(&b.stops, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

struct counter {
    struct fork_watcher watcher;
    int forks;
};

static void count(struct fork_watcher *w)
{
    ((struct counter *)(void *)w)->forks++;
}

TEST(who_watches_is_asked_before_each_fork)
{
    struct counter counters[3] = {{.forks = 0}};
    struct busy b;

    atomic_init(&b.inside, 0);
    for (int i = 0; i < 3; i++)
        fork_watch(&counters[i].watcher, count);
    CHECK_EQ(status_of_child(&b), 0);
    fork_unwatch(&counters[1].watcher);
    CHECK_EQ(status_of_child(&b), 0);
    fork_unwatch(&counters[2].watcher);
    fork_unwatch(&counters[2].watcher);
    CHECK_EQ(status_of_child(&b), 0);
    fork_unwatch(&counters[0].watcher);
    CHECK_EQ(status_of_child(&b), 0);
    CHECK_EQ(counters[0].forks, 3);
    CHECK_EQ(counters[1].forks, 1);
    CHECK_EQ(counters[2].forks, 2);
}
