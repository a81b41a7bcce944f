/* SPDX-License-Identifier: MIT */
/* How few system calls a million messages take. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* A turn fits into the ring: who sends it need not wait. */
enum {
    TURN = 16000,
    TURNS = 63,
    MILLION = TURN * TURNS,
    CALLS_MOST = 1000,
    CALLS_BESIDE_OTHERS = MILLION / 100,
    GOOD_TRIES = 3,
    TRIES = 20
};

struct pair {
    struct enl_link *ends[2];
    struct test_gate *filled, *emptied;
};

static void meet(struct pair *p)
{
    test_explain = enl_error_text;
    CHECK_OK(enl_pair("channel:?message=64&depth=16384", p->ends));
    p->filled = test_gate_new();
    p->emptied = test_gate_new();
}

static void part(struct pair *p)
{
    enl_close(p->ends[0]);
    enl_close(p->ends[1]);
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static void send_some(struct pair *p, unsigned count)
{
    unsigned char message[64] = {0};

    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(enl_send(p->ends[1], message, sizeof message, ENL_FOREVER), sizeof message);
}

static void receive_some(struct pair *p, unsigned count)
{
    unsigned char message[64];

    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(enl_receive(p->ends[0], message, sizeof message, ENL_FOREVER), sizeof message);
}

static void send_million(struct pair *p)
{
    pin(0);
    enl_close(p->ends[0]);
    send_some(p, MILLION);
    enl_close(p->ends[1]);
}

static void receive_million(struct pair *p)
{
    pin(1);
    enl_close(p->ends[1]);
    receive_some(p, MILLION);
    enl_close(p->ends[0]);
}

/* Until its peer has come a sender looks for it with each message. */
static void send_in_turns(struct pair *p)
{
    char answer;

    enl_close(p->ends[0]);
    send_some(p, 1);
    CHECK_EQ(enl_receive(p->ends[1], &answer, 1, ENL_FOREVER), 1);
    for (unsigned turn = 1; turn <= TURNS; turn++) {
        send_some(p, TURN);
        test_gate_open(p->filled);
        test_gate_wait_times(p->emptied, turn);
    }
    enl_close(p->ends[1]);
}

static void receive_in_turns(struct pair *p)
{
    enl_close(p->ends[1]);
    receive_some(p, 1);
    CHECK_EQ(enl_send(p->ends[0], "!", 1, ENL_FOREVER), 1);
    for (unsigned turn = 1; turn <= TURNS; turn++) {
        test_gate_wait_times(p->filled, turn);
        receive_some(p, TURN);
        test_gate_open(p->emptied);
    }
    enl_close(p->ends[0]);
}

/* A process of the test that stops before each of its system calls. */
static pid_t start_traced(struct pair *p, void (*run)(struct pair *p))
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        (void)raise(SIGSTOP);
        run(p);
        _exit(0);
    }
    return child;
}

/* How many calls the two make until both have ended. */
static unsigned count_calls(unsigned processes)
{
    unsigned stops = 0;
    int status;

    while (processes > 0) {
        pid_t child = waitpid(-1, &status, __WALL);

        CHECK(child > 0);
        if (WIFSTOPPED(status)) {
            stops += WSTOPSIG(status) == SIGTRAP;
            (void)ptrace(PTRACE_SYSCALL, child, NULL, NULL);
            continue;
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            SKIP("this machine lets nobody be traced");
        CHECK_EQ(status, 0);
        processes--;
    }
    return stops / 2;
}

static unsigned calls_of(void (*send)(struct pair *p), void (*receive)(struct pair *p))
{
    struct pair p;
    unsigned calls;

    meet(&p);
    (void)start_traced(&p, receive);
    (void)start_traced(&p, send);
    calls = count_calls(2);
    part(&p);
    return calls;
}

/* Whoever else uses the CPUs: nobody waits for a message here, only for a turn, which is four calls. */
TEST(channel_carries_a_million_messages_in_turns_with_few_calls, .deadline_s = 100)
{
    unsigned calls;

    if (test_is_emulated())
        SKIP("an emulator makes calls of its own");
    calls = calls_of(send_in_turns, receive_in_turns);
    CHECK(calls >= 2 * TURNS); /* it counts */
    if (calls >= CALLS_MOST)
        FAIL("%u calls for a million messages", calls);
}

/* At once, on a CPU each: the ring is turned around by sleeping now and then, and one undisturbed time is enough. Where
 * others always use these CPUs the two wait for each other at every change, which is a few calls; never is it one for
 * each few messages. */
TEST(channel_carries_a_million_messages_with_few_calls, .deadline_s = 200)
{
    cpu_set_t cpus;
    unsigned least = ~0u;

    if (test_is_emulated())
        SKIP("an emulator makes calls of its own");
    CHECK_EQ(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    if (!CPU_ISSET(0, &cpus) || !CPU_ISSET(1, &cpus))
        SKIP("one CPU: each turn is a call");
    for (unsigned i = 0; i < TRIES && test_has_time(); i++) {
        unsigned calls = calls_of(send_million, receive_million);

        least = calls < least ? calls : least;
        if (least < (i < GOOD_TRIES ? CALLS_MOST : CALLS_BESIDE_OTHERS))
            break;
    }
    CHECK(least > 20); /* it counts */
    if (least >= CALLS_BESIDE_OTHERS)
        FAIL("%u calls for a million messages", least);
}
