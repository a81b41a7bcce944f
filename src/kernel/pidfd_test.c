/* SPDX-License-Identifier: MIT */
/* Proof of pidfd.c and membarrier.c: what is a process's descriptor and what is not, an end that is seen, and a fence
 * that works once one has registered. */
#include "kernel/pidfd.h"

#include "kernel/bell.h"
#include "kernel/membarrier.h"
#include "runner/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

TEST(a_processs_descriptor_is_told_from_others)
{
    int own = CHECK_OK(pidfd_open_self());
    int event = eventfd(0, EFD_CLOEXEC);
    int directory = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    int set;

    CHECK(event >= 0 && directory >= 0 && file >= 0);
    CHECK(pidfd_is(own));
    CHECK(!pidfd_is(event));
    CHECK(pidfd_is(directory));
    CHECK_EQ(bell_set_create(&set), 0);
    CHECK_EQ(bell_set_add(set, directory, BELL_ENDED), -EPERM); /* but it goes no further */
    CHECK_EQ(bell_set_add(set, own, BELL_ENDED), 0);
    CHECK(!pidfd_is(file));
    CHECK(!pidfd_is(-1));
    CHECK(!pidfd_is(1000000));
    CHECK((fcntl(own, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(set);
    (void)close(own);
    (void)close(event);
    (void)close(directory);
    (void)close(file);
}

static void look_at_another(void *argument)
{
    CHECK(pidfd_is(*(int *)argument)); /* one that may not be signalled */
    CHECK(!pidfd_ended(*(int *)argument));
}

TEST(a_process_of_another_user_is_one)
{
    int own = CHECK_OK(pidfd_open_self());

    test_as_user(look_at_another, &own);
    (void)close(own);
}

static void wait_for_gate(void *gate)
{
    test_gate_wait(gate);
}

TEST(the_end_of_a_process_is_seen)
{
    struct test_gate *gate = test_gate_new();
    pid_t pid = test_child(wait_for_gate, gate);
    int fd = (int)syscall(434, pid, 0u); /* pidfd_open */
    struct pollfd p = {.fd = fd, .events = POLLIN};

    CHECK(fd >= 0);
    CHECK(pidfd_is(fd));
    CHECK(!pidfd_ended(fd));
    test_gate_open(gate);
    CHECK_EQ(poll(&p, 1, -1), 1);
    CHECK(pidfd_ended(fd));
    test_join(pid);
    CHECK(pidfd_ended(fd));
    CHECK(pidfd_is(fd)); /* -ESRCH is an answer about a process, too */
    (void)close(fd);
}

TEST(a_registered_process_is_fenced)
{
    int result = membarrier_register();

    if (result < 0) {
        CHECK(result == -ENOSYS || result == -EINVAL || result == -EPERM);
        SKIP("this kernel has no membarrier (%d)", result);
    }
    CHECK_OK(membarrier_fence());
}
