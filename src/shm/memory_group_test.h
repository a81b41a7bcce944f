/* SPDX-License-Identifier: MIT */
/* A test's part in a memory cgroup of its own, of either version. */
#ifndef SHM_MEMORY_GROUP_TEST_H
#define SHM_MEMORY_GROUP_TEST_H

#include "runner/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct memory_group {
    char folder[256];
    void (*run)(const char *folder);
};

static inline bool memory_group_write(const char *folder, const char *file, const char *text)
{
    char path[512];
    int fd;
    bool done;

    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return done;
}

static inline void memory_group_enter(void *argument)
{
    const struct memory_group *group = argument;

    CHECK(memory_group_write(group->folder, "cgroup.procs", "0"));
    group->run(group->folder);
}

/* Calls run in a child that may have so much memory. Skips the test where no such group can be made. */
static inline void memory_group_run(size_t limit, void (*run)(const char *folder))
{
    bool first = access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0;
    struct memory_group group = {.run = run};
    char text[32];
    bool limited;

    (void)snprintf(group.folder, sizeof group.folder, "/sys/fs/cgroup/%s%s", first ? "memory/" : "",
                   test_name("group"));
    (void)snprintf(text, sizeof text, "%zu", limit);
    if (!test_is_root() || mkdir(group.folder, 0755) != 0)
        SKIP("no memory cgroup can be made here");
    limited =
        memory_group_write(group.folder, first ? "memory.limit_in_bytes" : "memory.max", text);
    if (limited)
        test_join(test_child(memory_group_enter, &group));
    while (rmdir(group.folder) != 0) /* the kernel counts the dead child a moment longer */
        CHECK_EQ(errno, EBUSY);
    if (!limited)
        SKIP("a memory cgroup of this machine takes no limit");
}

#endif
