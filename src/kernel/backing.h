/* SPDX-License-Identifier: MIT */
/* The memory or disk behind a file: how much there is of it, and taking it. */
#ifndef KERNEL_BACKING_H
#define KERNEL_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKING_UNLIMITED UINT64_MAX

/* What a file lives in. */
enum backing_home {
    BACKING_DISK,
    BACKING_MEMORY, /* tmpfs, or a memory file */
    BACKING_HUGE,   /* huge pages, which the system keeps apart */
};

struct backing_facts {
    enum backing_home home;
    size_t page;        /* sizes are multiples of it */
    uint64_t size;      /* of the file now */
    uint64_t allocated; /* bytes that it has already */
    uint64_t
        space; /* free in its file system, for this user; BACKING_UNLIMITED if nothing bounds it */
};

int backing_facts(int fd, struct backing_facts *ret_facts);

/* RLIMIT_FSIZE: beyond it the kernel sends SIGXFSZ. */
uint64_t backing_file_limit(void);

/* Memory that could be had now without ending a process: what is free, or can be made free. May look no further than
 * that it is above `enough`. */
uint64_t backing_memory(uint64_t enough);

/* What the tightest of the visible memory cgroups of this process leaves; BACKING_UNLIMITED without one. On less than
 * that, ret_group is the folder that says so. */
#define BACKING_GROUP_MAX 512
uint64_t backing_group_memory(char ret_group[BACKING_GROUP_MAX]);

/* Gives the file at least this size, with memory or disk behind each byte. -ENOSPC: there is not so much.
 * Look at what there is first: this may end the process. On failure the size is as it was. */
int backing_allocate(int fd, uint64_t size);

#endif
