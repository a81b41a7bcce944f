/* SPDX-License-Identifier: MIT */
/* Proof of inet.c: names, refusals with their reasons, a connect that ends at its deadline. */
#include "kernel/inet.h"

#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/socket.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

TEST(a_name_is_a_host_and_a_port)
{
    static const struct {
        const char *text, *host, *port;
    } good[] = {
        {"localhost:80", "localhost", "80"},
        {"127.0.0.1:http", "127.0.0.1", "http"},
        {"[::1]:7000", "::1", "7000"},
        {":7000", "", "7000"},
        {"[]:1", "", "1"},
        {"h:65535", "h", "65535"},
        {"h:00000080", "h", "00000080"},
    };
    static const char *const bad[] = {"", "host", "host:", "::1:80", "[::1:80", "[::1]", "::1]:80"};
    static const char *const far[] = {"h:65536", "h:70000", "h:99999", "[::1]:100000", "h:0065536"};
    struct inet_name name;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_OK(inet_parse(good[i].text, &name));
        CHECK_STR(name.host, good[i].host);
        CHECK_STR(name.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(inet_parse(bad[i], &name), -EINVAL);
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        CHECK_EQ(inet_parse(far[i], &name), -EINVAL);
        CHECK_CONTAINS(enl_error_text(), "is out of range: 0 to 65535");
    }
    CHECK_EQ(inet_parse("h:a-port-whose-name-goes-on-and-on-and-on", &name), -EINVAL);
}

static struct inet_name named(const char *text)
{
    struct inet_name name;

    CHECK_OK(inet_parse(text, &name));
    return name;
}

/* Serves on a port of the system's choice. */
static struct inet_name serve(bool stream, int backlog, int *ret_fd)
{
    struct inet_name name = named("127.0.0.1:0");
    char text[INET_TEXT_MAX];

    CHECK_OK(inet_serve(&name, stream, backlog, true, ret_fd));
    CHECK_OK(inet_local(*ret_fd, text));
    return named(text);
}

TEST(an_address_that_this_machine_does_not_have_is_named)
{
    struct inet_name name = named("192.0.2.1:0"); /* which is for documents alone */
    int fd;

    if (inet_serve(&name, true, 1, true, &fd) == 0) {
        descriptor_close(fd);
        SKIP("this machine lets addresses be used that it does not have (ip_nonlocal_bind)");
    }
    CHECK_EQ(inet_serve(&name, true, 1, true, &fd), -EADDRNOTAVAIL);
    CHECK_CONTAINS(enl_error_text(), "no interface of this machine has the address 192.0.2.1");
}

TEST(port_0_is_for_who_listens)
{
    struct inet_name name;
    int fd;

    CHECK_OK(inet_parse("127.0.0.1:0", &name));
    CHECK_EQ(inet_connect(&name, true, ENL_NOW, &fd), -EINVAL);
    CHECK_EQ(inet_connect(&name, false, ENL_NOW, &fd), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "127.0.0.1:0: nobody is at port 0");
}

TEST(a_port_that_is_taken_is_named)
{
    int fd, second;
    struct inet_name name = serve(true, 1, &fd);

    CHECK_EQ(inet_serve(&name, true, 1, true, &second), -EADDRINUSE);
    CHECK_CONTAINS(enl_error_text(), name.port);
    descriptor_close(fd);
    name = serve(false, 0, &fd);
    CHECK_EQ(inet_serve(&name, false, 0, true, &second), -EADDRINUSE);
    descriptor_close(fd);
}

TEST(nobody_there_is_told_at_once)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;
    struct inet_name name;
    char text[INET_TEXT_MAX];
    int fd, taken;

    /* a port that is taken by one who does not listen: so nobody else does */
    CHECK_OK(taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(bind(taken, (struct sockaddr *)&own, size), 0);
    CHECK_OK(inet_local(taken, text));
    name = named(text);
    CHECK_EQ(inet_connect(&name, true, ENL_FOREVER, &fd), -ECONNREFUSED);
    descriptor_close(taken);
    /* where the servers of names do not answer, glibc would ask them again and again */
    CHECK_EQ(setenv("RES_OPTIONS", "timeout:1 attempts:1", 1), 0);
    name = named("no-such-host.invalid:80");
    CHECK_EQ(inet_connect(&name, true, ENL_FOREVER, &fd), -EHOSTUNREACH);
    CHECK_CONTAINS(enl_error_text(), "no-such-host.invalid");
    name = named("127.0.0.1:no-such-service");
    CHECK_EQ(inet_connect(&name, true, ENL_FOREVER, &fd), -EINVAL);
}

TEST(a_connect_to_this_machine_needs_no_waiting)
{
    int server, client, accepted;
    struct inet_name name = serve(true, 8, &server);
    char text[INET_TEXT_MAX];

    int result;

    while ((result = inet_connect(&name, true, ENL_NOW, &client)) == -ETIMEDOUT)
        if (!test_has_time())
            SKIP("this machine lets a thread of its own answer to itself");
    CHECK_OK(result);
    CHECK_EQ(poll(&(struct pollfd){.fd = server, .events = POLLIN}, 1, -1), 1);
    CHECK_OK(socket_accept(server, &accepted));
    CHECK_OK(inet_set_nodelay(client, true));
    CHECK_OK(inet_set_keepalive(client, 1));
    CHECK(inet_is(client, true) && !inet_is(client, false));
    CHECK_OK(inet_remote(client, text));
    CHECK_CONTAINS(text, name.port);
    descriptor_close(client);
    descriptor_close(accepted);
    descriptor_close(server);
}

/* A server that accepts nobody: when its backlog is full, the kernel drops what comes. */
TEST(a_connect_that_is_not_answered_ends_at_its_deadline)
{
    enum { MANY = 16 };
    int fds[MANY];
    int server, result;
    int count = 0;
    struct inet_name name = serve(true, 0, &server);
    int64_t begin;

    do {
        begin = clock_now_ns();
        result = inet_connect(&name, true, enl_in_ms(50), &fds[count]);
    } while (result == 0 && ++count < MANY);
    CHECK_EQ(result, -ETIMEDOUT);
    CHECK(clock_now_ns() - begin >= 50000000);
    CHECK_CONTAINS(enl_error_text(), "did not answer");
    while (count > 0)
        descriptor_close(fds[--count]);
    descriptor_close(server);
}

static void serve_low(void *unused)
{
    struct inet_name name = named("127.0.0.1:1");
    int fd;

    (void)unused;
    CHECK_EQ(inet_serve(&name, true, 1, true, &fd), -EACCES);
    CHECK_CONTAINS(enl_error_text(), "ip_unprivileged_port_start");
}

TEST(a_port_for_root_is_refused_to_others_with_the_reason)
{
    unsigned first = 0;
    FILE *limit = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");

    if (limit != NULL) {
        CHECK_EQ(fscanf(limit, "%u", &first), 1);
        CHECK_EQ(fclose(limit), 0);
    }
    if (first <= 1)
        SKIP("every port is free for all users here");
    test_as_user(serve_low, NULL);
}

/* ---- ports ---------------------------------------------------------------------------------------------------- */

/* A network of the test's own, with two ports for whoever asks for any. */
static void enter_small_network(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd;

    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        SKIP("limits cannot be changed here: no network namespace can be had");
    CHECK_OK(fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (ioctl(fd, SIOCSIFFLAGS, &loopback) != 0)
        SKIP("the loopback of a network namespace cannot be used here");
    CHECK_EQ(close(fd), 0);
    fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        SKIP("limits cannot be changed here: %s", strerror(errno));
    CHECK_EQ(write(fd, "40000 40001", 11), 11);
    CHECK_EQ(close(fd), 0);
}

TEST(who_asks_for_a_port_of_nobody_does_not_meet_himself)
{
    struct inet_name name = named("127.0.0.1:40000");
    int fd;

    enter_small_network();
    for (int i = 0; i < 50; i++)
        CHECK_EQ(inet_connect(&name, true, ENL_FOREVER, &fd), -ECONNREFUSED);
}

TEST(without_a_port_left_it_is_told_where_they_come_from)
{
    struct inet_name any = named("127.0.0.1:0"), name;
    int server, fds[3];

    enter_small_network();
    name = named("127.0.0.1:5000");
    CHECK_OK(inet_serve(&name, true, 8, true, &server));
    CHECK_OK(inet_connect(&name, true, ENL_FOREVER, &fds[0]));
    CHECK_OK(inet_connect(&name, true, ENL_FOREVER, &fds[1]));
    CHECK_EQ(inet_connect(&name, true, ENL_FOREVER, &fds[2]), -EADDRNOTAVAIL);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/net/ipv4/ip_local_port_range");
    descriptor_close(fds[0]);
    descriptor_close(fds[1]);
    descriptor_close(server);
    CHECK_OK(inet_serve(&any, false, 0, true, &fds[0]));
    CHECK_OK(inet_serve(&any, false, 0, true, &fds[1]));
    CHECK_EQ(inet_serve(&any, false, 0, true, &fds[2]), -EADDRINUSE);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/net/ipv4/ip_local_port_range");
    descriptor_close(fds[0]);
    descriptor_close(fds[1]);
}
