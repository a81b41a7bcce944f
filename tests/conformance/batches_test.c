/* SPDX-License-Identifier: MIT */
/* What is held back goes when it should: by flush, by size, before a sleep, at the close; and
 * drain waits until the peer has it. */
#include "suite.h"

#include <string.h>

enum { BATCH = 4096, SMALL = 16 };

/* Meets with ?batch=, if the address does not have it already. */
static void meet_batched(struct rig *r)
{
    if (strstr(r->address, "batch=") == NULL)
        rig_add_option(r, "batch=4k");
    rig_meet(r);
}

static void check_nothing_came(struct rig *r)
{
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
}

static uint64_t unsent_bytes(struct rig *r)
{
    struct enl_stat stat;

    CHECK_OK(enl_link_stat(r->sender, &stat));
    return stat.unsent_bytes;
}

static void send_small(struct rig *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        send_numbered(r->sender, SMALL, 0, i);
}

static void receive_small(struct rig *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        receive_numbered(r->receiver, SMALL, 0, i);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void batch_waits_for_flush(struct rig *r)
{
    meet_batched(r);
    for (int again = 0; again < 3; again++) {
        send_small(r, 10);
        check_nothing_came(r);
        CHECK(unsent_bytes(r) >= 10 * SMALL);
        CHECK_OK(enl_flush(r->sender, ENL_NOW));
        CHECK_EQ(unsent_bytes(r), 0);
        receive_small(r, 10);
        check_nothing_came(r);
    }
}

static void batch_goes_when_it_has_its_size(struct rig *r)
{
    unsigned count = 0;
    uint64_t before, after = 0;

    meet_batched(r);
    do {
        before = after;
        send_numbered(r->sender, SMALL, 0, count++);
        after = unsent_bytes(r);
        CHECK(after <= BATCH);
    } while (after > before);
    CHECK(count * SMALL > BATCH / 2);
    receive_small(r, count - 1);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, SMALL, 0, count - 1);
}

static void batch_goes_before_its_sender_sleeps(struct rig *r)
{
    meet_batched(r);
    send_small(r, 3);
    CHECK_EQ(enl_receive(r->sender, &(char){0}, 1, enl_in_ms(2)), -ETIMEDOUT);
    receive_small(r, 3);
    check_nothing_came(r);
    send_small(r, 3);
    CHECK_EQ(enl_poll(&r->sender, 1, enl_in_ms(2)), -ETIMEDOUT);
    receive_small(r, 3);
    send_small(r, 3);
    CHECK_EQ(enl_receive(r->sender, &(char){0}, 1, enl_in_ms(2)), -ETIMEDOUT);
    receive_small(r, 3);
}

static void batch_goes_before_a_poll_of_others_sleeps(struct rig *r)
{
    struct enl_link *links[2];

    meet_batched(r);
    send_small(r, 3);
    links[0] = r->sender;
    links[1] = r->receiver;
    CHECK_EQ(enl_poll(links, 2, test_until()), 1);
    CHECK_EQ(enl_link_events(r->receiver) & ENL_READABLE, ENL_READABLE);
    receive_small(r, 3);
}

static void batch_goes_at_the_close(struct rig *r)
{
    meet_batched(r);
    send_small(r, 5);
    rig_close_sender(r);
    receive_small(r, 5);
}

static void batch_goes_with_a_drain(struct rig *r)
{
    meet_batched(r);
    send_small(r, 5);
    /* over a network it waits for the other kernel */
    CHECK_EQ(enl_drain(r->sender, rig_is_network(r) ? test_until() : ENL_NOW),
             r->drains ? -EAGAIN : 0);
    receive_small(r, 5);
    CHECK_OK(enl_drain(r->sender, test_until()));
}

static void batch_keeps_order_with_what_is_larger(struct rig *r)
{
    size_t large = size_near(r, 3 * BATCH);

    meet_batched(r);
    for (unsigned i = 0; i < 6; i++)
        send_numbered(r->sender, i % 3 == 2 ? large : SMALL, 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    for (unsigned i = 0; i < 6; i++)
        receive_numbered(r->receiver, i % 3 == 2 ? large : SMALL, 0, i);
}

static void full_batch_loses_nothing(struct rig *r)
{
    meet_batched(r);
    unsigned count = fill_up(r, SMALL);
    CHECK_EQ(enl_flush(r->sender, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_flush(r->sender, enl_in_ms(3)), -ETIMEDOUT);
    CHECK(unsent_bytes(r) > 0);
    empty_out(r, SMALL, 0, count);
    CHECK_OK(enl_flush(r->sender, ENL_NOW));
    check_nothing_came(r);
}

static void flush_in_task(void *argument)
{
    struct rig *r = argument;

    CHECK_OK(enl_flush(r->sender, ENL_FOREVER));
}

static void flush_waits_for_reader(struct rig *r)
{
    struct task flusher;

    meet_batched(r);
    unsigned count = fill_up(r, SMALL);
    task_start(&flusher, flush_in_task, r);
    task_await_sleep(&flusher);
    receive_small(r, count);
    task_join(&flusher);
    CHECK_EQ(unsent_bytes(r), 0);
    check_nothing_came(r);
}

struct listening {
    struct rig *r;
    atomic_bool stop;
};

/* A receiver that is about to sleep sends what its link holds back. */
static void sleep_again_and_again(void *argument)
{
    struct listening *l = argument;

    while (!atomic_load_explicit(&l->stop, memory_order_relaxed))
        CHECK_EQ(enl_receive(l->r->sender, &(char){0}, 1, enl_in_ns(20000)), -ETIMEDOUT);
}

static void flush_keeps_its_word_beside_a_receiver(struct rig *r)
{
    struct listening l = {.r = r};
    enl_deadline until = rig_is_network(r) ? test_until() : ENL_NOW;
    unsigned char buffer[64];
    struct task receiver;

    meet_batched(r);
    task_start(&receiver, sleep_again_and_again, &l);
    for (unsigned i = 0; i < rounds(3000); i++) {
        send_numbered(r->sender, SMALL, 0, i);
        CHECK_EQ(enl_flush(r->sender, ENL_FOREVER), 0);
        CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), until), SMALL);
        check_filled(buffer, SMALL, 0, i);
    }
    atomic_store(&l.stop, true);
    task_join(&receiver);
}

static void flush_tells_that_nobody_receives(struct rig *r)
{
    meet_batched(r);
    send_small(r, 3);
    rig_close_receiver(r);
    while (enl_flush(r->sender, test_until()) >= 0) /* until it is noticed */
        (void)try_send(r->sender, SMALL, 0, ENL_NOW);
    CHECK_EQ(try_send(r->sender, size_near(r, 2 * BATCH), 0, test_until()), -EPIPE);
}

static void without_batches_the_option_is_refused(struct rig *r)
{
    rig_meet(r);
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    rig_close(r);
    rig_add_option(r, "batch=4k");
    CHECK_EQ(enl_address_caps(r->address, NULL), -EINVAL);
    CHECK(enl_error_text()[0] != '\0');
}

/* ---- drain ----------------------------------------------------------------------------------- */

static void drain_waits_until_all_is_received(struct rig *r)
{
    enl_deadline until;

    if (!r->drains)
        return;
    CHECK_OK(enl_drain(r->sender, ENL_NOW));
    for (unsigned again = 0; again < 3; again++) {
        for (unsigned i = 0; i < 3; i++)
            send_numbered(r->sender, size_near(r, 64), 0, i);
        CHECK_EQ(enl_drain(r->sender, ENL_NOW), -EAGAIN);
        until = enl_in_ms(5);
        CHECK_EQ(enl_drain(r->sender, until), -ETIMEDOUT);
        CHECK(now_ns() >= until);
        for (unsigned i = 0; i < 3; i++)
            receive_numbered(r->receiver, size_near(r, 64), 0, i);
        CHECK_OK(enl_drain(r->sender, test_until()));
    }
}

static void drain_in_task(void *argument)
{
    struct rig *r = argument;

    CHECK_OK(enl_drain(r->sender, ENL_FOREVER));
}

static void drain_is_woken_by_last_receive(struct rig *r)
{
    struct task drainer;

    if (!r->drains)
        return;
    for (unsigned i = 0; i < rounds(20); i++) {
        send_numbered(r->sender, size_near(r, 64), 0, i);
        task_start(&drainer, drain_in_task, r);
        if (i % 4 == 0)
            task_await_sleep(&drainer);
        receive_numbered(r->receiver, size_near(r, 64), 0, i);
        task_join(&drainer);
    }
}

static void drain_tells_that_nobody_will_receive(struct rig *r)
{
    if (!r->drains)
        return;
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_EQ(enl_drain(r->sender, ENL_NOW), -EAGAIN);
    rig_close_receiver(r);
    CHECK_EQ(enl_drain(r->sender, ENL_FOREVER), -EPIPE);
    CHECK(enl_error_text()[0] != '\0');
}

static const struct suite_case cases[] = {
    CASE(batch_waits_for_flush, .needs = ENL_CAN_BATCH, .bare = true),
    CASE(batch_goes_when_it_has_its_size, .needs = ENL_CAN_BATCH, .bare = true),
    CASE(batch_goes_before_its_sender_sleeps, .needs = ENL_CAN_BATCH | ENL_CAN_DUPLEX,
         .bare = true),
    CASE(batch_goes_before_a_poll_of_others_sleeps, .needs = ENL_CAN_BATCH | ENL_CAN_POLL,
         .bare = true),
    CASE(batch_goes_at_the_close, .needs = ENL_CAN_BATCH, .bare = true),
    CASE(batch_goes_with_a_drain, .needs = ENL_CAN_BATCH, .bare = true),
    CASE(batch_keeps_order_with_what_is_larger, .needs = ENL_CAN_BATCH, .bare = true),
    CASE(full_batch_loses_nothing, .needs = ENL_CAN_BATCH | ENL_CAN_LOSSLESS, .bare = true),
    CASE(flush_waits_for_reader, .needs = ENL_CAN_BATCH | ENL_CAN_LOSSLESS, .bare = true,
         .stress = true),
    CASE(flush_keeps_its_word_beside_a_receiver, .needs = ENL_CAN_BATCH | ENL_CAN_DUPLEX,
         .bare = true, .stress = true),
    CASE(flush_tells_that_nobody_receives, .needs = ENL_CAN_BATCH | ENL_CAN_BROKEN, .bare = true),
    CASE(without_batches_the_option_is_refused, .lacks = ENL_CAN_BATCH, .bare = true),
    CASE(drain_waits_until_all_is_received, .lacks = ENL_CAN_MERGE),
    CASE(drain_is_woken_by_last_receive, .stress = true),
    CASE(drain_tells_that_nobody_will_receive, .needs = ENL_CAN_BROKEN | ENL_CAN_END),
};
SUITE(cases)
