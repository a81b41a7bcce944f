/* SPDX-License-Identifier: MIT */
/* Proof of pipe.c: each call blocks or not as told, on new kernels and on old; no SIGPIPE; FIFOs' modes. */
#include "kernel/pipe.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_ends(struct pipe_end ends[2])
{
    int fds[2];

    CHECK_OK(pipe_create(fds));
    pipe_end_init(&ends[0], fds[0], true);
    pipe_end_init(&ends[1], fds[1], true);
}

static ssize_t put(struct pipe_end *end, const void *data, size_t size, bool may_block)
{
    return pipe_end_write(end,
                          &(struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = size}, 1,
                          may_block);
}

static void fill_up(struct pipe_end *end)
{
    static const char block[PIPE_BUF];
    ssize_t count;

    while ((count = put(end, block, sizeof block, false)) > 0)
        CHECK_EQ(count, sizeof block);
    CHECK_EQ(count, -EAGAIN);
}

static void check_modes(void)
{
    struct pipe_end ends[2];
    struct descriptor_facts facts;
    char byte;

    make_ends(ends);
    CHECK_EQ(pipe_end_read(&ends[0], &byte, 1, false), -EAGAIN);
    CHECK_EQ(put(&ends[1], "x", 1, true), 1);
    CHECK_EQ(pipe_end_read(&ends[0], &byte, 1, true), 1);
    CHECK_EQ(put(&ends[1], "y", 1, false), 1);
    CHECK_EQ(pipe_end_read(&ends[0], &byte, 1, false), 1);
    CHECK_EQ(byte, 'y');
    fill_up(&ends[1]);
    /* relatives share the description: its mode must be as it was */
    CHECK_OK(descriptor_facts(ends[1].fd, &facts));
    CHECK(facts.blocks);
    pipe_end_fini(&ends[0]);
    CHECK_EQ(put(&ends[1], "z", 1, true), -EPIPE);
    CHECK_EQ(put(&ends[1], "z", 1, false), -EPIPE);
    pipe_end_fini(&ends[1]);
}

TEST(a_pipe_call_blocks_only_if_it_may_and_never_raises_sigpipe)
{
    check_modes();
}

TEST(a_pipe_call_of_an_old_kernel_does_so_too)
{
    pipe_pretend_old_kernel(true);
    check_modes();
}

TEST(a_sigpipe_of_somebody_else_is_not_swallowed)
{
    struct pipe_end ends[2];
    sigset_t set, pending;

    pipe_pretend_old_kernel(true);
    CHECK_EQ(sigemptyset(&set) | sigaddset(&set, SIGPIPE), 0);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    CHECK_EQ(raise(SIGPIPE), 0);
    make_ends(ends);
    pipe_end_fini(&ends[0]);
    CHECK_EQ(put(&ends[1], "z", 1, true), -EPIPE);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGPIPE));
    pipe_end_fini(&ends[1]);
}

TEST(a_pipe_end_without_descriptors_to_spare_still_does_not_block)
{
    struct pipe_end ends[2];
    char byte;

    pipe_pretend_old_kernel(true);
    make_ends(ends);
    ends[0].other_failed = ends[1].other_failed = true;
    CHECK_EQ(pipe_end_read(&ends[0], &byte, 1, false), -EAGAIN);
    fill_up(&ends[1]);
    CHECK_EQ(pipe_end_read(&ends[0], &byte, 1, false), 1);
    pipe_end_fini(&ends[0]);
    pipe_end_fini(&ends[1]);
}

TEST(a_pipes_capacity_changes_and_its_limit_is_explained)
{
    size_t bytes;
    int fds[2];

    CHECK_OK(pipe_create(fds));
    CHECK_OK(pipe_set_capacity(fds[1], 16384));
    CHECK_OK(pipe_capacity(fds[0], &bytes));
    CHECK_EQ(bytes, 16384);
    CHECK_EQ(write(fds[1], (char[8192]){0}, 8192), 8192);
    CHECK_EQ(pipe_set_capacity(fds[1], 4096), -EBUSY);
    CHECK_CONTAINS(enl_error_text(), "less than what waits");
    descriptor_close(fds[0]);
    descriptor_close(fds[1]);
}

static void exceed_capacity(void *unused)
{
    int fds[2];

    (void)unused;
    CHECK_OK(pipe_create(fds));
    CHECK_EQ(pipe_set_capacity(fds[1], (size_t)1 << 28), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "pipe-max-size");
}

TEST(a_pipes_largest_capacity_is_named_to_an_ordinary_user)
{
    test_as_user(exceed_capacity, NULL);
}

TEST(a_fifo_has_the_mode_given_whatever_the_umask, .leaves_files = true)
{
    struct stat status;

    (void)umask(0777);
    CHECK_OK(fifo_create("f", 0624));
    CHECK_EQ(stat("f", &status), 0);
    CHECK_EQ(status.st_mode & 07777, 0624);
    CHECK_EQ(fifo_create("f", 0600), -EEXIST);
}

TEST(what_is_not_a_fifo_is_refused_and_left_alone, .leaves_files = true)
{
    int fd;

    CHECK_EQ(mkdir("directory", 0700), 0);
    CHECK_EQ(symlink("nowhere", "dangling"), 0);
    CHECK_EQ(fifo_open("directory", false, &fd), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "not a FIFO");
    CHECK_EQ(fifo_open("/dev/null", true, &fd), -EINVAL);
    CHECK_EQ(fifo_open("dangling", false, &fd), -ENOENT);
    CHECK_EQ(fifo_open("nothing", true, &fd), -ENOENT);
}

TEST(a_fifo_without_a_reader_answers_at_once)
{
    int fd;

    CHECK_OK(fifo_create("f", 0600));
    CHECK_EQ(fifo_open("f", true, &fd), -ENXIO);
    CHECK_EQ(unlink("f"), 0);
}
