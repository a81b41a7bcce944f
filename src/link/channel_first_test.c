/* SPDX-License-Identifier: MIT */
/* Proof of channel_first.c: whose an end is, and what its peer hears if it was never used. */
#include "link/link.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct meeting {
    char address[200];
    struct enl_link *listener;
    struct enl_link *ends[2];
    struct test_gate *ready;
    struct test_gate *go;
};

static void init(struct meeting *m)
{
    test_explain = enl_error_text;
    *m = (struct meeting){.ready = test_gate_new(), .go = test_gate_new()};
}

static void listen_there(struct meeting *m)
{
    init(m);
    (void)snprintf(m->address, sizeof m->address, "channel:%s", test_temp_path("first"));
    CHECK_OK(enl_listen(m->address, &m->listener));
}

static void accept_there(struct meeting *m)
{
    CHECK_OK(enl_accept(m->listener, test_until(), &m->ends[1]));
}

static void open_there(struct meeting *m)
{
    CHECK_OK(enl_open(m->address, ENL_READ | ENL_WRITE, &m->ends[0]));
}

static void make_pair(struct meeting *m)
{
    init(m);
    CHECK_OK(enl_pair("channel:", m->ends));
}

/* What a receive says, and all that comes after it. */
static void check_end(struct enl_link *l, int expected)
{
    uint32_t number = 0;

    CHECK_EQ(enl_receive(l, &number, sizeof number, test_until()), expected);
    CHECK_EQ(enl_receive(l, &number, sizeof number, ENL_NOW), expected);
    CHECK_EQ(enl_link_events(l) & ENL_GONE, ENL_GONE);
    CHECK_EQ(enl_send(l, &number, sizeof number, ENL_NOW), -EPIPE);
    enl_close(l);
}

static void check_passes(struct enl_link *from, struct enl_link *to)
{
    uint32_t number = 42;

    CHECK_EQ(enl_send(from, &number, sizeof number, test_until()), sizeof number);
    number = 0;
    CHECK_EQ(enl_receive(to, &number, sizeof number, test_until()), sizeof number);
    CHECK_EQ(number, 42);
}

_Noreturn static void sleep_for_good(struct meeting *m)
{
    test_gate_open(m->ready);
    for (;;)
        (void)pause();
}

/* ---- deaths ------------------------------------------------------------------------------------------------ */

static void open_and_sleep(void *argument)
{
    struct meeting *m = argument;

    open_there(m);
    sleep_for_good(m);
}

TEST(an_opener_that_dies_before_it_is_accepted_has_died)
{
    struct meeting m;
    pid_t child;

    listen_there(&m);
    child = test_child(open_and_sleep, &m);
    test_gate_wait(m.ready);
    test_kill(child);
    accept_there(&m);
    check_end(m.ends[1], -ECONNRESET);
    enl_close(m.listener);
}

static void *kill_it(void *argument)
{
    (void)usleep(20000); /* mostly, the other thread sleeps by then; it need not */
    test_kill(*(pid_t *)argument);
    return NULL;
}

TEST(an_opener_that_dies_before_its_first_call_has_died)
{
    struct meeting m;
    pthread_t thread;
    pid_t child;

    listen_there(&m);
    child = test_child(open_and_sleep, &m);
    accept_there(&m);
    test_gate_wait(m.ready);
    CHECK_EQ(pthread_create(&thread, NULL, kill_it, &child), 0);
    check_end(m.ends[1], -ECONNRESET);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    enl_close(m.listener);
}

static void accept_and_sleep(void *argument)
{
    struct meeting *m = argument;

    accept_there(m);
    sleep_for_good(m);
}

TEST(who_accepts_and_dies_before_its_first_call_has_died)
{
    struct meeting m;
    uint32_t number = 5;
    pid_t child;

    listen_there(&m);
    child = test_child(accept_and_sleep, &m);
    open_there(&m);
    CHECK_EQ(enl_send(m.ends[0], &number, sizeof number, ENL_NOW), sizeof number);
    test_gate_wait(m.ready);
    test_kill(child);
    check_end(m.ends[0], -ECONNRESET);
    enl_close(m.listener);
}

static void sleep_with_pair(void *argument)
{
    struct meeting *m = argument;

    enl_close(m->ends[1]);
    sleep_for_good(m);
}

TEST(a_child_that_dies_before_it_used_its_end_of_a_pair_has_died)
{
    struct meeting m;
    pid_t child;

    make_pair(&m);
    child = test_child(sleep_with_pair, &m);
    enl_close(m.ends[0]);
    test_gate_wait(m.ready);
    test_kill(child);
    check_end(m.ends[1], -ECONNRESET);
}

static void sleep_with_end(void *argument)
{
    sleep_for_good(argument);
}

/* A server that has a child for each of its clients. */
TEST(a_child_that_dies_before_it_used_what_its_parent_accepted_has_died)
{
    struct meeting m;
    pid_t child;

    listen_there(&m);
    open_there(&m);
    accept_there(&m);
    child = test_child(sleep_with_end, &m);
    enl_close(m.ends[1]);
    test_gate_wait(m.ready);
    test_kill(child);
    check_end(m.ends[0], -ECONNRESET);
    enl_close(m.listener);
}

/* ---- orderly ends ------------------------------------------------------------------------------------------ */

TEST(an_opener_that_closes_what_it_never_used_ends_in_order)
{
    struct meeting m;

    listen_there(&m);
    open_there(&m);
    enl_close(m.ends[0]);
    accept_there(&m);
    check_end(m.ends[1], -ESHUTDOWN);
    open_there(&m);
    accept_there(&m);
    enl_close(m.ends[1]);
    check_end(m.ends[0], -ESHUTDOWN);
    enl_close(m.listener);
}

TEST(an_end_of_a_pair_that_was_never_used_ends_in_order)
{
    struct meeting m;

    for (int i = 0; i < 2; i++) {
        make_pair(&m);
        enl_close(m.ends[i]);
        check_end(m.ends[!i], -ESHUTDOWN);
    }
}

static void close_end(void *argument)
{
    struct meeting *m = argument;

    test_gate_wait(m->go);
    enl_close(m->ends[1]);
    enl_close(m->ends[0]);
}

/* The last of all who could use it says goodbye, whichever that is. */
TEST(an_end_that_several_could_use_ends_in_order_with_the_last)
{
    for (int i = 0; i < 2; i++) {
        struct meeting m;
        pid_t child;

        make_pair(&m);
        child = test_child(close_end, &m);
        if (i == 1) {
            test_gate_open(m.go);
            test_join(child);
        }
        enl_close(m.ends[0]);
        if (i == 0) {
            test_gate_open(m.go);
            test_join(child);
        }
        check_end(m.ends[1], -ESHUTDOWN);
    }
}

static void live_on(void *argument)
{
    struct meeting *m = argument;

    test_gate_open(m->ready);
    test_gate_wait(m->go);
}

TEST(an_end_that_a_living_child_could_use_is_no_end)
{
    struct meeting m;
    uint32_t number;
    pid_t child;

    listen_there(&m);
    open_there(&m);
    child = test_child(live_on, &m);
    test_gate_wait(m.ready);
    enl_close(m.ends[0]);
    accept_there(&m);
    CHECK_EQ(enl_receive(m.ends[1], &number, sizeof number, enl_in_ms(20)), -ETIMEDOUT);
    test_gate_open(m.go);
    test_join(child);
    check_end(m.ends[1], -ECONNRESET); /* the last who could use it ended without a word */
    enl_close(m.listener);
}

static void use_given(void *argument)
{
    struct meeting *m = argument;
    struct enl_link *l;
    uint32_t number = 42;

    CHECK_OK(enl_open(m->address, ENL_READ | ENL_WRITE, &l));
    test_gate_wait(m->go);
    CHECK_EQ(enl_send(l, &number, sizeof number, test_until()), sizeof number);
    enl_close(l);
}

TEST(an_end_that_was_given_away_does_not_end_with_its_giver)
{
    struct meeting m;
    uint32_t number = 0;
    pid_t child;
    int fd;

    make_pair(&m);
    CHECK_OK(link_give(m.ends[0], 0, m.address, sizeof m.address, &fd));
    (void)snprintf(m.address, sizeof m.address, "fd:%d", fd);
    child = test_child(use_given, &m);
    enl_close(m.ends[0]);
    CHECK_EQ(enl_receive(m.ends[1], &number, sizeof number, enl_in_ms(20)), -ETIMEDOUT);
    test_gate_open(m.go);
    CHECK_EQ(enl_receive(m.ends[1], &number, sizeof number, test_until()), sizeof number);
    CHECK_EQ(enl_receive(m.ends[1], &number, sizeof number, test_until()), -ESHUTDOWN);
    test_join(child);
    enl_close(m.ends[1]);
}

/* ---- one of them has it ------------------------------------------------------------------------------------ */

static void use_if_first(void *argument)
{
    struct meeting *m = argument;
    uint32_t number = 42;
    ssize_t sent;

    test_gate_wait(m->go);
    sent = enl_send(m->ends[0], &number, sizeof number, ENL_NOW);
    CHECK(sent == (ssize_t)sizeof number || sent == -EBUSY);
    enl_close(m->ends[0]);
    enl_close(m->listener);
}

TEST(one_of_several_processes_has_an_end_that_was_opened)
{
    struct meeting m;
    uint32_t number = 0;
    pid_t children[4];

    listen_there(&m);
    for (int round = 0; round < 20; round++) {
        m.go = test_gate_new();
        open_there(&m);
        for (int i = 0; i < 4; i++)
            children[i] = test_child(use_if_first, &m);
        enl_close(m.ends[0]);
        accept_there(&m);
        test_gate_open(m.go);
        CHECK_EQ(enl_receive(m.ends[1], &number, sizeof number, test_until()), sizeof number);
        CHECK_EQ(enl_receive(m.ends[1], &number, sizeof number, test_until()), -ESHUTDOWN);
        for (int i = 0; i < 4; i++)
            test_join(children[i]);
        enl_close(m.ends[1]);
    }
    enl_close(m.listener);
}

/* ---- forks under way --------------------------------------------------------------------------------------- */

#define FORKS 60

struct first_calls {
    _Atomic(struct enl_link *) link;
    atomic_bool stops;
};

/* First calls of ever new ends, one after the other. */
static void *use_first(void *argument)
{
    struct first_calls *f = argument;

    while (!atomic_load(&f->stops)) {
        struct enl_link *ends[2];
        uint32_t number = 1;
        ssize_t sent;

        CHECK_OK(enl_pair("channel:", ends));
        atomic_store(&f->link, ends[0]);
        sent = enl_send(ends[0], &number, sizeof number, ENL_NOW);
        if (sent == sizeof number)
            check_passes(ends[1], ends[0]);
        else
            CHECK_EQ(sent, -EBUSY); /* a child was first */
        atomic_store(&f->link, NULL);
        enl_close(ends[0]);
        enl_close(ends[1]);
    }
    return NULL;
}

/* In the child: the end is the parent's, or was nobody's yet; in neither case does it wait for a thread that is not here. */
static int use_in_child(struct first_calls *f)
{
    struct enl_link *l = atomic_load(&f->link);
    uint32_t number = 2;
    ssize_t sent;

    if (l == NULL)
        return 0;
    sent = enl_send(l, &number, sizeof number, ENL_NOW);
    return sent == -EBADF || sent == -EBUSY || sent == sizeof number ? 0 : 1;
}

TEST(a_fork_beside_a_first_call_leaves_no_child_that_hangs)
{
    struct first_calls f;
    pthread_t thread;
    int status;

    if (test_is_emulated())
        SKIP("the emulator does not wipe memory at a fork");
    test_explain = enl_error_text;
    atomic_init(&f.link, NULL);
    atomic_init(&f.stops, false);
    CHECK_EQ(pthread_create(&thread, NULL, use_first, &f), 0);
    for (int i = 0; i < FORKS && test_has_time(); i++) {
        pid_t child = fork();

        if (child == 0) {
            (void)alarm(60);
            _exit(use_in_child(&f));
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    atomic_store(&f.stops, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}
