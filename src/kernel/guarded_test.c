/* SPDX-License-Identifier: MIT */
/* Proof of guarded.c: no signal, at whatever moment, is slept through. */
#include "kernel/guarded.h"

#include "kernel/clock.h"
#include "runner/test.h"

#include <errno.h>
#include <signal.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define ROOM 64

static atomic_int raised;
static struct {
    long type;
    char bytes[ROOM];
} message;

static void on_alarm(int signal)
{
    (void)signal;
    atomic_store(&raised, 1);
}

static void need_guarded_calls(void)
{
    if (!guarded_possible())
        SKIP("no restartable sequences on this machine, kernel or C library");
    if (test_delays_signals())
        SKIP("the sanitizer runs handlers later");
}

static long receive(int id)
{
    return guarded_call(&raised, SYS_msgrcv, (const long[5]){id, (long)&message, ROOM, 0, 0});
}

static int make_queue(void)
{
    int id = msgget(IPC_PRIVATE, 0600);

    CHECK(id >= 0);
    return id;
}

TEST(a_guarded_call_gives_its_result)
{
    int id;

    need_guarded_calls();
    id = make_queue();
    message.type = 5;
    CHECK_EQ(guarded_call(&raised, SYS_msgsnd, (const long[5]){id, (long)&message, 3, 0, 0}), 0);
    message.type = 0;
    CHECK_EQ(receive(id), 3);
    CHECK_EQ(message.type, 5);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
    CHECK_EQ(receive(id), -EINVAL);
}

TEST(a_guarded_call_does_not_begin_when_the_flag_is_set)
{
    int id;

    need_guarded_calls();
    id = make_queue();
    atomic_store(&raised, 1);
    CHECK_EQ(receive(id), -EINTR);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}

/* One alarm a round, at any moment around the call's beginning. A lost one is a hang. */
static void sleep_through_alarms(int flags)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
    int64_t end_ns = clock_now_ns() + 1500000000;
    unsigned seed = (unsigned)end_ns;
    int id = make_queue();

    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    while (clock_now_ns() < end_ns) {
        struct itimerval timer = {.it_value = {.tv_usec = 1}};
        int64_t begin_ns = clock_now_ns();

        atomic_store(&raised, 0);
        seed = seed * 1664525u + 1013904223u;
        timer.it_value.tv_usec = 1 + (seed >> 29);
        CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
        while (clock_now_ns() - begin_ns < (seed >> 8) % 16384)
            continue;
        while (!atomic_load(&raised))
            CHECK_EQ(receive(id), -EINTR);
    }
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}

TEST(no_alarm_is_slept_through, .stress = true)
{
    need_guarded_calls();
    sleep_through_alarms(0);
}

TEST(no_alarm_whose_calls_restart_is_slept_through, .stress = true)
{
    need_guarded_calls();
    sleep_through_alarms(SA_RESTART);
}

/* Stopping and going on interrupts the sleep without a handler: the call goes on, or says so. */
static void stop_and_go_on(void *argument)
{
    int id = *(int *)argument;
    long result;

    do
        result = receive(id);
    while (result == -EINTR);
    CHECK_EQ(result, 2);
}

TEST(a_stopped_process_goes_on_waiting)
{
    int id;
    pid_t child;

    need_guarded_calls();
    id = make_queue();
    child = test_child(stop_and_go_on, &id);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(kill(child, SIGSTOP), 0);
        CHECK_EQ(kill(child, SIGCONT), 0);
    }
    message.type = 1;
    CHECK_EQ(msgsnd(id, &message, 2, 0), 0);
    test_join(child);
    CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}
