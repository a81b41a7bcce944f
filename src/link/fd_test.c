/* SPDX-License-Identifier: MIT */
/* Proof of fd.c: links given to other programs, and descriptors of every kind adopted or refused. */
#include "link/link.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct enl_link *open_ok(const char *address, unsigned access)
{
    struct enl_link *l = NULL;

    CHECK_OK(enl_open(address, access, &l));
    return l;
}

static int open_fd(int fd, const char *options, unsigned access)
{
    struct enl_link *l = NULL;
    char address[64];
    int result;

    (void)snprintf(address, sizeof address, "fd:%d%s", fd, options);
    result = enl_open(address, access, &l);
    enl_close(l);
    return result;
}

struct gift {
    const char *pattern;
    char address[128];
    int fd;
};

/* As a program does that was executed: it knows the address alone. */
static void receive_gift(void *argument)
{
    struct gift *gift = argument;
    struct enl_link *l = open_ok(gift->address, ENL_READ);
    char text[16] = "";

    CHECK_EQ(fcntl(gift->fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), 5);
    CHECK_STR(text, "hello");
    CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), 0);
    CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), -ESHUTDOWN);
    enl_close(l);
}

static void give(const char *pattern)
{
    struct gift *gift = test_shared(sizeof *gift);
    struct enl_link *ends[2];
    pid_t child;

    CHECK_OK(enl_pair(pattern, ends));
    CHECK_OK(link_export(ends[0], gift->address, sizeof gift->address));
    gift->fd = ends[0]->fd;
    CHECK_EQ(fcntl(gift->fd, F_GETFD), 0);
    CHECK_OK(fcntl(ends[1]->fd, F_SETFD, FD_CLOEXEC));
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)close(ends[1]->fd); /* as its exec would */
        receive_gift(gift);
        _exit(0);
    }
    CHECK_EQ(enl_send(ends[1], "hello", 5, test_until()), 5);
    CHECK_EQ(enl_send(ends[1], "", 0, test_until()), 0);
    enl_close(ends[1]);
    test_join(child);
    enl_close(ends[0]);
}

TEST(an_exported_pipe_is_found_at_its_address)
{
    give("pipe:");
}

TEST(an_exported_pipe_of_one_writer_keeps_its_options)
{
    give("pipe:?writers=one&message=2M&frame=u32");
}

TEST(an_exported_stream_socket_is_found_at_its_address)
{
    give("unix:?message=100k");
}

TEST(an_exported_packet_socket_is_found_at_its_address)
{
    give("unix:?type=seqpacket");
}

TEST(an_address_that_does_not_fit_is_refused)
{
    struct enl_link *ends[2];
    char small[8];

    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(link_export(ends[0], small, sizeof small), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "too few");
    CHECK_EQ(fcntl(ends[0]->fd, F_GETFD), FD_CLOEXEC);
    enl_close(ends[0]);
    enl_close(ends[1]);
}

TEST(what_is_no_descriptor_of_a_mechanism_is_refused_and_stays_the_callers, .leaves_files = true)
{
    int file = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    CHECK_EQ(open_fd(987, "", ENL_READ), -EBADF);
    CHECK_CONTAINS(enl_error_text(), "no descriptor 987");
    CHECK_EQ(open_fd(file, "", ENL_READ), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), "a regular file");
    CHECK_EQ(open_fd(directory, "", ENL_READ), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), "a directory");
    CHECK_OK(fcntl(file, F_GETFD));
    CHECK_OK(close(file));
    CHECK_OK(close(directory));
}

TEST(a_number_that_is_none_is_refused)
{
    struct enl_link *l;

    CHECK_EQ(enl_open("fd:", ENL_READ, &l), -EINVAL);
    CHECK_EQ(enl_open("fd:x", ENL_READ, &l), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "fd:x");
    CHECK_EQ(enl_open("fd:-1", ENL_READ, &l), -EINVAL);
    CHECK_EQ(enl_open("fd:9999999999", ENL_READ, &l), -EINVAL);
}

TEST(a_result_without_room_is_refused_before_anything_is_made)
{
    struct enl_link *ends[2];

    CHECK_EQ(enl_pair("pipe:", NULL), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "NULL");
    CHECK_EQ(enl_open("unix:none", ENL_READ, NULL), -EINVAL);
    CHECK_EQ(enl_listen("unix:made", NULL), -EINVAL);
    CHECK(access("made", F_OK) != 0);
    CHECK_EQ(enl_adopt(0, "fd:", NULL), -EINVAL);
    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(enl_loan(ends[1], 1, ENL_NOW, NULL), -EINVAL);
    CHECK_EQ(enl_take(ends[0], NULL, ENL_NOW, NULL), -EINVAL);
    enl_close(ends[0]);
    enl_close(ends[1]);
}

TEST(the_wrong_direction_is_refused)
{
    int fds[2];

    CHECK_OK(pipe2(fds, O_CLOEXEC));
    CHECK_EQ(open_fd(fds[0], "", ENL_WRITE), -EACCES);
    CHECK_CONTAINS(enl_error_text(), "not open for writing");
    CHECK_EQ(open_fd(fds[1], "", ENL_READ), -EACCES);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* Descriptors that others made, in either blocking mode. */
static void adopt_and_talk(int reader, int writer)
{
    struct enl_link *from, *to;
    char text[16];

    CHECK_OK(enl_adopt(reader, "fd:", &from));
    CHECK_OK(enl_adopt(writer, "fd:", &to));
    CHECK_EQ(enl_receive(from, text, sizeof text, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_receive(from, text, sizeof text, enl_in_ms(5)), -ETIMEDOUT);
    CHECK_EQ(enl_send(to, "abc", 3, ENL_FOREVER), 3);
    CHECK_EQ(enl_receive(from, text, sizeof text, ENL_FOREVER), 3);
    CHECK_MEM(text, "abc", 3);
    enl_close(to);
    CHECK_EQ(enl_receive(from, text, sizeof text, ENL_FOREVER), -ESHUTDOWN);
    enl_close(from);
}

TEST(descriptors_that_block_and_that_do_not_are_adopted_alike)
{
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        int fds[2];

        CHECK_OK(pipe2(fds, nonblocking ? O_NONBLOCK : 0));
        adopt_and_talk(fds[0], fds[1]);
        CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0), 0, fds));
        adopt_and_talk(fds[0], fds[1]);
        CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | (nonblocking ? SOCK_NONBLOCK : 0), 0, fds));
        adopt_and_talk(fds[0], fds[1]);
    }
}
