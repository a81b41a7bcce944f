/* SPDX-License-Identifier: MIT */
/* Files in memory (memfd) that processes have open, found by name and read from outside. */
#ifndef KERNEL_MEMORY_FILES_H
#define KERNEL_MEMORY_FILES_H

#include <stdint.h>
#include <sys/types.h>

struct memory_file {
    pid_t pid;    /* who has it open */
    uint32_t uid; /* who made it */
    uint64_t inode;
    int fd; /* to read, for the time of the call */
};

/* Calls found() for each such file of that name, of the process pid or (0) of all; once for each descriptor. Those of processes
 * that we may not look into are left out. With a text: -ESRCH, no such process; -EACCES, one that we may not look
 * into; -ENOENT, there is no /proc. */
int memory_files_find(pid_t pid, const char *name,
                      void (*found)(void *argument, const struct memory_file *file),
                      void *argument);

#endif
