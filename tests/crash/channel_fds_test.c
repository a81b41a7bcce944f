/* SPDX-License-Identifier: MIT */
/* Messages of a channel that carry descriptors, whose sender or receiver dies at each instruction: those that arrive
 * have theirs, and in the end nobody holds one. */
#include "crash.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FDS_MOST = 2, GIFTS = 3 };

#define ADDRESS "channel:?message=200&depth=4&wait=sleep&fds=2"

/* What is sent is the writing end of a pipe: its reader comes to the end when all copies are closed. */
struct talk {
    struct enl_link *ends[2]; /* the stage's, the worker's */
    int pipe[2];
    unsigned done; /* gifts that the worker's calls have sent, or received */
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static unsigned fds_of(unsigned number)
{
    return 1 + number % FDS_MOST;
}

/* ---- giving ------------------------------------------------------------------------------------------------ */

static void give(struct talk *t, struct enl_link *l, unsigned number)
{
    unsigned char data[8] = {(unsigned char)number};
    int fds[FDS_MOST] = {t->pipe[1], t->pipe[1]};
    struct enl_message m = {.data = data,
                            .size = sizeof data,
                            .fds = fds,
                            .fd_count = fds_of(number)};

    CHECK_EQ(enl_send_message(l, &m, ENL_NOW), (ssize_t)sizeof data);
}

static void give_by_loan(struct talk *t, struct enl_link *l, unsigned number)
{
    int fds[FDS_MOST] = {t->pipe[1], t->pipe[1]};
    struct enl_message m = {.data = NULL};

    CHECK_EQ(enl_loan(l, 8, ENL_NOW, &m), 0);
    memset(m.data, (int)number, 8);
    m.fds = fds;
    m.fd_count = fds_of(number);
    CHECK_EQ(enl_commit(&m), 0);
}

static void check_fds(const struct talk *t, const struct enl_message *m)
{
    struct stat pipe, gift;

    CHECK_EQ(m->fd_count, fds_of(((const unsigned char *)m->data)[0]));
    CHECK_EQ(m->flags & ENL_FDS_LOST, 0);
    CHECK_EQ(fstat(t->pipe[0], &pipe), 0);
    for (unsigned i = 0; i < m->fd_count; i++) {
        CHECK_EQ(fstat(m->fds[i], &gift), 0);
        CHECK(gift.st_ino == pipe.st_ino && gift.st_dev == pipe.st_dev);
        CHECK_EQ(close(m->fds[i]), 0);
    }
}

/* The next one's number, or why there is none. */
static int accept_gift(const struct talk *t, struct enl_link *l)
{
    unsigned char data[8];
    int fds[FDS_MOST];
    struct enl_message m = {.data = data,
                            .capacity = sizeof data,
                            .fds = fds,
                            .fd_capacity = FDS_MOST};
    ssize_t size = enl_receive_message(l, NULL, ENL_FOREVER, &m);

    if (size < 0)
        return (int)size;
    check_fds(t, &m);
    return data[0];
}

static int take_gift(const struct talk *t, struct enl_link *l)
{
    struct enl_message m = {.data = NULL};
    int number;

    CHECK_EQ(enl_take(l, NULL, ENL_FOREVER, &m), 8);
    check_fds(t, &m);
    number = ((const unsigned char *)m.data)[0];
    CHECK_EQ(enl_release(&m), 0);
    return number;
}

/* ---- the meeting, and the end ------------------------------------------------------------------------------- */

static void make_pair(void *state)
{
    struct talk *t = state;

    CHECK_EQ(pipe2(t->pipe, O_CLOEXEC), 0);
    CHECK_EQ(enl_pair(ADDRESS, t->ends), 0);
}

static void make_pair_and_greet(void *state)
{
    struct talk *t = state;

    make_pair(state);
    CHECK_EQ(enl_send(t->ends[0], "hello", 5, ENL_NOW), 5);
}

static void greet(void *state)
{
    struct talk *t = state;
    char text[200];

    CHECK_EQ(enl_receive(t->ends[1], text, sizeof text, ENL_NOW), 5);
    CHECK_EQ(enl_send(t->ends[1], "", 0, ENL_NOW), 0);
}

/* Also of those on their way, whose message never was. */
static void check_nobody_holds_one(struct talk *t)
{
    char byte;

    enl_close(t->ends[0]);
    CHECK_EQ(close(t->pipe[1]), 0);
    CHECK_EQ(read(t->pipe[0], &byte, 1), 0);
    CHECK_EQ(close(t->pipe[0]), 0);
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static void send_gifts(struct talk *t)
{
    give(t, t->ends[1], 0);
    t->done++;
    give(t, t->ends[1], 1);
    t->done++;
    give_by_loan(t, t->ends[1], 2);
    t->done++;
}

static void send_gifts_to_a_friend(void *state)
{
    send_gifts(state);
}

/* The dead one had met it or not: then it had committed nothing, and the end may look orderly. */
static void check_gifts(struct talk *t, bool had_met)
{
    unsigned all = t->done, received = 0;
    int number;

    enl_close(t->ends[1]); /* the copy that nobody used */
    while ((number = accept_gift(t, t->ends[0])) >= 0)
        CHECK_EQ(number, (int)received++);
    CHECK(number == -ECONNRESET || (number == -ESHUTDOWN && !had_met && all == 0));
    CHECK(all <= received && received <= all + 1);
    check_nobody_holds_one(t);
}

static void check_friend(void *state, bool completed)
{
    struct talk *t = state;

    CHECK(!completed || t->done == GIFTS);
    CHECK_EQ(enl_receive(t->ends[0], &(char){0}, 1, ENL_FOREVER), 0);
    check_gifts(t, true);
}

CRASH(channel_has_the_descriptors_of_what_a_sender_killed_at_any_instruction_committed,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_greet, .prepare = greet,
      .operate = send_gifts_to_a_friend, .check = check_friend)

/* The first of them go with the hello. */
static void send_gifts_at_once(void *state)
{
    send_gifts(state);
}

static void check_stranger(void *state, bool completed)
{
    struct talk *t = state;

    CHECK(!completed || t->done == GIFTS);
    check_gifts(t, false);
}

CRASH(channel_loses_no_descriptor_of_a_sender_killed_at_any_instruction_of_its_first_calls,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_greet,
      .operate = send_gifts_at_once, .check = check_stranger)

/* ---- receiving ------------------------------------------------------------------------------------------------ */

static void make_pair_and_give(void *state)
{
    struct talk *t = state;

    make_pair_and_greet(state);
    for (unsigned i = 0; i < GIFTS; i++)
        give(t, t->ends[0], i);
}

static void receive_gifts(void *state)
{
    struct talk *t = state;

    CHECK_EQ(accept_gift(t, t->ends[1]), 0);
    t->done++;
    CHECK_EQ(take_gift(t, t->ends[1]), 1);
    t->done++;
    CHECK_EQ(accept_gift(t, t->ends[1]), 2);
    t->done++;
}

static void check_giver(void *state, bool completed)
{
    struct talk *t = state;
    char text[200];

    CHECK(!completed || t->done == GIFTS);
    enl_close(t->ends[1]);
    CHECK_EQ(enl_receive(t->ends[0], text, sizeof text, ENL_FOREVER), 0);
    CHECK_EQ(enl_receive(t->ends[0], text, sizeof text, ENL_FOREVER), -ECONNRESET);
    check_nobody_holds_one(t);
}

CRASH(channel_sender_of_descriptors_learns_of_a_receiver_killed_at_any_instruction,
      .state_size = sizeof(struct talk), .set_up = make_pair_and_give, .prepare = greet,
      .operate = receive_gifts, .check = check_giver)
