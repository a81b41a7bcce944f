/* SPDX-License-Identifier: MIT */
/* Proof of readiness where the conformance suite has no peer for it: one that only ends its own sending. */
#include "link/link.h"
#include "runner/test.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_ready(struct enl_link *l)
{
    struct pollfd item = {.fd = CHECK_OK(enl_link_fd(l)), .events = POLLIN};

    return poll(&item, 1, 0);
}

TEST(a_peer_that_ended_its_sending_is_gone_for_receivers_and_still_receives)
{
    struct enl_link *l;
    char byte[8];
    int fds[2];

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    CHECK_OK(enl_adopt(fds[0], "unix:?frame=raw", &l));
    CHECK_EQ(enl_link_events(l), ENL_WRITABLE);
    CHECK_EQ(is_ready(l), 0);
    CHECK_OK(shutdown(fds[1], SHUT_WR));
    CHECK_EQ(enl_link_events(l) & (ENL_GONE | ENL_WRITABLE), ENL_GONE | ENL_WRITABLE);
    CHECK_EQ(is_ready(l), 1);
    CHECK_EQ(enl_receive(l, byte, sizeof byte, ENL_NOW), -ESHUTDOWN);
    CHECK_EQ(enl_send(l, "x", 1, ENL_NOW), 1);
    CHECK_EQ(read(fds[1], byte, sizeof byte), 1);
    enl_close(l);
    CHECK_OK(close(fds[1]));
}

/* An event loop that has an answer to send to such a peer must sleep until there is space. */
TEST(who_wants_space_alone_is_not_woken_by_a_peer_that_ended_its_sending)
{
    static char block[4096];
    struct enl_link *l;
    int fds[2];

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    CHECK_OK(enl_adopt(fds[0], "unix:?frame=raw", &l));
    CHECK_OK(shutdown(fds[1], SHUT_WR));
    while (enl_send(l, block, sizeof block, ENL_NOW) > 0)
        continue;
    CHECK_OK(enl_link_want(l, ENL_WRITABLE));
    CHECK_EQ(is_ready(l), 0);
    CHECK_EQ(enl_poll(&l, 1, ENL_NOW), -EAGAIN);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(is_ready(l), 1);
    CHECK_EQ(enl_poll(&l, 1, test_until()), 1);
    CHECK_EQ(enl_link_events(l) & (ENL_GONE | ENL_WRITABLE), ENL_GONE);
    CHECK_EQ(enl_send(l, "x", 1, ENL_NOW), -EPIPE);
    enl_close(l);
}

TEST(a_link_whose_peer_makes_no_sense_is_gone)
{
    struct enl_link *l;
    char byte[8];
    int fds[2];

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    CHECK_OK(enl_adopt(fds[0], "unix:?message=4", &l));
    CHECK_EQ(write(fds[1], "GET /", 5), 5);
    CHECK_EQ(enl_receive(l, byte, sizeof byte, test_until()), -EBADMSG);
    CHECK(enl_link_events(l) & ENL_GONE);
    CHECK_EQ(is_ready(l), 1);
    CHECK_EQ(enl_receive(l, byte, sizeof byte, ENL_NOW), -EBADMSG);
    enl_close(l);
    CHECK_OK(close(fds[1]));
}
