/* SPDX-License-Identifier: MIT */
/* What a test's own process holds before and after: descriptors, mappings, threads and children. */
#include "runner.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors by number, mappings by start address. */
struct holding {
    unsigned long key;
    char *text;
};

struct leaks {
    struct holding *fds;
    size_t fd_count;
    struct holding *mappings;
    size_t mapping_count;
    bool fds_visible;
    struct rlimit fd_limit;
    unsigned threads;
};

static void add(struct holding **list, size_t *count, unsigned long key, const char *text)
{
    struct holding *grown = realloc(*list, (*count + 1) * sizeof(*grown));
    if (grown == NULL)
        test_fail("no memory to look for leaks");
    grown[*count] = (struct holding){.key = key, .text = strdup(text)};
    *list = grown;
    *count += 1;
}

static bool contains(const struct holding *list, size_t count, unsigned long key)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].key == key)
            return true;
    return false;
}

static void free_list(struct holding *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].text);
    free(list);
}

/* False when they cannot be seen: there is no /proc, or not one descriptor left to open it. */
static bool look_at_fds(struct leaks *leaks)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[64];
        char target[256];
        char text[320];
        char *end;
        unsigned long fd = strtoul(entry->d_name, &end, 10);
        if (end == entry->d_name || fd == (unsigned long)dirfd(directory))
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%lu", fd);
        ssize_t length = readlink(path, target, sizeof(target) - 1);
        target[length < 0 ? 0 : length] = '\0';
        (void)snprintf(text, sizeof(text), "%lu -> %s", fd, target);
        add(&leaks->fds, &leaks->fd_count, fd, text);
    }
    (void)closedir(directory);
    return true;
}

/* Only shared mappings: private ones belong to the allocator, the loader and the sanitizers. So does
 * glibc's table of character sets, which it maps at the first conversion and keeps. */
static void look_at_mappings(struct leaks *leaks)
{
    char line[4352];
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL)
        return;
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long start;
        char permissions[5];
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%lx-%*x %4s", &start, permissions) == 2 && permissions[3] == 's' &&
            strstr(line, "/gconv-modules.cache") == NULL)
            add(&leaks->mappings, &leaks->mapping_count, start, line);
    }
    (void)fclose(maps);
}

static unsigned count_threads(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/task");
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    return count;
}

/* A thread that was joined may stay in /proc for a moment after the join. */
static unsigned count_threads_patiently(unsigned wanted)
{
    int64_t until_ns = run_now_ns() + run_patience_ns();
    unsigned count = count_threads();
    while (count > wanted && run_now_ns() < until_ns) {
        run_sleep_a_moment();
        count = count_threads();
    }
    return count;
}

struct leaks *leaks_before(void)
{
    struct leaks *leaks = calloc(1, sizeof(*leaks));
    if (leaks == NULL)
        test_fail("no memory to look for leaks");
    leaks->fds_visible = look_at_fds(leaks);
    look_at_mappings(leaks);
    (void)getrlimit(RLIMIT_NOFILE, &leaks->fd_limit);
    leaks->threads = count_threads() + BUILD_FOREIGN_THREADS;
    return leaks;
}

static unsigned report_new(const char *what, const struct holding *before, size_t before_count,
                           const struct holding *after, size_t after_count)
{
    unsigned found = 0;
    for (size_t i = 0; i < after_count; i++)
        if (!contains(before, before_count, after[i].key)) {
            (void)dprintf(STDERR_FILENO, "leaked %s: %s\n", what, after[i].text);
            found++;
        }
    return found;
}

static unsigned report_children(void)
{
    unsigned found = 0;
    siginfo_t child = {0};
    if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0)
        return 0; /* ECHILD */
    while (child.si_pid != 0) {
        (void)dprintf(STDERR_FILENO, "leaked child: %d has ended, but was never waited for\n",
                      (int)child.si_pid);
        found++;
        (void)waitpid(child.si_pid, NULL, 0);
        child.si_pid = 0;
        if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0)
            return found;
    }
    (void)dprintf(STDERR_FILENO, "leaked child: one or more are still running\n");
    processes_describe(STDERR_FILENO);
    return found + 1;
}

static unsigned report_fds(const struct leaks *before)
{
    struct leaks after = {0};
    (void)setrlimit(RLIMIT_NOFILE, &before->fd_limit); /* the test may have lowered it */
    if (!before->fds_visible)
        return 0; /* without /proc the rest is still checked */
    if (!look_at_fds(&after)) {
        (void)dprintf(STDERR_FILENO, "leaked descriptors: none is left to count them (%s)\n",
                      strerror(errno));
        return 1;
    }
    unsigned found =
        report_new("descriptor", before->fds, before->fd_count, after.fds, after.fd_count);
    for (size_t i = 0; i < before->fd_count; i++)
        if (!contains(after.fds, after.fd_count, before->fds[i].key)) {
            (void)dprintf(STDERR_FILENO, "closed descriptor, which was not the test's: %s\n",
                          before->fds[i].text);
            found++;
        }
    free_list(after.fds, after.fd_count);
    return found;
}

static unsigned report_mappings(const struct leaks *before)
{
    struct leaks after = {0};
    look_at_mappings(&after);
    unsigned found = report_new("shared mapping", before->mappings, before->mapping_count,
                                after.mappings, after.mapping_count);
    free_list(after.mappings, after.mapping_count);
    return found;
}

static unsigned report_threads(const struct leaks *before)
{
    unsigned threads = count_threads_patiently(before->threads);
    if (threads <= before->threads)
        return 0;
    (void)dprintf(STDERR_FILENO, "leaked thread: %u still running\n", threads - before->threads);
    return 1;
}

unsigned leaks_report(struct leaks *before)
{
    unsigned found =
        report_children() + report_fds(before) + report_mappings(before) + report_threads(before);
    free_list(before->fds, before->fd_count);
    free_list(before->mappings, before->mapping_count);
    free(before);
    return found;
}
