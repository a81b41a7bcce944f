/* SPDX-License-Identifier: MIT */
/* Proof of udp.c, beside the conformance suite: what is refused is lost and nothing more, answers go to a name, and
 * what is cut is told. */
#include "link/link.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static struct enl_link *open_ok(const char *address, unsigned flags)
{
    struct enl_link *l = NULL;

    CHECK_OK(enl_open(address, flags, &l));
    return l;
}

/* A receiver on a port of the system's choice, and the address that reaches it. */
static struct enl_link *receiver(const char *host, char ret_address[ENL_ADDRESS_MAX])
{
    char address[ENL_ADDRESS_MAX];
    struct enl_link *l;

    (void)snprintf(address, sizeof address, "udp:%s:0", host);
    l = open_ok(address, ENL_READ | ENL_WRITE | ENL_CREATE);
    CHECK_OK(enl_link_address(l, ret_address, ENL_ADDRESS_MAX));
    return l;
}

/* The address of a port that nobody has: somebody had it a moment ago. The host is this process's alone, of the many
 * that the loopback has, so that nobody else is given the port meanwhile. */
static void nobodys_address(char ret_address[ENL_ADDRESS_MAX])
{
    unsigned pid = (unsigned)getpid();
    char host[32];

    (void)snprintf(host, sizeof host, "127.%u.%u.%u", 1 + (pid >> 16) % 250, (pid >> 8) % 256,
                   pid % 256);
    enl_close(receiver(host, ret_address));
}

static bool error_waits(const struct enl_link *l)
{
    struct pollfd item = {.fd = l->fd};

    return poll(&item, 1, 0) == 1 && (item.revents & POLLERR) != 0;
}

/* The machine refuses on the loopback before the send returns, or leaves it to a thread of its own. */
static void send_lost(struct enl_link *l)
{
    struct pollfd item = {.fd = l->fd};

    CHECK_EQ(enl_send(l, "lost", 4, test_until()), 4);
    CHECK_EQ(poll(&item, 1, -1), 1);
    CHECK(error_waits(l));
}

/* ---- messages that nobody receives -------------------------------------------------------------------------- */

TEST(a_message_that_is_refused_is_no_end)
{
    char address[ENL_ADDRESS_MAX];
    struct enl_link *l, *there;
    unsigned char buffer[8];

    nobodys_address(address);
    l = open_ok(address, ENL_READ | ENL_WRITE);
    send_lost(l);
    CHECK_EQ(enl_link_events(l), ENL_WRITABLE);
    CHECK(!error_waits(l));
    send_lost(l);
    send_lost(l); /* the error is not of this one */
    CHECK_EQ(enl_receive(l, buffer, sizeof buffer, ENL_NOW), -EAGAIN);

    there = open_ok(address, ENL_READ | ENL_CREATE);
    CHECK_EQ(enl_send(l, "arrives", 7, test_until()), 7);
    CHECK_EQ(enl_receive(there, buffer, sizeof buffer, test_until()), 7);
    enl_close(there);
    enl_close(l);
}

TEST(the_descriptor_of_who_was_refused_is_quiet_after_a_look)
{
    char address[ENL_ADDRESS_MAX];
    struct enl_link *l;
    struct pollfd item = {.events = POLLIN};

    nobodys_address(address);
    l = open_ok(address, ENL_READ | ENL_WRITE);
    CHECK_OK(item.fd = enl_link_fd(l));
    for (int i = 0; i < 3; i++) {
        send_lost(l);
        CHECK_EQ(enl_link_events(l), ENL_WRITABLE);
        CHECK_EQ(poll(&item, 1, 0), 0);
        send_lost(l);
        CHECK_EQ(enl_receive(l, NULL, 0, ENL_NOW), -EAGAIN);
        CHECK_EQ(poll(&item, 1, 0), 0);
    }
    enl_close(l);
}

TEST(who_polls_sleeps_through_a_refusal)
{
    char address[ENL_ADDRESS_MAX];
    struct enl_link *l;

    nobodys_address(address);
    l = open_ok(address, ENL_READ | ENL_WRITE);
    send_lost(l);
    CHECK_EQ(enl_poll(&l, 1, ENL_NOW), -EAGAIN);
    send_lost(l);
    CHECK_EQ(enl_poll(&l, 1, enl_in_ms(20)), -ETIMEDOUT);
    send_lost(l);
    CHECK_EQ(enl_receive(l, NULL, 0, enl_in_ms(20)), -ETIMEDOUT);
    enl_close(l);
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static void answer_by_name(const char *host)
{
    char address[ENL_ADDRESS_MAX], buffer[8];
    struct enl_link *server = receiver(host, address);
    struct enl_link *first = open_ok(address, ENL_READ | ENL_WRITE);
    struct enl_link *second = open_ok(address, ENL_READ | ENL_WRITE);
    struct enl_message m = {.data = buffer, .capacity = sizeof buffer};

    CHECK_EQ(enl_send(second, "ask", 3, test_until()), 3);
    CHECK_EQ(enl_receive_message(server, NULL, test_until(), &m), 3);
    CHECK(m.name_size > 0);
    CHECK_EQ(enl_send_message(server, &m, test_until()), 3);
    CHECK_EQ(enl_receive(second, buffer, sizeof buffer, test_until()), 3);
    CHECK_EQ(enl_receive(first, buffer, sizeof buffer, ENL_NOW), -EAGAIN);
    m.name_size = 0;
    CHECK_EQ(enl_send_message(server, &m, test_until()), -ENOTCONN);
    CHECK_CONTAINS(enl_error_text(), "name");
    enl_close(first);
    enl_close(second);
    enl_close(server);
}

TEST(who_asked_is_answered_by_name)
{
    answer_by_name("127.0.0.1");
}

TEST(who_asked_over_ipv6_is_answered_by_name)
{
    struct enl_link *l;

    if (enl_open("udp:[::1]:0", ENL_READ | ENL_CREATE, &l) < 0)
        SKIP("no IPv6 on this machine");
    enl_close(l);
    answer_by_name("[::1]");
}

/* ---- sizes -------------------------------------------------------------------------------------------------- */

TEST(what_is_cut_is_told_and_what_is_kept_is_whole)
{
    char address[ENL_ADDRESS_MAX], buffer[4] = "";
    struct enl_link *server = receiver("127.0.0.1", address);
    struct enl_link *l = open_ok(address, ENL_WRITE);
    struct enl_message m = {.data = buffer, .capacity = 4, .flags = ENL_TRUNCATE};

    CHECK_EQ(enl_send(l, "12345678", 8, test_until()), 8);
    CHECK_EQ(enl_receive(server, buffer, sizeof buffer, test_until()), -EMSGSIZE);
    CHECK_EQ(enl_receive_message(server, NULL, test_until(), &m), 4);
    CHECK_EQ(m.full_size, 8);
    CHECK((m.flags & ENL_TRUNCATED) != 0);
    CHECK_MEM(buffer, "1234", 4);
    enl_close(l);
    enl_close(server);
}

/* A peer on the bare calls that sends more than this link said it would take. */
TEST(more_than_the_link_takes_is_lost_and_told)
{
    static char bytes[2000];
    char address[ENL_ADDRESS_MAX], buffer[1000];
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct enl_link *server;
    unsigned port;
    int fd;

    server = open_ok("udp:127.0.0.1:0?message=1000", ENL_READ | ENL_CREATE);
    CHECK_OK(enl_link_address(server, address, sizeof address));
    CHECK_EQ(sscanf(address, "udp:127.0.0.1:%u", &port), 1);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)port);
    CHECK_OK(fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(sendto(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof to), sizeof bytes);
    CHECK_EQ(sendto(fd, bytes, 10, 0, (struct sockaddr *)&to, sizeof to), 10);
    CHECK_EQ(enl_receive(server, buffer, sizeof buffer, test_until()), -EBADMSG);
    CHECK_CONTAINS(enl_error_text(), "2000");
    CHECK_EQ(enl_receive(server, buffer, sizeof buffer, test_until()), 10);
    close(fd);
    enl_close(server);
}

TEST(what_no_packet_holds_is_refused_at_once)
{
    static char bytes[65508];
    char address[ENL_ADDRESS_MAX];
    struct enl_link *server = receiver("127.0.0.1", address);
    struct enl_link *l = open_ok(address, ENL_WRITE);

    CHECK_EQ(enl_send(l, bytes, 65508, test_until()), -EMSGSIZE);
    CHECK_EQ(enl_send(l, bytes, 65507, test_until()), 65507);
    CHECK_EQ(enl_receive(server, bytes, sizeof bytes, test_until()), 65507);
    enl_close(l);
    enl_close(server);
}
