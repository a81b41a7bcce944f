/* SPDX-License-Identifier: MIT */
/* Who opens a channel, or accepts one, dies at each instruction of it: the other side is told, the listener
 * goes on with others, and a dead listener's name is replaced. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TERMS "?message=200&depth=4&wait=sleep"

struct meeting {
    char address[256];
    struct enl_link *listener;
    atomic_bool sent; /* the worker's call returned */
    atomic_bool over; /* the peer has had its end */
    pid_t peer;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void name(struct meeting *m)
{
    (void)snprintf(m->address, sizeof m->address, "channel:%s" TERMS, test_temp_path("meet"));
}

static bool is_end(ssize_t result)
{
    return result == -ECONNRESET || result == -ESHUTDOWN || result == -EPIPE;
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static void listen_there(void *state)
{
    struct meeting *m = state;

    name(m);
    CHECK_EQ(enl_listen(m->address, &m->listener), 0);
}

static void open_and_send(void *state)
{
    struct meeting *m = state;
    struct enl_link *l;

    CHECK_EQ(enl_open(m->address, ENL_READ | ENL_WRITE, &l), 0);
    CHECK_EQ(enl_send(l, "dead", 4, ENL_NOW), 4);
    atomic_store(&m->sent, true);
}

/* What came over one accepted link: true for what the living one says. */
static bool hear(struct enl_link *l, unsigned *ret_heard)
{
    char text[200];
    ssize_t size = enl_receive(l, text, sizeof text, ENL_FOREVER);

    if (size == 4 && memcmp(text, "live", 4) == 0)
        return true;
    if (size == 4) {
        CHECK_MEM(text, "dead", 4);
        (*ret_heard)++;
        size = enl_receive(l, text, sizeof text, ENL_FOREVER);
    }
    CHECK_EQ(size, -ECONNRESET); /* also of one that never said anything */
    return false;
}

static void check_listener(void *state, bool completed)
{
    struct meeting *m = state;
    struct enl_link *mine, *theirs;
    unsigned heard = 0;
    bool live = false;

    CHECK_EQ(enl_open(m->address, ENL_READ | ENL_WRITE, &mine), 0);
    CHECK_EQ(enl_send(mine, "live", 4, ENL_NOW), 4);
    while (!live) {
        CHECK_EQ(enl_accept(m->listener, ENL_FOREVER, &theirs), 0);
        live = hear(theirs, &heard);
        if (live)
            CHECK_EQ(enl_send(theirs, "back", 4, ENL_NOW), 4);
        enl_close(theirs);
    }
    CHECK(heard <= 1 && (heard == 1 || !atomic_load(&m->sent)));
    CHECK(!completed || heard == 1);
    enl_close(mine);
    enl_close(m->listener);
}

CRASH(channel_listener_goes_on_after_an_opener_killed_at_any_instruction,
      .state_size = sizeof(struct meeting), .set_up = listen_there, .operate = open_and_send,
      .check = check_listener)

/* ---- accepting -------------------------------------------------------------------------------------------- */

static void open_and_listen(void *state)
{
    struct meeting *m = state;
    struct enl_link *l;
    char text[200];
    ssize_t size;

    CHECK_EQ(enl_open_until(m->address, ENL_READ | ENL_WRITE, ENL_FOREVER, &l), 0);
    size = enl_send(l, "call", 4, ENL_NOW);
    CHECK(size == 4 || is_end(size));
    do
        size = enl_receive(l, text, sizeof text, ENL_FOREVER);
    while (size == 4 && memcmp(text, "back", 4) == 0);
    CHECK(is_end(size));
    enl_close(l);
    atomic_store(&m->over, true);
}

static void start_opener(void *state)
{
    struct meeting *m = state;

    name(m);
    m->peer = test_child(open_and_listen, m);
}

static void listen_until_called(void *state)
{
    struct meeting *m = state;

    CHECK_EQ(enl_listen(m->address, &m->listener), 0);
    CHECK_EQ(enl_poll(&m->listener, 1, ENL_FOREVER), 1);
}

static void accept_and_answer(void *state)
{
    struct meeting *m = state;
    struct enl_link *l;
    char text[200];

    CHECK_EQ(enl_accept(m->listener, ENL_FOREVER, &l), 0);
    CHECK_EQ(enl_receive(l, text, sizeof text, ENL_FOREVER), 4);
    CHECK_EQ(enl_send(l, "back", 4, ENL_NOW), 4);
    enl_close(l);
    enl_close(m->listener);
    atomic_store(&m->sent, true);
}

/* The opener is not left alone, and the name can be had again. */
static void check_opener(void *state, bool completed)
{
    struct meeting *m = state;

    (void)completed;
    test_join(m->peer);
    CHECK(atomic_load(&m->over));
    CHECK_EQ(enl_listen(m->address, &m->listener), 0);
    enl_close(m->listener);
}

CRASH(channel_opener_learns_of_an_accepter_killed_at_any_instruction,
      .state_size = sizeof(struct meeting), .set_up = start_opener, .prepare = listen_until_called,
      .operate = accept_and_answer, .check = check_opener)

/* ---- listening -------------------------------------------------------------------------------------------- */

static void name_it(void *state)
{
    name(state);
}

static void listen_and_close(void *state)
{
    struct meeting *m = state;

    CHECK_EQ(enl_listen(m->address, &m->listener), 0);
    enl_close(m->listener);
}

static void check_name(void *state, bool completed)
{
    struct meeting *m = state;
    struct enl_link *l;
    int result = enl_open(m->address, ENL_READ | ENL_WRITE, &l);

    CHECK(result == -ENOENT || (result == -ECONNREFUSED && !completed));
    CHECK_EQ(enl_listen(m->address, &m->listener), 0);
    CHECK_EQ(enl_open(m->address, ENL_READ | ENL_WRITE, &l), 0);
    enl_close(l);
    enl_close(m->listener);
}

CRASH(channel_name_is_replaced_after_a_listener_killed_at_any_instruction,
      .state_size = sizeof(struct meeting), .set_up = name_it, .operate = listen_and_close,
      .check = check_name)
