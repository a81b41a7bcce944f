/* SPDX-License-Identifier: MIT */
/* Runs one test in a process of its own, under a deadline, and says how it went. */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_S = 20, DESCRIPTORS_LEAST = 1024 };

static sigset_t awaited; /* what the runner waits for */

static void die(const char *what)
{
    (void)fprintf(stderr, "test runner: %s: %s\n", what, strerror(errno));
    exit(1);
}

int64_t run_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Two seconds are for a machine that is stopped for a moment. */
int64_t run_patience_ns(void)
{
    return (int64_t)(2 + test_time_scale()) * INT64_C(1000000000);
}

void run_sleep_a_moment(void)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    (void)nanosleep(&millisecond, NULL);
}

unsigned test_time_scale(void)
{
    const char *text = getenv("TEST_TIME_SCALE");
    long scale = text != NULL ? strtol(text, NULL, 10) : 1;
    return BUILD_TIME_SCALE * (unsigned)(scale >= 1 && scale <= 1000 ? scale : 1);
}

static int64_t deadline_ns(const struct test *test)
{
    unsigned seconds = test->options.deadline_s != 0 ? test->options.deadline_s : DEADLINE_S;
    return (int64_t)seconds * test_time_scale() * INT64_C(1000000000);
}

int64_t test_until(void)
{
    return test_state->until_ns;
}

/* Whoever started the runner may ignore signals, block some, or hide files from others: nohup does, and programs in
 * the background of a script, and those of Python, of make or of a service. Tests are spared all of it. */
static void forget_the_caller(void)
{
    const unsigned long by_default[8] = {
        0}; /* as the kernel has an action: SIG_DFL is its first word */
    struct rlimit descriptors;
    sigset_t none;

    /* Past the libc, which has two signals for itself that it lets nobody set. */
    for (int number = 1; number <= 64; number++) {
        unsigned long now[8] = {0};
        if (syscall(SYS_rt_sigaction, number, NULL, now, (size_t)8) == 0 &&
            now[0] == (unsigned long)SIG_IGN)
            (void)syscall(SYS_rt_sigaction, number, by_default, NULL, (size_t)8);
    }
    (void)sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        die("sigprocmask");
    (void)umask(022);
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur < DESCRIPTORS_LEAST) {
        descriptors.rlim_cur = DESCRIPTORS_LEAST;
        if (descriptors.rlim_max < DESCRIPTORS_LEAST)
            descriptors.rlim_max = DESCRIPTORS_LEAST;
        (void)setrlimit(RLIMIT_NOFILE, &descriptors);
    }
}

bool test_has_time(void)
{
    return run_now_ns() < test_state->half_ns;
}

void run_prepare(void)
{
    forget_the_caller();
    (void)sigemptyset(&awaited);
    (void)sigaddset(&awaited, SIGCHLD);
    (void)sigaddset(&awaited, SIGINT);
    (void)sigaddset(&awaited, SIGTERM);
    (void)sigaddset(&awaited, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &awaited, NULL) < 0)
        die("sigprocmask");
    processes_adopt();
}

static void create_state(const struct test *test)
{
    test_state =
        mmap(NULL, sizeof(*test_state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (test_state == MAP_FAILED)
        die("mmap");
    int r = directory_create(test_state->directory, sizeof(test_state->directory));
    if (r < 0) {
        errno = -r;
        die(test_state->directory);
    }
    int64_t now_ns = run_now_ns();
    test_state->until_ns = now_ns + deadline_ns(test) / 10 * 9;
    test_state->half_ns = now_ns + deadline_ns(test) / 20 * 9;
}

static void enter_directory(void)
{
    const char *directory = test_state->directory;
    if (chdir(directory) < 0 || setenv("TMPDIR", directory, 1) < 0 ||
        setenv("XDG_RUNTIME_DIR", directory, 1) < 0 || setenv("ENLACE_DIR", directory, 1) < 0)
        die("the test's directory");
}

/* After a test's return: the checks of leaks.c, then exit(), which runs the sanitizers' checks and
 * writes coverage. */
static void finish(struct leaks *before)
{
    if (getpid() != test_state->test_pid)
        test_fail("a forked child returned from the test");
    unsigned found = leaks_report(before);
    (void)check_claim(found == 0 ? VERDICT_PASSED : VERDICT_FAILED, "it left something behind");
    exit(0);
}

static void become_test(const struct test *test, int output_fd, pid_t runner)
{
    const struct rlimit no_core = {0, 0};
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (setsid() < 0 || null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
        dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0)
        die("the test's process");
    (void)close(null_fd);
    (void)close(output_fd);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a killed runner leaves no test behind */
    if (getppid() != runner)
        _exit(1);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)sigprocmask(SIG_UNBLOCK, &awaited, NULL);
    test_state->test_pid = getpid();
    check_take_place();
    enter_directory();
    struct leaks *before = leaks_before();
    test->run(test->argument);
    finish(before);
}

/* Returns false when the deadline has passed first. A signal that ends the runner ends the test. */
static bool wait_for_end(pid_t pid, int64_t until_ns, int *ret_status)
{
    for (;;) {
        if (waitpid(pid, ret_status, WNOHANG) == pid)
            return true;
        int64_t left_ns = until_ns - run_now_ns();
        if (left_ns <= 0)
            return false;
        const struct timespec left = {.tv_sec = (time_t)(left_ns / 1000000000),
                                      .tv_nsec = (long)(left_ns % 1000000000)};
        int signal_number = sigtimedwait(&awaited, NULL, &left);
        if (signal_number < 0 || signal_number == SIGCHLD)
            continue;
        (void)kill(pid, SIGKILL);
        (void)processes_end(false, STDERR_FILENO);
        (void)directory_remove(test_state->directory, -1);
        (void)printf("Bail out! ended by signal %d\n", signal_number);
        (void)fflush(stdout);
        _exit(128 + signal_number);
    }
}

static void judge_end(int status, struct outcome *outcome)
{
    const char *file = atomic_load(&test_state->places[0].file);
    int line = atomic_load(&test_state->places[0].line);
    char where[256] = "";
    if (line > 0)
        (void)snprintf(where, sizeof(where), ", last seen at %s:%d", file, line);
    outcome->verdict = (enum verdict)atomic_load(&test_state->verdict);
    (void)snprintf(outcome->reason, sizeof(outcome->reason), "%s", test_state->reason);
    if (outcome->verdict == VERDICT_NONE && WIFSIGNALED(status))
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "crash: signal %d (%s)%s",
                       WTERMSIG(status), strsignal(WTERMSIG(status)), where);
    else if (outcome->verdict == VERDICT_NONE)
        (void)snprintf(outcome->reason, sizeof(outcome->reason),
                       "ended in its middle with status %d%s", WEXITSTATUS(status), where);
    else if (outcome->verdict == VERDICT_PASSED && status != 0)
        (void)snprintf(outcome->reason, sizeof(outcome->reason),
                       "%s %d after the test: memory leak, sanitizer or exit handler",
                       WIFEXITED(status) ? "exit status" : "signal",
                       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    else
        return;
    outcome->verdict = VERDICT_FAILED;
}

/* Looks for what the test has left. It is a failure only of a test that has passed otherwise: one
 * that was cut short could not clean up. */
static void clean_up(const struct test *test, struct objects *before, struct outcome *outcome)
{
    bool passed = outcome->verdict == VERDICT_PASSED;
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int report_fd = passed ? outcome->output_fd : null_fd;
    unsigned found = processes_end(passed, report_fd);
    found += objects_report(before, report_fd);
    bool files_allowed = !passed || test->options.leaves_files;
    unsigned files = directory_remove(test_state->directory, files_allowed ? -1 : report_fd);
    found += files_allowed ? 0 : files;
    if (passed && found > 0) {
        outcome->verdict = VERDICT_FAILED;
        (void)snprintf(outcome->reason, sizeof(outcome->reason), "it left something behind");
    }
    (void)close(null_fd);
}

void run_test(const struct test *test, struct outcome *ret_outcome)
{
    struct outcome outcome = {.output_fd = memfd_create("output of the test", MFD_CLOEXEC)};
    if (outcome.output_fd < 0 || fcntl(outcome.output_fd, F_SETFL, O_APPEND) < 0)
        die("memfd_create");
    struct objects *before = objects_before();
    create_state(test);
    int64_t start_ns = run_now_ns();
    pid_t runner = getpid();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        become_test(test, outcome.output_fd, runner);
    test_state->test_pid = pid; /* as the test does itself: whoever comes first */
    int status = 0;
    if (wait_for_end(pid, start_ns + deadline_ns(test), &status)) {
        judge_end(status, &outcome);
    } else {
        outcome.verdict = VERDICT_FAILED;
        (void)snprintf(outcome.reason, sizeof(outcome.reason), "hang: not ended after %.0f s",
                       (double)deadline_ns(test) / 1e9);
        processes_describe(outcome.output_fd);
        (void)kill(pid, SIGKILL);
    }
    outcome.seconds = (double)(run_now_ns() - start_ns) / 1e9;
    clean_up(test, before, &outcome);
    (void)munmap(test_state, sizeof(*test_state));
    *ret_outcome = outcome;
}

void run_in_debugger(const struct test *test)
{
    check_in_debugger = true;
    create_state(test);
    test_state->test_pid = getpid();
    check_take_place();
    enter_directory();
    test->run(test->argument);
    (void)directory_remove(test_state->directory, -1);
    exit(0);
}
