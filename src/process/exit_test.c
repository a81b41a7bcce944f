/* SPDX-License-Identifier: MIT */
/* Ways to end, and what each does to handlers and streams: every row of the table in enl_at_exit(3). */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* Handlers write by themselves: what becomes of streams is asked for apart. */
static void say(void *argument)
{
    (void)dprintf(2, "%s ", (const char *)argument);
}

static void say_more(void *argument)
{
    (void)enl_at_exit(say, argument);
}

static int forked(void *argument)
{
    (void)enl_at_exit(say, argument);
    return 0;
}

static void end_by(const char *way)
{
    static char child[] = "child";
    struct enl_child *c;

    if (strcmp(way, "exit") == 0)
        exit(5);
    if (strcmp(way, "_exit") == 0)
        _exit(5);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(5);
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "signal") == 0)
        (void)raise(SIGTERM);
    if (strcmp(way, "orderly") == 0) { /* a signal turned into an orderly end */
        sigset_t set;
        int number;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)raise(SIGTERM);
        if (sigwait(&set, &number) == 0)
            exit(5);
    }
    if (strcmp(way, "fork") == 0) { /* a bare fork that exits like its parent */
        if (fork() != 0)
            _exit(5);
        exit(5);
    }
    if (strcmp(way, "enl_fork") == 0) {
        if (enl_fork(&(struct enl_fork){.run = forked, .argument = child}, &c) == 0)
            (void)enl_child_wait(c, ENL_FOREVER, NULL);
        _exit(5);
    }
    _exit(99);
}

/* The test program, executed again, is what ends: EXIT_TEST is "way policy". */
__attribute__((constructor)) static void be_the_child(void)
{
    static char one[] = "one", two[] = "two", more[] = "more";
    const char *way = getenv("EXIT_TEST");
    const char *policy = getenv("EXIT_POLICY");

    if (way == NULL || policy == NULL)
        return;
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (*policy != 'd' && enl_set_buffering(stdout, *policy == 'n'   ? ENL_BUFFER_NONE
                                                    : *policy == 'l' ? ENL_BUFFER_LINE
                                                                     : ENL_BUFFER_FULL) != 0)
        _exit(98);
    (void)enl_at_exit(say, one);
    (void)enl_at_exit(say_more, more);
    (void)enl_at_exit(say, two);
    printf("line\nrest");
    end_by(way);
}

/* The thread sanitizer's _exit and abort flush streams. */
#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
static const bool SANITIZER_FLUSHES = true;
#else
static const bool SANITIZER_FLUSHES = false;
#endif

static void need_plain_ends(void)
{
    if (SANITIZER_FLUSHES)
        SKIP("the thread sanitizer flushes streams at each end");
}

struct row {
    const char *way;
    const char *handlers;
    int status, signal;
    bool flushes;
};

static const struct row rows[] = {
    {"exit", "two more one ", 5, 0, true},
    {"orderly", "two more one ", 5, 0, true},
    {"_exit", "", 5, 0, false},
    {"quick_exit", "", 5, 0, false},
    {"abort", "", 0, SIGABRT, false},
    {"signal", "", 0, SIGTERM, false},
    {"enl_fork", "child ", 5, 0, true}, /* flushed before the fork */
};

/* Of a pipe the default is full; musl finds out that it is no terminal when it writes the first line. */
#ifdef __GLIBC__
static const char DEFAULT_KEPT[] = "";
#else
static const char DEFAULT_KEPT[] = "line\n";
#endif

static void check_row(const struct row *row, const char *policy, const char *kept)
{
    char way[64], how[64];
    const char *const words[] = {"/proc/self/exe", NULL};
    const char *const environment[] = {way, how, NULL};
    const struct enl_run_input all = {.flags = ENL_RUN_ALL_OUTPUT};
    struct enl_run_output out;

    (void)snprintf(way, sizeof way, "EXIT_TEST=%s", row->way);
    (void)snprintf(how, sizeof how, "EXIT_POLICY=%s", policy);
    CHECK_OK(enl_run(&(struct enl_spawn){.argv = words, .environment = environment}, &all,
                     test_until(), &out));
    CHECK_STR(out.error, row->handlers);
    CHECK_STR(out.output, row->flushes ? "line\nrest" : kept);
    CHECK_EQ(out.status.change, row->signal != 0 ? ENL_KILLED : ENL_EXITED);
    CHECK_EQ(out.status.number, row->signal != 0 ? row->signal : row->status);
    enl_run_free(&out);
}

TEST(each_way_to_end_does_to_handlers_and_streams_what_the_table_says)
{
    if (test_is_emulated())
        SKIP("the emulator executes no program of the emulated kind");
    need_plain_ends();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(&rows[i], "default", DEFAULT_KEPT);
        check_row(&rows[i], "full", "");
        check_row(&rows[i], "line", "line\n");
        check_row(&rows[i], "none", "line\nrest");
    }
}

TEST(bare_fork_that_exits_runs_no_handler_of_its_parent)
{
    if (test_is_emulated())
        SKIP("the emulator executes no program of the emulated kind");
    need_plain_ends();
    check_row(&(struct row){"fork", "", 5, 0, true}, "full", "");
}

/* What comes out of a terminal when its writer ends by _exit: the whole lines, by default. */
TEST(terminal_is_buffered_by_line)
{
    const char *const words[] = {"/proc/self/exe", NULL};
    const char *const environment[] = {"EXIT_TEST=_exit", "EXIT_POLICY=default", NULL};
    struct enl_give give[] = {{.fd = 1}};
    struct enl_child *c;
    char text[64] = "";
    size_t size = 0;
    ssize_t count;
    int master, terminal;

    if (test_is_emulated())
        SKIP("the emulator executes no program of the emulated kind");
    need_plain_ends();
    if (openpty(&master, &terminal, NULL, NULL, NULL) != 0)
        SKIP("no pseudo-terminal: %s", strerror(errno));
    CHECK_EQ(fcntl(master, F_SETFD, FD_CLOEXEC) | fcntl(terminal, F_SETFD, FD_CLOEXEC), 0);
    give[0].from_fd = terminal;
    CHECK_OK(enl_spawn(&(struct enl_spawn){.argv = words,
                                           .environment = environment,
                                           .give = give,
                                           .give_count = 1},
                       &c));
    CHECK_EQ(close(terminal), 0);
    while ((count = read(master, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)count;
    CHECK_STR(text, "line\r\n");
    CHECK_OK(enl_child_wait(c, test_until(), NULL));
    enl_child_close(c);
    CHECK_EQ(close(master), 0);
}

static int hold_lock(void *argument)
{
    int fd = open(argument, O_RDWR | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return 1;
    (void)raise(SIGKILL);
    return 2;
}

TEST(locks_go_with_their_process_and_files_stay, .leaves_files = true)
{
    static char name[] = "locked";
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct enl_child *c;
    struct enl_status status;

    CHECK(fd >= 0);
    CHECK_OK(enl_fork(&(struct enl_fork){.run = hold_lock, .argument = name}, &c));
    CHECK_OK(enl_child_wait(c, test_until(), &status));
    CHECK_EQ(status.number, SIGKILL);
    CHECK_EQ(flock(fd, LOCK_EX), 0); /* when nobody looks at what the dead had open any more */
    CHECK_EQ(access(name, F_OK), 0);
    enl_child_close(c);
    CHECK_EQ(close(fd), 0);
}

TEST(wrong_calls_are_refused)
{
    CHECK_EQ(enl_at_exit(NULL, NULL), -EINVAL);
    CHECK_EQ(enl_set_buffering(NULL, ENL_BUFFER_FULL), -EINVAL);
    CHECK_EQ(enl_set_buffering(stdout, (enum enl_buffering)7), -EINVAL);
}
