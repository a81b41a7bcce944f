/* SPDX-License-Identifier: MIT */
/* Starting programs, and what they are given. */
#include "kernel/spawn.h"

#include "process/shell_test.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* What a program says on its standard output. */
static void says(const struct enl_spawn *how, const char *expected)
{
    struct enl_run_output out;

    CHECK_OK(enl_run(how, NULL, test_until(), &out));
    CHECK_STR(out.error, "");
    CHECK_STR(out.output, expected);
    CHECK_EQ(out.status.number, 0);
    enl_run_free(&out);
}

#define SHELL(script)                                                                              \
    .argv = (const char *const[])                                                                  \
    {                                                                                              \
        "sh", "-c", (script), NULL                                                                 \
    }

/* ---- start ------------------------------------------------------------------------------------------- */

static void start_one_and_fail(void)
{
    const char *const missing[] = {"no-such-program-here", NULL};
    const char *const folder[] = {"/", NULL};
    struct enl_child *c = NULL;
    struct enl_status status;

    CHECK_EQ(setenv("PATH", "/usr/bin:/bin", 1),
             0); /* a folder that may not be looked into is -EACCES */
    CHECK_EQ(collect(start_shell("exit 7", 0, NULL, 0), ENL_EXITED), 7);
    CHECK_EQ(enl_spawn(&(struct enl_spawn){.argv = missing}, &c), -ENOENT);
    CHECK_CONTAINS(enl_error_text(), "no-such-program-here");
    CHECK_CONTAINS(enl_error_text(), "cannot execute it");
    CHECK_EQ(enl_spawn(&(struct enl_spawn){.argv = folder}, &c), -EACCES);
    CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL("exit 0"), .directory = "/no/such"}, &c), -ENOENT);
    CHECK_CONTAINS(enl_error_text(), "cannot enter its directory /no/such");
    CHECK(c == NULL);
    CHECK_EQ(enl_spawn(&(struct enl_spawn){.argv = missing}, NULL), -ENOENT);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no child is left of a failure */
    CHECK_EQ(errno, ECHILD);
    c = start_shell("kill -9 $$", 0, NULL, 0);
    CHECK_OK(enl_child_wait(c, test_until(), &status));
    CHECK_OK(enl_child_wait(c, ENL_NOW, &status)); /* asked again, it says the same */
    CHECK_EQ(status.change, ENL_KILLED);
    enl_child_close(c);
}

TEST(failure_of_exec_is_the_calls_own_and_leaves_no_child)
{
    start_one_and_fail();
}

TEST(spawn_works_without_shared_memory_pidfds_at_birth_and_close_range)
{
    for (unsigned without = 1; without < 8; without++) {
        spawn_pretend(without);
        start_one_and_fail();
    }
    spawn_pretend(0);
}

TEST(wrong_calls_are_refused)
{
    const struct enl_give twice[] = {{.fd = 5, .from_fd = 1}, {.fd = 5, .from_fd = 2}};
    const struct enl_give closed[] = {{.fd = 5, .from_fd = 999}};
    const struct enl_give nameless[] = {{.fd = ENL_FD_ANY, .from_fd = 1}};
    const struct enl_give bad_name[] = {{.fd = 5, .from_fd = 1, .name = "a b"}};
    const struct enl_give *const lists[] = {twice, closed, nameless, bad_name};
    struct enl_child *c;

    CHECK_EQ(enl_spawn(NULL, &c), -EINVAL);
    CHECK_EQ(enl_spawn(&(struct enl_spawn){0}, &c), -EINVAL);
    CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL(""), .flags = 1u << 31}, &c), -EINVAL);
    CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL(""), .flags = ENL_SPAWN_DIES_WITH_PARENT}, NULL),
             -EINVAL);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL(""), .give = lists[i],
                                               .give_count = i == 0 ? 2 : 1},
                           &c),
                 i == 1 ? -EBADF : -EINVAL);
    CHECK_EQ(enl_child_wait(NULL, ENL_NOW, NULL), -EINVAL);
    enl_child_close(NULL);
}

TEST(what_the_child_may_not_be_given_is_told)
{
    const struct enl_limit upside_down = {.resource = RLIMIT_NOFILE, .soft = 99, .hard = 77};
    const struct enl_limit unknown = {.resource = 999};
    const unsigned far = 8191;
    struct enl_child *c;

    CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL(""), .limits = &upside_down, .limit_count = 1},
                       &c),
             -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "soft, 99, is above hard, 77");
    CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL(""), .limits = &unknown, .limit_count = 1}, &c),
             -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "no resource that the kernel knows");
    CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL(""), .processors = &far, .processor_count = 1},
                       &c),
             -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "none of them");
}

TEST(child_gets_what_was_asked_for)
{
    const struct enl_limit limits[] = {{.resource = RLIMIT_CORE, .soft = 0, .hard = 0},
                                       {.resource = RLIMIT_NOFILE, .soft = 77, .hard = 99}};
    const char *const environment[] = {"A=1", "PATH=/bin:/usr/bin", NULL};
    char directory[PATH_MAX + 2], processor_text[16], *real = realpath(test_dir(), NULL);
    unsigned processor = 0;
    cpu_set_t allowed;

    CHECK_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    while (!CPU_ISSET(processor, &allowed))
        processor++;
    (void)snprintf(processor_text, sizeof processor_text, "%u\n", processor);
    CHECK(real != NULL);
    (void)snprintf(directory, sizeof directory, "%s\n", real);
    free(real);
    says(&(struct enl_spawn){SHELL("ulimit -c; ulimit -Sn; ulimit -Hn"), .limits = limits,
                             .limit_count = 2},
         "0\n77\n99\n");
    says(&(struct enl_spawn){SHELL("pwd"), .directory = "/"}, "/\n");
    says(&(struct enl_spawn){SHELL("pwd")}, directory);
    says(&(struct enl_spawn){SHELL("echo $A $HOME"), .environment = environment}, "1\n");
    says(&(struct enl_spawn){SHELL("nice"), .flags = ENL_SPAWN_NICENESS, .niceness = 19}, "19\n");
    says(&(struct enl_spawn){SHELL("grep Cpus_allowed_list /proc/self/status | cut -f2"),
                             .processors = &processor, .processor_count = 1},
         processor_text);
    says(&(struct enl_spawn){SHELL("test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo yes"),
                             .flags = ENL_SPAWN_SESSION},
         "yes\n");
    says(&(struct enl_spawn){.program = "sh",
                             .argv = (const char *const[]){"other", "-c", "echo $0", NULL}},
         "other\n");
}

TEST(child_becomes_another_user_and_no_more)
{
    struct enl_child *c;
    struct enl_spawn how = {SHELL("id -u; id -g; id -G; grep -c . /dev/null"),
                            .flags = ENL_SPAWN_USER, .user = 65534, .group = 65534};

    if (!test_is_root()) {
        CHECK_EQ(enl_spawn(&(struct enl_spawn){SHELL(""), .flags = ENL_SPAWN_USER}, &c), -EPERM);
        CHECK_CONTAINS(enl_error_text(), "become that user");
        return;
    }
    how.argv = (const char *const[]){"sh", "-c", "id -u; id -g; id -G", NULL};
    says(&how, "65534\n65534\n65534\n");
}

/* What a program that is started so sees blocked and ignored. */
static void signals_of(unsigned flags, unsigned long long *ret_blocked,
                       unsigned long long *ret_ignored)
{
    const char *const words[] = {"grep", "-E", "SigBlk|SigIgn", "/proc/self/status", NULL};
    struct enl_run_output out;

    CHECK_OK(enl_run(&(struct enl_spawn){.argv = words, .flags = flags}, NULL, test_until(), &out));
    CHECK_EQ(sscanf(out.output, "SigBlk: %llx SigIgn: %llx", ret_blocked, ret_ignored), 2);
    if (test_is_emulated()) /* it has no way to the two that are its own libc's, which make ignores */
        *ret_ignored &= ~(3ULL << 31);
    enl_run_free(&out);
}

TEST(signals_are_reset_in_the_child_unless_kept)
{
    const unsigned long ignore[8] = {
        (unsigned long)SIG_IGN}; /* as the kernel has it: its first word */
    unsigned long long blocked, ignored;
    sigset_t set;

    CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    /* the libc's own, which it does not let us set: programs that glibc's posix_spawn() started have them so */
    for (int number = 32; number < SIGRTMIN; number++)
        CHECK_EQ(syscall(SYS_rt_sigaction, number, ignore, NULL, (size_t)8), 0);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    signals_of(0, &blocked, &ignored);
    CHECK_EQ(blocked, 0);
    CHECK_EQ(ignored, 0);
    signals_of(ENL_SPAWN_KEEP_SIGNALS, &blocked, &ignored);
    CHECK_EQ(blocked, 1U << (SIGUSR2 - 1));
    CHECK_EQ(ignored, 1U << (SIGUSR1 - 1) | 1U << (SIGPIPE - 1));
}

TEST(detached_program_is_nobodys_child)
{
    struct enl_link *ends[2];
    struct enl_give give[] = {{.fd = 1}};
    char text[64];
    ssize_t size;

    CHECK_OK(enl_pair("pipe:?frame=line", ends));
    give[0].link = ends[1];
    CHECK_OK(
        enl_spawn(&(struct enl_spawn){SHELL("echo here"), .give = give, .give_count = 1}, NULL));
    enl_close(ends[1]);
    size = CHECK_OK(enl_receive(ends[0], text, sizeof text, test_until()));
    CHECK_MEM(text, "here", (size_t)size);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, test_until()), -ESHUTDOWN);
    CHECK_EQ(waitpid(-1, NULL, 0), -1);
    CHECK_EQ(errno, ECHILD);
    enl_close(ends[0]);
}

/* ---- what is given ------------------------------------------------------------------------------------- */

/* The test program itself, executed again, is the child that looks: the constructor comes before main. */
__attribute__((constructor)) static void list_descriptors(void)
{
    if (getenv("SPAWN_TEST_LIST") == NULL)
        return;
    for (int fd = 0; fd < 2000; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            (void)dprintf(1, "%d ", fd);
    _exit(0);
}

TEST(child_has_the_given_descriptors_and_no_others)
{
    const char *const words[] = {"/proc/self/exe", NULL};
    const char *const environment[] = {"SPAWN_TEST_LIST=1", NULL};
    const struct enl_give give[] = {{.fd = 9, .from_fd = 0},
                                    {.fd = 4, .from_fd = 0},
                                    {.fd = 40, .from_fd = ENL_NULL_DEVICE}};
    struct enl_spawn how = {.argv = words, .environment = environment, .give = give};
    int noise[20];

    if (test_is_emulated())
        SKIP("the emulator executes no program of the emulated kind");
    for (int i = 0; i < 20; i++)
        CHECK((noise[i] = dup(0)) >= 0); /* without CLOEXEC */
    for (unsigned without = 0; without < 8; without++) {
        spawn_pretend(without);
        how.give_count = 3;
        says(&how, "0 1 2 4 9 40 ");
        how.give_count = 0;
        says(&how, "0 1 2 ");
    }
    spawn_pretend(0);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(close(noise[i]), 0);
}

TEST(given_descriptors_may_change_places)
{
    int a[2], b[2];
    struct enl_child *c;
    char text[8] = "";

    CHECK_EQ(pipe2(a, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(b, O_CLOEXEC), 0);
    {
        const struct enl_give give[] = {{.fd = a[1], .from_fd = b[1]},
                                        {.fd = b[1], .from_fd = a[1]},
                                        {.fd = 0, .from_fd = ENL_NULL_DEVICE}};
        char script[64];

        (void)snprintf(script, sizeof script, "echo a >&%d; echo b >&%d; cat", b[1], a[1]);
        c = start_shell(script, 0, give, 3);
    }
    CHECK_EQ(collect(c, ENL_EXITED), 0);
    CHECK_EQ(read(a[0], text, sizeof text), 2);
    CHECK_STR(text, "a\n");
    CHECK_EQ(read(b[0], text, sizeof text), 2);
    CHECK_STR(text, "b\n");
    for (int i = 0; i < 2; i++)
        CHECK_EQ(close(a[i]) | close(b[i]), 0);
}

TEST(pipeline_of_two_children)
{
    struct enl_link *ends[2], *result[2];
    struct enl_give from[] = {{.fd = 1}}, to[] = {{.fd = 0}, {.fd = 1}};
    struct enl_child *first, *second;
    char text[64];
    ssize_t size;

    CHECK_OK(enl_pair("pipe:?frame=raw", ends));
    CHECK_OK(enl_pair("pipe:?frame=line", result));
    from[0].link = ends[1];
    to[0].link = ends[0];
    to[1].link = result[1];
    first = start_shell("echo apple; echo pear; echo plum", 0, from, 1);
    second = start_shell("grep -c p", 0, to, 2);
    enl_close(ends[0]);
    enl_close(ends[1]);
    enl_close(result[1]);
    size = CHECK_OK(enl_receive(result[0], text, sizeof text, test_until()));
    CHECK_EQ(size, 1);
    CHECK_MEM(text, "3", 1);
    CHECK_EQ(collect(first, ENL_EXITED), 0);
    CHECK_EQ(collect(second, ENL_EXITED), 0);
    enl_close(result[0]);
}

/* Likewise, the child that inherits. */
__attribute__((constructor)) static void be_the_child(void)
{
    struct enl_link *jobs, *answers;
    char text[100];
    ssize_t size;

    if (getenv("SPAWN_TEST_CHILD") == NULL)
        return;
    if (enl_inherit("jobs", ENL_READ, &jobs) != 0 ||
        enl_inherit("answers", ENL_WRITE, &answers) != 0)
        _exit(101);
    if (enl_inherit("other", ENL_READ, &jobs) != -ENOENT)
        _exit(102);
    while ((size = enl_receive(jobs, text, sizeof text, ENL_FOREVER)) >= 0)
        if (enl_send(answers, text, (size_t)size, ENL_FOREVER) != size)
            _exit(103);
    enl_close(jobs);
    if (enl_inherit("jobs", ENL_READ, &jobs) != -EBADF)
        _exit(104);
    _exit(size == -ESHUTDOWN ? 0 : 105);
}

static void talk_by_name(const char *jobs_address, const char *answers_address)
{
    struct enl_link *jobs[2], *answers[2];
    struct enl_give give[] = {{.fd = ENL_FD_ANY, .name = "jobs"}, {.fd = 30, .name = "answers"}};
    const char *const words[] = {"/proc/self/exe", NULL};
    const char *const environment[] = {"SPAWN_TEST_CHILD=1", NULL};
    struct enl_child *c;
    char text[100];

    CHECK_OK(enl_pair(jobs_address, jobs));
    CHECK_OK(enl_pair(answers_address, answers));
    give[0].link = jobs[0];
    give[1].link = answers[1];
    CHECK_OK(enl_spawn(&(struct enl_spawn){.argv = words,
                                           .environment = environment,
                                           .give = give,
                                           .give_count = 2},
                       &c));
    enl_close(jobs[0]);
    enl_close(answers[1]);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(enl_send(jobs[1], "hello you", (size_t)i * 4, test_until()), i * 4);
        CHECK_EQ(enl_receive(answers[0], text, sizeof text, test_until()), i * 4);
        CHECK_MEM(text, "hello you", (size_t)i * 4);
    }
    enl_close(jobs[1]);
    CHECK_EQ(enl_receive(answers[0], text, sizeof text, test_until()), -ESHUTDOWN);
    CHECK_EQ(collect(c, ENL_EXITED), 0);
    enl_close(answers[0]);
}

TEST(links_are_found_by_name_in_the_child)
{
    if (test_is_emulated())
        SKIP("the emulator executes no program of the emulated kind");
    talk_by_name("pipe:", "pipe:?writers=one&frame=u32");
    talk_by_name("unix:?type=seqpacket", "pipe:?frame=u32");
    talk_by_name("unix:?frame=u32", "unix:?type=seqpacket");
}

TEST(stale_name_never_opens_another_descriptor)
{
    struct enl_link *l = NULL;
    int fds[2];
    char text[100];

    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    (void)snprintf(text, sizeof text, "jobs=1:2=fd:%d", fds[0]);
    CHECK_EQ(setenv("ENLACE_LINKS", text, 1), 0);
    CHECK_EQ(enl_inherit("jobs", ENL_READ, &l), -EBADF);
    CHECK_CONTAINS(enl_error_text(), "not the one");
    CHECK_EQ(setenv("ENLACE_LINKS", "jobs=1:2=fd:777", 1), 0);
    CHECK_EQ(enl_inherit("jobs", ENL_READ, &l), -EBADF);
    for (const char *const *bad = (const char *const[]){"jobs=", "jobs=1", "jobs=1:", "jobs=1:2",
                                                        "jobs=1:2=", "jobs=1:2=unix:x", NULL};
         *bad != NULL; bad++) {
        CHECK_EQ(setenv("ENLACE_LINKS", *bad, 1), 0);
        CHECK_EQ(enl_inherit("jobs", ENL_READ, &l), -EBADMSG);
    }
    CHECK(l == NULL);
    CHECK_EQ(close(fds[0]) | close(fds[1]), 0);
}
