/* SPDX-License-Identifier: MIT */
/* Statements of the manual that the conformance suite does not make, each tried. The public headers alone. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIG (1u << 20)

static char big[2 * BIG];

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void close_both(struct enl_link *ends[2])
{
    enl_close(ends[0]);
    enl_close(ends[1]);
}

static bool is_readable(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    return poll(&item, 1, 0) > 0 && (item.revents & POLLIN) != 0;
}

static const char *address_of(const char *scheme, const char *name, const char *options)
{
    static char address[4096];

    CHECK(snprintf(address, sizeof address, "%s:%s%s", scheme, test_temp_path(name), options) <
          (int)sizeof address);
    return address;
}

/* ---- enlace-links(7) ------------------------------------------------------------------------------------- */

TEST(fifo_reader_goes_on_when_another_writer_comes)
{
    const char *address = address_of("fifo", "fifo", "");
    struct enl_link *in, *out;
    char text[10];

    CHECK_OK(enl_open(address, ENL_READ | ENL_CREATE, &in));
    CHECK_EQ(enl_receive(in, text, sizeof text, ENL_NOW), -EAGAIN); /* nobody wrote yet: no end */
    for (int i = 0; i < 2; i++) {
        CHECK_OK(enl_open(address, ENL_WRITE, &out));
        CHECK_EQ(enl_send(out, "one", 3, ENL_NOW), 3);
        enl_close(out);
        CHECK_EQ(enl_receive(in, text, sizeof text, ENL_NOW), 3);
        CHECK_EQ(enl_receive(in, text, sizeof text, ENL_NOW), -ESHUTDOWN);
    }
    enl_close(in);
    CHECK_OK(enl_unlink(address));
}

TEST(fifo_ends_need_not_agree_on_writers)
{
    struct enl_link *in, *out;

    CHECK_OK(enl_open(address_of("fifo", "fifo", ""), ENL_READ | ENL_CREATE, &in));
    CHECK_OK(enl_open(address_of("fifo", "fifo", "?writers=one"), ENL_WRITE, &out));
    CHECK_EQ(enl_send(out, big, 50000, ENL_NOW), 50000);
    CHECK_EQ(enl_receive(in, big, sizeof big, ENL_NOW), 50000);
    enl_close(in);
    enl_close(out);
    CHECK_OK(enl_unlink(address_of("fifo", "fifo", "")));
}

TEST(pipe_of_one_writer_says_that_it_sends_files)
{
    struct enl_caps caps;

    CHECK_OK(enl_address_caps("pipe:", &caps));
    CHECK_EQ(caps.can & ENL_CAN_SEND_FILE, 0);
    CHECK_OK(enl_address_caps("pipe:?writers=one", &caps));
    CHECK_EQ(caps.can & ENL_CAN_SEND_FILE, ENL_CAN_SEND_FILE);
    CHECK_OK(enl_address_caps("unix:?frame=line", &caps));
    CHECK_EQ(caps.can & ENL_CAN_SEND_FILE, 0);
}

TEST(long_socket_path_ends_in_at_most_80_bytes)
{
    char name[200] = "";
    struct enl_link *l, *peer, *served;

    memset(name, 'd', 60);
    CHECK(mkdir(name, 0700) == 0);
    name[60] = '/';
    memset(name + 61, 's', 80);
    CHECK_OK(enl_listen(address_of("unix", name, ""), &l));
    CHECK_OK(enl_open(address_of("unix", name, ""), ENL_READ | ENL_WRITE, &peer));
    CHECK_OK(enl_accept(l, ENL_NOW, &served));
    enl_close(served);
    enl_close(peer);
    enl_close(l);
    for (int longer = 81; longer <= 83; longer++) {
        name[61 + longer - 1] = 's';
        CHECK_EQ(enl_listen(address_of("unix", name, ""), &l), -ENAMETOOLONG);
    }
    name[60] = '\0';
    CHECK(rmdir(name) == 0); /* nothing was made */
}

TEST(peer_that_shuts_down_its_sending_can_still_be_sent_to)
{
    struct enl_link *l;
    char text[10];
    int fds[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK_OK(enl_adopt(fds[0], "unix:?frame=raw", &l));
    CHECK(shutdown(fds[1], SHUT_WR) == 0);
    CHECK_EQ(enl_receive(l, text, sizeof text, ENL_NOW), -ESHUTDOWN);
    CHECK_EQ(enl_link_events(l) & (ENL_GONE | ENL_WRITABLE), ENL_GONE | ENL_WRITABLE);
    CHECK_EQ(enl_send(l, "on", 2, ENL_NOW), 2);
    CHECK_EQ(read(fds[1], text, sizeof text), 2);
    enl_close(l);
    close(fds[1]);
}

TEST(live_listener_does_not_notice_another_starter)
{
    const char *address = address_of("unix", "socket", "");
    struct enl_link *l, *second, *peer;

    CHECK_OK(enl_listen(address, &l));
    CHECK_EQ(enl_listen(address, &second), -EADDRINUSE);
    CHECK_EQ(enl_accept(l, ENL_NOW, &peer), -EAGAIN);
    enl_close(l);
    CHECK(access(test_temp_path("socket"), F_OK) != 0);
}

TEST(datagram_receiver_without_a_name_to_send_to_says_so)
{
    const char *address = address_of("unix", "socket", "?type=datagram");
    struct enl_link *l;

    CHECK_OK(enl_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &l));
    CHECK_EQ(enl_send(l, "x", 1, ENL_NOW), -ENOTCONN);
    CHECK_EQ(enl_open(address, ENL_WRITE | ENL_CREATE, &l), -EINVAL);
    enl_close(l);
}

TEST(open_until_tells_which_peer_did_not_come)
{
    struct enl_link *l;

    CHECK_EQ(enl_open_until(address_of("fifo", "none", ""), ENL_READ, enl_in_ms(5), &l),
             -ETIMEDOUT);
    CHECK_CONTAINS(enl_error_text(), strerror(ENOENT));
    CHECK_EQ(enl_open_until("tcp:127.0.0.1:1", ENL_READ | ENL_WRITE, enl_in_ms(5), &l), -ETIMEDOUT);
}

/* ---- enlace-messages(7) ------------------------------------------------------------------------------------ */

TEST(rest_of_a_message_goes_before_anything_else)
{
    struct enl_link *ends[2];
    struct enl_stat stat;

    CHECK_OK(enl_pair("unix:", ends));
    CHECK_EQ(enl_send(ends[1], big, BIG, ENL_NOW), BIG); /* accepted, and not all gone */
    CHECK_OK(enl_link_stat(ends[1], &stat));
    CHECK(stat.unsent_bytes > 0);
    CHECK_EQ(enl_send(ends[1], "x", 1, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_flush(ends[1], ENL_NOW), -EAGAIN);
    while (enl_receive(ends[0], big, sizeof big, ENL_NOW) != BIG)
        enl_link_events(ends[1]);
    CHECK_OK(enl_flush(ends[1], ENL_NOW));
    CHECK_EQ(enl_send(ends[1], "x", 1, ENL_NOW), 1);
    close_both(ends);
}

TEST(close_cuts_what_a_flush_would_have_sent)
{
    struct enl_link *ends[2];

    CHECK_OK(enl_pair("unix:", ends));
    CHECK_EQ(enl_send(ends[1], big, BIG, ENL_NOW), BIG);
    enl_close(ends[1]);
    CHECK_EQ(enl_receive(ends[0], big, sizeof big, ENL_NOW), -ECONNRESET);
    enl_close(ends[0]);
}

TEST(descriptor_asks_for_a_call_that_sends_the_rest)
{
    struct enl_link *ends[2];
    char text[10];
    int fd;

    CHECK_OK(enl_pair("unix:", ends));
    fd = CHECK_OK(enl_link_fd(ends[1]));
    CHECK_EQ(enl_send(ends[1], big, BIG, ENL_NOW), BIG);
    CHECK(!is_readable(fd));
    CHECK_EQ(enl_receive(ends[0], big, sizeof big, ENL_NOW),
             -EAGAIN); /* reads a part: there is space */
    CHECK(is_readable(fd));
    CHECK_EQ(enl_receive(ends[1], text, sizeof text, ENL_NOW), -EAGAIN);
    CHECK(is_readable(fd)); /* a receive that does not wait sends nothing */
    CHECK_EQ(enl_link_events(ends[1]), 0);
    close_both(ends);
}

TEST(batch_goes_when_the_link_is_asked_or_about_to_sleep)
{
    struct enl_link *ends[2];
    char text[10];

    CHECK_OK(enl_pair("unix:?batch=100", ends));
    for (int way = 0; way < 4; way++) {
        CHECK_EQ(enl_send(ends[1], "x", 1, ENL_FOREVER), 1);
        CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), -EAGAIN);
        CHECK_EQ(enl_receive(ends[1], text, sizeof text, ENL_NOW), -EAGAIN); /* does not sleep */
        CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), -EAGAIN);
        if (way == 0)
            CHECK_OK(enl_flush(ends[1], ENL_NOW));
        else if (way == 1)
            CHECK_EQ(enl_link_events(ends[1]) & ENL_READABLE, 0);
        else if (way == 2)
            CHECK_EQ(enl_poll(&ends[1], 1, ENL_NOW), -EAGAIN);
        else
            CHECK_EQ(enl_receive(ends[1], text, sizeof text, enl_in_ms(1)), -ETIMEDOUT);
        CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), 1);
    }
    CHECK_EQ(enl_send(ends[1], "x", 1, ENL_FOREVER), 1);
    enl_close(ends[1]);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), 1);
    enl_close(ends[0]);
}

TEST(several_are_received_only_where_each_has_room_for_the_largest)
{
    static const size_t rooms[] = {10, 64};
    char texts[3][64];

    for (size_t i = 0; i < 2; i++) {
        struct enl_link *ends[2];
        struct enl_message m[3];

        CHECK_OK(enl_pair("unix:?type=seqpacket&message=64", ends));
        for (int j = 0; j < 3; j++) {
            CHECK_EQ(enl_send(ends[1], "hello", 5, ENL_NOW), 5);
            m[j] = (struct enl_message){.data = texts[j], .capacity = rooms[i]};
        }
        CHECK_EQ(enl_receive_messages(ends[0], m, 3, ENL_NOW), i == 0 ? 1 : 3);
        close_both(ends);
    }
}

TEST(wrong_message_among_several_is_told_before_the_first_is_sent)
{
    struct enl_message m[2] = {{.data = big, .size = 5}, {.data = big, .size = 5000}};
    struct enl_link *ends[2];

    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(enl_send_messages(ends[1], m, 2, ENL_NOW), -EMSGSIZE);
    CHECK_EQ(enl_receive(ends[0], big, sizeof big, ENL_NOW), -EAGAIN);
    close_both(ends);
}

TEST(sends_during_a_loan_are_fine)
{
    struct enl_message loan;
    struct enl_link *ends[2];
    char text[10];

    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_OK(enl_loan(ends[1], 5, ENL_NOW, &loan));
    CHECK_EQ(enl_send(ends[1], "first", 5, ENL_NOW), 5);
    memcpy(loan.data, "loan", 4);
    loan.size = 4;
    CHECK_OK(enl_commit(&loan));
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), 5);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), 4);
    CHECK_MEM(text, "loan", 4);
    close_both(ends);
}

TEST(message_that_cannot_be_returned_stays_taken)
{
    struct enl_message m;
    struct enl_link *ends[2];
    char text[10];

    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(enl_send(ends[1], "x", 1, ENL_NOW), 1);
    CHECK_EQ(enl_take(ends[0], NULL, ENL_NOW, &m), 1);
    CHECK_EQ(enl_return(&m, 0), -ENOTSUP);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), -EBUSY);
    CHECK_OK(enl_release(&m));
    close_both(ends);
}

/* ---- enlace-waiting(7) -------------------------------------------------------------------------------------- */

TEST(deadline_in_the_past_is_tried_once)
{
    struct enl_link *ends[2];
    char text[10];

    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(enl_send(ends[1], "x", 1, 1), 1);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, 1), 1);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, 1), -ETIMEDOUT);
    close_both(ends);
}

TEST(interrupt_does_not_make_the_descriptor_readable)
{
    struct enl_link *ends[2];
    char text[10];
    int fd;

    CHECK_OK(enl_pair("pipe:", ends));
    fd = CHECK_OK(enl_link_fd(ends[0]));
    CHECK_OK(enl_interrupt(ends[0]));
    CHECK(!is_readable(fd));
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), -ECANCELED);
    enl_interrupt_clear(ends[0]);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), -EAGAIN);
    close_both(ends);
}

TEST(closed_link_leaves_an_epoll_set)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct enl_link *ends[2];
    int set = epoll_create1(EPOLL_CLOEXEC);

    CHECK(set >= 0);
    CHECK_OK(enl_pair("pipe:", ends));
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, CHECK_OK(enl_link_fd(ends[0])), &event) == 0);
    CHECK_EQ(enl_send(ends[1], "x", 1, ENL_NOW), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 1);
    close_both(ends);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    close(set);
}

TEST(drain_says_that_the_peer_left_before)
{
    struct enl_link *ends[2];

    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(enl_send(ends[1], "x", 1, ENL_NOW), 1);
    CHECK_EQ(enl_drain(ends[1], ENL_NOW), -EAGAIN);
    enl_close(ends[0]);
    CHECK_EQ(enl_drain(ends[1], ENL_FOREVER), -EPIPE);
    enl_close(ends[1]);
}

/* ---- enlace-threads-fork-signals(7) --------------------------------------------------------------------------- */

static void receive_in_child(void *argument)
{
    char text[100];

    CHECK_EQ(enl_receive(argument, text, sizeof text, ENL_NOW), -EAGAIN);
}

static void flush_in_child(void *argument)
{
    CHECK_OK(enl_flush(argument, ENL_NOW));
}

TEST(what_was_read_ahead_or_kept_stays_with_the_parent)
{
    static const char *const addresses[] = {"pipe:", "unix:?type=seqpacket"};
    char text[100];

    for (size_t i = 0; i < 2; i++) {
        struct enl_link *ends[2];

        CHECK_OK(enl_pair(addresses[i], ends));
        CHECK_EQ(enl_send(ends[1], "a long one", 10, ENL_NOW), 10);
        CHECK_EQ(enl_receive(ends[0], text, 2, ENL_NOW), -EMSGSIZE);
        test_join(test_child(receive_in_child, ends[0]));
        CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), 10);
        CHECK_MEM(text, "a long one", 10);
        close_both(ends);
    }
}

TEST(what_was_batched_is_not_sent_twice)
{
    struct enl_link *ends[2];
    char text[100];

    CHECK_OK(enl_pair("unix:?batch=100", ends));
    CHECK_EQ(enl_send(ends[1], "once", 4, ENL_NOW), 4);
    test_join(test_child(flush_in_child, ends[1]));
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_flush(ends[1], ENL_NOW));
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), 4);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, ENL_NOW), -EAGAIN);
    close_both(ends);
}

static void close_in_child(void *argument)
{
    enl_close(argument);
}

TEST(childs_close_of_a_listener_leaves_its_name)
{
    struct enl_link *l;

    CHECK_OK(enl_listen(address_of("unix", "socket", ""), &l));
    test_join(test_child(close_in_child, l));
    CHECK(access(test_temp_path("socket"), F_OK) == 0);
    enl_close(l);
    CHECK(access(test_temp_path("socket"), F_OK) != 0);
}
