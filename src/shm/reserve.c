/* SPDX-License-Identifier: MIT */
/* Reserving: every limit is looked at first, for the kernel answers some of them with a signal. */
#include "shm/reserve.h"

#include "base/error.h"
#include "kernel/backing.h"
#include "kernel/clock.h"
#include "kernel/process_word.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* Left over for the page tables and records that come with the memory. */
#define MARGIN(size) ((size) / 256 + 65536)

/* A small piece is nothing to a machine and a group that had so much room a moment ago, as long as all such pieces
 * together are little: the kernel is not asked again for it, which takes longer than the piece itself. Of this process alone:
 * a forked child may have gone into another group. Globals, because the room is the process's. */
#define PLENTY ((uint64_t)1 << 30)
#define SMALL ((uint64_t)1 << 20)
#define MOMENT_MS 100u
#define PIECES_KIB ((int)(PLENTY / 4 / KIB))
#define KIB 1024
static atomic_uint plenty_process;
static atomic_uint plenty_ms;
static atomic_int plenty_kib; /* that may still be given out */

static uint32_t now_ms(void)
{
    return (uint32_t)(clock_now_ns() / 1000000);
}

static bool had_plenty(uint64_t wanted)
{
    int kib = (int)(wanted / KIB) + 1;

    return wanted <= SMALL &&
           process_word_is(atomic_load_explicit(&plenty_process, memory_order_relaxed)) &&
           now_ms() - atomic_load_explicit(&plenty_ms, memory_order_relaxed) < MOMENT_MS &&
           atomic_fetch_sub_explicit(&plenty_kib, kib, memory_order_relaxed) >= kib;
}

static void note_plenty(uint64_t has)
{
    uint32_t process;

    if (has < PLENTY || process_word_get(&process) < 0)
        return;
    atomic_store_explicit(&plenty_ms, now_ms(), memory_order_relaxed);
    atomic_store_explicit(&plenty_kib, PIECES_KIB, memory_order_relaxed);
    atomic_store_explicit(&plenty_process, process, memory_order_relaxed);
}

int reserve_check_memory(uint64_t size, const char *what)
{
    char group[BACKING_GROUP_MAX];
    uint64_t wanted = size + MARGIN(size);
    uint64_t machine, has;

    if (had_plenty(wanted))
        return 0;
    machine = has = backing_memory(wanted);
    if (has < wanted)
        return error_set(-ENOMEM,
                         "%s needs %" PRIu64 " bytes of memory, has %" PRIu64
                         " (MemAvailable and free swap): more would end a process",
                         what, size, has);
    has = backing_group_memory(group);
    note_plenty(has < machine ? has : machine);
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

static int allocate(int fd, size_t size, const char *what)
{
    int result = backing_allocate(fd, size);
    if (result == -ENOSPC || result == -EDQUOT)
        return error_set(result, "%s needs %zu bytes, has less than that in its file system: %s",
                         what, size, strerror(-result));
    return result < 0
               ? error_set(result, "%s cannot have %zu bytes: %s", what, size, strerror(-result))
               : 0;
}

int reserve_memory(int fd, size_t size, const char *what)
{
    struct backing_facts file;
    int result = backing_facts(fd, &file);

    if (result < 0)
        return error_set(result, "%s: its file tells nothing of itself: %s", what,
                         strerror(-result));
    result = check(&file, size, what);
    return result < 0 ? result : allocate(fd, size, what);
}

int reserve_new_memory(int fd, size_t size, const char *what)
{
    static const struct backing_facts empty = {.home = BACKING_MEMORY, .space = BACKING_UNLIMITED};
    int result = check(&empty, size, what);

    return result < 0 ? result : allocate(fd, size, what);
}
