/* SPDX-License-Identifier: MIT */
/* Proof of socket.c: long paths, stale sockets replaced by one of many starters, modes, descriptors. */
#include "kernel/socket.h"

#include "kernel/descriptor.h"
#include "kernel/path.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct socket_name named(const char *path)
{
    return (struct socket_name){.bytes = path, .size = strlen(path)};
}

static int serve(const char *path, int *ret_fd)
{
    struct socket_name name = named(path);

    return socket_serve(SOCKET_STREAM, &name, 0600, 8, ret_fd);
}

static int meet(const char *path, int *ret_fd)
{
    struct socket_name name = named(path);

    return socket_connect(SOCKET_STREAM, &name, ret_fd);
}

TEST(a_path_beyond_107_bytes_works)
{
    char path[600] = "";
    int server, client, accepted;

    for (int i = 0; i < 5; i++) {
        memset(path + strlen(path), 'a' + i, 80);
        CHECK_EQ(mkdir(path, 0700), 0);
        strcat(path, "/");
    }
    strcat(path, "socket");
    CHECK_OK(serve(path, &server));
    CHECK_OK(meet(path, &client));
    CHECK_OK(socket_accept(server, &accepted));
    CHECK_EQ(serve(path, &server), -EADDRINUSE);
    descriptor_close(server);
    descriptor_close(client);
    descriptor_close(accepted);
    CHECK_EQ(unlink(path), 0);
    for (int i = 5; i > 0; i--) {
        path[i * 81 - 1] = '\0';
        CHECK_EQ(rmdir(path), 0);
    }
}

TEST(a_last_part_that_is_too_long_is_refused_by_its_length)
{
    char path[300];
    int fd;

    (void)snprintf(path, sizeof path, "./%0150d", 0);
    CHECK_EQ(serve(path, &fd), -ENAMETOOLONG);
    CHECK_CONTAINS(enl_error_text(), "at most");
}

TEST(a_socket_has_the_mode_given_whatever_the_umask)
{
    struct socket_name name = named("s");
    struct stat status;
    int fd;

    (void)umask(0777);
    CHECK_OK(socket_serve(SOCKET_STREAM, &name, 0640, 8, &fd));
    CHECK_EQ(stat("s", &status), 0);
    CHECK_EQ(status.st_mode & 07777, 0640);
    descriptor_close(fd);
    CHECK_EQ(unlink("s"), 0);
}

TEST(a_stale_socket_is_replaced_and_a_live_one_is_not)
{
    int first, second, client;

    CHECK_OK(serve("s", &first));
    CHECK_EQ(serve("s", &second), -EADDRINUSE);
    CHECK_CONTAINS(enl_error_text(), "listens on s already");
    descriptor_close(first);
    CHECK_EQ(meet("s", &client), -ECONNREFUSED);
    CHECK_OK(serve("s", &second));
    CHECK_OK(meet("s", &client));
    descriptor_close(second);
    descriptor_close(client);
    CHECK_EQ(unlink("s"), 0);
}

TEST(what_is_not_a_socket_is_left_alone)
{
    int fd = open("s", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    descriptor_close(fd);
    CHECK_EQ(serve("s", &fd), -EADDRINUSE);
    CHECK_CONTAINS(enl_error_text(), "not a socket");
    CHECK_EQ(meet("s", &fd), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "not a socket");
    CHECK_EQ(unlink("s"), 0);
    CHECK_EQ(meet("s", &fd), -ENOENT);
    CHECK_EQ(meet("/", &fd), -EINVAL);
    CHECK_EQ(meet("/dev/null", &fd), -EINVAL);
    CHECK_EQ(symlink("nowhere", "s"), 0);
    CHECK_EQ(meet("s", &fd), -ENOENT);
    CHECK_EQ(unlink("s"), 0);
}

TEST(a_link_to_a_dead_socket_is_refused_like_the_socket)
{
    int fd;

    CHECK_OK(serve("s", &fd));
    descriptor_close(fd);
    CHECK_EQ(symlink("s", "link"), 0);
    CHECK_EQ(meet("link", &fd), -ECONNREFUSED);
    CHECK_EQ(unlink("link"), 0);
    CHECK_EQ(unlink("s"), 0);
}

struct race {
    struct test_gate *gate;
    int *winners;
};

static void start_one(void *argument)
{
    struct race *race = argument;
    int result, fd, client;

    test_gate_meet(race->gate, 4);
    result = serve("s", &fd);
    CHECK(result == 0 || result == -EADDRINUSE);
    if (result == 0)
        __atomic_add_fetch(race->winners, 1, __ATOMIC_SEQ_CST);
    test_gate_meet(race->gate, 4); /* the winner lives while the others try */
    CHECK_OK(meet("s", &client));
    descriptor_close(client);
    test_gate_meet(race->gate, 4);
    if (result == 0)
        descriptor_close(fd); /* and leaves a stale socket to the next round */
}

TEST(of_many_starters_one_replaces_a_stale_socket, .stress = true, .deadline_s = 60)
{
    for (int round = 0; round < 25; round++) {
        struct race race = {.gate = test_gate_new(), .winners = test_shared(sizeof(int))};
        pid_t pids[4];

        for (int i = 0; i < 4; i++)
            pids[i] = test_child(start_one, &race);
        for (int i = 0; i < 4; i++)
            test_join(pids[i]);
        CHECK_EQ(*race.winners, 1);
    }
    CHECK_EQ(unlink("s"), 0);
}

static void send_fds(int fd, unsigned count)
{
    struct socket_message m = {.parts = {{.iov_base = (char[]){"x"}, .iov_len = 1}},
                               .part_count = 1,
                               .fd_count = count};

    for (unsigned i = 0; i < count; i++)
        m.fds[i] = STDERR_FILENO;
    CHECK_EQ(socket_send_message(fd, &m, false), 1);
}

static unsigned receive_fds(int fd, unsigned capacity, bool *ret_lost)
{
    char byte;
    struct socket_message m = {.parts = {{.iov_base = &byte, .iov_len = 1}},
                               .part_count = 1,
                               .fd_capacity = capacity};

    CHECK_EQ(socket_receive_message(fd, &m, false), 1);
    *ret_lost = m.fds_lost;
    for (unsigned i = 0; i < m.fd_count; i++)
        descriptor_close(m.fds[i]);
    return m.fd_count;
}

TEST(descriptors_beyond_the_declared_count_are_closed_and_told)
{
    struct rlimit limit;
    bool lost;
    int fds[2];

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < SOCKET_FDS_MAX + 20)
        SKIP("a process has fewer descriptors here than one message");
    if (test_is_emulated())
        SKIP("the emulator loses descriptors for which a message has no room");
    CHECK_OK(socket_create_pair(SOCKET_SEQPACKET, fds));
    send_fds(fds[0], SOCKET_FDS_MAX);
    CHECK_EQ(receive_fds(fds[1], SOCKET_FDS_MAX, &lost), SOCKET_FDS_MAX);
    CHECK(!lost);
    send_fds(fds[0], 5);
    CHECK_EQ(receive_fds(fds[1], 2, &lost), 2);
    CHECK(lost);
    send_fds(fds[0], 5);
    CHECK_EQ(receive_fds(fds[1], 0, &lost), 0);
    CHECK(lost);
    descriptor_close(fds[0]);
    descriptor_close(fds[1]);
}

static void ask_for_much(void *unused)
{
    int fds[2];

    (void)unused;
    CHECK_OK(socket_create_pair(SOCKET_SEQPACKET, fds));
    CHECK_EQ(socket_set_message_size(fds[0], (size_t)1 << 28), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "wmem_max");
}

TEST(a_message_above_the_kernels_limit_is_refused_with_the_limits_name)
{
    test_as_user(ask_for_much, NULL);
}
