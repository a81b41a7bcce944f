/* SPDX-License-Identifier: MIT */
/* Whether a stopped process has changed memory that others see: a copy of it is compared. */
#include "watch.h"

#include "runner/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { PARTS_MOST = 64, BYTES_MOST = 1 << 22 };

struct watch {
    pid_t pid;
    struct iovec own;
    struct iovec parts[PARTS_MOST];
    size_t count;
    size_t size; /* of all */
    unsigned char *before, *now;
};

static void add(struct watch *w, struct iovec part)
{
    if (w->count == PARTS_MOST || w->size + part.iov_len > BYTES_MOST)
        return; /* points in there are counted as any others */
    w->parts[w->count++] = part;
    w->size += part.iov_len;
}

static void find_parts(struct watch *w)
{
    const uintptr_t own = (uintptr_t)w->own.iov_base;
    char path[64], line[4352];
    FILE *maps;

    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)w->pid);
    maps = fopen(path, "re");
    w->count = w->size = 0;
    add(w, w->own);
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        char permissions[5];

        if (sscanf(line, "%lx-%lx %4s", &start, &end, permissions) == 3 && permissions[1] == 'w' &&
            permissions[3] == 's' && (own < start || own >= end))
            add(w, (struct iovec){.iov_base = (void *)(uintptr_t)start, .iov_len = end - start});
    }
    if (maps != NULL)
        (void)fclose(maps);
}

static bool copy(struct watch *w)
{
    struct iovec into = {.iov_base = w->now, .iov_len = w->size};

    return process_vm_readv(w->pid, &into, 1, w->parts, w->count, 0) == (ssize_t)w->size;
}

struct watch *watch_new(pid_t pid, const void *own, size_t own_size)
{
    struct watch *w = calloc(1, sizeof *w);

    CHECK(w != NULL);
    w->pid = pid;
    w->own = (struct iovec){.iov_base = (void *)(uintptr_t)own, .iov_len = own_size};
    w->before = calloc(1, BYTES_MOST);
    w->now = calloc(1, BYTES_MOST);
    CHECK(w->before != NULL && w->now != NULL);
    watch_look_again(w);
    return w;
}

void watch_free(struct watch *w)
{
    free(w->before);
    free(w->now);
    free(w);
}

void watch_look_again(struct watch *w)
{
    find_parts(w);
    if (copy(w))
        memcpy(w->before, w->now, w->size);
}

bool watch_changed(struct watch *w)
{
    unsigned char *now = w->now;

    if (!copy(w) || memcmp(w->before, now, w->size) == 0)
        return false;
    w->now = w->before;
    w->before = now;
    return true;
}
