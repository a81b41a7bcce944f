/* SPDX-License-Identifier: MIT */
/* The one descriptor of a link says, level-triggered, whether what was wanted holds; enl_poll says
 * it of many. */
#include "suite.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

/* Whether poll, select and epoll call the descriptor readable now; they agree. */
static bool is_ready(int fd)
{
    struct pollfd by_poll = {.fd = fd, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN}, got;
    struct timeval none = {0};
    fd_set set;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    CHECK(epoll >= 0);
    int polled = poll(&by_poll, 1, 0);
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    CHECK_EQ(epoll_wait(epoll, &got, 1, 0), polled);
    CHECK_EQ(close(epoll), 0);
    FD_ZERO(&set);
    FD_SET(fd, &set);
    CHECK_EQ(select(fd + 1, &set, NULL, NULL, &none), polled);
    return polled == 1;
}

/* What comes from another process or over a network may take a moment. */
static void await_ready(int fd)
{
    struct pollfd by_poll = {.fd = fd, .events = POLLIN};

    while (poll(&by_poll, 1, 100) != 1)
        CHECK(now_ns() < test_until());
}

/* Of what came together the rest may come later over a network. */
static void check_ready(const struct rig *r, int fd)
{
    if (rig_is_network(r))
        await_ready(fd);
    CHECK(is_ready(fd));
}

static int fd_of(struct enl_link *l)
{
    int fd = enl_link_fd(l);

    CHECK_OK(fd);
    return fd;
}

static void send_some(struct rig *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        send_numbered(r->sender, size_near(r, 64), 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
}

/* ---- readable -------------------------------------------------------------------------------- */

static void descriptor_is_ready_while_messages_wait(struct rig *r)
{
    int fd = fd_of(r->receiver);

    for (int again = 0; again < 3; again++) {
        CHECK(!is_ready(fd));
        CHECK_EQ(enl_link_events(r->receiver) & ENL_READABLE, 0);
        send_some(r, 10);
        await_ready(fd);
        for (unsigned i = 0; i < 10; i++) {
            check_ready(r, fd); /* read ahead or not */
            CHECK(is_ready(fd));
            CHECK_EQ(enl_link_events(r->receiver) & ENL_READABLE, ENL_READABLE);
            receive_numbered(r->receiver, size_near(r, 64), 0, i);
        }
    }
    CHECK(!is_ready(fd));
    CHECK_EQ(fd_of(r->receiver), fd);
}

/* The descriptor is asked for only when messages are read ahead already. */
static void descriptor_made_late_knows_what_waits(struct rig *r)
{
    send_some(r, 3);
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    int fd = fd_of(r->receiver);
    check_ready(r, fd);
    receive_numbered(r->receiver, size_near(r, 64), 0, 1);
    check_ready(r, fd);
    receive_numbered(r->receiver, size_near(r, 64), 0, 2);
    CHECK(!is_ready(fd));
}

static void message_too_large_for_buffer_keeps_descriptor_ready(struct rig *r)
{
    int fd = fd_of(r->receiver);

    send_some(r, 1);
    await_ready(fd);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EMSGSIZE);
    CHECK(is_ready(fd));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK(!is_ready(fd));
}

static void edge_comes_again_for_each_message(struct rig *r)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET}, got;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    unsigned char byte;

    CHECK(epoll >= 0);
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, fd_of(r->receiver), &event), 0);
    while (epoll_wait(epoll, &got, 1, 0) != 0)
        CHECK(now_ns() < test_until());
    for (unsigned i = 0; i < 5; i++) {
        send_some(r, 2);
        do { /* over a network the edge of the last message may be left */
            CHECK_EQ(epoll_wait(epoll, &got, 1, -1), 1);
        } while (rig_is_network(r) && (enl_link_events(r->receiver) & ENL_READABLE) == 0);
        CHECK_EQ(enl_link_events(r->receiver) & ENL_READABLE, ENL_READABLE);
        receive_numbered(r->receiver, size_near(r, 64), 0, 0);
        receive_numbered(r->receiver, size_near(r, 64), 0, 1);
        CHECK_EQ(enl_receive(r->receiver, &byte, 1, ENL_NOW), -EAGAIN);
    }
    CHECK_EQ(close(epoll), 0);
}

static void send_in_task(void *argument)
{
    send_some(argument, 1);
}

static void event_loop_sleeps_and_wakes(struct rig *r)
{
    struct pollfd by_poll = {.fd = fd_of(r->receiver), .events = POLLIN};
    struct task sender;

    for (unsigned i = 0; i < rounds(50); i++) {
        task_start(&sender, send_in_task, r);
        while (poll(&by_poll, 1, 100) != 1)
            CHECK(now_ns() < test_until());
        CHECK_EQ(enl_link_events(r->receiver) & ENL_READABLE, ENL_READABLE);
        receive_numbered(r->receiver, size_near(r, 64), 0, 0);
        task_join(&sender);
    }
    CHECK(!is_ready(by_poll.fd));
}

/* A call that waited in vain leaves the descriptor as it must be. */
static void descriptor_works_after_calls_that_gave_up(struct rig *r)
{
    struct pollfd by_poll = {.fd = fd_of(r->receiver), .events = POLLIN};
    unsigned char byte;

    check_works(r, 1);
    for (unsigned i = 0; i < 4; i++) {
        if (i % 2 == 0) {
            CHECK_EQ(enl_receive(r->receiver, &byte, 1, enl_in_ms(1)), -ETIMEDOUT);
        } else {
            CHECK_EQ(enl_interrupt(r->receiver), 0);
            CHECK_EQ(enl_receive(r->receiver, &byte, 1, ENL_FOREVER), -ECANCELED);
            enl_interrupt_clear(r->receiver);
        }
        CHECK(!is_ready(by_poll.fd));
        send_some(r, 1);
        while (poll(&by_poll, 1, 100) != 1)
            CHECK(now_ns() < test_until());
        receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    }
}

static void space_is_told_after_sends_that_gave_up(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    int fd = fd_of(r->sender);

    CHECK_OK(enl_link_want(r->sender, ENL_WRITABLE));
    unsigned count = fill_up(r, size);
    CHECK_EQ(try_send(r->sender, size, 0, enl_in_ms(1)), -ETIMEDOUT);
    CHECK(!is_ready(fd));
    empty_out(r, size, 0, count);
    await_ready(fd);
    CHECK_EQ(enl_link_events(r->sender) & ENL_WRITABLE, ENL_WRITABLE);
}

static void newcomer_makes_listener_ready(struct rig *r)
{
    CHECK_OK(enl_listen(r->address, &r->listener));
    int fd = fd_of(r->listener);
    CHECK(!is_ready(fd));
    CHECK_EQ(enl_link_events(r->listener), 0);
    CHECK_OK(enl_link_want(r->listener, 0));
    rig_open_sender(r, &r->sender);
    await_ready(fd);
    CHECK(is_ready(fd));
    CHECK_EQ(enl_link_events(r->listener), ENL_ARRIVAL);
    CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    CHECK(!is_ready(fd));
    CHECK_EQ(enl_link_events(r->listener), 0);
    check_works(r, 0);
}

/* ---- wants ----------------------------------------------------------------------------------- */

static void unwanted_message_leaves_descriptor_alone(struct rig *r)
{
    int fd = fd_of(r->receiver);

    send_some(r, 2);
    await_ready(fd);
    CHECK_OK(enl_link_want(r->receiver, 0));
    CHECK(!is_ready(fd));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK(!is_ready(fd));
    CHECK_OK(enl_link_want(r->receiver, ENL_READABLE));
    check_ready(r, fd);
    receive_numbered(r->receiver, size_near(r, 64), 0, 1);
    CHECK(!is_ready(fd));
    CHECK_EQ(enl_link_want(r->receiver, ENL_GONE), -EINVAL);
    CHECK_EQ(enl_link_want(r->receiver, 1u << 31), -EINVAL);
}

static void descriptor_tells_when_there_is_space(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE);
    int fd = fd_of(r->sender);

    CHECK(!is_ready(fd));
    CHECK_OK(enl_link_want(r->sender, ENL_WRITABLE));
    CHECK(is_ready(fd));
    CHECK_EQ(enl_link_events(r->sender) & ENL_WRITABLE, ENL_WRITABLE);
    unsigned count = fill_up(r, size);
    CHECK(!is_ready(fd));
    CHECK_EQ(enl_link_events(r->sender) & ENL_WRITABLE, 0);
    CHECK_OK(enl_link_want(r->sender, ENL_READABLE | ENL_WRITABLE));
    CHECK(!is_ready(fd));
    empty_out(r, size, 0, count);
    await_ready(fd);
    CHECK_EQ(enl_link_events(r->sender) & ENL_WRITABLE, ENL_WRITABLE);
    CHECK_OK(enl_link_want(r->sender, ENL_READABLE));
    CHECK(!is_ready(fd));
}

/* With what the mechanism says of its space at every step, from full to empty and back. */
static void largest_message_fits_when_writable(struct rig *r)
{
    size_t size = size_near(r, CALL_SEND_SIZE), largest = size_largest(r);
    unsigned count = fill_up(r, size), number = 0;

    CHECK_OK(enl_link_want(r->sender, ENL_WRITABLE));
    while ((enl_link_events(r->sender) & ENL_WRITABLE) == 0) {
        CHECK(number < count);
        empty_out(r, size, number, number + 1);
        number++;
    }
    check_ready(r, fd_of(r->sender));
    CHECK_EQ(try_send(r->sender, largest, 77, ENL_NOW), largest);
    empty_out(r, size, number, count);
    empty_out(r, largest, 77, 78);
}

static void end_makes_descriptor_ready(struct rig *r)
{
    int fd = fd_of(r->receiver);

    check_works(r, 7); /* that a peer has come may be told once */
    CHECK_OK(enl_link_want(r->receiver, 0));
    send_some(r, 1);
    CHECK(!is_ready(fd));
    rig_close_sender(r);
    await_ready(fd);
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK(is_ready(fd));
    CHECK_EQ(enl_link_events(r->receiver) & ENL_GONE, ENL_GONE);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -ESHUTDOWN);
    CHECK(is_ready(fd));
    CHECK_OK(enl_link_want(r->receiver, ENL_READABLE));
    CHECK(is_ready(fd));
}

static void broken_link_makes_descriptor_ready(struct rig *r)
{
    int fd = fd_of(r->sender);

    CHECK(!is_ready(fd));
    rig_close_receiver(r);
    await_ready(fd);
    CHECK_EQ(enl_link_events(r->sender) & ENL_GONE, ENL_GONE);
    CHECK_OK(enl_link_want(r->sender, 0));
    CHECK(is_ready(fd));
    /* it may be held back, and a network takes a first one before it refuses */
    while (try_send(r->sender, size_near(r, 8), 0, ENL_NOW) != -EPIPE &&
           enl_flush(r->sender, ENL_NOW) != -EPIPE)
        CHECK(now_ns() < test_until());
    CHECK(is_ready(fd));
}

static void without_descriptor_it_says_so(struct rig *r)
{
    CHECK_LACKS(enl_link_fd(r->receiver), ENL_CAN_POLL);
    CHECK_LACKS(enl_link_want(r->receiver, ENL_READABLE), ENL_CAN_POLL);
    CHECK_LACKS(enl_poll(&r->receiver, 1, ENL_NOW), ENL_CAN_POLL);
    check_works(r, 0);
}

/* ---- enl_poll -------------------------------------------------------------------------------- */

enum { SEVERAL = 3 };

/* Three rigs of one mechanism; for those with a name, in names of their own. */
static void meet_several(struct rig *first, struct rig rigs[SEVERAL])
{
    for (unsigned i = 0; i < SEVERAL; i++) {
        rigs[i] = *first;
        rig_number(&rigs[i], i);
        rig_meet(&rigs[i]);
    }
}

static void close_several(struct rig rigs[SEVERAL])
{
    for (unsigned i = 0; i < SEVERAL; i++)
        rig_close(&rigs[i]);
}

static void poll_tells_which_of_several(struct rig *r)
{
    struct enl_link *links[SEVERAL];
    struct rig rigs[SEVERAL];
    enl_deadline until;

    meet_several(r, rigs);
    for (unsigned i = 0; i < SEVERAL; i++)
        links[i] = rigs[i].receiver;
    CHECK_EQ(enl_poll(links, SEVERAL, ENL_NOW), -EAGAIN);
    until = enl_in_ms(10);
    CHECK_EQ(enl_poll(links, SEVERAL, until), -ETIMEDOUT);
    CHECK(now_ns() >= until);
    send_some(&rigs[1], 3);
    CHECK_EQ(enl_poll(links, SEVERAL, test_until()), 1);
    CHECK_EQ(enl_poll(links, SEVERAL, ENL_NOW), 1);
    CHECK_EQ(enl_link_events(links[0]) & ENL_READABLE, 0);
    CHECK_EQ(enl_link_events(links[1]) & ENL_READABLE, ENL_READABLE);
    receive_numbered(links[1], size_near(r, 64), 0, 0);
    send_some(&rigs[2], 1);
    CHECK_EQ(enl_poll(links + 1, 1, test_until()), 1);
    CHECK_EQ(enl_poll(links + 2, 1, test_until()), 1);
    CHECK_EQ(enl_poll(links, SEVERAL, test_until()), 2);
    CHECK_EQ(enl_poll(links, 2, 1), 1); /* read ahead or not */
    CHECK_EQ(enl_interrupt(links[0]), 0);
    CHECK_EQ(enl_poll(links, SEVERAL, ENL_FOREVER), -ECANCELED);
    enl_interrupt_clear(links[0]);
    CHECK_EQ(enl_poll(links, SEVERAL, ENL_FOREVER), 2);
    close_several(rigs);
}

static void poll_refuses_nonsense(struct rig *r)
{
    struct enl_link *links[2] = {r->receiver, NULL};

    CHECK_EQ(enl_poll(links, 2, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_poll(NULL, 1, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_poll(links, ENL_POLL_MAX + 1, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_poll(links, 1, ENL_NOW), -EAGAIN);
}

struct polled {
    struct enl_link **links;
    atomic_uint turn;
};

static void poll_in_task(void *argument)
{
    struct polled *p = argument;

    CHECK_EQ(enl_poll(p->links, SEVERAL, ENL_FOREVER), 1);
}

static void poll_is_woken_by_any_of_several(struct rig *r)
{
    struct enl_link *links[SEVERAL];
    struct rig rigs[SEVERAL];
    struct polled p = {.links = links};
    struct task poller;

    meet_several(r, rigs);
    for (unsigned i = 0; i < SEVERAL; i++)
        links[i] = rigs[i].receiver;
    for (unsigned i = 0; i < rounds(15); i++) {
        task_start(&poller, poll_in_task, &p);
        if (i % 2 == 0)
            task_await_sleep(&poller);
        send_some(&rigs[i % SEVERAL], 1);
        task_join(&poller);
        receive_numbered(links[i % SEVERAL], size_near(r, 64), 0, 0);
    }
    close_several(rigs);
}

static const struct suite_case cases[] = {
    CASE(descriptor_is_ready_while_messages_wait, .needs = ENL_CAN_POLL, .lacks = ENL_CAN_MERGE),
    CASE(descriptor_made_late_knows_what_waits, .needs = ENL_CAN_POLL, .lacks = ENL_CAN_MERGE),
    CASE(message_too_large_for_buffer_keeps_descriptor_ready,
         .needs = ENL_CAN_POLL | ENL_CAN_BOUNDARIES),
    CASE(edge_comes_again_for_each_message, .needs = ENL_CAN_POLL, .lacks = ENL_CAN_MERGE),
    CASE(event_loop_sleeps_and_wakes, .needs = ENL_CAN_POLL, .stress = true),
    CASE(descriptor_works_after_calls_that_gave_up, .needs = ENL_CAN_POLL),
    CASE(space_is_told_after_sends_that_gave_up, .needs = ENL_CAN_POLL | ENL_CAN_LOSSLESS),
    CASE(newcomer_makes_listener_ready, .needs = ENL_CAN_POLL, .meet = ENL_MEET_LISTEN,
         .bare = true),
    CASE(unwanted_message_leaves_descriptor_alone, .needs = ENL_CAN_POLL, .lacks = ENL_CAN_MERGE),
    CASE(descriptor_tells_when_there_is_space, .needs = ENL_CAN_POLL | ENL_CAN_LOSSLESS),
    CASE(largest_message_fits_when_writable, .needs = ENL_CAN_POLL | ENL_CAN_LOSSLESS),
    CASE(end_makes_descriptor_ready, .needs = ENL_CAN_POLL | ENL_CAN_END),
    CASE(broken_link_makes_descriptor_ready, .needs = ENL_CAN_POLL | ENL_CAN_BROKEN | ENL_CAN_END),
    CASE(without_descriptor_it_says_so, .lacks = ENL_CAN_POLL),
    CASE(poll_tells_which_of_several, .needs = ENL_CAN_POLL, .lacks = ENL_CAN_MERGE, .bare = true),
    CASE(poll_refuses_nonsense, .needs = ENL_CAN_POLL),
    CASE(poll_is_woken_by_any_of_several, .needs = ENL_CAN_POLL, .bare = true, .stress = true),
};
SUITE(cases)
