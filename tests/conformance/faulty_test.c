/* SPDX-License-Identifier: MIT */
/* The test of the suite: run against a mechanism with a fault, it fails in the case named for that
 * fault; against the same mechanism without one, it passes. */
#include "faulty.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_SIZE = 256 * 1024 };

/* The programs of the suite lie beside this one. */
static void program_path(const char *program, char *ret_path, size_t size)
{
    char own[512];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

    CHECK(length > 0);
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    CHECK((size_t)snprintf(ret_path, size, "%s/conformance_%s_test", own, program) < size);
}

static void execute(const char *path, const char *fault, const char *pattern, int output_fd)
{
    (void)dup2(output_fd, STDOUT_FILENO);
    (void)dup2(output_fd, STDERR_FILENO);
    if (setenv(FAULT_VARIABLE, fault, 1) != 0)
        _exit(126);
    if (pattern != NULL)
        (void)execl(path, path, "--only", pattern, (char *)NULL);
    else
        (void)execl(path, path, (char *)NULL);
    _exit(errno == ENOEXEC ? 125 : 126);
}

/* Runs a program of the suite against a fault; gives its exit status and what it printed. */
static int run_suite(const char *program, const char *fault, const char *pattern, char *ret_output)
{
    char path[600];
    int status, output_fd;

    program_path(program, path, sizeof(path));
    CHECK_OK(output_fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        execute(path, fault, pattern, output_fd);
    CHECK_EQ(waitpid(child, &status, 0), child);
    ssize_t size = pread(output_fd, ret_output, OUTPUT_SIZE - 1, 0);
    CHECK(size >= 0);
    ret_output[size] = '\0';
    CHECK_EQ(close(output_fd), 0);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == 125)
        SKIP("programs of this build do not run by themselves here (an emulator runs them)");
    return WEXITSTATUS(status);
}

static void check_fails(const void *argument)
{
    const struct fault *f = argument;
    static char output[OUTPUT_SIZE];
    char pattern[160], line[200];

    snprintf(pattern, sizeof(pattern), "faulty/%s", f->case_name);
    snprintf(line, sizeof(line), "not ok 1 - %s", pattern);
    int status = run_suite(f->program, f->name, pattern, output);
    if (status != 1 || strstr(output, line) == NULL)
        FAIL("the suite did not fail the fault \"%s\" in %s: status %d, output\n%s", f->name,
             f->case_name, status, output);
}

static const char *const programs[] = {
    "batches",  "crowds",   "deadlines", "endings",   "files",     "interrupts", "loans",
    "messages", "metadata", "objects",   "processes", "readiness", "shortage",   "signals",
};

static void check_passes(const void *argument)
{
    const char *program = argument;
    static char output[OUTPUT_SIZE];
    int status = run_suite(program, "none", NULL, output);

    if (status != 0)
        FAIL("the suite failed a mechanism without fault: status %d, output\n%s", status, output);
    CHECK_CONTAINS(output, "ok 1 - faulty/");
}

__attribute__((constructor)) static void add_tests(void)
{
    const struct test_options options = {.deadline_s = 60};
    char name[160];

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        snprintf(name, sizeof(name), "suite_passes_without_fault/%s", programs[i]);
        test_add(name, check_passes, programs[i], &options);
    }
    for (const struct fault *f = faults + 1; f->name != NULL; f++) {
        snprintf(name, sizeof(name), "suite_fails_mechanism_that/%s", f->name);
        test_add(name, check_fails, f, &options);
    }
}
