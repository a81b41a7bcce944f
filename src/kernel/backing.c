/* SPDX-License-Identifier: MIT */
/* The memory or disk behind a file, by fallocate and what the kernel tells of its room. */
#include "kernel/backing.h"

#include "kernel/descriptor.h"
#include "kernel/limit.h"
#include "kernel/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Kinds of file systems, which not every libc names. */
#define TMPFS_KIND 0x01021994u
#define RAMFS_KIND 0x858458f6u
#define HUGETLBFS_KIND 0x958458f6u

#define ZEROS_SIZE 65536 /* bytes of one write where a file system cannot allocate */
#define KIB 1024

/* Files of limits and use, which differ between the two versions of cgroups. */
struct group_files {
    const char *root; /* where the memory controller's tree is mounted */
    const char *limit, *used;
    const char *cache[2];          /* keys of memory.stat: what can be given back */
    const char *swap_limit, *swap; /* NULL: the limit counts swap otherwise */
};

static const struct group_files groups_v1 = {
    .root = "/sys/fs/cgroup/memory",
    .limit = "memory.limit_in_bytes",
    .used = "memory.usage_in_bytes",
    .cache = {"total_inactive_file ", "total_active_file "},
};

static const struct group_files groups_v2 = {
    .root = "/sys/fs/cgroup",
    .limit = "memory.max",
    .used = "memory.current",
    .cache = {"inactive_file ", "active_file "},
    .swap_limit = "memory.swap.max",
    .swap = "memory.swap.current",
};

/* ---- the file ------------------------------------------------------------------------------------------- */

int backing_facts(int fd, struct backing_facts *ret_facts)
{
    struct statfs system;
    struct stat file;
    unsigned kind;

    if (fstat(fd, &file) != 0 || fstatfs(fd, &system) != 0)
        return -errno;
    kind = (unsigned)system.f_type;
    ret_facts->home = kind == HUGETLBFS_KIND                     ? BACKING_HUGE
                      : kind == TMPFS_KIND || kind == RAMFS_KIND ? BACKING_MEMORY
                                                                 : BACKING_DISK;
    ret_facts->page =
        ret_facts->home == BACKING_HUGE ? (size_t)system.f_bsize : (size_t)sysconf(_SC_PAGESIZE);
    ret_facts->size = (uint64_t)file.st_size;
    ret_facts->allocated = (uint64_t)file.st_blocks * 512;
    /* A file system without a bound, as that of memory files, has no blocks at all. */
    ret_facts->space = system.f_blocks == 0 ? BACKING_UNLIMITED
                                            : (uint64_t)system.f_bavail * (uint64_t)system.f_bsize;
    return 0;
}

uint64_t backing_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return BACKING_UNLIMITED;
    return limit.rlim_cur;
}

/* For file systems that have no fallocate: each byte that is added is written. */
static int write_zeros(int fd, uint64_t from, uint64_t size)
{
    static const unsigned char zeros[ZEROS_SIZE];

    for (uint64_t at = from; at < size;) {
        size_t part = size - at < ZEROS_SIZE ? (size_t)(size - at) : ZEROS_SIZE;
        ssize_t written = pwrite(fd, zeros, part, (off_t)at);

        if (written < 0 && errno != EINTR) {
            int result = -errno;

            return ftruncate(fd, (off_t)from) == 0 ? result : -errno;
        }
        at += written > 0 ? (uint64_t)written : 0;
    }
    return 0;
}

int backing_allocate(int fd, uint64_t size)
{
    struct stat file;

    if (size > INT64_MAX)
        return -EFBIG;
    while (fallocate(fd, 0, 0, (off_t)size) != 0) {
        if (errno == EOPNOTSUPP)
            return fstat(fd, &file) == 0 ? write_zeros(fd, (uint64_t)file.st_size, size) : -errno;
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/* ---- the machine ------------------------------------------------------------------------------------------ */

static uint64_t number_in(const char *path, const char *key)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int64_t number = 0;

    if (fd < 0 || status_number(fd, key, &number) < 0)
        number = 0;
    descriptor_close(fd);
    return number < 0 ? 0 : (uint64_t)number;
}

uint64_t backing_memory(uint64_t enough)
{
    struct sysinfo info;
    uint64_t available;

    if (sysinfo(&info) != 0)
        return BACKING_UNLIMITED;
    /* Half of what is free is no reserve of the kernel's. */
    if ((uint64_t)info.freeram * info.mem_unit / 2 > enough)
        return (uint64_t)info.freeram * info.mem_unit;
    available = number_in("/proc/meminfo", "MemAvailable:") * KIB;
    if (available == 0)
        return BACKING_UNLIMITED; /* no /proc here */
    return available + (uint64_t)info.freeswap * info.mem_unit;
}

/* ---- cgroups ---------------------------------------------------------------------------------------------- */

/* The path behind "N:memory:" or "0::" in /proc/self/cgroup; the first is there where version 1 has the controller. */
static const struct group_files *find_group(char *text, size_t room, char **ret_path)
{
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, room - 1) : -1;
    const struct group_files *found = NULL;
    char *rest = text;
    char *line;

    descriptor_close(fd);
    text[size > 0 ? size : 0] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *names = strchr(line, ':');
        char *path = names == NULL ? NULL : strchr(names + 1, ':');

        if (path == NULL)
            continue;
        *path++ = '\0';
        if (strcmp(names, ":memory") == 0) {
            *ret_path = path;
            return &groups_v1;
        }
        if (names[1] == '\0' && strncmp(line, "0:", 2) == 0) {
            *ret_path = path;
            found = &groups_v2;
        }
    }
    return found;
}

static uint64_t group_number(const char *folder, const char *file, uint64_t otherwise)
{
    char path[BACKING_GROUP_MAX + 32];

    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    return limit_read(path, otherwise); /* "max" is no number */
}

/* What is left in one group. */
static uint64_t group_left(const struct group_files *files, const char *folder)
{
    uint64_t limit = group_number(folder, files->limit, BACKING_UNLIMITED);
    uint64_t used, free;
    char stat[BACKING_GROUP_MAX + 32];

    if (limit >= (uint64_t)INT64_MAX - UINT32_MAX) /* so version 1 says that there is none */
        return BACKING_UNLIMITED;
    used = group_number(folder, files->used, 0);
    (void)snprintf(stat, sizeof stat, "%s/memory.stat", folder);
    free = number_in(stat, files->cache[0]) + number_in(stat, files->cache[1]);
    used -= free < used ? free : used;
    free = limit > used ? limit - used : 0;
    if (files->swap != NULL) {
        struct sysinfo info = {.freeswap = 0};
        uint64_t swap = group_number(folder, files->swap_limit, BACKING_UNLIMITED);
        uint64_t swapped = group_number(folder, files->swap, 0);
        uint64_t system = sysinfo(&info) == 0 ? (uint64_t)info.freeswap * info.mem_unit : 0;

        swap = swap > swapped ? swap - swapped : 0;
        free += swap < system ? swap : system;
    }
    return free;
}

uint64_t backing_group_memory(char ret_group[BACKING_GROUP_MAX])
{
    uint64_t least = BACKING_UNLIMITED;
    char folder[BACKING_GROUP_MAX];
    char text[4096];
    char *path = text;
    const struct group_files *files = find_group(text, sizeof text, &path);
    size_t root;

    if (files == NULL)
        return BACKING_UNLIMITED;
    root = strlen(files->root);
    (void)snprintf(folder, sizeof folder, "%s%.*s", files->root, BACKING_GROUP_MAX - 64, path);
    /* A path that the mount does not show is that of a container, whose own group is the mount's root. */
    if (strncmp(path, "/..", 3) == 0 || access(folder, X_OK) != 0)
        folder[root] = '\0';
    for (;;) {
        uint64_t left = group_left(files, folder);
        char *slash = strrchr(folder, '/');

        if (left < least) {
            least = left;
            memcpy(ret_group, folder, sizeof folder);
        }
        if (slash == NULL || (size_t)(slash - folder) < root)
            return least;
        *slash = '\0';
    }
}
