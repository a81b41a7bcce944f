/* SPDX-License-Identifier: MIT */
/* Proof of tcp.c, beside the conformance suite: names and ports, the options in force, a full backlog, frames that
 * lie, and peers that break off. */
#include "link/link.h"
#include "runner/test.h"

#include <arpa/inet.h>
#include <enlace/error.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* A listener at a port of the system's choice, unless the address says one; and the address that reaches it. */
static struct enl_link *listen_at(const char *address, char ret_address[ENL_ADDRESS_MAX])
{
    struct enl_link *l = NULL;

    CHECK_OK(enl_listen(address, &l));
    CHECK_OK(enl_link_address(l, ret_address, ENL_ADDRESS_MAX));
    return l;
}

static struct enl_link *connect_to(const char *address, const char *options)
{
    char whole[ENL_ADDRESS_MAX + 80];
    struct enl_link *l = NULL;

    (void)snprintf(whole, sizeof whole, "%s%s", address, options);
    CHECK_OK(enl_open_until(whole, ENL_READ | ENL_WRITE, test_until(), &l));
    return l;
}

static struct enl_link *accept_from(struct enl_link *listener)
{
    struct enl_link *l = NULL;

    CHECK_OK(enl_accept(listener, test_until(), &l));
    return l;
}

static unsigned port_of(const char *address)
{
    return (unsigned)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

/* A peer on the bare calls. */
static int connect_bare(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port_of(address)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd;

    CHECK_OK(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void exchange(struct enl_link *from, struct enl_link *to)
{
    char buffer[8];

    CHECK_EQ(enl_send(from, "hello", 5, test_until()), 5);
    CHECK_EQ(enl_receive(to, buffer, sizeof buffer, test_until()), 5);
    CHECK_MEM(buffer, "hello", 5);
}

/* ---- names --------------------------------------------------------------------------------------------------- */

TEST(a_name_and_a_port_of_the_systems_choice_meet)
{
    char address[ENL_ADDRESS_MAX], named[ENL_ADDRESS_MAX];
    struct enl_link *listener = listen_at("tcp:localhost:0", address), *l, *other;

    CHECK(port_of(address) > 0);
    (void)snprintf(named, sizeof named, "tcp:localhost:%u", port_of(address));
    l = connect_to(named, "");
    other = accept_from(listener);
    exchange(l, other);
    exchange(other, l);
    enl_close(other);
    enl_close(l);
    enl_close(listener);
}

static bool has_v6(void)
{
    struct enl_link *l;

    if (enl_listen("tcp:[::1]:0", &l) < 0)
        return false;
    enl_close(l);
    return true;
}

TEST(a_listener_without_a_host_serves_both_families)
{
    char address[ENL_ADDRESS_MAX], at[ENL_ADDRESS_MAX];
    struct enl_link *listener = listen_at("tcp::0", address), *l, *other;
    static const char *const hosts[] = {"127.0.0.1", "[::1]"};

    for (size_t i = 0; i < (has_v6() ? 2 : 1); i++) {
        (void)snprintf(at, sizeof at, "tcp:%s:%u", hosts[i], port_of(address));
        l = connect_to(at, "");
        other = accept_from(listener);
        exchange(l, other);
        enl_close(other);
        enl_close(l);
    }
    enl_close(listener);
}

/* ---- options ------------------------------------------------------------------------------------------------- */

static int option(const struct enl_link *l, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    CHECK_EQ(getsockopt(l->fd, level, name, &value, &size), 0);
    return value;
}

TEST(what_the_address_says_of_a_connection_is_in_force_at_both_ends)
{
    char address[ENL_ADDRESS_MAX];
    struct enl_link *ends[2], *listener;

    listener = listen_at("tcp:127.0.0.1:0?nodelay=no&keepalive=7&capacity=64k", address);
    ends[0] = connect_to(address, "?nodelay=no&keepalive=7&capacity=64k");
    ends[1] = accept_from(listener);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(option(ends[i], IPPROTO_TCP, TCP_NODELAY), 0);
        CHECK_EQ(option(ends[i], SOL_SOCKET, SO_KEEPALIVE), 1);
        CHECK_EQ(option(ends[i], IPPROTO_TCP, TCP_KEEPIDLE), 7);
        CHECK_EQ(option(ends[i], IPPROTO_TCP, TCP_KEEPCNT), 3);
        CHECK_EQ(option(ends[i], SOL_SOCKET, SO_SNDBUF), 65536);
        enl_close(ends[i]);
    }
    enl_close(listener);
}

TEST(without_options_small_messages_go_at_once_and_nobody_is_asked)
{
    char address[ENL_ADDRESS_MAX];
    struct enl_link *listener = listen_at("tcp:127.0.0.1:0", address);
    struct enl_link *ends[2] = {connect_to(address, "")};

    ends[1] = accept_from(listener);
    for (int i = 0; i < 2; i++) {
        CHECK(option(ends[i], IPPROTO_TCP, TCP_NODELAY) != 0);
        CHECK_EQ(option(ends[i], SOL_SOCKET, SO_KEEPALIVE), 0);
        enl_close(ends[i]);
    }
    enl_close(listener);
}

/* Who closes first keeps the port busy for a while. */
TEST(a_port_whose_connections_fade_away_is_used_again_unless_told_otherwise)
{
    char address[ENL_ADDRESS_MAX], strict[ENL_ADDRESS_MAX + 16];
    struct enl_link *listener = listen_at("tcp:127.0.0.1:0", address);
    struct enl_link *l = connect_to(address, ""), *other = accept_from(listener);
    char byte;

    enl_close(other);
    CHECK_EQ(enl_receive(l, &byte, 1, test_until()), -ESHUTDOWN);
    enl_close(l);
    enl_close(listener);
    (void)snprintf(strict, sizeof strict, "%s?reuse=no", address);
    CHECK_EQ(enl_listen(strict, &l), -EADDRINUSE);
    listener = listen_at(address, strict);
    CHECK_EQ(enl_listen(address, &l), -EADDRINUSE); /* a live one */
    enl_close(listener);
}

static void ask_for_much(void *unused)
{
    struct enl_link *l;

    (void)unused;
    CHECK_EQ(enl_listen("tcp:127.0.0.1:0?capacity=1G", &l), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/net/core/wmem_max");
}

TEST(a_capacity_above_the_kernels_limit_names_it)
{
    test_as_user(ask_for_much, NULL);
}

/* ---- connecting ---------------------------------------------------------------------------------------------- */

TEST(a_full_backlog_makes_connecting_wait_until_its_deadline_or_an_accept)
{
    enum { MANY = 16 };
    char address[ENL_ADDRESS_MAX];
    struct enl_link *listener = listen_at("tcp:127.0.0.1:0?backlog=1", address);
    struct enl_link *links[MANY];
    int count = 0, result;

    links[count++] = connect_to(address, "");
    do { /* a slow answer is no full backlog: then one of the next ones comes */
        result = enl_open_until(address, ENL_READ | ENL_WRITE, enl_in_ms(30), &links[count]);
        CHECK(result == 0 || result == -ETIMEDOUT);
        if (result < 0)
            result = enl_open(address, ENL_READ | ENL_WRITE, &links[count]);
    } while (result == 0 && ++count < MANY);
    CHECK(count < MANY);
    CHECK(result == -ETIMEDOUT || result == -EAGAIN);
    for (int i = 0; i < count; i++)
        enl_close(accept_from(listener));
    links[count] = connect_to(address, "");
    for (int i = 0; i <= count; i++)
        enl_close(links[i]);
    enl_close(listener);
}

TEST(nobody_there_is_told_and_waited_for)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    char address[ENL_ADDRESS_MAX];
    struct enl_link *l;
    int fd, result;

    /* a port that is taken by one who does not listen: so nobody else does */
    CHECK_OK(fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(bind(fd, (struct sockaddr *)&name, size), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    (void)snprintf(address, sizeof address, "tcp:127.0.0.1:%u", ntohs(name.sin_port));
    while ((result = enl_open(address, ENL_READ | ENL_WRITE, &l)) == -ETIMEDOUT)
        CHECK(enl_in_ms(1) < test_until()); /* the machine left the answer to a thread of its own */
    CHECK_EQ(result, -ECONNREFUSED);
    CHECK_EQ(enl_open_until(address, ENL_READ | ENL_WRITE, enl_in_ms(30), &l), -ETIMEDOUT);
    close(fd);
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

static void send_large(void *address)
{
    const size_t size = 20u << 20;
    unsigned char *data = malloc(size);
    struct enl_link *l = connect_to(address, "?message=32M");

    CHECK(data != NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 7 + i / 251);
    CHECK_EQ(enl_send(l, data, size, test_until()), (ssize_t)size);
    enl_close(l);
    free(data);
}

TEST(a_frame_has_any_size_up_to_the_limit)
{
    const size_t most = 32u << 20, size = 20u << 20;
    char address[ENL_ADDRESS_MAX];
    struct enl_link *listener = listen_at("tcp:127.0.0.1:0?message=32M", address), *l;
    unsigned char *data = malloc(most);
    pid_t child = test_child(send_large, address);

    CHECK(data != NULL);
    l = accept_from(listener);
    CHECK_EQ(enl_receive(l, data, most, test_until()), (ssize_t)size);
    for (size_t i = 0; i < size; i++)
        if (data[i] != (unsigned char)(i * 7 + i / 251))
            FAIL("byte %zu differs", i);
    CHECK_EQ(enl_send(l, data, most + 1, ENL_NOW), -EMSGSIZE);
    test_join(child);
    enl_close(l);
    enl_close(listener);
    free(data);
}

static long peak_kib(void)
{
    struct rusage usage;

    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* Each says that gigabytes follow: none of them gets more memory than a message may have. */
TEST(headers_that_lie_are_refused_with_bounded_memory)
{
    static const unsigned char lies[][4] = {{0xff, 0xff, 0xff, 0xff},
                                            {0x7f, 0xff, 0xff, 0xff},
                                            {0x00, 0x10, 0x00, 0x01}};
    char address[ENL_ADDRESS_MAX], buffer[64];
    struct enl_link *listener = listen_at("tcp:127.0.0.1:0", address), *l;
    long before_kib = peak_kib();

    for (size_t i = 0; i < 3 * sizeof lies / sizeof lies[0]; i++) {
        int fd = connect_bare(address);

        l = accept_from(listener);
        CHECK_EQ(write(fd, "\0\0\0\2ok", 6), 6);
        CHECK_EQ(write(fd, lies[i % 3], 4), 4);
        CHECK_EQ(write(fd, buffer, sizeof buffer), sizeof buffer);
        CHECK_EQ(enl_receive(l, buffer, sizeof buffer, test_until()), 2);
        CHECK_EQ(enl_receive(l, buffer, sizeof buffer, test_until()), -EBADMSG);
        CHECK_EQ(enl_receive(l, buffer, sizeof buffer, test_until()), -EBADMSG);
        CHECK((enl_link_events(l) & ENL_GONE) != 0);
        enl_close(l);
        close(fd);
    }
    CHECK(peak_kib() - before_kib < 256L * 1024);
    enl_close(listener);
}

/* ---- endings ------------------------------------------------------------------------------------------------- */

TEST(a_peer_that_breaks_off_is_told_from_one_that_ends)
{
    static const struct linger none = {.l_onoff = 1, .l_linger = 0};
    char address[ENL_ADDRESS_MAX], buffer[8];
    struct enl_link *listener = listen_at("tcp:127.0.0.1:0", address), *l;
    int fd = connect_bare(address);

    l = accept_from(listener);
    CHECK_EQ(write(fd, "\0\0\0\2ok", 6), 6);
    CHECK_EQ(enl_receive(l, buffer, sizeof buffer, test_until()), 2);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    close(fd); /* a reset */
    CHECK_EQ(enl_receive(l, buffer, sizeof buffer, test_until()), -ECONNRESET);
    CHECK_EQ(enl_send(l, "x", 1, test_until()), -EPIPE);
    enl_close(l);

    fd = connect_bare(address);
    l = accept_from(listener);
    CHECK_EQ(write(fd, "\0\0\0\2o", 5), 5);
    close(fd); /* in the middle of a message */
    CHECK_EQ(enl_receive(l, buffer, sizeof buffer, test_until()), -ECONNRESET);
    enl_close(l);

    fd = connect_bare(address);
    l = accept_from(listener);
    close(fd);
    CHECK_EQ(enl_receive(l, buffer, sizeof buffer, test_until()), -ESHUTDOWN);
    enl_close(l);
    enl_close(listener);
}

/* A network of the test's own: its loopback. */
static void set_loopback(short flags)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = flags};
    int fd, result;

    CHECK_OK(fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    result = ioctl(fd, SIOCSIFFLAGS, &loopback);
    CHECK_EQ(close(fd), 0);
    if (result != 0)
        SKIP("the loopback of a network namespace cannot be used here");
}

/* Nothing comes any more, not even a word that it is over. */
TEST(a_machine_that_vanishes_is_noticed_by_who_asks_for_it, .deadline_s = 60)
{
    char address[ENL_ADDRESS_MAX], buffer[8];
    struct enl_link *listener, *l, *other;

    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        SKIP("no network namespace can be had");
    set_loopback(IFF_UP);
    listener = listen_at("tcp:127.0.0.1:0?keepalive=1", address);
    l = connect_to(address, "");
    other = accept_from(listener);
    exchange(l, other);
    set_loopback(0);
    CHECK_EQ(enl_receive(l, buffer, sizeof buffer, enl_in_ms(100)), -ETIMEDOUT); /* no keepalive */
    CHECK_EQ(enl_receive(other, buffer, sizeof buffer, test_until()), -ECONNRESET);
    CHECK(enl_error_text()[0] != '\0');
    enl_close(other);
    enl_close(l);
    enl_close(listener);
}
