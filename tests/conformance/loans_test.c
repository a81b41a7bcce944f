/* SPDX-License-Identifier: MIT */
/* Messages filled and read in place: loan, commit, cancel, take, release, return. */
#include "suite.h"

#include <stdlib.h>
#include <string.h>

/* ---- sending in place ------------------------------------------------------------------------ */

static void commit_sends_what_was_filled_in(struct rig *r)
{
    static const size_t sizes[] = {1, 8, 64, 4000, 5000, 0, 7};
    struct enl_message m;

    for (unsigned i = 0; i < 7; i++) {
        size_t size = size_near(r, sizes[i]);
        CHECK_EQ(enl_loan(r->sender, size, test_until(), &m), 0);
        CHECK_EQ(m.size, size);
        fill(m.data, size, 0, i);
        CHECK_OK(enl_commit(&m));
        CHECK_OK(enl_flush(r->sender, test_until()));
        receive_numbered(r->receiver, size, 0, i);
    }
}

static void receive_largest(void *argument)
{
    struct rig *r = argument;

    receive_numbered(r->receiver, size_largest(r), 0, 5);
}

static void loan_has_room_for_the_largest(struct rig *r)
{
    size_t size = size_largest(r);
    struct enl_message m;
    struct task receiver;

    CHECK_EQ(enl_loan(r->sender, size, test_until(), &m), 0);
    fill(m.data, size, 0, 5);
    task_start(&receiver, receive_largest, r);
    CHECK_OK(enl_commit(&m));
    CHECK_OK(enl_flush(r->sender, test_until()));
    task_join(&receiver);
}

static void size_may_be_lowered_before_commit(struct rig *r)
{
    struct enl_message m;

    CHECK_EQ(enl_loan(r->sender, 64, test_until(), &m), 0);
    m.size = 10;
    fill(m.data, 10, 0, 3);
    CHECK_OK(enl_commit(&m));
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, 10, 0, 3);
    CHECK_EQ(enl_loan(r->sender, 64, test_until(), &m), 0);
    m.size = 65;
    CHECK_EQ(enl_commit(&m), -EINVAL);
    m.size = 8;
    fill(m.data, 8, 0, 4);
    CHECK_OK(enl_commit(&m));
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, 8, 0, 4);
}

static void canceled_loan_sends_nothing(struct rig *r)
{
    struct enl_message m;

    for (int again = 0; again < 3; again++) {
        CHECK_EQ(enl_loan(r->sender, size_near(r, 64), test_until(), &m), 0);
        fill(m.data, m.size, 0, 9);
        enl_cancel(&m);
    }
    CHECK_EQ(enl_commit(&m), -EINVAL);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

static void second_loan_is_busy_or_apart(struct rig *r)
{
    struct enl_message first, second;

    CHECK_EQ(enl_loan(r->sender, size_near(r, 64), test_until(), &first), 0);
    int result = enl_loan(r->sender, size_near(r, 32), ENL_NOW, &second);
    if (result == 0) {
        fill(second.data, second.size, 0, 2);
        enl_cancel(&second);
    } else {
        CHECK_EQ(result, -EBUSY);
        CHECK(enl_error_text()[0] != '\0');
    }
    fill(first.data, first.size, 0, 1);
    CHECK_OK(enl_commit(&first));
    CHECK_EQ(enl_commit(&first), -EINVAL);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, 1);
    check_works(r, 3);
}

static void loan_leaves_other_sends_alone(struct rig *r)
{
    struct enl_message m;

    CHECK_EQ(enl_loan(r->sender, size_near(r, 64), test_until(), &m), 0);
    fill(m.data, m.size, 0, 1);
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_commit(&m));
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    receive_numbered(r->receiver, size_near(r, 64), 0, 1);
}

/* The deadline of the loan is that of its commit; the loan outlives a commit that had no room. */
static void loan_stays_open_when_there_is_no_room(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    struct enl_message m;

    enl_deadline until = enl_in_ms(10);
    int result = enl_loan(r->sender, size, until, &m);
    CHECK_EQ(result, 0);
    unsigned count = fill_up(r, size);
    fill(m.data, m.size, 0, count);
    CHECK_EQ(enl_commit(&m), -ETIMEDOUT);
    CHECK(now_ns() >= until);
    CHECK_EQ(enl_commit(&m), -ETIMEDOUT);
    empty_out(r, size, 0, count);
    CHECK_OK(enl_commit(&m));
    empty_out(r, size, count, count + 1);
    CHECK_EQ(enl_commit(&m), -EINVAL);
}

/* What is loaned is the mechanism's own memory: a commit needs no more of it. */
static void loan_in_place_has_its_room(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    struct enl_message first, second;

    for (int again = 0; again < 3; again++) {
        CHECK_OK(enl_loan(r->sender, size, ENL_NOW, &first));
        CHECK_OK(enl_loan(r->sender, size, ENL_NOW, &second));
        unsigned count = fill_up(r, size);
        fill(first.data, first.size, 0, count + 1);
        fill(second.data, second.size, 0, count);
        CHECK_OK(enl_commit(&second));
        CHECK_OK(enl_commit(&first));
        CHECK_EQ(enl_loan(r->sender, size, ENL_NOW, &first), -EAGAIN);
        empty_out(r, size, 0, count + 2);
        CHECK_EQ(enl_commit(&second), -EINVAL);
    }
}

static void commit_tells_that_nobody_receives(struct rig *r)
{
    struct enl_message m;

    CHECK_EQ(enl_loan(r->sender, size_near(r, 64), test_until(), &m), 0);
    rig_close_receiver(r);
    while (try_send(r->sender, size_near(r, 64), 0, test_until()) >= 0) /* until it is noticed */
        ;
    fill(m.data, m.size, 0, 0);
    int result = enl_commit(&m);
    if (result == 0)
        result = enl_flush(r->sender, test_until()); /* it was held back */
    CHECK_EQ(result, -EPIPE);
    enl_cancel(&m);
}

/* ---- receiving in place ---------------------------------------------------------------------- */

static void send_some(struct rig *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        send_numbered(r->sender, size_near(r, 8 + 20 * i), 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
}

static void check_taken(const struct rig *r, const struct enl_message *m, unsigned number)
{
    CHECK_EQ(m->size, size_near(r, 8 + 20 * number));
    CHECK_EQ(m->full_size, m->size);
    CHECK_EQ(m->flags, 0);
    CHECK_EQ(m->deliveries, 1);
    CHECK_EQ(m->fd_count, 0);
    check_filled(m->data, m->size, 0, number);
}

static void take_gives_messages_in_order(struct rig *r)
{
    struct enl_message m;

    for (int again = 0; again < 2; again++) {
        send_some(r, 4);
        for (unsigned i = 0; i < 4; i++) {
            CHECK_EQ(enl_take(r->receiver, NULL, test_until(), &m), size_near(r, 8 + 20 * i));
            check_taken(r, &m, i);
            CHECK_OK(enl_release(&m));
            CHECK_EQ(enl_release(&m), -EINVAL);
        }
        CHECK_EQ(enl_take(r->receiver, NULL, ENL_NOW, &m), -EAGAIN);
    }
}

static void taken_message_stays_as_it_is_until_release(struct rig *r)
{
    struct enl_message m;

    send_some(r, 1);
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    send_some(r, 3);
    check_taken(r, &m, 0);
    CHECK_OK(enl_link_events(r->receiver));
    check_taken(r, &m, 0);
    CHECK_OK(enl_release(&m));
    for (unsigned i = 0; i < 3; i++)
        receive_numbered(r->receiver, size_near(r, 8 + 20 * i), 0, i);
}

static void second_take_is_busy_or_the_next_message(struct rig *r)
{
    struct enl_message first, second;
    enl_deadline until = rig_is_network(r) ? test_until() : ENL_NOW;
    unsigned char buffer[512];
    unsigned next = 1;

    send_some(r, 4);
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &first));
    ssize_t result = enl_take(r->receiver, NULL, until, &second);
    if (result >= 0) {
        check_taken(r, &second, next++);
        CHECK_OK(enl_release(&second));
    } else {
        CHECK_EQ(result, -EBUSY);
        CHECK(enl_error_text()[0] != '\0');
    }
    result = enl_receive(r->receiver, buffer, sizeof(buffer), until);
    if (result >= 0)
        check_filled(buffer, (size_t)result, 0, next++);
    else
        CHECK_EQ(result, -EBUSY);
    check_taken(r, &first, 0);
    CHECK_OK(enl_release(&first));
    for (; next < 4; next++)
        receive_numbered(r->receiver, size_near(r, 8 + 20 * next), 0, next);
}

static void close_ends_open_loan_and_take(struct rig *r)
{
    struct enl_message loan, take;

    send_some(r, 2);
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &take));
    CHECK_EQ(enl_loan(r->sender, size_near(r, 64), test_until(), &loan), 0);
    rig_close_sender(r);
    rig_close_receiver(r);
}

static void without_acknowledgement_nothing_is_returned(struct rig *r)
{
    struct enl_message m;

    send_some(r, 1);
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    CHECK_LACKS(enl_return(&m, 0), ENL_CAN_ACKNOWLEDGE);
    check_taken(r, &m, 0);
    CHECK_OK(enl_release(&m));
    CHECK_EQ(enl_take(r->receiver, NULL, ENL_NOW, &m), -EAGAIN);
}

static void returned_message_is_delivered_again(struct rig *r)
{
    struct enl_message m;

    send_some(r, 1);
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    check_taken(r, &m, 0);
    CHECK_OK(enl_return(&m, 1));
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    CHECK_EQ(m.flags & ENL_REDELIVERED, ENL_REDELIVERED);
    CHECK_EQ(m.deliveries, 2);
    check_filled(m.data, m.size, 0, 0);
    CHECK_OK(enl_release(&m));
    CHECK_EQ(enl_take(r->receiver, NULL, ENL_NOW, &m), -EAGAIN);
}

static void take_and_die(void *argument)
{
    struct rig *r = argument;
    struct enl_message m;

    if (rig_way(r) == ENL_MEET_OPEN)
        CHECK_OK(enl_open(r->address, rig_receiver_flags(r), &r->receiver));
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    _Exit(0);
}

static void message_of_a_dead_taker_is_delivered_again(struct rig *r)
{
    struct enl_message m;

    send_some(r, 1);
    test_join(test_child(take_and_die, r));
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    CHECK_EQ(m.flags & ENL_REDELIVERED, ENL_REDELIVERED);
    CHECK_EQ(m.deliveries, 2);
    check_filled(m.data, m.size, 0, 0);
    CHECK_OK(enl_release(&m));
}

static const struct suite_case cases[] = {
    CASE(commit_sends_what_was_filled_in),
    CASE(loan_has_room_for_the_largest, .needs = ENL_CAN_BOUNDARIES),
    CASE(size_may_be_lowered_before_commit, .lacks = ENL_CAN_FIXED_SIZE),
    CASE(canceled_loan_sends_nothing),
    CASE(second_loan_is_busy_or_apart),
    CASE(loan_leaves_other_sends_alone, .lacks = ENL_CAN_MERGE),
    CASE(loan_stays_open_when_there_is_no_room, .needs = ENL_CAN_LOSSLESS,
         .lacks = ENL_CAN_ZERO_COPY),
    CASE(loan_in_place_has_its_room, .needs = ENL_CAN_LOSSLESS | ENL_CAN_ZERO_COPY),
    CASE(commit_tells_that_nobody_receives, .needs = ENL_CAN_BROKEN),
    CASE(take_gives_messages_in_order, .needs = ENL_CAN_BOUNDARIES, .lacks = ENL_CAN_MERGE),
    CASE(taken_message_stays_as_it_is_until_release, .needs = ENL_CAN_BOUNDARIES,
         .lacks = ENL_CAN_MERGE),
    CASE(second_take_is_busy_or_the_next_message, .needs = ENL_CAN_BOUNDARIES,
         .lacks = ENL_CAN_MERGE),
    CASE(close_ends_open_loan_and_take, .lacks = ENL_CAN_MERGE),
    CASE(without_acknowledgement_nothing_is_returned, .needs = ENL_CAN_BOUNDARIES,
         .lacks = ENL_CAN_ACKNOWLEDGE),
    CASE(returned_message_is_delivered_again, .needs = ENL_CAN_ACKNOWLEDGE),
    CASE(message_of_a_dead_taker_is_delivered_again, .needs = ENL_CAN_ACKNOWLEDGE),
};
SUITE(cases)
