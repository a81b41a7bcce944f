/* SPDX-License-Identifier: MIT */
/* Handled signals arrive in every call, and no call says so: never -EINTR, nothing lost or
 * doubled. */
#include "suite.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

enum { INTERVAL_US = 400, SIGNALS_IN_A_WAIT = 4, TIMES = 2 };

static atomic_uint *signals_seen; /* shared with the peer's process */

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add_explicit(signals_seen, 1, memory_order_relaxed);
}

/* The peer acts only after its partner, which waits, was hit by several signals. */
static void await_signals(void)
{
    unsigned from = atomic_load(signals_seen);

    while (atomic_load(signals_seen) - from < SIGNALS_IN_A_WAIT) {
        CHECK(now_ns() < test_until());
        sched_yield();
    }
}

struct plan {
    struct rig *r;
    struct test_gate *filled, *emptied;
    atomic_uint *count; /* of messages with which the link was full, or which have been received */
};

/* Nothing is sent before all that was sent has been received: a slow receiver would find two messages. */
static void await_received(struct plan *p, unsigned count)
{
    while (atomic_load(p->count) != count) {
        CHECK(now_ns() < test_until());
        sched_yield();
    }
}

static void send_after_signals(void *argument)
{
    struct plan *p = argument;
    unsigned number = 0;

    rig_close_receiver(p->r);
    for (size_t i = 0; call_that_receives(p->r, i) != NULL; i++)
        for (unsigned again = 0; again < 2 * TIMES; again++) {
            await_received(p, number);
            await_signals();
            send_numbered(p->r->sender, size_near(p->r, CALL_RECEIVE_SIZE), 0, number++);
            CHECK_OK(enl_flush(p->r->sender, test_until()));
        }
    rig_leave(p->r);
}

static void receive_through_signals(struct rig *r, int flags)
{
    struct plan p = {.r = r};
    const struct call *c;
    unsigned number = 0;

    p.count = test_shared(sizeof(*p.count));
    signals_seen = test_shared(sizeof(*signals_seen));
    pid_t child = test_child(send_after_signals, &p);
    alarm_start(count_signal, flags, INTERVAL_US);
    for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++)
        for (unsigned again = 0; again < 2 * TIMES; again++) {
            enl_deadline until = again < TIMES ? ENL_FOREVER : test_until();
            long got = c->call(r, number++, until);
            if (got < 0)
                FAIL("%s gave %ld under signals: %s", c->name, got, enl_error_text());
            atomic_store(p.count, number);
        }
    alarm_stop();
    test_join(child);
}

static void signals_end_no_receiving_call(struct rig *r)
{
    receive_through_signals(r, 0);
}

static void restarting_signals_end_no_receiving_call(struct rig *r)
{
    receive_through_signals(r, SA_RESTART);
}

/* One turn for each call that sends: full, blocked, hit by signals, then emptied by the peer. */
static void receive_after_signals(void *argument)
{
    struct plan *p = argument;
    struct rig *r = p->r;
    const struct call *c;

    rig_close_sender(r);
    for (unsigned turn = 0; (c = call_that_sends(r, turn)) != NULL; turn++) {
        test_gate_wait_times(p->filled, turn + 1);
        await_signals();
        unsigned count = atomic_load(p->count) + (c->carries ? 1 : 0);
        for (unsigned number = 0; number < count; number++)
            receive_numbered(r->receiver, size_near(r, CALL_SEND_SIZE), 0, number);
        test_gate_open(p->emptied);
    }
    rig_close_receiver(r);
}

static void send_through_signals(struct rig *r, int flags)
{
    struct plan p = {.r = r, .filled = test_gate_new(), .emptied = test_gate_new()};
    const struct call *c;

    p.count = test_shared(sizeof(*p.count));
    signals_seen = test_shared(sizeof(*signals_seen));
    pid_t child = test_child(receive_after_signals, &p);
    for (unsigned turn = 0; (c = call_that_sends(r, turn)) != NULL; turn++) {
        unsigned count = fill_up(r, size_near(r, CALL_SEND_SIZE));
        atomic_store(p.count, count);
        alarm_start(count_signal, flags, INTERVAL_US);
        test_gate_open(p.filled);
        long sent = c->call(r, count, turn % 2 == 0 ? ENL_FOREVER : test_until());
        if (sent < 0)
            FAIL("%s gave %ld under signals: %s", c->name, sent, enl_error_text());
        CHECK_OK(enl_flush(r->sender, test_until()));
        test_gate_wait_times(p.emptied,
                             turn + 1); /* the peer counts signals, however soon there was room */
        alarm_stop();
    }
    test_join(child);
}

static void signals_end_no_sending_call(struct rig *r)
{
    send_through_signals(r, 0);
}

static void restarting_signals_end_no_sending_call(struct rig *r)
{
    send_through_signals(r, SA_RESTART);
}

static void signals_move_no_deadline(struct rig *r)
{
    const struct call *c;

    signals_seen = test_shared(sizeof(*signals_seen));
    alarm_start(count_signal, 0, INTERVAL_US);
    for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++) {
        enl_deadline until = enl_in_ms(5);
        CHECK_EQ(c->call(r, 0, until), -ETIMEDOUT);
        CHECK(now_ns() >= until);
    }
    alarm_stop();
}

static void signals_end_no_call_of_meeting(struct rig *r)
{
    struct enl_link *link;

    signals_seen = test_shared(sizeof(*signals_seen));
    alarm_start(count_signal, 0, INTERVAL_US);
    for (int again = 0; again < TIMES; again++) {
        enl_deadline until = enl_in_ms(4);
        CHECK_EQ(enl_open_until(r->sender_address, rig_sender_flags(r), until, &link), -ETIMEDOUT);
        CHECK(now_ns() >= until);
    }
    for (unsigned i = 0; i < rounds(100); i++) {
        rig_meet(r);
        if (r->listener != NULL)
            CHECK_EQ(enl_accept(r->listener, enl_in_ms(1), &link), -ETIMEDOUT);
        rig_close(r);
    }
    alarm_stop();
}

static void send_bulk(void *argument)
{
    struct rig *r = argument;

    rig_close_receiver(r);
    alarm_start(count_signal, 0, INTERVAL_US);
    for (unsigned i = 0; i < rounds(1000); i++)
        send_numbered(r->sender, size_near(r, i % 50 == 49 ? 100000 : 8 + i), 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    alarm_stop();
    rig_leave(r);
}

static void bulk_passes_through_signals_on_both_sides(struct rig *r)
{
    signals_seen = test_shared(sizeof(*signals_seen));
    pid_t child = test_child(send_bulk, r);
    rig_close_sender(r);
    alarm_start(count_signal, SA_RESTART, INTERVAL_US + 77);
    for (unsigned i = 0; i < rounds(1000); i++)
        receive_numbered(r->receiver, size_near(r, i % 50 == 49 ? 100000 : 8 + i), 0, i);
    alarm_stop();
    test_join(child);
}

static const struct suite_case cases[] = {
    CASE(signals_end_no_receiving_call, .stress = true),
    CASE(restarting_signals_end_no_receiving_call, .stress = true),
    CASE(signals_end_no_sending_call, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(restarting_signals_end_no_sending_call, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(signals_move_no_deadline),
    CASE(signals_end_no_call_of_meeting, .needs = ENL_CAN_LOSSLESS,
         .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
    CASE(bulk_passes_through_signals_on_both_sides, .needs = ENL_CAN_LOSSLESS, .stress = true),
};
SUITE(cases)
