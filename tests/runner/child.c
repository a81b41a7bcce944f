/* SPDX-License-Identifier: MIT */
/* The processes of a test: starting and collecting them, and the memory and gates they share. */
#include "runner.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The traditional user without rights; by number, because a bare machine may lack the name. */
enum { NOBODY = 65534 };

static void become_ordinary(void)
{
    if (!test_is_root())
        return;
    if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) < 0)
        test_fail("root cannot become an ordinary user: %s", strerror(errno));
    /* The change of user has made /proc/self root's, where tests and sanitizers must read. */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static pid_t start(void (*before)(void), void (*run)(void *argument), void *argument)
{
    (void)fflush(NULL); /* or both processes would write what is buffered now */
    pid_t pid = fork();
    if (pid < 0)
        test_fail("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    check_take_place();
    if (before != NULL)
        before();
    run(argument);
    /* exit() and not _exit(): it runs the sanitizers' checks and writes coverage. */
    exit(0);
}

pid_t test_child(void (*run)(void *argument), void *argument)
{
    return start(NULL, run, argument);
}

pid_t test_child_as_user(void (*run)(void *argument), void *argument)
{
    return start(become_ordinary, run, argument);
}

bool test_is_root(void)
{
    return geteuid() == 0;
}

bool test_is_emulated(void)
{
    char name[16] = "";

    (void)prctl(PR_GET_NAME, name);
    return strncmp(name, "qemu-", 5) == 0;
}

bool test_delays_signals(void)
{
    return BUILD_DELAYS_SIGNALS;
}

void test_collect(pid_t pid, int status, int signal)
{
    int ended;
    while (waitpid(pid, &ended, 0) < 0)
        if (errno != EINTR)
            test_fail("waitpid(%d): %s", (int)pid, strerror(errno));
    if (signal != 0 ? WIFSIGNALED(ended) && WTERMSIG(ended) == signal
                    : WIFEXITED(ended) && WEXITSTATUS(ended) == status)
        return;
    if (WIFSIGNALED(ended))
        test_fail("child %d was killed by signal %d (%s)", (int)pid, WTERMSIG(ended),
                  strsignal(WTERMSIG(ended)));
    test_fail("child %d exited with status %d", (int)pid, WEXITSTATUS(ended));
}

void test_kill_child(pid_t pid)
{
    if (pid <= 0 || kill(pid, SIGKILL) < 0)
        test_fail("kill(%d): %s", (int)pid, strerror(pid <= 0 ? EINVAL : errno));
    test_collect(pid, -1, SIGKILL);
}

void *test_shared(size_t size)
{
    /* A cache line and its neighbour, so that processes do not slow each other by accident. */
    const size_t alignment = 128;
    if (size > SHARED_SIZE)
        test_fail("test_shared(%zu) is above %d", size, SHARED_SIZE);
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    size_t at = atomic_fetch_add(&test_state->shared_used, rounded);
    if (at + rounded > SHARED_SIZE)
        test_fail("test_shared() has given %d bytes already", SHARED_SIZE);
    return &test_state->shared[at];
}

struct test_gate {
    atomic_uint opened; /* how often; the futex of those who wait */
};

/* musl has no <linux/futex.h>. */
enum { FUTEX_OPERATION_WAIT = 0, FUTEX_OPERATION_WAKE = 1 };

struct test_gate *test_gate_new(void)
{
    return test_shared(sizeof(struct test_gate));
}

void test_gate_open(struct test_gate *gate)
{
    /* Release: what was written before is seen after the acquire in test_gate_await(). */
    atomic_fetch_add_explicit(&gate->opened, 1, memory_order_release);
    (void)syscall(SYS_futex, &gate->opened, FUTEX_OPERATION_WAKE, INT_MAX, NULL, NULL, 0);
}

void test_gate_await(struct test_gate *gate, unsigned times)
{
    for (;;) {
        unsigned opened = atomic_load_explicit(&gate->opened, memory_order_acquire);
        if (opened >= times)
            return;
        (void)syscall(SYS_futex, &gate->opened, FUTEX_OPERATION_WAIT, opened, NULL, NULL, 0);
    }
}

void test_gate_meet(struct test_gate *gate, unsigned count)
{
    unsigned mine = atomic_fetch_add_explicit(&gate->opened, 1, memory_order_acq_rel) + 1;
    (void)syscall(SYS_futex, &gate->opened, FUTEX_OPERATION_WAKE, INT_MAX, NULL, NULL, 0);
    test_gate_await(gate, (mine + count - 1) / count * count);
}
