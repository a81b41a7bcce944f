/* SPDX-License-Identifier: MIT */
/* What only channels do: ends that belong to their first user, terms, peers that stop, other users. */
#include "link/link.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct pair {
    struct enl_link *ends[2];
    struct test_gate *gate;
};

static void meet(struct pair *p, const char *address)
{
    test_explain = enl_error_text;
    CHECK_OK(enl_pair(address, p->ends));
    p->gate = test_gate_new();
}

static void part(struct pair *p)
{
    enl_close(p->ends[0]);
    enl_close(p->ends[1]);
}

static void send_number(struct enl_link *l, uint32_t number)
{
    CHECK_EQ(enl_send(l, &number, sizeof number, test_until()), sizeof number);
}

static void receive_number(struct enl_link *l, uint32_t number)
{
    uint32_t got;

    CHECK_EQ(enl_receive(l, &got, sizeof got, test_until()), sizeof got);
    CHECK_EQ(got, number);
}

/* ---- whose an end is --------------------------------------------------------------------------------------- */

static void be_refused(void *argument)
{
    struct pair *p = argument;
    struct enl_message m;
    uint32_t number = 1;

    CHECK_EQ(enl_receive(p->ends[1], &number, sizeof number, ENL_NOW), -EBADF);
    CHECK_EQ(enl_take(p->ends[1], NULL, ENL_NOW, &m), -EBADF);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(enl_send(p->ends[i], &number, sizeof number, ENL_NOW), -EBADF);
        CHECK_EQ(enl_loan(p->ends[i], 4, ENL_NOW, &m), -EBADF);
        CHECK_EQ(enl_link_fd(p->ends[i]), -EBADF);
        CHECK_EQ(enl_link_events(p->ends[i]), 0);
        CHECK_CONTAINS(enl_error_text(), "forked");
    }
    part(p);
}

TEST(channel_refuses_a_forked_child_without_harm)
{
    struct enl_message loan, taken;
    struct pair p;

    if (test_is_emulated())
        SKIP("the emulator does not wipe memory at a fork");
    meet(&p, "channel:");
    send_number(p.ends[0], 1);
    receive_number(p.ends[1], 1);
    send_number(p.ends[1], 2);
    CHECK_OK(enl_loan(p.ends[0], 4, ENL_NOW, &loan));
    memcpy(loan.data, &(uint32_t){3}, 4);
    CHECK_EQ(enl_take(p.ends[0], NULL, test_until(), &taken), 4);
    test_join(test_child(be_refused, &p));
    CHECK_EQ(*(uint32_t *)taken.data, 2);
    CHECK_OK(enl_release(&taken));
    CHECK_OK(enl_commit(&loan));
    receive_number(p.ends[1], 3);
    for (uint32_t i = 0; i < 10000; i++) {
        send_number(p.ends[1], i);
        receive_number(p.ends[0], i);
    }
    part(&p);
}

struct asker {
    struct enl_link *link;
    atomic_bool stops;
};

static void *ask_always(void *argument)
{
    struct asker *a = argument;

    while (!atomic_load(&a->stops))
        (void)enl_link_events(a->link);
    return NULL;
}

static void be_refused_at_once(void *argument)
{
    CHECK_EQ(enl_send(argument, "", 0, ENL_NOW), -EBADF);
}

TEST(channel_refuses_a_forked_child_whatever_its_threads_were_at)
{
    struct asker a;
    pthread_t thread;
    struct pair p;

    if (test_is_emulated())
        SKIP("the emulator does not wipe memory at a fork");
    meet(&p, "channel:");
    send_number(p.ends[0], 1);
    receive_number(p.ends[1], 1);
    a.link = p.ends[0];
    atomic_init(&a.stops, false);
    CHECK_EQ(pthread_create(&thread, NULL, ask_always, &a), 0);
    for (int i = 0; i < 50 && test_has_time(); i++)
        test_join(test_child(be_refused_at_once, p.ends[0]));
    atomic_store(&a.stops, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    part(&p);
}

static void use_and_wait(void *argument)
{
    struct pair *p = argument;

    send_number(p->ends[0], 1);
    test_gate_open(p->gate);
    receive_number(p->ends[0], 2);
    part(p);
}

TEST(channel_belongs_to_its_first_user)
{
    struct pair p;
    uint32_t number = 0;
    pid_t child;

    meet(&p, "channel:");
    child = test_child(use_and_wait, &p);
    test_gate_wait(p.gate);
    CHECK_EQ(enl_send(p.ends[0], &number, sizeof number, ENL_NOW), -EBUSY);
    CHECK_EQ(enl_receive(p.ends[0], &number, sizeof number, ENL_NOW), -EBUSY);
    CHECK_CONTAINS(enl_error_text(), "another process");
    enl_close(p.ends[0]);
    receive_number(p.ends[1], 1);
    send_number(p.ends[1], 2);
    test_join(child);
    CHECK_EQ(enl_receive(p.ends[1], &number, sizeof number, test_until()), -ESHUTDOWN);
    enl_close(p.ends[1]);
}

static void use_given(void *argument)
{
    struct enl_link *l;

    CHECK_OK(enl_open(argument, ENL_READ | ENL_WRITE, &l));
    CHECK_EQ(enl_link_caps(l)->largest_message, 5000);
    send_number(l, 7);
    receive_number(l, 8);
    enl_close(l);
}

TEST(channel_end_is_given_by_its_descriptor)
{
    char address[64];
    struct pair p;
    pid_t child;
    int fd;

    meet(&p, "channel:?message=5000");
    CHECK_OK(link_give(p.ends[0], 0, address, sizeof address, &fd));
    (void)snprintf(address, sizeof address, "fd:%d", fd);
    child = test_child(use_given, address);
    receive_number(p.ends[1], 7);
    CHECK_EQ(link_give(p.ends[1], 0, address, sizeof address, &fd), -EBUSY);
    send_number(p.ends[1], 8);
    test_join(child);
    part(&p);
}

/* ---- meeting ----------------------------------------------------------------------------------------------- */

static void meet_by_name(const char *listens, const char *opens, struct enl_link *ret_links[2])
{
    struct enl_link *listener;

    test_explain = enl_error_text;
    CHECK_OK(enl_listen(listens, &listener));
    CHECK_OK(enl_open(opens, ENL_READ | ENL_WRITE, &ret_links[0]));
    CHECK_OK(enl_accept(listener, test_until(), &ret_links[1]));
    enl_close(listener);
}

TEST(channel_terms_that_differ_are_told_at_both_ends)
{
    static const struct {
        const char *listens, *opens, *told;
    } all[] = {
        {"channel:a?message=1000", "channel:a?message=2000", "message=2000"},
        {"channel:a", "channel:a?depth=50", "depth=50"},
        {"channel:a?fds=2", "channel:a", "fds=2"},
    };
    struct enl_link *links[2];
    uint32_t number = 0;

    for (size_t i = 0; i < 3; i++) {
        meet_by_name(all[i].listens, all[i].opens, links);
        send_number(links[0], 1); /* nobody has said anything yet */
        for (int n = 0; n < 2; n++) {
            CHECK_EQ(enl_receive(links[1 - n], &number, sizeof number, test_until()), -EPROTO);
            CHECK_CONTAINS(enl_error_text(), all[i].told);
            CHECK_EQ(enl_send(links[1 - n], &number, sizeof number, test_until()), -EPROTO);
            CHECK_EQ(enl_link_events(links[1 - n]) & ENL_GONE, ENL_GONE);
        }
        enl_close(links[0]);
        enl_close(links[1]);
    }
}

TEST(channel_of_different_wait_modes_is_one)
{
    struct enl_link *links[2];

    meet_by_name("channel:a?wait=sleep", "channel:a?wait=spin", links);
    send_number(links[0], 1);
    receive_number(links[1], 1);
    send_number(links[1], 2);
    receive_number(links[0], 2);
    enl_close(links[0]);
    enl_close(links[1]);
}

TEST(channel_spins_under_deadlines_and_interrupts)
{
    struct pair p;
    uint32_t number = 0;

    meet(&p, "channel:?wait=spin");
    send_number(p.ends[0], 1);
    receive_number(p.ends[1], 1);
    send_number(p.ends[1], 2);
    receive_number(p.ends[0], 2);
    CHECK_EQ(enl_receive(p.ends[0], &number, sizeof number, enl_in_ms(5)), -ETIMEDOUT);
    CHECK_EQ(enl_interrupt(p.ends[0]), 0);
    CHECK_EQ(enl_receive(p.ends[0], &number, sizeof number, ENL_FOREVER), -ECANCELED);
    enl_interrupt_clear(p.ends[0]);
    enl_close(p.ends[1]);
    CHECK_EQ(enl_receive(p.ends[0], &number, sizeof number, ENL_FOREVER), -ESHUTDOWN);
    enl_close(p.ends[0]);
}

TEST(channel_ring_too_large_is_refused_by_its_options)
{
    struct enl_link *ends[2];

    CHECK_EQ(enl_pair("channel:?message=256M&depth=100", ends), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "depth=100");
}

static void ping_pong_as_user(void *argument)
{
    struct enl_link *l;

    CHECK_OK(enl_open(argument, ENL_READ | ENL_WRITE, &l));
    for (uint32_t i = 0; i < 300; i++) {
        send_number(l, i);
        receive_number(l, i);
    }
    enl_close(l);
}

/* Between users the bell is a byte on the socket. */
TEST(channel_wakes_another_user)
{
    char address[300];
    struct enl_link *listener, *l;
    uint32_t number;
    pid_t child;

    if (!test_is_root())
        SKIP("only root can be two users");
    test_explain = enl_error_text;
    (void)snprintf(address, sizeof address, "channel:%s/a?mode=0666&wait=sleep", test_dir());
    CHECK_OK(enl_listen(address, &listener));
    child = test_child_as_user(ping_pong_as_user, address);
    CHECK_OK(enl_accept(listener, test_until(), &l));
    for (uint32_t i = 0; i < 300; i++) {
        receive_number(l, i);
        send_number(l, i);
    }
    CHECK_EQ(enl_receive(l, &number, sizeof number, test_until()), -ESHUTDOWN);
    enl_close(l);
    enl_close(listener);
    test_join(child);
}

/* ---- room ------------------------------------------------------------------------------------------------- */

#define ONE_AT_A_TIME "channel:?message=40000&depth=1&wait=sleep"
#define LARGE 40000

static void pause_ms(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void loan_large(struct pair *p, struct enl_message *ret_loan)
{
    CHECK_OK(enl_loan(p->ends[0], LARGE, test_until(), ret_loan));
}

/* Of a large loan little is used; then another one has to wait for what was not. */
static void send_little_of_much(struct pair *p)
{
    struct enl_message loan;

    receive_number(p->ends[0], 0);
    for (uint32_t i = 1; i <= 3; i++) {
        loan_large(p, &loan);
        memcpy(loan.data, &i, sizeof i);
        loan.size = sizeof i;
        CHECK_OK(enl_commit(&loan));
    }
}

static void receive_three(void *argument)
{
    struct pair *p = argument;

    send_number(p->ends[1], 0);
    for (uint32_t i = 1; i <= 3; i++) {
        pause_ms(20); /* the sender sleeps */
        receive_number(p->ends[1], i);
    }
    part(p);
}

TEST(channel_gives_back_what_a_loan_did_not_need)
{
    struct pair p;
    pid_t child;

    meet(&p, ONE_AT_A_TIME);
    child = test_child(receive_three, &p);
    send_little_of_much(&p);
    test_join(child);
    part(&p);
}

static void receive_two_and_stay(void *argument)
{
    struct pair *p = argument;
    static char large[LARGE];

    send_number(p->ends[1], 0);
    receive_number(p->ends[1], 1);
    pause_ms(20); /* the sender has looked, and sleeps again */
    CHECK_EQ(enl_receive(p->ends[1], large, sizeof large, test_until()), sizeof large);
    test_gate_wait(p->gate);
    part(p);
}

/* What was committed out of turn lies where it was loaned until it is read. */
TEST(channel_gives_back_a_loan_that_was_overtaken)
{
    struct enl_message loan;
    struct pair p;
    pid_t child;

    meet(&p, ONE_AT_A_TIME);
    child = test_child(receive_two_and_stay, &p);
    receive_number(p.ends[0], 0);
    loan_large(&p, &loan);
    send_number(p.ends[0], 1);
    CHECK_OK(enl_commit(&loan));
    loan_large(&p, &loan);
    enl_cancel(&loan);
    test_gate_open(p.gate);
    test_join(child);
    part(&p);
}

/* ---- peers that stop and die ------------------------------------------------------------------------------- */

static void receive_for_ever(void *argument)
{
    struct pair *p = argument;
    uint32_t number;

    enl_close(p->ends[1]);
    test_gate_open(p->gate);
    while (enl_receive(p->ends[0], &number, sizeof number, ENL_FOREVER) >= 0)
        ;
    enl_close(p->ends[0]);
}

TEST(channel_peer_that_is_stopped_goes_on_later)
{
    struct pair p;
    uint32_t number = 0;
    ssize_t sent;
    pid_t child;

    meet(&p, "channel:");
    child = test_child(receive_for_ever, &p);
    enl_close(p.ends[0]);
    test_gate_wait(p.gate);
    send_number(p.ends[1], 0);
    CHECK_EQ(kill(child, SIGSTOP), 0);
    do
        sent = enl_send(p.ends[1], &number, sizeof number, enl_in_ms(30));
    while (sent >= 0);
    CHECK_EQ(sent, -ETIMEDOUT);
    CHECK_EQ(enl_receive(p.ends[1], &number, sizeof number, enl_in_ms(1)), -ETIMEDOUT);
    CHECK_EQ(kill(child, SIGCONT), 0);
    CHECK_OK(enl_drain(p.ends[1], test_until()));
    CHECK_EQ(kill(child, SIGSTOP), 0);
    test_kill(child);
    CHECK_EQ(enl_receive(p.ends[1], &number, sizeof number, test_until()), -ECONNRESET);
    enl_close(p.ends[1]);
}

static void leave_an_heir(void *argument)
{
    struct pair *p = argument;

    enl_close(p->ends[1]);
    send_number(p->ends[0], 1);
    if (fork() == 0) {
        /* holds every descriptor of its parent, until the test has seen its end */
        test_gate_wait(p->gate);
        _exit(0);
    }
    for (;;)
        (void)pause();
}

TEST(channel_tells_a_death_though_a_forked_child_lives)
{
    struct pair p;
    uint32_t number = 0;
    pid_t child;

    meet(&p, "channel:");
    child = test_child(leave_an_heir, &p);
    enl_close(p.ends[0]);
    receive_number(p.ends[1], 1);
    test_kill(child);
    CHECK_EQ(enl_receive(p.ends[1], &number, sizeof number, test_until()), -ECONNRESET);
    CHECK_EQ(enl_link_events(p.ends[1]) & ENL_GONE, ENL_GONE);
    CHECK_EQ(enl_send(p.ends[1], &number, sizeof number, test_until()), -EPIPE);
    test_gate_open(p.gate);
    enl_close(p.ends[1]);
}

/* ---- what it costs ----------------------------------------------------------------------------------------- */

/* How often a process's first thread has left its CPU, and whether it sleeps. The clock of its CPU time would
 * not do: the thread sanitizer has a thread of its own, which works ten times a second. */
static long switches_of(pid_t pid, bool *ret_sleeps)
{
    char path[64], line[128], state = 0;
    long voluntary = -1, forced = -1;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, (int)pid);
    file = fopen(path, "re");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "State: %c", &state);
        (void)sscanf(line, "voluntary_ctxt_switches: %ld", &voluntary);
        (void)sscanf(line, "nonvoluntary_ctxt_switches: %ld", &forced);
    }
    (void)fclose(file);
    CHECK(voluntary >= 0);
    CHECK(forced >= 0);
    *ret_sleeps = state == 'S';
    return voluntary + forced;
}

static void use_and_die(void *argument)
{
    struct pair *p = argument;

    send_number(p->ends[1], 1);
    test_gate_wait(p->gate);
    (void)raise(SIGKILL);
}

/* How many calls an event loop makes until one of them says that the peer is dead. */
static int find_death(struct enl_link *l, bool sends)
{
    uint32_t number = 0;
    int calls = 0, result;

    do {
        struct pollfd p = {.fd = enl_link_fd(l), .events = POLLIN};

        CHECK_EQ(poll(&p, 1, 10000), 1);
        result = (int)(sends ? enl_send(l, &number, sizeof number, ENL_NOW)
                             : enl_receive(l, &number, sizeof number, ENL_NOW));
    } while (result == -EAGAIN && ++calls < 10);
    return result;
}

TEST(channel_event_loop_that_asks_nothing_hears_of_a_death)
{
    for (int sends = 0; sends < 2; sends++) {
        uint32_t number = 0;
        struct pair p;
        pid_t child;

        meet(&p, "channel:");
        child = test_child(use_and_die, &p);
        receive_number(p.ends[0], 1);
        while (sends == 1 && enl_send(p.ends[0], &number, sizeof number, ENL_NOW) > 0)
            continue;
        CHECK(enl_link_fd(p.ends[0]) >= 0);
        CHECK_OK(enl_link_want(p.ends[0], sends == 1 ? ENL_WRITABLE : ENL_READABLE));
        enl_close(p.ends[1]);
        test_gate_open(p.gate);
        CHECK_EQ(find_death(p.ends[0], sends == 1), sends == 1 ? -EPIPE : -ECONNRESET);
        test_join_killed(child, SIGKILL);
        enl_close(p.ends[0]);
    }
}

/* Neither sleeps, nor asks for events. */
TEST(channel_calls_that_never_wait_hear_of_a_death)
{
    for (int sends = 0; sends < 2; sends++) {
        uint32_t number = 0;
        int calls = 0;
        ssize_t result;
        struct pair p;
        pid_t child;

        meet(&p, "channel:");
        child = test_child(use_and_die, &p);
        receive_number(p.ends[0], 1);
        enl_close(p.ends[1]);
        test_gate_open(p.gate);
        test_join_killed(child, SIGKILL);
        do
            result = sends == 1 ? enl_send(p.ends[0], &number, sizeof number, ENL_NOW)
                                : enl_receive(p.ends[0], &number, sizeof number, ENL_NOW);
        while ((result > 0 || result == -EAGAIN) && ++calls < 20000);
        CHECK_EQ(result, sends == 1 ? -EPIPE : -ECONNRESET);
        enl_close(p.ends[0]);
    }
}

TEST(channel_that_is_idle_costs_no_cpu)
{
    const struct timespec moment = {.tv_nsec = 100000000};
    bool slept, sleeps = false;
    long before, after = 0;
    struct pair p;
    pid_t child;

    meet(&p, "channel:");
    child = test_child(receive_for_ever, &p);
    enl_close(p.ends[0]);
    test_gate_wait(p.gate);
    for (uint32_t i = 0; i < 1000; i++)
        send_number(p.ends[1], i);
    CHECK_OK(enl_drain(p.ends[1], test_until()));
    do { /* sooner or later it sleeps through a tenth of a second */
        before = after;
        slept = sleeps;
        (void)nanosleep(&moment, NULL);
        after = switches_of(child, &sleeps);
        CHECK(enl_in_ms(1) < test_until());
    } while (!slept || !sleeps || after != before);
    enl_close(p.ends[1]);
    test_join(child);
}
