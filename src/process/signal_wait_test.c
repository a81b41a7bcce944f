/* SPDX-License-Identifier: MIT */
/* Proof of signal_wait.c: sets by their names, masks, what waits, waiting, and whom a signal reaches. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

TEST(sets_are_written_and_read_by_name)
{
    char text[ENL_SIGNALS_TEXT_MAX], again[ENL_SIGNALS_TEXT_MAX];
    enl_signals set, all;

    CHECK_OK(enl_signals_parse("TERM,sigint,RTMIN+1,10", &set));
    CHECK_EQ(set,
             ENL_SIGNAL(SIGTERM) | ENL_SIGNAL(SIGINT) | ENL_SIGNAL(SIGRTMIN + 1) | ENL_SIGNAL(10));
    CHECK_OK(enl_signals_parse("TERM,HUP", &set));
    CHECK_STR(enl_signals_text(set, text, sizeof text), "HUP,TERM");
    CHECK_STR(enl_signals_text(set, text, 6), "HUP,T");
    CHECK_OK(enl_signals_parse(NULL, &set));
    CHECK_EQ(set, 0);
    CHECK_OK(enl_signals_parse("", &set));
    CHECK_STR(enl_signals_text(set, text, sizeof text), "");
    CHECK_OK(enl_signals_parse("all", &all));
    CHECK_EQ(all & ENL_SIGNAL(SIGKILL), 0);
    CHECK(all & ENL_SIGNAL(SIGRTMAX));
    CHECK_OK(enl_signals_parse(enl_signals_text(all, text, sizeof text), &set));
    CHECK_EQ(set, all);
    CHECK(strlen(enl_signals_text(UINT64_MAX, again, sizeof again)) < sizeof again - 1);
    CHECK_EQ(enl_signals_parse("TERM,", &set), -EINVAL);
    CHECK_EQ(enl_signals_parse(",TERM", &set), -EINVAL);
    CHECK_EQ(enl_signals_parse("TERM INT", &set), -EINVAL);
    CHECK_EQ(enl_signals_parse("TREM", &set), -EINVAL);
    CHECK_EQ(enl_signals_parse("TERM", NULL), -EINVAL);
}

TEST(blocked_signal_is_pending_until_it_is_unblocked)
{
    enl_signals before, blocked;

    if (test_delays_signals())
        SKIP("the sanitizer lets some blocked signals through");
    CHECK_OK(enl_disposition_set(SIGUSR1, &(struct enl_disposition){.reaction = ENL_SIGNAL_COUNT},
                                 NULL));
    CHECK_OK(enl_signal_block("USR1,USR2", &before));
    CHECK_EQ(before & (ENL_SIGNAL(SIGUSR1) | ENL_SIGNAL(SIGUSR2)), 0);
    CHECK_EQ(enl_signal_pending(), 0);
    for (int i = 0; i < 3; i++)
        CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_SELF, 0));
    CHECK_EQ(enl_signal_pending(), ENL_SIGNAL(SIGUSR1));
    CHECK_EQ(enl_signal_count(SIGUSR1), 0);
    CHECK_OK(enl_signal_unblock("USR2", &blocked));
    CHECK_EQ(blocked, before | ENL_SIGNAL(SIGUSR1) | ENL_SIGNAL(SIGUSR2));
    CHECK_EQ(enl_signal_pending(), ENL_SIGNAL(SIGUSR1));
    CHECK_OK(enl_signal_mask(before));
    CHECK_EQ(enl_signal_pending(), 0);
    CHECK_EQ(enl_signal_count(SIGUSR1), 1); /* the three were one */
    CHECK_EQ(enl_signal_block("KILL", NULL), -EINVAL);
    CHECK_EQ(enl_signal_unblock("TERM,STOP", NULL), -EINVAL);
    CHECK_EQ(enl_signal_block("TREM", NULL), -EINVAL);
    CHECK_OK(enl_signal_block("all", NULL));
    CHECK_OK(enl_signal_block(NULL, &blocked));
    CHECK(blocked & ENL_SIGNAL(SIGTERM));
    CHECK(test_is_emulated() || (blocked & ENL_SIGNAL(SIGRTMAX)) != 0);
    CHECK_OK(enl_signal_mask(before));
}

static void send_value_later(void *argument)
{
    (void)usleep(20000);
    CHECK_OK(enl_signal_send_value(SIGRTMIN + 2, ENL_TO_PROCESS, *(pid_t *)argument, -7));
}

TEST(wait_takes_one_with_its_value_or_ends_at_the_deadline)
{
    struct enl_signal_info info;
    pid_t self = getpid(), pid;

    if (test_is_emulated())
        SKIP("the emulator gives real-time signals numbers of its own");
    CHECK_EQ(enl_signal_wait("RTMIN+2", ENL_NOW, &info), -EINVAL); /* not blocked */
    CHECK_CONTAINS(enl_error_text(), "RTMIN+2 is not blocked");
    CHECK_OK(enl_signal_block("RTMIN+2,USR1", NULL));
    CHECK_EQ(enl_signal_wait("RTMIN+2", ENL_NOW, &info), -EAGAIN);
    CHECK_EQ(enl_signal_wait("RTMIN+2", enl_in_ms(20), &info), -ETIMEDOUT);
    pid = test_child(send_value_later, &self);
    CHECK_EQ(enl_signal_wait("USR1,RTMIN+2", test_until(), &info), SIGRTMIN + 2);
    CHECK_EQ(info.number, SIGRTMIN + 2);
    CHECK_EQ(info.value, -7);
    CHECK_EQ(info.pid, pid);
    CHECK_EQ(info.uid, getuid());
    test_join(pid);
    CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_SELF, 0));
    CHECK_EQ(enl_signal_wait("USR1", ENL_FOREVER, NULL), SIGUSR1);
    CHECK_EQ(enl_signal_wait("", ENL_NOW, NULL), -EINVAL);
    CHECK_EQ(enl_signal_wait("KILL", ENL_NOW, NULL), -EINVAL);
}

TEST(ordinary_signals_merge_and_real_time_ones_queue)
{
    struct enl_signal_info info;

    if (test_is_emulated())
        SKIP("the emulator gives real-time signals numbers of its own");
    if (test_delays_signals())
        SKIP("the sanitizer lets some blocked signals through");
    CHECK_OK(enl_signal_block("USR1,RTMIN", NULL));
    for (int i = 1; i <= 3; i++) {
        CHECK_OK(enl_signal_send_value(SIGUSR1, ENL_TO_SELF, 0, i));
        CHECK_OK(enl_signal_send_value(SIGRTMIN, ENL_TO_SELF, 0, i));
    }
    CHECK_EQ(enl_signal_wait("USR1,RTMIN", ENL_NOW, &info), SIGUSR1);
    CHECK_EQ(info.value, 1);
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(enl_signal_wait("USR1,RTMIN", ENL_NOW, &info), SIGRTMIN);
        CHECK_EQ(info.value, i);
    }
    CHECK_EQ(enl_signal_wait("USR1,RTMIN", ENL_NOW, &info), -EAGAIN);
}

static void keep_signalling(void *argument)
{
    for (int i = 0; i < 20; i++) {
        CHECK_OK(enl_signal_send(SIGUSR2, ENL_TO_PROCESS, *(pid_t *)argument));
        (void)usleep(2000);
    }
    CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_PROCESS, *(pid_t *)argument));
}

TEST(handler_of_another_signal_does_not_end_a_wait)
{
    pid_t self = getpid(), pid;

    CHECK_OK(enl_disposition_set(SIGUSR2, &(struct enl_disposition){.reaction = ENL_SIGNAL_COUNT},
                                 NULL));
    CHECK_OK(enl_signal_block("USR1", NULL));
    pid = test_child(keep_signalling, &self);
    CHECK_EQ(enl_signal_wait("USR1", test_until(), NULL), SIGUSR1);
    while (enl_signal_count(SIGUSR2) == 0) /* under a sanitizer handlers run late */
        (void)usleep(1000);
    test_join(pid);
}

/* ---- whom it reaches ----------------------------------------------------------------------------------- */

struct waiter {
    atomic_int thread;
    atomic_int result;
};

static void *wait_for_one(void *argument)
{
    struct waiter *w = argument;

    atomic_store(&w->thread, (int)syscall(SYS_gettid));
    atomic_store(&w->result, enl_signal_wait("USR1", test_until(), NULL));
    return NULL;
}

TEST(signal_to_a_thread_is_that_threads)
{
    struct waiter waiters[2] = {0};
    pthread_t threads[2];

    CHECK_OK(enl_signal_block("USR1", NULL));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_for_one, &waiters[i]), 0);
        while (atomic_load(&waiters[i].thread) == 0)
            (void)usleep(1000);
    }
    for (int i = 1; i >= 0; i--) {
        CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_THREAD, atomic_load(&waiters[i].thread)));
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(atomic_load(&waiters[i].result), SIGUSR1);
        CHECK_EQ(atomic_load(&waiters[0].result), i == 0 ? SIGUSR1 : 0);
    }
    CHECK_OK(enl_signal_send_value(SIGUSR1, ENL_TO_THREAD, 0, 5)); /* this one */
    CHECK_EQ(enl_signal_wait("USR1", ENL_NOW, NULL), SIGUSR1);
    CHECK_EQ(enl_signal_send(SIGUSR1, ENL_TO_THREAD, 1), -ESRCH); /* not of this process */
}

struct group {
    struct test_gate *ready;
    pid_t group;
};

static void join_group(void *argument)
{
    struct group *g = argument;

    CHECK_EQ(setpgid(0, g->group), 0);
    CHECK_OK(enl_signal_block("USR1", NULL));
    test_gate_open(g->ready);
    CHECK_EQ(enl_signal_wait("USR1", test_until(), NULL), SIGUSR1);
}

TEST(signal_to_a_group_reaches_all_of_it_and_nobody_else)
{
    struct group g = {.ready = test_gate_new()};
    pid_t members[3];

    CHECK_OK(enl_signal_block("USR1", NULL));
    for (unsigned i = 0; i < 3; i++) {
        members[i] = test_child(join_group, &g);
        test_gate_wait_times(g.ready, i + 1);
        g.group = members[0];
    }
    CHECK_OK(enl_signal_send(0, ENL_TO_GROUP, g.group));
    CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_GROUP, g.group));
    for (int i = 0; i < 3; i++)
        test_join(members[i]);
    CHECK_EQ(enl_signal_pending(), 0);
    CHECK_EQ(enl_signal_send(SIGUSR1, ENL_TO_GROUP, g.group), -ESRCH);
    CHECK_EQ(enl_signal_send_value(SIGUSR1, ENL_TO_GROUP, g.group, 1), -ENOTSUP);
    g.group = 0;
    members[0] = test_child(join_group, &g); /* a group of its own; this process has another one */
    test_gate_wait_times(g.ready, 4);
    CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_GROUP, 0));
    CHECK_EQ(enl_signal_wait("USR1", ENL_NOW, NULL), SIGUSR1);
    test_kill(members[0]);
}

TEST(nobody_is_signalled_by_a_number_that_means_all)
{
    CHECK_EQ(enl_signal_send(0, ENL_TO_PROCESS, -1), -EINVAL);
    CHECK_EQ(enl_signal_send(0, ENL_TO_PROCESS, 0), -EINVAL);
    CHECK_EQ(enl_signal_send(0, ENL_TO_GROUP, 1), -EINVAL);
    CHECK_EQ(enl_signal_send(0, ENL_TO_GROUP, -5), -EINVAL);
    CHECK_EQ(enl_signal_send(0, ENL_TO_SELF, 5), -EINVAL);
    CHECK_EQ(enl_signal_send(0, ENL_TO_THREAD, -1), -EINVAL);
    CHECK_EQ(enl_signal_send(0, (enum enl_receiver)7, 0), -EINVAL);
    CHECK_EQ(enl_signal_send(65, ENL_TO_SELF, 0), -EINVAL);
    CHECK_EQ(enl_signal_send(-1, ENL_TO_SELF, 0), -EINVAL);
    CHECK_OK(enl_signal_send(0, ENL_TO_SELF, 0));
}

static void signal_another_user(void *argument)
{
    CHECK_EQ(enl_signal_send(SIGUSR1, ENL_TO_PROCESS, *(pid_t *)argument), -EPERM);
}

static void fill_the_queue(void *argument)
{
    int result;

    (void)argument;
    CHECK_OK(enl_signal_block("RTMIN,USR1", NULL));
    CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){4, 4}), 0);
    for (int i = 0; (result = enl_signal_send_value(SIGRTMIN, ENL_TO_SELF, 0, i)) == 0; i++)
        CHECK(i < 5);
    CHECK_EQ(result, -EAGAIN);
    CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_SELF, 0));
    while (enl_signal_wait("RTMIN,USR1", ENL_NOW, NULL) > 0)
        continue;
}

TEST(refusals_of_the_kernel_are_told)
{
    pid_t self = getpid();

    if (test_is_emulated())
        SKIP("the emulator gives real-time signals numbers of its own");
    if (test_is_root())
        test_as_user(signal_another_user, &self);
    test_join(test_child(fill_the_queue, NULL));
}
