/* SPDX-License-Identifier: MIT */
/* Numbers of processes that are given away again, forced in a pid namespace: what a handle is of stays what it was of. */
#include "process/shell_test.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* ---- the namespace --------------------------------------------------------------------------------------- */

static bool write_number(const char *path, int number)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && dprintf(fd, "%d", number) > 0;

    if (fd >= 0)
        (void)close(fd);
    return written;
}

/* The next process of this namespace gets that number, if it is free. */
static bool prepare_number(pid_t pid)
{
    return write_number("/proc/sys/kernel/ns_last_pid", pid - 1);
}

/* In process 1 of a new pid namespace, with a /proc of its own. */
static bool enter(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("proc", "/proc", "proc", 0, NULL) == 0 && prepare_number(50);
}

/* Runs it as process 1 of a namespace: true if that was possible. A user needs a user namespace for it. */
static bool run_first(void (*run)(void))
{
    int user = geteuid() == 0 ? 0 : CLONE_NEWUSER, status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        if (unshare(user | CLONE_NEWPID | CLONE_NEWNS) != 0)
            _exit(77);
        pid = fork();
        if (pid == 0) {
            if (!enter())
                _exit(77);
            run();
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            _exit(77);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
    return WEXITSTATUS(status) == 0;
}

#define NOT_PERMITTED "no pid namespace with a /proc and numbers of its own may be made here"

/* A child that somebody else has ended and collected, and another one that has its number. */
static void make_namesakes(bool close_first, struct enl_child *ret[2])
{
    pid_t pid;

    ret[0] = start_shell("exec sleep 600", ENL_SPAWN_GROUP, NULL, 0);
    pid = enl_child_pid(ret[0]);
    if (close_first) {
        enl_child_close(ret[0]);
        ret[0] = NULL;
    }
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK(prepare_number(pid));
    ret[1] = start_shell("exec sleep 600", ENL_SPAWN_GROUP, NULL, 0);
    CHECK_EQ(enl_child_pid(ret[1]), pid);
}

/* ---- proofs -------------------------------------------------------------------------------------------- */

static void signal_the_old_one(void)
{
    static const enum enl_scope scopes[] = {ENL_CHILD_ALONE, ENL_CHILD_GROUP, ENL_CHILD_TREE};
    struct enl_child *c[2];

    make_namesakes(false, c);
    for (int i = 0; i < 3; i++) {
        int result = enl_child_signal(c[0], SIGKILL, scopes[i]);

        CHECK(result == -ESRCH || result == -ECHILD);
    }
    CHECK(enl_child_signal_value(c[0], SIGKILL, 1) < 0);
    CHECK_EQ(enl_child_end(c[0], ENL_CHILD_GROUP, ENL_NOW, NULL), -ECHILD);
    CHECK_EQ(enl_child_wait(c[0], ENL_NOW, NULL), -ECHILD);
    enl_child_close(c[0]);
    CHECK_EQ(enl_reap(), 0);
    CHECK_EQ(enl_child_wait(c[1], ENL_NOW, NULL), -EAGAIN); /* it lives */
    CHECK_OK(enl_child_end(c[1], ENL_CHILD_GROUP, ENL_NOW, NULL));
    enl_child_close(c[1]);
}

TEST(handle_of_an_ended_child_never_reaches_the_next_of_its_number)
{
    if (!run_first(signal_the_old_one))
        SKIP(NOT_PERMITTED);
}

static void reap_the_new_one(void)
{
    struct enl_child *c[2];
    struct enl_status status;
    int32_t pid;

    for (int closed = 0; closed < 2; closed++) {
        make_namesakes(closed != 0, c);
        CHECK_EQ(enl_reap_any(&pid, &status), -EAGAIN);
        CHECK_OK(enl_child_signal(c[1], SIGTERM, ENL_CHILD_ALONE));
        while (enl_reap_any(&pid, &status) == -EAGAIN)
            (void)usleep(1000);
        CHECK_EQ(pid, enl_child_pid(c[1]));
        CHECK_EQ(status.number, SIGTERM);
        CHECK_OK(enl_child_wait(c[1], ENL_NOW, &status));
        CHECK_EQ(status.number, SIGTERM);
        if (!closed)
            CHECK_EQ(enl_child_wait(c[0], ENL_NOW, NULL), -ECHILD);
        enl_child_close(c[0]);
        enl_child_close(c[1]);
        CHECK_EQ(enl_reap(), 0);
    }
}

TEST(end_is_told_of_the_one_that_has_ended)
{
    if (!run_first(reap_the_new_one))
        SKIP(NOT_PERMITTED);
}

/* A tie is to a process: the death of a parent does not reach who has the number of a child that was tied to it. */
static void die_with_a_stale_tie(void)
{
    int status, fds[2];
    pid_t pid, parent;
    char byte;

    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    parent = fork();
    if (parent == 0) {
        struct enl_child *c = start_shell("exit 0", ENL_SPAWN_DIES_WITH_PARENT, NULL, 0);

        pid = enl_child_pid(c);
        CHECK_OK(enl_child_wait(c, test_until(), NULL));
        CHECK_EQ(write(fds[1], &pid, sizeof pid), (ssize_t)sizeof pid);
        (void)pause(); /* with the tie of an ended child */
    }
    CHECK_EQ(read(fds[0], &pid, sizeof pid), (ssize_t)sizeof pid);
    CHECK(prepare_number(pid));
    if (fork() == 0) {
        CHECK_EQ(write(fds[1], "!", 1), 1);
        (void)pause();
    }
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    CHECK_EQ(kill(parent, SIGKILL), 0);
    CHECK_EQ(waitpid(parent, &status, 0), parent);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0); /* it is there, and lives */
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
}

TEST(tie_never_ends_the_next_of_a_number)
{
    if (!run_first(die_with_a_stale_tie))
        SKIP(NOT_PERMITTED);
}

/* ---- few numbers ----------------------------------------------------------------------------------------- */

#define FEW 320 /* the kernel allows no less than 301 */

/* Before Linux 6.14 the largest number is the machine's, not the namespace's. */
static bool namespaces_have_limits(void)
{
    struct utsname name;
    int major = 0, minor = 0;

    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 14));
}

/* Each has its own status, though its number was that of many before, and some handles of these are still held. */
static void wrap_around(void)
{
    static unsigned char uses[FEW + 1];
    struct enl_child *old[16] = {NULL};
    unsigned most = 0;

    if (!write_number("/proc/sys/kernel/pid_max", FEW))
        _exit(77);
    for (int i = 0; i < 1500; i++) {
        const char *const script = i % 3 == 0 ? "exit 3" : i % 3 == 1 ? "exit 4" : "kill -9 $$";
        struct enl_child **c = &old[i % 16];
        struct enl_status status;
        int32_t pid;

        if (*c != NULL)
            CHECK(enl_child_signal(*c, SIGKILL, ENL_CHILD_GROUP) < 0);
        enl_child_close(*c);
        *c = start_shell(script, ENL_SPAWN_GROUP, NULL, 0);
        pid = enl_child_pid(*c);
        CHECK(pid <= FEW);
        most = ++uses[pid] > most ? uses[pid] : most;
        CHECK_OK(enl_child_wait(*c, test_until(), &status));
        CHECK_EQ(status.number, i % 3 == 2 ? SIGKILL : 3 + i % 3);
    }
    CHECK(most > 1);
    for (int i = 0; i < 16; i++)
        enl_child_close(old[i]);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
}

TEST(numbers_that_come_again_and_again_are_told_apart, .deadline_s = 120)
{
    if (!namespaces_have_limits())
        SKIP("this kernel has one largest number for all namespaces");
    if (!run_first(wrap_around))
        SKIP(NOT_PERMITTED);
}
