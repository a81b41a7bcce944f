/* SPDX-License-Identifier: MIT */
/* A child that takes over a link that was given to it by name dies at each instruction of that: who gave it learns of
 * it, has what was sent, and nothing is left. */
#include "crash.h"
#include "process/give.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct gift {
    struct enl_link *ends[2]; /* the stage's, the one that is given */
    bool sent;                /* by the worker */
};

static struct gifts given; /* in the worker: the text must live as long as it */

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void make_pair(struct gift *g, const char *address)
{
    CHECK_EQ(enl_pair(address, g->ends), 0);
    CHECK_EQ(enl_send(g->ends[0], "take it", 7, ENL_NOW), 7);
}

/* What a start does in the child: the worker is one. */
static void be_given_it(void *state)
{
    struct gift *g = state;
    const struct enl_give give = {.fd = ENL_FD_ANY, .link = g->ends[1], .name = "end"};

    CHECK_EQ(give_prepare(&give, 1, &given), 0);
    CHECK_EQ(given.count, 1);
    if (given.moves[0].from != given.moves[0].to) {
        CHECK_EQ(dup2(given.moves[0].from, given.moves[0].to), given.moves[0].to);
        CHECK_EQ(close(given.moves[0].from), 0);
    }
    inherit_from(given.text + sizeof GIVE_VARIABLE);
}

static void take_it_over(void *state)
{
    struct gift *g = state;
    struct enl_link *l;
    char text[8];

    CHECK_EQ(enl_inherit("end", ENL_READ | ENL_WRITE, &l), 0);
    CHECK_EQ(enl_receive(l, text, sizeof text, ENL_FOREVER), 7);
    CHECK_EQ(enl_send(l, "thanks", 6, ENL_NOW), 6);
    g->sent = true;
    enl_close(l);
}

/* Returns how it ended, after the answer. */
static int hear(struct gift *g, bool completed)
{
    bool sent = g->sent;
    char text[8];
    ssize_t size;

    CHECK(!completed || sent);
    enl_close(g->ends[1]); /* the copy that nobody used */
    size = enl_receive(g->ends[0], text, sizeof text, ENL_FOREVER);
    if (size == 6) {
        CHECK_MEM(text, "thanks", 6);
        sent = false;
        size = enl_receive(g->ends[0], text, sizeof text, ENL_FOREVER);
    }
    CHECK(!sent);
    enl_close(g->ends[0]);
    return (int)size;
}

static void give_a_channel(void *state)
{
    make_pair(state, "channel:?message=200&depth=4&wait=sleep");
}

/* Of one who closed it the end is an orderly one, and also where it had not begun with it. */
static void check_channel(void *state, bool completed)
{
    struct gift *g = state;
    int result = hear(g, completed);

    CHECK(result == -ESHUTDOWN || (result == -ECONNRESET && !completed));
}

CRASH(channel_end_that_was_given_ends_with_a_child_killed_at_any_instruction,
      .state_size = sizeof(struct gift), .set_up = give_a_channel, .prepare = be_given_it,
      .operate = take_it_over, .check = check_channel)

static void give_a_socket(void *state)
{
    make_pair(state, "unix:?type=seqpacket");
}

static void take_over_a_socket(void *state)
{
    take_it_over(state);
}

/* The kernel says -ECONNRESET where the dead one has left something unread. */
static void check_socket(void *state, bool completed)
{
    struct gift *g = state;
    int result = hear(g, completed);

    CHECK(result == -ESHUTDOWN || (result == -ECONNRESET && !completed));
}

CRASH(socket_that_was_given_ends_with_a_child_killed_at_any_instruction,
      .state_size = sizeof(struct gift), .set_up = give_a_socket, .prepare = be_given_it,
      .operate = take_over_a_socket, .check = check_socket)
