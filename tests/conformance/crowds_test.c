/* SPDX-License-Identifier: MIT */
/* Many at once: writers of one link, receivers of one link, clients of one listener, both
 * directions. */
#include "suite.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { CROWD = 4, BUFFER_SIZE = 8192 };

static size_t size_of_number(const struct rig *r, unsigned number)
{
    static const size_t sizes[] = {8, 100, 31, 2000, 8, 512, 4092, 77, 1024, 9};

    return size_near(r, sizes[number % 10]);
}

struct member {
    struct rig *r;
    unsigned index; /* it sends as sender index + 1 */
    unsigned count;
    atomic_uchar *seen; /* of each message: by which receivers */
};

/* ---- many writers ---------------------------------------------------------------------------- */

static void send_as_member(void *argument)
{
    struct member *m = argument;
    struct enl_link *own = rig_more_sender(m->r);

    rig_close_receiver(m->r);
    for (unsigned i = 0; i < m->count; i++)
        send_numbered(own, size_of_number(m->r, i), m->index + 1, i);
    CHECK_OK(enl_flush(own, test_until()));
    if (own != m->r->sender)
        rig_close_sender(m->r);
    enl_close(own);
}

static void many_writers_keep_their_messages_whole(struct rig *r)
{
    unsigned char buffer[BUFFER_SIZE];
    unsigned next[CROWD + 1] = {0};
    unsigned count = rounds(1000);
    pid_t children[CROWD];

    for (unsigned i = 0; i < CROWD; i++)
        children[i] =
            test_child(send_as_member, &(struct member){.r = r, .index = i, .count = count});
    for (unsigned i = 0; i < CROWD * count; i++) {
        unsigned sender, number;
        ssize_t got = enl_receive(r->receiver, buffer, sizeof(buffer), test_until());
        CHECK_OK(got);
        check_whole(buffer, (size_t)got, &sender, &number);
        CHECK(sender >= 1 && sender <= CROWD);
        CHECK_EQ(number, next[sender]);
        CHECK_EQ(got, size_of_number(r, number));
        next[sender]++;
    }
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
    for (unsigned i = 0; i < CROWD; i++)
        test_join(children[i]);
    check_works(r, 7);
}

static void link_ends_with_its_last_writer(struct rig *r)
{
    struct member m = {.r = r, .count = 3};
    unsigned char buffer[BUFFER_SIZE];

    for (m.index = 0; m.index < CROWD; m.index++) {
        test_join(test_child(send_as_member, &m));
        for (unsigned i = 0; i < m.count; i++)
            receive_numbered(r->receiver, size_of_number(r, i), m.index + 1, i);
        CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
    }
    rig_close_sender(r);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), test_until()), -ESHUTDOWN);
}

/* ---- many receivers -------------------------------------------------------------------------- */

static void receive_as_member(void *argument)
{
    struct member *m = argument;
    unsigned char buffer[BUFFER_SIZE];
    unsigned sender, number;

    if (rig_way(m->r) == ENL_MEET_OPEN) {
        rig_leave(m->r);
        CHECK_OK(enl_open(m->r->address, rig_receiver_flags(m->r), &m->r->receiver));
    }
    for (;;) {
        ssize_t got = enl_receive(m->r->receiver, buffer, sizeof(buffer), test_until());
        CHECK_OK(got);
        check_whole(buffer, (size_t)got, &sender, &number);
        if (number == m->count)
            break; /* the sign to stop: one for each */
        CHECK_EQ(atomic_fetch_or(&m->seen[number], 1 << m->index) & (1 << m->index), 0);
    }
    rig_close_receiver(m->r);
}

/* Starts CROWD receivers and sends them count messages, then each a sign to stop. */
static void send_to_crowd(struct rig *r, unsigned count, unsigned signs, atomic_uchar *seen)
{
    pid_t children[CROWD];

    for (unsigned i = 0; i < CROWD; i++)
        children[i] =
            test_child(receive_as_member,
                       &(struct member){.r = r, .index = i, .count = count, .seen = seen});
    for (unsigned i = 0; i < count; i++)
        send_numbered(r->sender, size_of_number(r, i), 1, i);
    for (unsigned i = 0; i < signs; i++)
        send_numbered(r->sender, size_near(r, 8), 1, count);
    CHECK_OK(enl_flush(r->sender, test_until()));
    for (unsigned i = 0; i < CROWD; i++)
        test_join(children[i]);
}

static void each_message_goes_to_one_of_many_receivers(struct rig *r)
{
    unsigned count = rounds(1000);
    atomic_uchar *seen = test_shared(count);

    send_to_crowd(r, count, CROWD, seen);
    for (unsigned i = 0; i < count; i++) {
        unsigned who = atomic_load(&seen[i]);
        if (who == 0 || (who & (who - 1)) != 0)
            FAIL("message %u was received by the set of receivers 0x%x, not by one", i, who);
    }
}

static void each_message_goes_to_every_receiver(struct rig *r)
{
    unsigned count = rounds(1000);
    atomic_uchar *seen = test_shared(count);

    send_to_crowd(r, count, 1, seen);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(atomic_load(&seen[i]), (1 << CROWD) - 1);
}

/* ---- both directions ------------------------------------------------------------------------- */

struct direction {
    struct rig *r;
    struct enl_link *link;
    unsigned sender;
    unsigned count;
};

static void send_direction(void *argument)
{
    const struct direction *d = argument;

    for (unsigned i = 0; i < d->count; i++)
        send_numbered(d->link, size_of_number(d->r, i), d->sender, i);
    CHECK_OK(enl_flush(d->link, test_until()));
}

static void receive_direction(void *argument)
{
    const struct direction *d = argument;

    for (unsigned i = 0; i < d->count; i++)
        receive_numbered(d->link, size_of_number(d->r, i), d->sender, i);
}

static void both_directions_carry_bulk_at_once(struct rig *r)
{
    struct direction there = {r, r->sender, 1, rounds(1500)}, there_end = there;
    struct direction back = {r, r->receiver, 2, rounds(1500)}, back_end = back;
    struct task tasks[4];

    there_end.link = r->receiver;
    back_end.link = r->sender;
    task_start(&tasks[0], send_direction, &there);
    task_start(&tasks[1], receive_direction, &there_end);
    task_start(&tasks[2], send_direction, &back);
    task_start(&tasks[3], receive_direction, &back_end);
    for (unsigned i = 0; i < 4; i++)
        task_join(&tasks[i]);
}

/* As an event loop does it: the descriptor says when to receive, however busy the sending thread
 * is. */
static void receive_by_descriptor(void *argument)
{
    const struct direction *d = argument;
    struct pollfd by_poll = {.fd = enl_link_fd(d->link), .events = POLLIN};
    unsigned char buffer[BUFFER_SIZE];

    CHECK_OK(by_poll.fd);
    for (unsigned i = 0; i < d->count;) {
        while (poll(&by_poll, 1, 100) != 1)
            CHECK(now_ns() < test_until());
        (void)enl_link_events(d->link);
        for (unsigned few = 0; few < 3 && i < d->count; few++) { /* and leave some read ahead */
            ssize_t got = enl_receive(d->link, buffer, sizeof(buffer), ENL_NOW);
            if (got == -EAGAIN)
                break;
            CHECK_EQ(got, size_of_number(d->r, i));
            check_filled(buffer, (size_t)got, d->sender, i++);
        }
    }
}

static void event_loop_hears_all_beside_a_sender(struct rig *r)
{
    struct direction there = {r, r->sender, 1, rounds(1000)}, there_end = there;
    struct direction back = {r, r->receiver, 2, rounds(1000)}, back_end = back;
    struct task tasks[4];

    there_end.link = r->receiver;
    back_end.link = r->sender;
    task_start(&tasks[0], send_direction, &there);
    task_start(&tasks[1], receive_by_descriptor, &there_end);
    task_start(&tasks[2], send_direction, &back);
    task_start(&tasks[3], receive_by_descriptor, &back_end);
    for (unsigned i = 0; i < 4; i++)
        task_join(&tasks[i]);
}

static void answer_all(void *argument)
{
    struct direction *d = argument;

    rig_close_sender(d->r);
    for (unsigned i = 0; i < d->count; i++) {
        receive_numbered(d->link, size_of_number(d->r, i), 1, i);
        send_numbered(d->link, size_of_number(d->r, i), 2, i);
    }
    CHECK_OK(enl_flush(d->link, test_until()));
    rig_close_receiver(d->r);
}

static void requests_get_their_answers(struct rig *r)
{
    struct direction d = {r, r->receiver, 0, rounds(1000)};
    pid_t child = test_child(answer_all, &d);

    rig_close_receiver(r);
    for (unsigned i = 0; i < d.count; i++) {
        send_numbered(r->sender, size_of_number(r, i), 1, i);
        receive_numbered(r->sender, size_of_number(r, i), 2, i);
    }
    test_join(child);
}

static void one_way_refuses_the_other_way(struct rig *r)
{
    unsigned char buffer[64];
    struct enl_message m;

    CHECK_LACKS(try_send(r->receiver, size_near(r, 8), 0, ENL_NOW), ENL_CAN_DUPLEX);
    CHECK_LACKS(enl_receive(r->sender, buffer, sizeof(buffer), ENL_NOW), ENL_CAN_DUPLEX);
    CHECK_LACKS(enl_take(r->sender, NULL, ENL_NOW, &m), ENL_CAN_DUPLEX);
    CHECK_LACKS(enl_loan(r->receiver, size_near(r, 8), ENL_NOW, &m), ENL_CAN_DUPLEX);
    check_works(r, 0);
}

/* ---- many clients ---------------------------------------------------------------------------- */

static void call_listener(void *argument)
{
    struct member *m = argument;

    CHECK_OK(
        enl_open_until(m->r->sender_address, rig_sender_flags(m->r), test_until(), &m->r->sender));
    for (unsigned i = 0; i < m->count; i++)
        send_numbered(m->r->sender, size_of_number(m->r, i), m->index + 1, i);
    CHECK_OK(enl_flush(m->r->sender, test_until()));
    rig_close_sender(m->r);
}

struct client {
    unsigned sender;
    unsigned next;
};

/* Takes what is there from one client; false at its end. */
static bool serve(struct rig *r, struct enl_link *link, struct client *c, unsigned count)
{
    unsigned char buffer[BUFFER_SIZE];
    unsigned sender, number;

    for (;;) {
        ssize_t got = enl_receive(link, buffer, sizeof(buffer), ENL_NOW);
        if (got == -EAGAIN)
            return true;
        if (got == -ESHUTDOWN)
            break;
        CHECK_OK(got);
        check_whole(buffer, (size_t)got, &sender, &number);
        CHECK(c->next == 0 || sender == c->sender);
        CHECK_EQ(number, c->next);
        CHECK_EQ(got, size_of_number(r, number));
        c->sender = sender;
        c->next++;
    }
    CHECK_EQ(c->next, count);
    enl_close(link);
    return false;
}

/* One loop of one thread: links[0] is the listener. */
static void listener_serves_many_clients(struct rig *r)
{
    struct enl_link *links[CROWD + 1];
    struct client clients[CROWD + 1] = {{0}};
    unsigned open = 1, accepted = 0, count = rounds(300);
    pid_t children[CROWD];

    CHECK_OK(enl_listen(r->address, &r->listener));
    links[0] = r->listener;
    for (unsigned i = 0; i < CROWD; i++)
        children[i] =
            test_child(call_listener, &(struct member){.r = r, .index = i, .count = count});
    while (accepted < CROWD || open > 1) {
        CHECK(enl_poll(links, open, test_until()) > 0);
        if ((enl_link_events(r->listener) & ENL_ARRIVAL) != 0) {
            CHECK_OK(enl_accept(r->listener, ENL_NOW, &links[open]));
            clients[open++] = (struct client){0};
            accepted++;
        }
        for (unsigned i = open - 1; i > 0; i--) {
            if ((enl_link_events(links[i]) & (ENL_READABLE | ENL_GONE)) == 0 ||
                serve(r, links[i], &clients[i], count))
                continue;
            links[i] = links[--open];
            clients[i] = clients[open];
        }
    }
    for (unsigned i = 0; i < CROWD; i++)
        test_join(children[i]);
}

static const struct suite_case cases[] = {
    CASE(many_writers_keep_their_messages_whole, .needs = ENL_CAN_BOUNDARIES | ENL_CAN_LOSSLESS,
         .senders = CROWD + 1, .stress = true),
    CASE(link_ends_with_its_last_writer, .needs = ENL_CAN_END | ENL_CAN_LOSSLESS,
         .senders = CROWD + 1),
    CASE(each_message_goes_to_one_of_many_receivers, .needs = ENL_CAN_BOUNDARIES | ENL_CAN_LOSSLESS,
         .lacks = ENL_CAN_FAN_OUT, .receivers = CROWD + 1, .stress = true),
    CASE(each_message_goes_to_every_receiver, .needs = ENL_CAN_BOUNDARIES | ENL_CAN_FAN_OUT,
         .receivers = CROWD + 1, .stress = true),
    CASE(both_directions_carry_bulk_at_once, .needs = ENL_CAN_DUPLEX | ENL_CAN_LOSSLESS,
         .stress = true),
    CASE(event_loop_hears_all_beside_a_sender,
         .needs = ENL_CAN_DUPLEX | ENL_CAN_LOSSLESS | ENL_CAN_POLL | ENL_CAN_BOUNDARIES,
         .stress = true),
    CASE(requests_get_their_answers, .needs = ENL_CAN_DUPLEX, .stress = true),
    CASE(one_way_refuses_the_other_way, .lacks = ENL_CAN_DUPLEX),
    CASE(listener_serves_many_clients,
         .needs = ENL_CAN_BOUNDARIES | ENL_CAN_POLL | ENL_CAN_LOSSLESS | ENL_CAN_END,
         .meet = ENL_MEET_LISTEN, .bare = true, .stress = true),
};
SUITE(cases)
