/* SPDX-License-Identifier: MIT */
/* An interrupt ends the call that waits and every later one, from a thread or a signal handler, at
 * any moment, and takes no message with it. */
#include "suite.h"

#include <signal.h>

/* The interrupted side of a call: of those that receive, the receiver, else the sender. */
static void check_canceled(struct rig *r, const struct call *c, enl_deadline until)
{
    long result = c->call(r, 0, until);

    if (result != -ECANCELED)
        FAIL("%s gave %ld, not -ECANCELED: %s", c->name, result, enl_error_text());
    CHECK(enl_error_text()[0] != '\0');
}

static void interrupt_is_sticky_until_cleared(struct rig *r)
{
    const struct call *c;

    send_numbered(r->sender, size_near(r, CALL_RECEIVE_SIZE), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_EQ(enl_interrupt(r->receiver), 0);
    CHECK_EQ(enl_interrupt(r->receiver), 0);
    for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++) {
        check_canceled(r, c, ENL_FOREVER);
        check_canceled(r, c, enl_in_ms(1));
        check_canceled(r, c, ENL_NOW);
    }
    enl_interrupt_clear(r->receiver);
    receive_numbered(r->receiver, size_near(r, CALL_RECEIVE_SIZE), 0, 0);
    CHECK_EQ(enl_interrupt(r->sender), 0);
    for (size_t i = 0; (c = call_that_sends(r, i)) != NULL; i++)
        check_canceled(r, c, ENL_FOREVER);
    CHECK_EQ(enl_flush(r->sender, ENL_FOREVER), -ECANCELED);
    enl_interrupt_clear(r->sender);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

static void interrupt_of_one_link_leaves_its_peer(struct rig *r)
{
    CHECK_EQ(enl_interrupt(r->receiver), 0);
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    enl_interrupt_clear(r->receiver);
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK_EQ(enl_interrupt(r->sender), 0);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    enl_interrupt_clear(r->sender);
    check_works(r, 1);
}

static void accept_is_interrupted_too(struct rig *r)
{
    struct enl_link *link;

    CHECK_OK(enl_listen(r->address, &r->listener));
    CHECK_EQ(enl_interrupt(r->listener), 0);
    CHECK_EQ(enl_accept(r->listener, ENL_FOREVER, &link), -ECANCELED);
    enl_interrupt_clear(r->listener);
    rig_open_sender(r, &r->sender);
    CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    check_works(r, 0);
}

static void loan_survives_interrupt(struct rig *r)
{
    struct enl_message m;

    CHECK_OK(enl_loan(r->sender, size_near(r, 64), test_until(), &m));
    fill(m.data, m.size, 0, 0);
    CHECK_EQ(enl_interrupt(r->sender), 0);
    CHECK_EQ(enl_commit(&m), -ECANCELED);
    enl_interrupt_clear(r->sender);
    CHECK_OK(enl_commit(&m));
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
}

/* ---- from another thread --------------------------------------------------------------------- */

struct canceled {
    struct rig *r;
    const struct call *call;
};

static void wait_for_interrupt(void *argument)
{
    struct canceled *c = argument;

    check_canceled(c->r, c->call, ENL_FOREVER);
}

static void thread_interrupts_receiver(struct rig *r)
{
    struct canceled c = {.r = r};
    struct task task;

    for (size_t i = 0; (c.call = call_that_receives(r, i)) != NULL; i++) {
        task_start(&task, wait_for_interrupt, &c);
        task_await_sleep(&task);
        CHECK_EQ(enl_interrupt(r->receiver), 0);
        task_join(&task);
        enl_interrupt_clear(r->receiver);
        check_works(r, (unsigned)i);
    }
}

static void thread_interrupts_sender(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    unsigned count = fill_up(r, size);
    struct canceled c = {.r = r};
    struct task task;

    for (size_t i = 0; (c.call = call_that_sends(r, i)) != NULL; i++) {
        task_start(&task, wait_for_interrupt, &c);
        task_await_sleep(&task);
        CHECK_EQ(enl_interrupt(r->sender), 0);
        task_join(&task);
        enl_interrupt_clear(r->sender);
    }
    empty_out(r, size, 0, count);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

/* Interrupts fall at any moment of a call, most of them around its look before the sleep. A lost
 * one is a hang. */
static void wait_for_interrupts(void *argument)
{
    struct rig *r = argument;
    unsigned char buffer[64];

    for (unsigned i = 0; i < rounds(400); i++) {
        CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_FOREVER), -ECANCELED);
        enl_interrupt_clear(r->receiver);
    }
}

struct storm {
    struct rig *r;
    atomic_bool over;
};

static void receive_in_storm(void *argument)
{
    struct storm *s = argument;

    wait_for_interrupts(s->r);
    atomic_store_explicit(&s->over, true, memory_order_release);
}

static void no_interrupt_of_a_storm_is_lost(struct rig *r)
{
    struct storm s = {.r = r};
    uint32_t seed = (uint32_t)now_ns();
    struct task task;

    task_start(&task, receive_in_storm, &s);
    while (!atomic_load_explicit(&s.over, memory_order_acquire)) {
        CHECK_EQ(enl_interrupt(r->receiver), 0);
        spin_for_ns(random_next(&seed) % 30000);
    }
    task_join(&task);
    enl_interrupt_clear(r->receiver);
    check_works(r, 0);
}

/* One interrupt a round, none to spare. */
struct duel {
    struct rig *r;
    pthread_barrier_t start;
};

static void wait_in_duel(void *argument)
{
    struct duel *d = argument;
    unsigned char buffer[64];

    for (unsigned i = 0; i < rounds(400); i++) {
        (void)pthread_barrier_wait(&d->start);
        CHECK_EQ(enl_receive(d->r->receiver, buffer, sizeof(buffer), ENL_FOREVER), -ECANCELED);
        enl_interrupt_clear(d->r->receiver);
    }
}

static void one_interrupt_at_a_random_moment_is_enough(struct rig *r)
{
    struct duel d = {.r = r};
    uint32_t seed = (uint32_t)now_ns();
    struct task task;

    CHECK_EQ(pthread_barrier_init(&d.start, NULL, 2), 0);
    task_start(&task, wait_in_duel, &d);
    for (unsigned i = 0; i < rounds(400); i++) {
        (void)pthread_barrier_wait(&d.start);
        spin_for_ns(random_next(&seed) % 20000);
        CHECK_EQ(enl_interrupt(r->receiver), 0);
    }
    task_join(&task);
    CHECK_EQ(pthread_barrier_destroy(&d.start), 0);
    check_works(r, 0);
}

static void send_in_storm(void *argument)
{
    struct storm *s = argument;

    for (unsigned i = 0; i < rounds(400);) {
        ssize_t sent = try_send(s->r->sender, size_near(s->r, 8 + i), i, ENL_FOREVER);
        if (sent == -ECANCELED) {
            enl_interrupt_clear(s->r->sender);
            continue;
        }
        CHECK_EQ(sent, size_near(s->r, 8 + i));
        i++;
    }
    int result;
    while ((result = enl_flush(s->r->sender, ENL_FOREVER)) == -ECANCELED)
        enl_interrupt_clear(s->r->sender);
    CHECK_OK(result);
    atomic_store_explicit(&s->over, true, memory_order_release);
}

static void interrupt_in_storm(void *argument)
{
    struct storm *s = argument;
    uint32_t seed = 7;

    while (!atomic_load_explicit(&s->over, memory_order_acquire)) {
        CHECK_EQ(enl_interrupt(s->r->sender), 0);
        CHECK_EQ(enl_interrupt(s->r->receiver), 0);
        spin_for_ns(random_next(&seed) % 100000);
    }
}

static void storm_loses_and_doubles_no_message(struct rig *r)
{
    struct storm s = {.r = r};
    struct task sender, thunder;
    unsigned char buffer[2048];

    task_start(&sender, send_in_storm, &s);
    task_start(&thunder, interrupt_in_storm, &s);
    for (unsigned i = 0; i < rounds(400);) {
        ssize_t got = enl_receive(r->receiver, buffer, sizeof(buffer), ENL_FOREVER);
        if (got == -ECANCELED) {
            enl_interrupt_clear(r->receiver);
            continue;
        }
        CHECK_EQ(got, size_near(r, 8 + i));
        check_filled(buffer, (size_t)got, 0, i++);
    }
    task_join(&sender);
    task_join(&thunder);
    enl_interrupt_clear(r->receiver);
    enl_interrupt_clear(r->sender);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

/* ---- from a signal handler of the same, only thread ------------------------------------------ */

static struct enl_link *handled; /* what the handler interrupts */

static void interrupt_handled(int number)
{
    (void)number;
    (void)enl_interrupt(handled);
}

static void handler_interrupts_receiver(struct rig *r)
{
    const struct call *c;

    handled = r->receiver;
    for (int flags = 0;; flags = SA_RESTART) {
        for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++) {
            alarm_start(interrupt_handled, flags, 1000);
            check_canceled(r, c, ENL_FOREVER);
            check_canceled(r, c, ENL_FOREVER);
            alarm_stop();
            enl_interrupt_clear(r->receiver);
            check_works(r, (unsigned)i);
        }
        if (flags == SA_RESTART)
            break;
    }
}

static void handler_interrupts_sender(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    unsigned count = fill_up(r, size);
    const struct call *c;

    handled = r->sender;
    for (int flags = 0;; flags = SA_RESTART) {
        for (size_t i = 0; (c = call_that_sends(r, i)) != NULL; i++) {
            alarm_start(interrupt_handled, flags, 1000);
            check_canceled(r, c, ENL_FOREVER);
            alarm_stop();
            enl_interrupt_clear(r->sender);
        }
        if (flags == SA_RESTART)
            break;
    }
    empty_out(r, size, 0, count);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
}

/* One alarm, at a random moment: before the call, in it, just before its sleep. */
static void no_interrupt_of_a_handler_is_lost(struct rig *r)
{
    unsigned char buffer[64];
    uint32_t seed = (uint32_t)now_ns();

    handled = r->receiver;
    for (unsigned i = 0; i < rounds(400); i++) {
        alarm_once(interrupt_handled, i % 2 == 0 ? SA_RESTART : 0, 1 + random_next(&seed) % 100);
        spin_for_ns(random_next(&seed) % 100000);
        CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_FOREVER), -ECANCELED);
        alarm_stop();
        enl_interrupt_clear(r->receiver);
    }
    check_works(r, 0);
}

static const struct suite_case cases[] = {
    CASE(interrupt_is_sticky_until_cleared),
    CASE(interrupt_of_one_link_leaves_its_peer),
    CASE(accept_is_interrupted_too, .meet = ENL_MEET_LISTEN, .bare = true),
    CASE(loan_survives_interrupt),
    CASE(thread_interrupts_receiver, .stress = true),
    CASE(thread_interrupts_sender, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(no_interrupt_of_a_storm_is_lost, .stress = true),
    CASE(one_interrupt_at_a_random_moment_is_enough, .stress = true),
    CASE(storm_loses_and_doubles_no_message, .needs = ENL_CAN_BOUNDARIES | ENL_CAN_LOSSLESS,
         .stress = true),
    CASE(handler_interrupts_receiver, .stress = true),
    CASE(handler_interrupts_sender, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(no_interrupt_of_a_handler_is_lost, .stress = true),
};
SUITE(cases)
