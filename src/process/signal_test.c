/* SPDX-License-Identifier: MIT */
/* The table of signals beside what the kernel does with each, and alarms. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static int raise_it(void *argument)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)signal(*(int *)argument, SIG_DFL);
    (void)raise(*(int *)argument);
    return 0;
}

/* Each signal is sent to a child, which shows the default action itself. */
TEST(action_of_each_signal_is_what_the_kernel_does)
{
    int count = 0;

    if (test_is_emulated())
        SKIP("the emulator handles some signals itself");
    for (int number = 1; number <= 64; number++) {
        struct enl_signal_kind s;
        struct enl_status status;
        struct enl_child *c;

        if (enl_signal_describe(number, &s) != 0)
            continue;
        /* in a group of its own, for the kernel does not let a terminal stop one without a parent beside it */
        CHECK_OK(enl_fork(
            &(struct enl_fork){.run = raise_it, .argument = &number, .flags = ENL_SPAWN_GROUP},
            &c));
        CHECK_OK(enl_child_wait_change(c, test_until(), &status));
        if (s.action == ENL_ACTION_STOP) {
            CHECK_EQ(status.change, ENL_STOPPED);
            CHECK_OK(enl_child_end(c, ENL_CHILD_ALONE, ENL_NOW, NULL));
        } else if (s.action == ENL_ACTION_END || s.action == ENL_ACTION_CORE) {
            CHECK_EQ(status.number, number);
            CHECK(status.change == ENL_KILLED ||
                  (status.change == ENL_DUMPED && s.action == ENL_ACTION_CORE));
        } else {
            CHECK_EQ(status.change, ENL_EXITED);
        }
        enl_child_close(c);
        count++;
    }
    CHECK(count >= 31 + 29);
}

static void ignore(int number)
{
    (void)number;
}

TEST(what_cannot_be_changed_is_kill_and_stop)
{
    for (int number = 1; number <= 64; number++) {
        struct sigaction old;
        struct enl_signal_kind s;
        bool changed;

        if (enl_signal_describe(number, &s) != 0)
            continue;
        changed = sigaction(number, &(struct sigaction){.sa_handler = ignore}, &old) == 0;
        CHECK_EQ(changed, s.can_change);
        if (changed)
            CHECK_EQ(sigaction(number, &old, NULL), 0);
    }
}

/* Sent twice while blocked, it is taken once, or, if it queues, twice. */
TEST(only_real_time_signals_queue)
{
    if (test_is_emulated())
        SKIP("the emulator gives real-time signals numbers of its own");
    if (test_delays_signals())
        SKIP("the sanitizer lets some blocked signals through");
    for (int number = 1; number <= 64; number++) {
        struct enl_signal_kind s;
        sigset_t set;
        int taken = 0;

        if (enl_signal_describe(number, &s) != 0 || !s.can_change || s.action == ENL_ACTION_STOP ||
            number == SIGCONT)
            continue;
        (void)sigemptyset(&set);
        (void)sigaddset(&set, number);
        CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
        CHECK_EQ(sigqueue(getpid(), number, (union sigval){.sival_int = 1}), 0);
        CHECK_EQ(sigqueue(getpid(), number, (union sigval){.sival_int = 2}), 0);
        while (sigtimedwait(&set, NULL, &(struct timespec){0}) == number)
            taken++;
        CHECK_EQ(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
        CHECK_EQ(taken, s.queues ? 2 : 1);
    }
}

TEST(signals_are_found_by_name)
{
    struct enl_signal_kind s;

    CHECK_EQ(enl_signal_number("TERM"), SIGTERM);
    CHECK_EQ(enl_signal_number("sigterm"), SIGTERM);
    CHECK_EQ(enl_signal_number("15"), 15);
    CHECK_EQ(enl_signal_number("RTMIN+1"), SIGRTMIN + 1);
    CHECK_EQ(enl_signal_number("TREM"), -EINVAL);
    CHECK_EQ(enl_signal_number(NULL), -EINVAL);
    CHECK_OK(enl_signal_describe(SIGTERM, &s));
    CHECK_STR(s.name, "TERM");
    CHECK_EQ(enl_signal_describe(0, &s), -EINVAL);
    CHECK_EQ(enl_signal_describe(-1, &s), -EINVAL);
    CHECK_EQ(enl_signal_describe(65, &s), -EINVAL);
    CHECK_EQ(enl_signal_describe(1, NULL), -EINVAL);
}

TEST(alarm_fires_at_its_time_and_then_at_each_interval)
{
    enl_deadline first = enl_in_ms(20);
    struct pollfd item = {.events = POLLIN};
    uint64_t count;

    CHECK_OK(enl_alarm(first, 10000000, &item.fd));
    if (read(item.fd, &count, sizeof count) < 0) {
        CHECK_EQ(errno, EAGAIN);
        CHECK_EQ(poll(&item, 1, 10000), 1);
        CHECK_EQ(read(item.fd, &count, sizeof count), 8);
    }
    CHECK(enl_in_ns(1) > first);
    CHECK(count >= 1);
    (void)usleep(50000); /* several fall together */
    CHECK_EQ(read(item.fd, &count, sizeof count), 8);
    CHECK(count >= 4);
    CHECK_EQ(close(item.fd), 0);
    CHECK_OK(enl_alarm(ENL_NOW, 0, &item.fd));
    CHECK_EQ(poll(&item, 1, 10000), 1);
    CHECK_EQ(read(item.fd, &count, sizeof count), 8);
    CHECK_EQ(count, 1);
    CHECK_EQ(poll(&item, 1, 20), 0);
    CHECK_EQ(close(item.fd), 0);
    CHECK_EQ(enl_alarm(ENL_FOREVER, 0, &item.fd), -EINVAL);
    CHECK_EQ(enl_alarm(ENL_NOW, -1, &item.fd), -EINVAL);
}
