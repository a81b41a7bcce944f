/* SPDX-License-Identifier: MIT */
/* Every call that waits keeps its deadline: not at all, until then, or until it happens. */
#include "suite.h"

#include <sched.h>

enum { SHORT_MS = 4, PAST_NS = 1 };

/* A call that does not say its name in a failed check says it here. */
#define CHECK_CALL(call, result, wanted)                                                           \
    do {                                                                                           \
        long long check_call_result = (result);                                                    \
        if (check_call_result != (wanted))                                                         \
            FAIL("%s gave %lld, not %lld: %s", (call)->name, check_call_result,                    \
                 (long long)(wanted), enl_error_text());                                           \
    } while (0)

static void check_times_out(struct rig *r, const struct call *c, unsigned number)
{
    enl_deadline until = enl_in_ms(SHORT_MS);

    CHECK_CALL(c, c->call(r, number, until), -ETIMEDOUT);
    CHECK(now_ns() >= until);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_CALL(c, c->call(r, number, PAST_NS), -ETIMEDOUT);
    CHECK_CALL(c, c->call(r, number, ENL_NOW), -EAGAIN);
    CHECK(enl_error_text()[0] != '\0');
}

/* ---- empty ----------------------------------------------------------------------------------- */

static void receivers_time_out_when_empty(struct rig *r)
{
    const struct call *c;

    for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++) {
        check_times_out(r, c, 0);
        check_works(r, (unsigned)i);
    }
}

static void receivers_take_what_is_there_whatever_the_deadline(struct rig *r)
{
    static const enl_deadline deadlines[] = {ENL_NOW, PAST_NS, ENL_FOREVER, -1};
    size_t size = size_near(r, CALL_RECEIVE_SIZE);
    const struct call *c;

    for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++)
        for (unsigned d = 0; d < 4; d++) {
            send_numbered(r->sender, size, 0, d);
            CHECK_OK(enl_flush(r->sender, test_until()));
            rig_await_message(r);
            long got = c->call(r, d, deadlines[d]);
            if (c->call != NULL && got != 1)
                CHECK_CALL(c, got, (long)size);
        }
}

static void send_when_receiver_sleeps(struct rig *r, struct task *receiver, unsigned number)
{
    task_await_sleep(receiver);
    send_numbered(r->sender, size_near(r, CALL_RECEIVE_SIZE), 0, number);
    CHECK_OK(enl_flush(r->sender, test_until()));
}

struct waiting {
    struct rig *r;
    const struct call *call;
    enl_deadline until;
    unsigned number;
    bool sends;
    atomic_bool done;
};

static void wait_in_call(void *argument)
{
    struct waiting *w = argument;
    long result = w->call->call(w->r, w->number, w->until);

    if (result < 0)
        FAIL("%s gave %ld: %s", w->call->name, result, enl_error_text());
    if (w->sends)
        CHECK_OK(enl_flush(w->r->sender, test_until()));
    atomic_store_explicit(&w->done, true, memory_order_release);
}

static void receivers_are_woken_by_message(struct rig *r)
{
    struct waiting w = {.r = r};
    struct task receiver;

    for (size_t i = 0; (w.call = call_that_receives(r, i)) != NULL; i++)
        for (unsigned again = 0; again < 2; again++, w.number++) {
            w.until = again == 0 ? ENL_FOREVER : test_until();
            task_start(&receiver, wait_in_call, &w);
            send_when_receiver_sleeps(r, &receiver, w.number);
            task_join(&receiver);
        }
}

/* The message comes at any moment around the look before the sleep. */
static void receive_never_misses_its_wake_up(struct rig *r)
{
    struct waiting w = {.r = r, .call = call_that_receives(r, 0), .until = ENL_FOREVER};
    uint32_t seed = (uint32_t)now_ns();
    struct task receiver;

    for (w.number = 0; w.number < rounds(200); w.number++) {
        task_start(&receiver, wait_in_call, &w);
        spin_for_ns(random_next(&seed) % 60000);
        send_numbered(r->sender, size_near(r, CALL_RECEIVE_SIZE), 0, w.number);
        CHECK_OK(enl_flush(r->sender, test_until()));
        task_join(&receiver);
    }
}

/* ---- full ------------------------------------------------------------------------------------ */

static void senders_time_out_when_full(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    unsigned count = fill_up(r, size);
    const struct call *c;

    CHECK(count > 0);
    for (size_t i = 0; (c = call_that_sends(r, i)) != NULL; i++)
        check_times_out(r, c, count);
    empty_out(r, size, 0, count);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    check_works(r, 5);
}

static void refused_message_goes_when_there_is_room(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    unsigned count = fill_up(r, size), next = count;
    const struct call *c;
    unsigned first = 0;

    for (size_t i = 0; (c = call_that_sends(r, i)) != NULL; i++) {
        if (!c->carries)
            continue;
        empty_out(r, size, first, next);
        first = next;
        long result = c->call(r, next, ENL_NOW);
        if (result < 0)
            FAIL("%s gave %ld with room for it: %s", c->name, result, enl_error_text());
        next++;
    }
    empty_out(r, size, first, next);
}

static void senders_are_woken_by_reader(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    struct waiting w = {.r = r, .until = ENL_FOREVER, .sends = true};
    struct task sender;

    for (size_t i = 0; (w.call = call_that_sends(r, i)) != NULL; i++) {
        w.number = fill_up(r, size);
        atomic_store(&w.done, false);
        task_start(&sender, wait_in_call, &w);
        task_await_sleep(&sender);
        CHECK(!atomic_load_explicit(&w.done, memory_order_acquire));
        for (unsigned number = 0; number < w.number; number++)
            receive_numbered(r->receiver, size, 0, number);
        task_join(&sender);
        if (w.call->carries)
            empty_out(r, size, w.number, w.number + 1);
    }
}

static void send_never_misses_its_wake_up(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    struct waiting w = {.r = r, .until = ENL_FOREVER, .sends = true};
    uint32_t seed = (uint32_t)now_ns();
    unsigned first = 0, next = fill_up(r, size);
    struct task sender;

    w.call = call_that_sends(r, 0);
    for (unsigned i = 0; i < rounds(100); i++) {
        w.number = next++;
        task_start(&sender, wait_in_call, &w);
        spin_for_ns(random_next(&seed) % 60000);
        while (!atomic_load_explicit(&w.done, memory_order_acquire) && first < w.number)
            receive_numbered(r->receiver, size, 0, first++);
        task_join(&sender);
        atomic_store(&w.done, false);
    }
    empty_out(r, size, first, next);
}

/* ---- meeting --------------------------------------------------------------------------------- */

static void accept_keeps_its_deadline(struct rig *r)
{
    struct enl_link *link;
    enl_deadline until;

    CHECK_OK(enl_listen(r->address, &r->listener));
    CHECK_EQ(enl_accept(r->listener, ENL_NOW, &link), -EAGAIN);
    until = enl_in_ms(SHORT_MS);
    CHECK_EQ(enl_accept(r->listener, until, &link), -ETIMEDOUT);
    CHECK(now_ns() >= until);
    CHECK_EQ(enl_accept(r->listener, PAST_NS, &link), -ETIMEDOUT);
    rig_open_sender(r, &r->sender);
    if (rig_can(r, ENL_CAN_POLL)) /* the last word of who came may be under way */
        CHECK_EQ(enl_poll(&r->listener, 1, test_until()), 1);
    CHECK_OK(enl_accept(r->listener, PAST_NS, &r->receiver));
    check_works(r, 0);
}

static void accept_in_task(void *argument)
{
    struct rig *r = argument;

    CHECK_OK(enl_accept(r->listener, ENL_FOREVER, &r->receiver));
}

static void accept_is_woken_by_newcomer(struct rig *r)
{
    struct task server;

    CHECK_OK(enl_listen(r->address, &r->listener));
    task_start(&server, accept_in_task, r);
    task_await_sleep(&server);
    rig_open_sender(r, &r->sender);
    task_join(&server);
    check_works(r, 0);
}

static void check_nobody_there(int result)
{
    CHECK(result == -ENOENT || result == -ENXIO || result == -ECONNREFUSED);
    CHECK(enl_error_text()[0] != '\0');
}

static void open_answers_that_nobody_is_there(struct rig *r)
{
    struct enl_link *link;
    enl_deadline until;

    check_nobody_there(rig_try_sender(r, &link));
    if (!rig_is_network(r))
        check_nobody_there(enl_open_until(r->sender_address, rig_sender_flags(r), ENL_NOW, &link));
    until = enl_in_ms(SHORT_MS);
    CHECK_EQ(enl_open_until(r->sender_address, rig_sender_flags(r), until, &link), -ETIMEDOUT);
    CHECK(now_ns() >= until);
    CHECK_EQ(enl_open_until(r->sender_address, rig_sender_flags(r), PAST_NS, &link), -ETIMEDOUT);
}

static void open_in_task(void *argument)
{
    struct rig *r = argument;

    CHECK_OK(enl_open_until(r->sender_address, rig_sender_flags(r), test_until(), &r->sender));
}

static void open_waits_for_its_peer(struct rig *r)
{
    struct task client;

    task_start(&client, open_in_task, r);
    task_await_sleep(&client);
    if (rig_way(r) == ENL_MEET_LISTEN) {
        CHECK_OK(enl_listen(r->address, &r->listener));
        CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    } else {
        CHECK_OK(enl_open(r->address, rig_receiver_flags(r), &r->receiver));
    }
    task_join(&client);
    check_works(r, 0);
}

static const struct suite_case cases[] = {
    CASE(receivers_time_out_when_empty),
    CASE(receivers_take_what_is_there_whatever_the_deadline),
    CASE(receivers_are_woken_by_message, .stress = true),
    CASE(receive_never_misses_its_wake_up, .stress = true),
    CASE(senders_time_out_when_full, .needs = ENL_CAN_LOSSLESS),
    CASE(refused_message_goes_when_there_is_room, .needs = ENL_CAN_LOSSLESS),
    CASE(senders_are_woken_by_reader, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(send_never_misses_its_wake_up, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(accept_keeps_its_deadline, .meet = ENL_MEET_LISTEN, .bare = true),
    CASE(accept_is_woken_by_newcomer, .meet = ENL_MEET_LISTEN, .bare = true, .stress = true),
    CASE(open_answers_that_nobody_is_there, .needs = ENL_CAN_LOSSLESS,
         .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true),
    CASE(open_waits_for_its_peer, .needs = ENL_CAN_LOSSLESS,
         .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true, .stress = true),
};
SUITE(cases)
