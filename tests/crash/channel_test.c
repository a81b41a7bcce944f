/* SPDX-License-Identifier: MIT */
/* An end of a channel dies at each instruction of what it does with messages: the other one gets all that was
 * committed, once and in order, learns of the death, and has nothing left after its close. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <string.h>

enum { LARGEST = 200, MESSAGES = 5 };

#define ADDRESS "channel:?message=200&depth=4&wait=sleep"

struct talk {
    struct enl_link *ends[2]; /* the stage's, the worker's */
    unsigned done;            /* messages that the worker's calls have sent */
    unsigned received;        /* by the stage */
    unsigned char used[MESSAGES + 1][LARGEST];
    unsigned used_count; /* by the worker */
    bool ended;          /* the worker's enl_end_sending has returned */
    pid_t peer;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static size_t size_of(unsigned number)
{
    return 8 + number * 37 % (LARGEST - 8);
}

static void fill(unsigned char *data, unsigned number)
{
    for (size_t i = 0; i < size_of(number); i++)
        data[i] = (unsigned char)(number * 31 + i);
}

static void check_message(const unsigned char *data, ssize_t size, unsigned number)
{
    unsigned char wanted[LARGEST];

    fill(wanted, number);
    CHECK_EQ(size, (ssize_t)size_of(number));
    CHECK_MEM(data, wanted, (size_t)size);
}

static int send_one(struct enl_link *l, unsigned number, enl_deadline until)
{
    unsigned char data[LARGEST];
    ssize_t sent;

    fill(data, number);
    sent = enl_send(l, data, size_of(number), until);
    return sent < 0 ? (int)sent : 0;
}

/* ---- the meeting --------------------------------------------------------------------------------------- */

static void make_pair(void *state)
{
    struct talk *t = state;

    CHECK_EQ(enl_pair(ADDRESS, t->ends), 0);
}

/* The stage has said its hello, and message 0. */
static void make_pair_and_greet(void *state)
{
    struct talk *t = state;

    make_pair(state);
    CHECK_EQ(send_one(t->ends[0], 0, ENL_NOW), 0);
}

/* So does the worker: from now on both have met. */
static void greet(void *state)
{
    struct talk *t = state;
    unsigned char data[LARGEST];

    check_message(data, enl_receive(t->ends[1], data, sizeof data, ENL_NOW), 0);
    CHECK_EQ(send_one(t->ends[1], 0, ENL_NOW), 0);
    t->done = 1;
}

/* ---- the survivor --------------------------------------------------------------------------------------- */

/* The next of the dead one's messages, which counts from 0 on; or how it ended. */
static int receive_next(struct talk *t)
{
    unsigned char data[LARGEST];
    ssize_t size = enl_receive(t->ends[0], data, sizeof data, ENL_FOREVER);

    if (size < 0)
        return (int)size;
    check_message(data, size, t->received);
    t->received++;
    return 0;
}

static int receive_rest(struct talk *t)
{
    int result;

    enl_close(t->ends[1]); /* the copy that nobody used */
    do
        result = receive_next(t);
    while (result == 0);
    return result;
}

/* The link is dead in both directions, and says so again. */
static void check_dead(struct talk *t)
{
    unsigned char data[LARGEST];
    int result;

    CHECK(enl_receive(t->ends[0], data, sizeof data, ENL_NOW) < 0);
    do
        result = send_one(t->ends[0], 1, ENL_NOW);
    while (result == 0);
    CHECK(result == -EPIPE || result == -ECONNRESET);
    enl_close(t->ends[0]);
}

static void check_sent(void *state, bool completed)
{
    struct talk *t = state;
    unsigned all = t->done;

    CHECK_EQ(receive_rest(t), -ECONNRESET);
    CHECK(all <= t->received && t->received <= all + 1);
    if (completed)
        CHECK_EQ(t->received, all);
    check_dead(t);
}

/* ---- sending -------------------------------------------------------------------------------------------- */

static void send_some(void *state)
{
    struct talk *t = state;

    for (; t->done < 4; t->done++)
        CHECK_EQ(send_one(t->ends[1], t->done, ENL_FOREVER), 0);
}

CRASH(channel_has_what_a_sender_killed_at_any_instruction_committed,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_greet, .prepare = greet,
      .operate = send_some, .check = check_sent)

/* There is no room for more: it waits for the stage, which takes all. */
static void greet_and_fill(void *state)
{
    struct talk *t = state;

    greet(state);
    while (send_one(t->ends[1], t->done, ENL_NOW) == 0)
        t->done++;
}

static void send_beyond_room(void *state)
{
    struct talk *t = state;

    for (unsigned i = 0; i < 2; i++, t->done++)
        CHECK_EQ(send_one(t->ends[1], t->done, ENL_FOREVER), 0);
}

static void take_all(void *state)
{
    struct talk *t = state;
    unsigned char data[LARGEST];
    ssize_t size;

    while ((size = enl_receive(t->ends[0], data, sizeof data, ENL_NOW)) >= 0)
        check_message(data, size, t->received++);
    CHECK_EQ(size, -EAGAIN);
}

CRASH(channel_has_what_a_sender_killed_as_it_waits_committed, .state_size = sizeof(struct talk),
      .set_up = make_pair_and_greet, .prepare = greet_and_fill, .operate = send_beyond_room,
      .help = take_all, .check = check_sent)

/* The first call of an end claims it and says hello. */
static void send_first(void *state)
{
    struct talk *t = state;

    for (; t->done < 2; t->done++)
        CHECK_EQ(send_one(t->ends[1], t->done, ENL_FOREVER), 0);
}

static void check_first(void *state, bool completed)
{
    struct talk *t = state;
    unsigned all = t->done;
    int result = receive_rest(t);

    CHECK(result == -ECONNRESET || (all == 0 && result == -ESHUTDOWN));
    CHECK(t->received <= all + 1);
    if (completed)
        CHECK_EQ(t->received, all);
    check_dead(t);
}

CRASH(channel_ends_for_who_has_met_a_sender_killed_at_any_instruction_of_its_first_call,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_greet, .operate = send_first,
      .check = check_first)

static void send_to_a_stranger(void *state)
{
    send_first(state);
}

CRASH(channel_ends_for_who_has_not_met_a_sender_killed_at_any_instruction_of_its_first_call,
      .state_size = sizeof(struct talk), .set_up = make_pair, .operate = send_to_a_stranger,
      .check = check_first)

/* ---- loans ---------------------------------------------------------------------------------------------- */

static void loan(struct talk *t, unsigned number, size_t more, struct enl_message *ret)
{
    CHECK_EQ(enl_loan(t->ends[1], size_of(number) + more, ENL_NOW, ret), 0);
    fill(ret->data, number);
    ret->size = size_of(number);
}

/* Committed in turn, in place of the other, after a cancelled one. */
static void loan_some(void *state)
{
    struct talk *t = state;
    struct enl_message one, two, three;

    loan(t, 1, 0, &one);
    CHECK_EQ(enl_commit(&one), 0);
    t->done++;
    loan(t, 3, 0, &three);
    if (enl_loan(t->ends[1], size_of(2) + 16, ENL_NOW, &two) == 0) {
        fill(two.data, 2);
        two.size = size_of(2);
        CHECK_EQ(enl_commit(&two), 0);
    } else {
        CHECK_EQ(send_one(t->ends[1], 2, ENL_NOW), 0);
    }
    t->done++;
    CHECK_EQ(enl_commit(&three), 0);
    t->done++;
    loan(t, 9, 0, &one);
    enl_cancel(&one);
    CHECK_EQ(send_one(t->ends[1], 4, ENL_NOW), 0);
    t->done++;
}

CRASH(channel_has_the_loans_that_a_sender_killed_at_any_instruction_committed,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_greet, .prepare = greet,
      .operate = loan_some, .check = check_sent)

/* ---- receiving ------------------------------------------------------------------------------------------ */

static void make_pair_and_send(void *state)
{
    struct talk *t = state;

    make_pair_and_greet(state);
    for (unsigned i = 1; i <= 3; i++)
        CHECK_EQ(send_one(t->ends[0], i, ENL_NOW), 0);
}

static void use(struct talk *t, const unsigned char *data, ssize_t size)
{
    check_message(data, size, t->used_count + 1);
    memcpy(t->used[t->used_count], data, (size_t)size);
    t->used_count++;
}

static void receive_some(void *state)
{
    struct talk *t = state;
    unsigned char data[LARGEST];

    while (t->used_count < 4) {
        ssize_t size = enl_receive(t->ends[1], data, sizeof data, ENL_FOREVER);

        use(t, data, size);
    }
}

static void send_fourth(void *state)
{
    struct talk *t = state;

    CHECK_EQ(send_one(t->ends[0], 4, ENL_NOW), 0);
}

/* What the worker has got is what was sent, and the sender is not held up. */
static void check_received(void *state, bool completed)
{
    struct talk *t = state;

    (void)completed;
    for (unsigned i = 0; i < t->used_count; i++)
        check_message(t->used[i], (ssize_t)size_of(i + 1), i + 1);
    CHECK_EQ(receive_rest(t), -ECONNRESET);
    CHECK_EQ(t->received, 1);
    check_dead(t);
}

CRASH(channel_sender_learns_of_a_receiver_killed_at_any_instruction,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_send, .prepare = greet,
      .operate = receive_some, .help = send_fourth, .check = check_received)

static void take_some(void *state)
{
    struct talk *t = state;
    struct enl_message m = {0};

    while (t->used_count < 3) {
        ssize_t size = enl_take(t->ends[1], NULL, ENL_FOREVER, &m);

        use(t, m.data, size);
        CHECK_EQ(enl_release(&m), 0);
    }
}

CRASH(channel_sender_learns_of_a_taker_killed_at_any_instruction, .state_size = sizeof(struct talk),
      .set_up = make_pair_and_send, .prepare = greet, .operate = take_some, .check = check_received)

/* ---- one direction ends ---------------------------------------------------------------------------------- */

/* The link is of no more use to anybody, which a send finds out that waits for room. */
static void check_useless(struct talk *t)
{
    int result;

    do
        result = send_one(t->ends[0], 1, ENL_FOREVER);
    while (result == 0);
    CHECK(result == -EPIPE || result == -ECONNRESET);
    enl_close(t->ends[0]);
}

/* It sends no more, and goes on receiving. */
static void end_sending(void *state)
{
    struct talk *t = state;
    unsigned char data[LARGEST];

    CHECK_EQ(send_one(t->ends[1], t->done, ENL_NOW), 0);
    t->done++;
    CHECK_EQ(enl_end_sending(t->ends[1]), 0);
    t->ended = true;
    CHECK_EQ(send_one(t->ends[1], t->done, ENL_NOW), -EINVAL);
    use(t, data, enl_receive(t->ends[1], data, sizeof data, ENL_FOREVER));
}

static void send_after_the_end(void *state)
{
    struct talk *t = state;

    if (t->ended)
        CHECK_EQ(send_one(t->ends[0], 1, ENL_NOW), 0);
}

static void check_half(void *state, bool completed)
{
    struct talk *t = state;
    unsigned all = t->done;
    int result = receive_rest(t);

    CHECK(result == -ESHUTDOWN || (result == -ECONNRESET && !t->ended));
    CHECK(all <= t->received && t->received <= all + 1);
    CHECK(!completed || (t->ended && t->used_count == 1));
    check_useless(t);
}

CRASH(channel_has_all_messages_of_one_killed_at_any_instruction_of_the_end_of_its_sending,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_greet, .prepare = greet,
      .operate = end_sending, .help = send_after_the_end, .check = check_half)

static void make_pair_and_end_sending(void *state)
{
    struct talk *t = state;

    make_pair_and_send(state);
    CHECK_EQ(enl_end_sending(t->ends[0]), 0);
}

/* The other one sends no more: what it had sent is received, and answered. */
static void receive_to_the_end(void *state)
{
    struct talk *t = state;
    unsigned char data[LARGEST];
    ssize_t size;

    while ((size = enl_receive(t->ends[1], data, sizeof data, ENL_FOREVER)) >= 0)
        use(t, data, size);
    CHECK_EQ(size, -ESHUTDOWN);
    CHECK_EQ(t->used_count, 3);
    CHECK_EQ(send_one(t->ends[1], t->done, ENL_NOW), 0);
    t->done++;
}

static void check_answer(void *state, bool completed)
{
    struct talk *t = state;
    unsigned all = t->done;

    CHECK_EQ(receive_rest(t), -ECONNRESET);
    CHECK(all <= t->received && t->received <= all + 1);
    CHECK(!completed || t->received == 2);
    CHECK_EQ(send_one(t->ends[0], 1, ENL_NOW), -EINVAL);
    enl_close(t->ends[0]);
}

CRASH(channel_end_that_sends_no_more_learns_of_a_receiver_killed_at_any_instruction,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_end_sending, .prepare = greet,
      .operate = receive_to_the_end, .check = check_answer)

/* ---- the end -------------------------------------------------------------------------------------------- */

static void send_and_close(void *state)
{
    struct talk *t = state;

    CHECK_EQ(send_one(t->ends[1], t->done, ENL_NOW), 0);
    t->done++;
    enl_close(t->ends[1]);
}

/* An orderly end is told as one, unless the death came first. */
static void check_closed(void *state, bool completed)
{
    struct talk *t = state;
    unsigned all = t->done;
    int result = receive_rest(t);

    CHECK(result == -ESHUTDOWN || (result == -ECONNRESET && !completed));
    CHECK(all <= t->received && t->received <= all + 1);
    check_dead(t);
}

CRASH(channel_has_all_messages_of_one_killed_at_any_instruction_of_its_close,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_greet, .prepare = greet,
      .operate = send_and_close, .check = check_closed)

/* Who drains looks again and again, which cannot be helped: a child of the stage receives meanwhile. */
static void receive_meanwhile(void *state)
{
    struct talk *t = state;
    unsigned all;

    CHECK_EQ(send_one(t->ends[0], 0, ENL_NOW), 0);
    CHECK_EQ(receive_rest(t), -ECONNRESET);
    all = t->done;
    CHECK(all <= t->received && t->received <= all + 1);
    check_dead(t);
}

static void make_pair_for_child(void *state)
{
    struct talk *t = state;

    make_pair(state);
    t->peer = test_child(receive_meanwhile, t);
}

static void greet_child(void *state)
{
    struct talk *t = state;
    unsigned char data[LARGEST];

    enl_close(t->ends[0]);
    check_message(data, enl_receive(t->ends[1], data, sizeof data, ENL_FOREVER), 0);
    CHECK_EQ(send_one(t->ends[1], 0, ENL_NOW), 0);
    t->done = 1;
}

static void send_and_drain(void *state)
{
    struct talk *t = state;

    CHECK_EQ(send_one(t->ends[1], t->done, ENL_NOW), 0);
    t->done++;
    CHECK_EQ(enl_drain(t->ends[1], ENL_FOREVER), 0);
}

static void check_drained(void *state, bool completed)
{
    struct talk *t = state;

    (void)completed;
    enl_close(t->ends[0]);
    enl_close(t->ends[1]);
    test_join(t->peer);
}

CRASH(channel_has_what_a_sender_killed_as_it_drains_committed, .state_size = sizeof(struct talk),
      .set_up = make_pair_for_child, .prepare = greet_child, .operate = send_and_drain,
      .check = check_drained)
