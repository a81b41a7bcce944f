/* SPDX-License-Identifier: MIT */
/* Signalling a process and all that descends from it, as /proc tells it, without hitting another one whose
 * number is new: each is held by a pidfd before it is believed. */
#include "kernel/child.h"
#include "kernel/descriptor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A process found, held by its pidfd. */
struct found {
    pid_t pid;
    int pidfd;
};

struct tree {
    struct found *list; /* list[0] is the root, whose pidfd is the caller's */
    size_t count, room;
};

/* The parent of a process, 0 if there is no such process. */
static pid_t parent_of(pid_t pid)
{
    char path[32];
    char text[512];
    const char *after;
    ssize_t size;
    int parent = 0;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size = read(fd, text, sizeof text - 1);
    descriptor_close(fd);
    text[size < 0 ? 0 : size] = '\0';
    after = strrchr(text, ')'); /* the name before it may hold anything */
    if (after == NULL || sscanf(after + 1, " %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static bool contains(const struct tree *t, pid_t pid)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->list[i].pid == pid)
            return true;
    return false;
}

static bool add(struct tree *t, pid_t pid, int pidfd)
{
    if (t->count == t->room) {
        size_t room = t->room * 2 + 16;
        struct found *list = realloc(t->list, room * sizeof *list);

        if (list == NULL)
            return false;
        t->list = list;
        t->room = room;
    }
    t->list[t->count++] = (struct found){.pid = pid, .pidfd = pidfd};
    return true;
}

/* Takes a process in if its parent is in. Its parent's number is asked for again once it is held: then the
 * answer was about this very process, and its parent, held and stopped, cannot have been another one. */
static bool take_in(struct tree *t, pid_t pid)
{
    int pidfd;

    if (contains(t, pid) || !contains(t, parent_of(pid)))
        return false;
    pidfd = child_open(pid);
    if (pidfd < 0)
        return false;
    if (!contains(t, parent_of(pid)) || child_signal(pidfd, SIGSTOP, false, 0) != 0 ||
        !add(t, pid, pidfd)) {
        descriptor_close(pidfd);
        return false;
    }
    return true;
}

static bool look_once(struct tree *t)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    bool grown = false;

    if (folder == NULL)
        return false;
    while ((entry = readdir(folder)) != NULL) {
        int pid = atoi(entry->d_name);

        if (pid > 0 && take_in(t, pid))
            grown = true;
    }
    (void)closedir(folder);
    return grown;
}

int child_signal_tree(pid_t root, int pidfd, int signal)
{
    struct tree t = {0};
    int count = 0;
    int result = child_signal(pidfd, SIGSTOP, false, 0);

    if (result < 0)
        return result;
    if (!add(&t, root, pidfd))
        return -ENOMEM;
    while (look_once(&t))
        continue;
    for (size_t i = t.count; i-- > 0;) {
        if (child_signal(t.list[i].pidfd, signal, false, 0) == 0)
            count++;
        if (signal != SIGSTOP)
            (void)child_signal(t.list[i].pidfd, SIGCONT, false, 0);
        if (i > 0)
            descriptor_close(t.list[i].pidfd);
    }
    free(t.list);
    return count;
}
