/* SPDX-License-Identifier: MIT */
/* Files in memory, by the names under /proc/PID/fd. */
#include "kernel/memory_files.h"

#include "base/error.h"
#include "kernel/descriptor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
    char wanted[300]; /* what the link says */
    void (*found)(void *argument, const struct memory_file *file);
    void *argument;
};

static bool is_wanted(int directory_fd, const char *name, const char *wanted)
{
    char target[300];
    ssize_t size = readlinkat(directory_fd, name, target, sizeof target);

    return size > 0 && (size_t)size == strlen(wanted) && memcmp(target, wanted, (size_t)size) == 0;
}

/* A file in memory has seals; what has none only looks like one, and may have a reader that never answers. */
static void look_at(const struct search *s, pid_t pid, int directory_fd, const char *name)
{
    struct memory_file file = {.pid = pid};
    struct descriptor_facts facts;

    if (!is_wanted(directory_fd, name, s->wanted))
        return;
    file.fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file.fd < 0)
        return;
    if (fcntl(file.fd, 1034) >= 0 && descriptor_facts(file.fd, &facts) >= 0) { /* F_GET_SEALS */
        file.inode = facts.inode;
        file.uid = facts.uid;
        s->found(s->argument, &file);
    }
    descriptor_close(file.fd);
}

static int look_into(const struct search *s, pid_t pid)
{
    char path[40];
    DIR *directory;
    struct dirent *entry;

    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    directory = opendir(path);
    if (directory == NULL)
        return -errno;
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.')
            look_at(s, pid, dirfd(directory), entry->d_name);
    (void)closedir(directory);
    return 0;
}

/* One that we may not look into, or that has ended meanwhile, has nothing to show. */
static int look_into_all(const struct search *s)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;

    if (directory == NULL)
        return -errno;
    while ((entry = readdir(directory)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);

        if (pid > 0 && pid <= INT_MAX && *end == '\0')
            (void)look_into(s, (pid_t)pid);
    }
    (void)closedir(directory);
    return 0;
}

int memory_files_find(pid_t pid, const char *name,
                      void (*found)(void *argument, const struct memory_file *file), void *argument)
{
    struct search s = {.found = found, .argument = argument};
    int result;

    (void)snprintf(s.wanted, sizeof s.wanted, "/memfd:%s (deleted)", name);
    result = pid == 0 ? look_into_all(&s) : look_into(&s, pid);
    if (result == -ENOENT && pid != 0)
        return error_set(-ESRCH, "no process has the number %d", (int)pid);
    return result < 0 ? error_set(result, "/proc does not show the descriptors of %s: %s",
                                  pid == 0 ? "processes" : "that process", strerror(-result))
                      : 0;
}
