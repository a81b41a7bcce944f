/* SPDX-License-Identifier: MIT */
/* The processes that a test has left or hangs in: found in /proc, described, ended by their ids. */
#include "runner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    pid_t pid;
    pid_t parent;
    pid_t session;
    char state;
    char name[64];
};

static bool read_line(const char *path, char *line, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, line, size - 1);
    (void)close(fd);
    line[length < 0 ? 0 : length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return length >= 0;
}

static bool read_process(pid_t pid, struct process *ret_process)
{
    char path[64];
    char line[512];
    struct process process = {.pid = pid};
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (!read_line(path, line, sizeof(line)))
        return false;
    /* The name stands in parentheses and may contain any byte. */
    char *open = strchr(line, '(');
    char *close = strrchr(line, ')');
    if (open == NULL || close == NULL ||
        sscanf(close + 1, " %c %d %*d %d", &process.state, &process.parent, &process.session) != 3)
        return false;
    (void)snprintf(process.name, sizeof(process.name), "%.*s", (int)(close - open - 1), open + 1);
    *ret_process = process;
    return true;
}

/* Emulators know no subreaper. There an orphan is found by its working directory alone. */
static bool adopts;

void processes_adopt(void)
{
    adopts = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

static bool is_of_test(const struct process *process)
{
    char path[64];
    char directory[sizeof(test_state->directory)];
    if (process->pid == getpid())
        return false;
    if (process->parent == getpid())
        return true;
    if (process->state == 'Z')
        return false; /* its parent's business */
    if (test_state->test_pid > 0 && process->session == test_state->test_pid)
        return true;
    (void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)process->pid);
    ssize_t length = readlink(path, directory, sizeof(directory));
    return length > 0 && (size_t)length == strlen(test_state->directory) &&
           memcmp(directory, test_state->directory, (size_t)length) == 0;
}

/* Calls visit() for each other process of the test; returns how many there are. */
static unsigned for_each_process(void (*visit)(const struct process *process, int fd), int fd)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc");
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct process process;
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            !read_process((pid_t)strtol(entry->d_name, NULL, 10), &process) ||
            !is_of_test(&process))
            continue;
        visit(&process, fd);
        count++;
    }
    (void)closedir(directory);
    return count;
}

static void describe(const struct process *process, int fd)
{
    char path[64];
    char sleeps_in[128] = "";
    char call[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/wchan", (int)process->pid);
    (void)read_line(path, sleeps_in, sizeof(sleeps_in));
    (void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)process->pid);
    (void)read_line(path, call, sizeof(call));
    (void)dprintf(fd, "process %d (%s) state %c, sleeps in %s, system call %s\n", (int)process->pid,
                  process->name, process->state, sleeps_in, call);
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        struct place *place = &test_state->places[i];
        const char *file = atomic_load_explicit(&place->file, memory_order_relaxed);
        if (atomic_load_explicit(&place->pid, memory_order_relaxed) == process->pid && file != NULL)
            (void)dprintf(fd, "    last seen at %s:%d\n", file,
                          atomic_load_explicit(&place->line, memory_order_relaxed));
    }
}

void processes_describe(int report_fd)
{
    (void)for_each_process(describe, report_fd);
}

static void end(const struct process *process, int fd)
{
    (void)fd;
    (void)kill(process->pid, SIGKILL);
}

static void only_count(const struct process *process, int fd)
{
    (void)process;
    (void)fd;
}

/* Reaps what has ended, and says whether anything is left. */
static bool any_left(void)
{
    pid_t pid;
    do {
        pid = waitpid(-1, NULL, WNOHANG);
    } while (pid > 0);
    return pid == 0 || (!adopts && for_each_process(only_count, -1) > 0);
}

static bool wait_for_all(int64_t patience_ns)
{
    int64_t until_ns = run_now_ns() + patience_ns;
    while (any_left()) {
        if (run_now_ns() >= until_ns)
            return false;
        run_sleep_a_moment();
    }
    return true;
}

/* An orphan that is about to end is no leak: nobody could have waited for it. */
unsigned processes_end(bool accuse, int report_fd)
{
    bool outlived = false;
    if (accuse && !wait_for_all(run_patience_ns())) {
        outlived = true;
        (void)dprintf(report_fd, "leaked process: it outlived the test\n");
        processes_describe(report_fd);
    }
    /* Those whose parent dies first become the runner's children in the next round. */
    for (unsigned round = 0; round < 30; round++) {
        (void)for_each_process(end, -1);
        if (wait_for_all(run_patience_ns() / 20 * round))
            return outlived;
    }
    (void)dprintf(report_fd, "a process of the test cannot be ended\n");
    return 1;
}
