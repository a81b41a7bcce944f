/* SPDX-License-Identifier: MIT */
/* Reserving: every limit is looked at first, for the kernel answers some of them with a signal. */
#include "shm/reserve.h"

#include "base/error.h"
#include "kernel/backing.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Left over for the page tables and records that come with the memory. */
#define MARGIN(size) ((size) / 256 + 65536)

int reserve_check_memory(uint64_t size, const char *what)
{
    char group[BACKING_GROUP_MAX];
    uint64_t wanted = size + MARGIN(size);
    uint64_t has = backing_memory(wanted);

    if (has < wanted)
        return error_set(-ENOMEM,
                         "%s needs %" PRIu64 " bytes of memory, has %" PRIu64
                         " (MemAvailable and free swap): more would end a process",
                         what, size, has);
    has = backing_group_memory(group);
    if (has < wanted)
        return error_set(-ENOMEM,
                         "%s needs %" PRIu64 " bytes of memory, has %" PRIu64
                         " within the limit of the memory cgroup %s: more would end a process",
                         what, size, has, group);
    return 0;
}

static int check(const struct backing_facts *file, uint64_t size, const char *what)
{
    uint64_t limit = backing_file_limit();
    uint64_t needed = size > file->allocated ? size - file->allocated : 0;

    if (size > file->size && size > limit)
        return error_set(-EFBIG,
                         "%s needs %" PRIu64 " bytes, has %" PRIu64
                         " (the limit of files, RLIMIT_FSIZE): raise it, ulimit -f",
                         what, size, limit);
    if (needed > file->space)
        return error_set(-ENOSPC, "%s needs %" PRIu64 " bytes, has %" PRIu64 " free %s: free some",
                         what, needed, file->space,
                         file->home == BACKING_MEMORY ? "in this tmpfs"
                         : file->home == BACKING_HUGE ? "in the system's huge pages"
                                                      : "on the disk");
    return file->home == BACKING_MEMORY && needed > 0 ? reserve_check_memory(needed, what) : 0;
}

int reserve_memory(int fd, size_t size, const char *what)
{
    struct backing_facts file;
    int result = backing_facts(fd, &file);

    if (result < 0)
        return error_set(result, "%s: its file tells nothing of itself: %s", what,
                         strerror(-result));
    result = check(&file, size, what);
    if (result < 0)
        return result;
    result = backing_allocate(fd, size);
    if (result == -ENOSPC || result == -EDQUOT)
        return error_set(result, "%s needs %zu bytes, has less than that in its file system: %s",
                         what, size, strerror(-result));
    return result < 0
               ? error_set(result, "%s cannot have %zu bytes: %s", what, size, strerror(-result))
               : 0;
}
