/* SPDX-License-Identifier: MIT */
/* An end of a channel dies at each instruction beside one that waits in an event loop of its own, or dies in one: the
 * edge-triggered loop of the survivor hears of all that was committed, of room, and of the death. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ADDRESS "channel:?message=200&depth=4&wait=sleep"
#define LARGE "channel:?message=8000&depth=4&wait=sleep" /* a few of them fill it */

struct loop {
    struct enl_link *ends[2]; /* the survivor's, the worker's */
    int waits;                /* an eventfd: the survivor has nothing more to do */
    unsigned done;            /* messages that the worker's calls have sent */
    unsigned received;        /* by the survivor */
    unsigned used;            /* by the worker */
    unsigned filled;          /* messages that fill the lane */
    pid_t peer;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static int send_one(struct enl_link *l, unsigned number)
{
    unsigned char data[100] = {(unsigned char)number};
    ssize_t sent = enl_send(l, data, sizeof data, ENL_NOW);

    return sent < 0 ? (int)sent : 0;
}

/* The next message's number, or why there is none. */
static int receive_one(struct enl_link *l, enl_deadline until)
{
    unsigned char data[200];
    ssize_t size = enl_receive(l, data, sizeof data, until);

    return size < 0 ? (int)size : data[0];
}

/* ---- the survivor's loop ------------------------------------------------------------------------------------- */

static int make_set(struct enl_link *l, unsigned events)
{
    int set = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    CHECK_EQ(enl_link_want(l, events), 0);
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, CHECK_OK(enl_link_fd(l)), &event), 0);
    return set;
}

static void sleep_in(const struct loop *loop, int set)
{
    struct epoll_event event;

    CHECK_EQ(write(loop->waits, &(uint64_t){1}, 8), 8);
    while (epoll_wait(set, &event, 1, -1) != 1)
        CHECK_EQ(errno, EINTR);
}

/* Answers each message but the worker's greeting. */
static void receive_in_a_loop(void *state)
{
    struct loop *loop = state;
    int set, number;

    enl_close(loop->ends[1]);
    CHECK_EQ(send_one(loop->ends[0], 0), 0);
    set = make_set(loop->ends[0], ENL_READABLE);
    while ((number = receive_one(loop->ends[0], ENL_NOW)) >= 0 || number == -EAGAIN) {
        if (number == -EAGAIN) {
            sleep_in(loop, set);
            continue;
        }
        CHECK_EQ(number, (int)loop->received);
        loop->received++;
        if (number > 0)
            CHECK(send_one(loop->ends[0], (unsigned)number) <= 0);
    }
    CHECK(number == -ECONNRESET || number == -ESHUTDOWN);
    CHECK((enl_link_events(loop->ends[0]) & ENL_GONE) != 0);
    CHECK_EQ(close(set), 0);
    enl_close(loop->ends[0]);
}

/* Sends as much as there is room for. */
static void send_in_a_loop(void *state)
{
    static const unsigned char data[8000] = {1};
    struct loop *loop = state;
    ssize_t result;
    int set;

    enl_close(loop->ends[1]);
    CHECK_EQ(send_one(loop->ends[0], 0), 0);
    set = make_set(loop->ends[0], ENL_WRITABLE);
    while ((result = enl_send(loop->ends[0], data, sizeof data, ENL_NOW)) > 0 ||
           result == -EAGAIN) {
        if (result == -EAGAIN)
            sleep_in(loop, set);
        else if (loop->done == 0)
            loop->filled++;
    }
    CHECK(result == -EPIPE || result == -ECONNRESET);
    CHECK_EQ(close(set), 0);
    enl_close(loop->ends[0]);
}

static void start(struct loop *loop, const char *address, void (*run)(void *state))
{
    loop->waits = CHECK_OK(eventfd(0, EFD_CLOEXEC));
    CHECK_EQ(enl_pair(address, loop->ends), 0);
    loop->peer = test_child(run, loop);
}

static void start_receiver(void *state)
{
    start(state, ADDRESS, receive_in_a_loop);
}

static void start_sender(void *state)
{
    start(state, LARGE, send_in_a_loop);
}

/* Until the survivor sleeps, or is about to, and has announced it. */
static void await_sleep(const struct loop *loop)
{
    uint64_t times;

    CHECK_EQ(read(loop->waits, &times, sizeof times), sizeof times);
}

static void greet(void *state)
{
    struct loop *loop = state;

    enl_close(loop->ends[0]);
    CHECK_EQ(receive_one(loop->ends[1], ENL_FOREVER), 0);
    await_sleep(loop);
    CHECK_EQ(send_one(loop->ends[1], 0), 0);
    loop->done = 1;
    await_sleep(loop);
}

static void check_loop(struct loop *loop)
{
    enl_close(loop->ends[0]);
    enl_close(loop->ends[1]);
    test_join(loop->peer);
    CHECK_EQ(close(loop->waits), 0);
}

/* ---- what it hears ---------------------------------------------------------------------------------------------- */

/* The answer comes only if the message was heard of by its bell: nobody has died yet. */
static void send_and_be_answered(void *state)
{
    struct loop *loop = state;

    for (unsigned number = 1; number <= 2; number++) {
        CHECK_EQ(send_one(loop->ends[1], number), 0);
        loop->done++;
        CHECK_EQ(receive_one(loop->ends[1], ENL_FOREVER), (int)number);
        loop->used++;
    }
}

static void check_heard(void *state, bool completed)
{
    struct loop *loop = state;
    unsigned all = loop->done;

    check_loop(loop);
    CHECK(all <= loop->received && loop->received <= all + 1);
    CHECK(!completed || loop->used == 2);
}

CRASH(channel_event_loop_hears_of_a_sender_killed_at_any_instruction,
      .state_size = sizeof(struct loop), .set_up = start_receiver, .prepare = greet,
      .operate = send_and_be_answered, .check = check_heard)

static void close_it(void *state)
{
    enl_close(((struct loop *)state)->ends[1]);
}

static void check_end(void *state, bool completed)
{
    struct loop *loop = state;

    (void)completed;
    enl_close(loop->ends[0]);
    enl_close(loop->ends[1]);
    test_join(loop->peer);
    CHECK_EQ(close(loop->waits), 0);
    CHECK_EQ(loop->received, 1);
}

CRASH(channel_event_loop_hears_of_one_killed_at_any_instruction_of_its_close,
      .state_size = sizeof(struct loop), .set_up = start_receiver, .prepare = greet,
      .operate = close_it, .check = check_end)

static void greet_when_it_is_full(void *state)
{
    struct loop *loop = state;

    enl_close(loop->ends[0]);
    await_sleep(loop);
    CHECK_EQ(receive_one(loop->ends[1], ENL_FOREVER), 0);
    CHECK_EQ(send_one(loop->ends[1], 0), 0);
    loop->done = 1;
    CHECK(loop->filled > 0);
}

/* More than there is room for at once: some of it was sent by who was told of room. */
static void make_room(void *state)
{
    struct loop *loop = state;

    for (; loop->used < loop->filled + 3; loop->used++) {
        struct enl_message m = {.data = NULL};

        CHECK_EQ(enl_take(loop->ends[1], NULL, ENL_FOREVER, &m), 8000);
        CHECK_EQ(enl_release(&m), 0);
    }
}

static void check_told(void *state, bool completed)
{
    struct loop *loop = state;

    check_loop(loop);
    CHECK(!completed || loop->used > loop->filled);
}

CRASH(channel_event_loop_hears_of_room_from_a_receiver_killed_at_any_instruction,
      .state_size = sizeof(struct loop), .set_up = start_sender, .prepare = greet_when_it_is_full,
      .operate = make_room, .check = check_told)

/* ---- a death in a loop --------------------------------------------------------------------------------------------- */

static void make_pair_and_send(void *state)
{
    struct loop *loop = state;

    CHECK_EQ(enl_pair(ADDRESS, loop->ends), 0);
    for (unsigned number = 0; number < 3; number++)
        CHECK_EQ(send_one(loop->ends[0], number), 0);
}

static void greet_first(void *state)
{
    struct loop *loop = state;

    CHECK_EQ(receive_one(loop->ends[1], ENL_NOW), 0);
    CHECK_EQ(send_one(loop->ends[1], 0), 0);
    loop->done = 1;
}

static void receive_all(struct loop *loop)
{
    int number;

    while ((number = receive_one(loop->ends[1], ENL_NOW)) >= 0)
        CHECK_EQ(number, (int)++loop->used);
    CHECK_EQ(number, -EAGAIN);
}

static void loop_once(void *state)
{
    struct loop *loop = state;
    struct enl_link *l = loop->ends[1];
    struct pollfd item = {.fd = CHECK_OK(enl_link_fd(l)), .events = POLLIN};

    CHECK_EQ(enl_link_want(l, ENL_READABLE | ENL_WRITABLE), 0);
    CHECK_EQ(enl_link_events(l), ENL_READABLE | ENL_WRITABLE);
    receive_all(loop);
    CHECK_EQ(send_one(l, 1), 0);
    loop->done++;
    CHECK_EQ(enl_link_want(l, ENL_READABLE), 0);
    CHECK_EQ(poll(&item, 1, -1), 1);
    CHECK((enl_link_events(l) & ENL_READABLE) != 0);
    receive_all(loop);
    CHECK_EQ(loop->used, 3);
    CHECK_EQ(send_one(l, 2), 0);
    loop->done++;
}

static void send_third(void *state)
{
    CHECK_EQ(send_one(((struct loop *)state)->ends[0], 3), 0);
}

static void check_gone(void *state, bool completed)
{
    struct loop *loop = state;
    unsigned all = loop->done;
    int number;

    enl_close(loop->ends[1]);
    while ((number = receive_one(loop->ends[0], ENL_FOREVER)) >= 0)
        CHECK_EQ(number, (int)loop->received++);
    CHECK_EQ(number, -ECONNRESET);
    CHECK(all <= loop->received && loop->received <= all + 1);
    CHECK(!completed || all == 3);
    enl_close(loop->ends[0]);
}

CRASH(channel_ends_for_the_peer_of_an_event_loop_killed_at_any_instruction,
      .state_size = sizeof(struct loop), .set_up = make_pair_and_send, .prepare = greet_first,
      .operate = loop_once, .help = send_third, .check = check_gone)
