/* SPDX-License-Identifier: MIT */
/* Proof of mqueue.c: sizes and modes, calls that wait or not, and every limit of the kernel, hit on purpose. */
#include "kernel/mqueue.h"

#include "kernel/descriptor.h"
#include "kernel/limit.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/link.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)

static const struct mqueue_size small = {.depth = 2, .message = 64};

static const char *name_of(const char *word)
{
    static char names[4][128];
    static unsigned next;
    char *name = names[next++ % 4];

    (void)snprintf(name, sizeof names[0], "/%s", test_name(word));
    return name;
}

static int make(const char *name)
{
    int fd = -1;

    CHECK_OK(mqueue_create(name, BOTH, 0600, &small, &fd));
    return fd;
}

static void end(const char *name, int fd)
{
    descriptor_close(fd);
    CHECK_OK(mqueue_unlink(name));
}

/* ---- queues ------------------------------------------------------------------------------------------------- */

TEST(a_queue_has_the_size_and_the_mode_given_whatever_the_umask)
{
    const char *name = name_of("q");
    struct mqueue_facts facts;
    int fd, other;

    (void)umask(0777);
    CHECK_OK(mqueue_create(name, ENL_READ, 0640, &small, &fd));
    CHECK_EQ(mqueue_create(name, ENL_READ, 0600, &small, &other), -EEXIST);
    CHECK_OK(mqueue_facts(fd, &facts));
    CHECK_EQ(facts.mode, 0640);
    CHECK_EQ(facts.uid, getuid());
    CHECK_EQ(facts.size.depth, 2);
    CHECK_EQ(facts.size.message, 64);
    CHECK_EQ(facts.queued, 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    end(name, fd);
    CHECK_EQ(mqueue_open(name, ENL_READ, &fd), -ENOENT);
    CHECK_EQ(mqueue_unlink(name), -ENOENT);
}

TEST(the_default_size_is_one_that_can_be_had)
{
    const char *name = name_of("q");
    struct mqueue_size size;
    struct mqueue_facts facts;
    int fd;

    mqueue_default_size(&size);
    CHECK_OK(mqueue_create(name, BOTH, 0600, &size, &fd));
    CHECK_OK(mqueue_facts(fd, &facts));
    CHECK_EQ(facts.size.depth, size.depth);
    CHECK_EQ(facts.size.message, size.message);
    end(name, fd);
}

TEST(a_queues_descriptor_is_told_from_others)
{
    const char *name = name_of("q");
    int fd = make(name);

    CHECK(mqueue_is(fd));
    CHECK(!mqueue_is(STDIN_FILENO));
    CHECK(!mqueue_is(-1));
    end(name, fd);
}

TEST(who_may_receive_is_told_how_many_bytes_wait)
{
    const char *name = name_of("q");
    int fd = make(name), out;
    struct mqueue_facts facts;

    CHECK_OK(mqueue_open(name, ENL_WRITE, &out));
    CHECK_OK(mqueue_facts(out, &facts));
    CHECK_EQ(facts.queued_bytes, 0);
    CHECK_EQ(mqueue_send(out, "hello", 5, 3, false), 5);
    CHECK_EQ(mqueue_send(out, "", 0, 3, false), 0);
    CHECK_OK(mqueue_facts(fd, &facts));
    CHECK_EQ(facts.queued, 2);
    CHECK_EQ(facts.queued_bytes, 5);
    CHECK_OK(mqueue_facts(out, &facts));
    CHECK_EQ(facts.queued, 2);
    CHECK(facts.queued_bytes == UINT64_MAX);
    descriptor_close(out);
    end(name, fd);
}

/* ---- calls -------------------------------------------------------------------------------------------------- */

static void check_calls(int fd)
{
    unsigned priority = 99;
    char buffer[64];

    CHECK_EQ(mqueue_receive(fd, buffer, sizeof buffer, &priority, false), -EAGAIN);
    CHECK_EQ(mqueue_send(fd, "low", 3, 1, false), 3);
    CHECK_EQ(mqueue_send(fd, "high!", 5, 32767, false), 5);
    CHECK_EQ(mqueue_send(fd, "more", 4, 0, false), -EAGAIN);
    CHECK_EQ(mqueue_send(fd, "more", 4, 32768, false), -EINVAL);
    CHECK_EQ(mqueue_send(fd, buffer, 65, 0, false), -EMSGSIZE);
    CHECK_EQ(mqueue_receive(fd, buffer, 63, &priority, false), -EMSGSIZE);
    CHECK_EQ(mqueue_receive(fd, buffer, sizeof buffer, &priority, false), 5);
    CHECK_EQ(priority, 32767);
    CHECK_MEM(buffer, "high!", 5);
    CHECK_EQ(mqueue_receive(fd, buffer, sizeof buffer, &priority, true), 3);
    CHECK_EQ(priority, 1);
}

TEST(a_call_that_may_not_wait_does_not_whatever_the_mode_of_the_description)
{
    const char *name = name_of("q");
    int fd = make(name);

    check_calls(fd);
    CHECK_OK(descriptor_set_blocking(fd, false));
    check_calls(fd);
    end(name, fd);
}

static void receive_waiting(void *argument)
{
    unsigned priority;
    char buffer[64];

    CHECK_EQ(mqueue_receive(*(int *)argument, buffer, sizeof buffer, &priority, true), 5);
}

TEST(a_call_that_may_wait_waits)
{
    const char *name = name_of("q");
    int fd = make(name);
    pid_t child = test_child(receive_waiting, &fd);

    CHECK_EQ(mqueue_send(fd, "hello", 5, 0, true), 5);
    test_join(child);
    end(name, fd);
}

static int interrupted;

static void end_waiting(int signal)
{
    (void)signal;
    (void)descriptor_set_blocking(interrupted, false);
}

/* What enl_interrupt does in a handler. */
TEST(a_waiting_call_ends_when_a_handler_makes_the_description_non_blocking)
{
    struct sigaction action = {.sa_handler = end_waiting, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_value = {.tv_usec = 20000}};
    const char *name = name_of("q");
    unsigned priority;
    char buffer[64];

    if (test_delays_signals())
        SKIP("the sanitizer runs handlers later");
    interrupted = make(name);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    CHECK_EQ(mqueue_receive(interrupted, buffer, sizeof buffer, &priority, true), -EAGAIN);
    end(name, interrupted);
}

/* ---- telling by a signal -------------------------------------------------------------------------------------- */

static volatile sig_atomic_t told;
static void *told_value;

static void be_told(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    CHECK_EQ(info->si_code, SI_MESGQ);
    told_value = info->si_value.sival_ptr;
    told++;
}

static void register_elsewhere(void *argument)
{
    char pid[24];

    CHECK_EQ(mqueue_notify(*(int *)argument, SIGUSR1, NULL), -EBUSY);
    (void)snprintf(pid, sizeof pid, "process %d ", (int)getppid());
    CHECK_CONTAINS(enl_error_text(), pid);
}

TEST(a_signal_tells_once_that_the_empty_queue_has_a_message)
{
    struct sigaction action = {.sa_sigaction = be_told, .sa_flags = SA_SIGINFO};
    const char *name = name_of("q");
    unsigned priority;
    char buffer[64];
    int fd;

    if (test_is_emulated())
        SKIP("the emulator has no mq_notify");
    fd = make(name);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_OK(mqueue_notify(fd, SIGUSR1, &fd));
    test_join(test_child(register_elsewhere, &fd));
    CHECK_EQ(mqueue_send(fd, "a", 1, 0, false), 1);
    CHECK_EQ(told, 1);
    CHECK(told_value == &fd);
    CHECK_EQ(mqueue_send(fd, "b", 1, 0, false), 1);
    CHECK_EQ(told, 1);
    CHECK_OK(mqueue_notify(fd, SIGUSR1, &fd));
    CHECK_EQ(mqueue_receive(fd, buffer, sizeof buffer, &priority, false), 1);
    CHECK_EQ(mqueue_receive(fd, buffer, sizeof buffer, &priority, false), 1);
    CHECK_OK(mqueue_notify(fd, 0, NULL)); /* no more, before it came */
    CHECK_EQ(mqueue_send(fd, "c", 1, 0, false), 1);
    CHECK_EQ(told, 1);
    end(name, fd);
}

/* ---- limits ------------------------------------------------------------------------------------------------- */

static void exceed_sizes(void *unused)
{
    size_t depth = (size_t)limit_read("/proc/sys/fs/mqueue/msg_max", 0);
    size_t message = (size_t)limit_read("/proc/sys/fs/mqueue/msgsize_max", 0);
    const char *name = name_of("q");
    struct mqueue_size size = {.depth = depth + 1, .message = 8};
    char expected[64];
    int fd;

    (void)unused;
    CHECK(depth > 0 && message > 0);
    CHECK_EQ(mqueue_create(name, BOTH, 0600, &size, &fd), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/fs/mqueue/msg_max");
    (void)snprintf(expected, sizeof expected, "fs.mqueue.msg_max=%zu", size.depth);
    CHECK_CONTAINS(enl_error_text(), expected);
    size = (struct mqueue_size){.depth = 1, .message = message + 1};
    CHECK_EQ(mqueue_create(name, BOTH, 0600, &size, &fd), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/fs/mqueue/msgsize_max");
    (void)snprintf(expected, sizeof expected, "fs.mqueue.msgsize_max=%zu", size.message);
    CHECK_CONTAINS(enl_error_text(), expected);
    CHECK_EQ(mqueue_open(name, BOTH, &fd), -ENOENT);
}

TEST(too_large_a_queue_names_the_limit_to_an_ordinary_user)
{
    test_as_user(exceed_sizes, NULL);
}

TEST(what_nobody_may_have_is_refused_to_root_too)
{
    struct mqueue_size size = {.depth = (size_t)MQUEUE_DEPTH_MOST + 1, .message = 8};
    int fd;

    CHECK_EQ(mqueue_create(name_of("q"), BOTH, 0600, &size, &fd), -EINVAL);
    CHECK(enl_error_text()[0] != '\0');
}

static void exceed_bytes(void *unused)
{
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = 1000};
    struct mqueue_size size = {.depth = 2, .message = 1000};
    rlim_t usual;
    int fd, first;

    (void)unused;
    CHECK_EQ(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
    CHECK_EQ(mqueue_create(name_of("q"), BOTH, 0600, &size, &fd), -EMFILE);
    CHECK_CONTAINS(enl_error_text(), "RLIMIT_MSGQUEUE");
    CHECK_CONTAINS(enl_error_text(), "needs 2192 bytes");
    CHECK_CONTAINS(enl_error_text(), "may have 1000 ");
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    usual = limit.rlim_cur;
    limit.rlim_cur = 10;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_OK(first = dup(STDERR_FILENO));
    while (dup(STDERR_FILENO) >= 0)
        continue;
    CHECK_EQ(mqueue_create(name_of("q"), BOTH, 0600, &size, &fd), -EMFILE);
    for (fd = first; fd < 10; fd++)
        (void)close(fd);
    limit.rlim_cur = usual; /* a sanitizer looks for leaks yet */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(too_many_bytes_of_queues_are_told_from_too_many_descriptors)
{
    test_as_user(exceed_bytes, NULL);
}

#define QUEUES 2000

/* The limit of the system: here of the test's own namespace, where that could be had. */
static void exceed_queues(void *unused)
{
    static const struct mqueue_size least = {.depth = 1, .message = 1};
    char name[160];
    int count = 0;
    int result;

    (void)unused;
    for (;; count++) {
        int fd = -1;

        (void)snprintf(name, sizeof name, "/%s-%d", test_name("q"), count);
        result = mqueue_create(name, BOTH, 0600, &least, &fd);
        descriptor_close(fd);
        if (result < 0 || count == QUEUES)
            break;
    }
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "/%s-%d", test_name("q"), i);
        CHECK_OK(mqueue_unlink(name));
    }
    CHECK_EQ(result, -ENOSPC);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/fs/mqueue/queues_max");
    CHECK_CONTAINS(enl_error_text(), "sysctl fs.mqueue.queues_max=");
}

TEST(too_many_queues_name_the_limit)
{
    test_as_user(exceed_queues, NULL);
}
