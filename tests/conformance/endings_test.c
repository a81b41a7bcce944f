/* SPDX-License-Identifier: MIT */
/* A link ends after its last message and not before, whether its peer closed it or was killed. */
#include "suite.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static bool is_end(ssize_t result)
{
    return result == -ESHUTDOWN || result == -ECONNRESET;
}

/* ---- closed ---------------------------------------------------------------------------------- */

static void check_ended(struct rig *r, ssize_t wanted)
{
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .capacity = sizeof(buffer)};

    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), test_until()), wanted);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(enl_receive_message(r->receiver, NULL, ENL_NOW, &m), wanted);
    m = (struct enl_message){.data = buffer, .capacity = sizeof(buffer)};
    CHECK_EQ(enl_receive_messages(r->receiver, &m, 1, test_until()), wanted);
    CHECK_EQ(enl_take(r->receiver, NULL, test_until(), &m), wanted);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_FOREVER), wanted);
    CHECK_EQ(enl_link_events(r->receiver) & ENL_GONE, ENL_GONE);
}

static void end_comes_after_last_message(struct rig *r)
{
    for (unsigned i = 0; i < 5; i++)
        send_numbered(r->sender, size_near(r, 8 + i * 60), 0, i);
    rig_close_sender(r);
    for (unsigned i = 0; i < 5; i++)
        receive_numbered(r->receiver, size_near(r, 8 + i * 60), 0, i);
    check_ended(r, -ESHUTDOWN);
}

static void link_that_carried_nothing_ends_too(struct rig *r)
{
    rig_close_sender(r);
    check_ended(r, -ESHUTDOWN);
}

static void receive_in_task(void *argument)
{
    struct rig *r = argument;
    unsigned char buffer[64];

    CHECK(is_end(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_FOREVER)));
}

static void end_wakes_receiver(struct rig *r)
{
    struct task receiver;

    task_start(&receiver, receive_in_task, r);
    task_await_sleep(&receiver);
    rig_close_sender(r);
    task_join(&receiver);
}

static void receiver_without_end_waits_for_the_next_sender(struct rig *r)
{
    unsigned char buffer[64];
    enl_deadline until = enl_in_ms(15);

    send_numbered(r->sender, size_near(r, 64), 0, 0);
    rig_close_sender(r);
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), until), -ETIMEDOUT);
    CHECK(now_ns() >= until);
    CHECK_EQ(enl_link_events(r->receiver) & (ENL_READABLE | ENL_GONE), 0);
    if (rig_way(r) != ENL_MEET_OPEN)
        return;
    CHECK_OK(enl_open(r->sender_address, rig_sender_flags(r), &r->sender));
    check_works(r, 1);
}

/* Sends a message and holds nothing back. */
static ssize_t send_out(struct rig *r, enl_deadline until)
{
    ssize_t sent = try_send(r->sender, size_near(r, 8), 0, until);

    return sent < 0 ? sent : enl_flush(r->sender, until);
}

/* What the other side may have to notice first is repeated until it has. */
static void check_breaks(struct rig *r)
{
    const struct call *c;

    while (send_out(r, ENL_FOREVER) >= 0)
        CHECK(now_ns() < test_until());
    for (size_t i = 0; (c = call_that_sends(r, i)) != NULL; i++) {
        if (!c->carries)
            continue;
        long result = c->call(r, 0, test_until());
        if (result >= 0)
            result = enl_flush(r->sender, test_until()); /* it was held back */
        if (result != -EPIPE && result != -ECONNRESET)
            FAIL("%s gave %ld to nobody: %s", c->name, result, enl_error_text());
        CHECK(enl_error_text()[0] != '\0');
    }
    CHECK_EQ(send_out(r, ENL_FOREVER), -EPIPE);
    if (rig_can(r, ENL_CAN_END)) /* there is a connection, which can be gone */
        CHECK_EQ(enl_link_events(r->sender) & ENL_GONE, ENL_GONE);
}

static void sender_learns_that_nobody_receives(struct rig *r)
{
    (void)signal(SIGPIPE, SIG_DFL);
    rig_close_receiver(r);
    check_breaks(r);
}

static atomic_int pipe_signals;

static void count_pipe_signal(int number)
{
    (void)number;
    atomic_fetch_add(&pipe_signals, 1);
}

static void broken_link_leaves_sigpipe_to_its_owner(struct rig *r)
{
    sigset_t set, pending;

    (void)signal(SIGPIPE, count_pipe_signal);
    rig_close_receiver(r);
    check_breaks(r);
    CHECK_EQ(atomic_load(&pipe_signals), 0);
    CHECK_EQ(sigemptyset(&set), 0);
    CHECK_EQ(sigaddset(&set, SIGPIPE), 0);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    check_breaks(r);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK_EQ(sigismember(&pending, SIGPIPE), 0);
    CHECK_EQ(pthread_kill(pthread_self(), SIGPIPE), 0);
    check_breaks(r);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK_EQ(sigismember(&pending, SIGPIPE), 1);
    CHECK_EQ(atomic_load(&pipe_signals), 0);
    CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    CHECK_EQ(atomic_load(&pipe_signals), 1);
}

static void sender_that_cannot_learn_goes_on(struct rig *r)
{
    rig_close_receiver(r);
    for (unsigned i = 0; i < 3; i++) {
        ssize_t sent = try_send(r->sender, size_near(r, 8), 0, ENL_NOW);
        CHECK(sent == (ssize_t)size_near(r, 8) || sent == -EAGAIN);
    }
    if (r->caps.reach <
        ENL_REACH_NETWORK) /* there a refusal may come back, of what was sent before */
        CHECK_EQ(enl_link_events(r->sender) & ENL_GONE, 0);
}

static void send_until_broken(void *argument)
{
    struct rig *r = argument;
    ssize_t sent;

    while ((sent = try_send(r->sender, size_near(r, 8), 0, ENL_FOREVER)) >= 0)
        ;
    CHECK(sent == -EPIPE || sent == -ECONNRESET);
}

static void leaving_receiver_wakes_sender(struct rig *r)
{
    struct task sender;

    task_start(&sender, send_until_broken, r);
    task_await_sleep(&sender);
    rig_close_receiver(r);
    task_join(&sender);
}

/* ---- killed ---------------------------------------------------------------------------------- */

enum { FLUSH_EVERY = 8 };

struct victim {
    struct rig *r;
    atomic_uint *sent; /* messages in the mechanism's hands for certain */
};

static size_t victim_size(const struct rig *r, unsigned number)
{
    static const size_t sizes[] = {8, 1000, 9, 70000, 64, 3000, 8, 4097, 500, 20000};

    return size_near(r, sizes[number % 10]);
}

static void send_until_killed(void *argument)
{
    struct victim *v = argument;

    rig_close_receiver(v->r);
    for (unsigned i = 0;; i++) {
        send_numbered(v->r->sender, victim_size(v->r, i), 0, i);
        if (i % FLUSH_EVERY != 0)
            continue;
        CHECK_OK(enl_flush(v->r->sender, test_until()));
        atomic_store_explicit(v->sent, i + 1, memory_order_release);
    }
}

enum { VICTIM_LARGEST = 80000 };

/* Receives messages from number on until there are no more or enough; returns the next number. Of
 * the one that was on its way a part may come: without boundaries, or marked as cut. */
static unsigned receive_on(struct rig *r, unsigned number, unsigned enough, enl_deadline until)
{
    bool whole = rig_can(r, ENL_CAN_BOUNDARIES);
    unsigned char *buffer = malloc(VICTIM_LARGEST), *wanted = malloc(VICTIM_LARGEST);
    size_t have = 0;

    CHECK(buffer != NULL && wanted != NULL);
    while (number < enough) {
        size_t size = victim_size(r, number);
        struct enl_message m = {.data = buffer + have};
        m.capacity = whole ? VICTIM_LARGEST : size - have;
        ssize_t got = enl_receive_message(r->receiver, NULL, until, &m);
        if (is_end(got) || (got == -EAGAIN && until == ENL_NOW))
            break;
        CHECK_OK(got);
        have += (size_t)got;
        CHECK(have <= size);
        fill(wanted, size, 0, number);
        CHECK_MEM(buffer, wanted, have);
        if ((m.flags & ENL_TRUNCATED) != 0)
            break;
        CHECK(!whole || have == size);
        number += have == size;
        have = have == size ? 0 : have;
    }
    free(buffer);
    free(wanted);
    return number;
}

static void killed_sender_loses_no_message(struct rig *r)
{
    struct victim v = {.r = r, .sent = test_shared(sizeof(*v.sent))};
    uint32_t seed = (uint32_t)now_ns();
    bool ends = rig_can(r, ENL_CAN_END);

    for (unsigned i = 0; i < rounds(20); i++) {
        rig_meet(r);
        atomic_store(v.sent, 0);
        pid_t child = test_child(send_until_killed, &v);
        rig_close_sender(r);
        unsigned next = receive_on(r, 0, random_next(&seed) % 60, test_until());
        spin_for_ns(random_next(&seed) % 300000);
        test_kill(child);
        unsigned sent = atomic_load_explicit(v.sent, memory_order_acquire);
        next = receive_on(r, next, ends ? UINT_MAX : sent, test_until());
        if (!ends)
            next = receive_on(r, next, UINT_MAX, ENL_NOW);
        if (next < sent)
            FAIL("%u messages were sent before the kill, but only %u came", sent, next);
        rig_close(r);
    }
}

static void receive_until_killed(void *argument)
{
    struct rig *r = argument;

    rig_close_sender(r);
    for (unsigned i = 0;; i++)
        receive_numbered(r->receiver, victim_size(r, i), 0, i);
}

static void killed_receiver_breaks_link(struct rig *r)
{
    uint32_t seed = (uint32_t)now_ns();
    unsigned char *buffer = malloc(VICTIM_LARGEST);

    CHECK(buffer != NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    for (unsigned i = 0; i < rounds(20); i++) {
        rig_meet(r);
        pid_t child = test_child(receive_until_killed, r);
        unsigned kill_at = random_next(&seed) % 60;
        rig_close_receiver(r);
        for (unsigned number = 0;; number++) {
            if (number == kill_at)
                test_kill(child);
            fill(buffer, victim_size(r, number), 0, number);
            ssize_t sent = enl_send(r->sender, buffer, victim_size(r, number), test_until());
            if (number >= kill_at && (sent == -EPIPE || sent == -ECONNRESET))
                break;
            CHECK_EQ(sent, victim_size(r, number));
        }
        rig_close(r);
    }
    free(buffer);
}

static void sleep_until_killed(void *argument)
{
    struct rig *r = argument;
    unsigned char buffer[64];

    rig_close_receiver(r);
    (void)enl_receive(r->sender, buffer, sizeof(buffer), ENL_FOREVER);
    FAIL("it was to sleep until it is killed");
}

static void pause_until_killed(void *argument)
{
    struct rig *r = argument;

    enl_close(r->receiver);
    for (;;)
        (void)sched_yield();
}

static void death_of_sender_wakes_receiver(struct rig *r)
{
    bool duplex = rig_can(r, ENL_CAN_DUPLEX);
    pid_t child = test_child(duplex ? sleep_until_killed : pause_until_killed, r);
    struct task receiver;

    rig_close_sender(r);
    task_start(&receiver, receive_in_task, r);
    task_await_sleep(&receiver);
    test_kill(child);
    task_join(&receiver);
}

static void wait_until_killed(void *argument)
{
    struct rig *r = argument;

    rig_close_sender(r);
    for (;;)
        (void)sched_yield();
}

static void death_of_receiver_wakes_sender(struct rig *r)
{
    pid_t child = test_child(wait_until_killed, r);
    struct task sender;

    rig_close_receiver(r);
    task_start(&sender, send_until_broken, r);
    task_await_sleep(&sender);
    test_kill(child);
    task_join(&sender);
}

/* What a peer left unread when it went is no reason to lose what it had sent. */
static void unread_messages_do_not_hide_those_received(struct rig *r)
{
    unsigned char buffer[64];

    send_numbered(r->receiver, size_near(r, 64), 0, 0);
    send_numbered(r->sender, size_near(r, 64), 0, 1);
    CHECK_OK(enl_flush(r->receiver, test_until()));
    rig_close_sender(r);
    receive_numbered(r->receiver, size_near(r, 64), 0, 1);
    CHECK(is_end(enl_receive(r->receiver, buffer, sizeof(buffer), test_until())));
}

/* Where a mechanism can say so by halves. */
static void end_of_one_direction_leaves_the_other(struct rig *r)
{
    unsigned char buffer[64];
    int result;

    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    result = enl_end_sending(r->sender);
    if (result == -ENOTSUP) {
        CHECK(enl_error_text()[0] != '\0');
        receive_numbered(r->receiver, size_near(r, 64), 0, 0);
        check_works(r, 1);
        return;
    }
    CHECK_EQ(result, 0);
    CHECK_EQ(enl_send(r->sender, buffer, size_near(r, 8), ENL_NOW), -EINVAL);
    CHECK_EQ(enl_end_sending(r->sender), -EINVAL);
    for (unsigned i = 0; i < 20; i++) {
        send_numbered(r->receiver, size_near(r, 64), 0, i);
        CHECK_OK(enl_flush(r->receiver, test_until()));
        receive_numbered(r->sender, size_near(r, 64), 0, i);
    }
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), test_until()), -ESHUTDOWN);
    CHECK_EQ(enl_link_events(r->receiver) & (ENL_GONE | ENL_WRITABLE), ENL_GONE | ENL_WRITABLE);
    send_numbered(r->receiver, size_near(r, 64), 0, 77);
    CHECK_OK(enl_flush(r->receiver, test_until()));
    receive_numbered(r->sender, size_near(r, 64), 0, 77);
    rig_close_receiver(r);
    CHECK_EQ(enl_receive(r->sender, buffer, sizeof(buffer), test_until()), -ESHUTDOWN);
}

static void end_sending_in_task(void *argument)
{
    struct rig *r = argument;

    CHECK_OK(enl_end_sending(r->sender));
}

static void end_of_one_direction_wakes_receiver(struct rig *r)
{
    struct task receiver, ender;

    check_works(r, 0);
    task_start(&receiver, receive_in_task, r);
    task_await_sleep(&receiver);
    if (enl_end_sending(r->receiver) == -ENOTSUP) {
        rig_close_sender(r);
    } else {
        task_start(&ender, end_sending_in_task, r);
        task_join(&ender);
    }
    task_join(&receiver);
}

static const struct suite_case cases[] = {
    CASE(end_comes_after_last_message, .needs = ENL_CAN_END),
    CASE(link_that_carried_nothing_ends_too, .needs = ENL_CAN_END),
    CASE(end_wakes_receiver, .needs = ENL_CAN_END, .stress = true),
    CASE(receiver_without_end_waits_for_the_next_sender, .lacks = ENL_CAN_END),
    CASE(sender_learns_that_nobody_receives, .needs = ENL_CAN_BROKEN),
    CASE(broken_link_leaves_sigpipe_to_its_owner, .needs = ENL_CAN_BROKEN),
    CASE(sender_that_cannot_learn_goes_on, .lacks = ENL_CAN_BROKEN),
    CASE(leaving_receiver_wakes_sender, .needs = ENL_CAN_BROKEN | ENL_CAN_LOSSLESS, .stress = true),
    CASE(killed_sender_loses_no_message, .needs = ENL_CAN_ORDER | ENL_CAN_LOSSLESS, .bare = true,
         .stress = true),
    CASE(killed_receiver_breaks_link, .needs = ENL_CAN_BROKEN | ENL_CAN_LOSSLESS, .bare = true,
         .stress = true),
    CASE(death_of_sender_wakes_receiver, .needs = ENL_CAN_END, .stress = true),
    CASE(death_of_receiver_wakes_sender, .needs = ENL_CAN_BROKEN | ENL_CAN_LOSSLESS,
         .stress = true),
    CASE(end_of_one_direction_leaves_the_other, .needs = ENL_CAN_DUPLEX | ENL_CAN_END),
    CASE(end_of_one_direction_wakes_receiver, .needs = ENL_CAN_DUPLEX | ENL_CAN_END,
         .stress = true),
    CASE(unread_messages_do_not_hide_those_received, .needs = ENL_CAN_DUPLEX | ENL_CAN_END),
};
SUITE(cases)
