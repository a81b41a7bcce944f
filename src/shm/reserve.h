/* SPDX-License-Identifier: MIT */
/* A file's size with memory behind it, or an answer that says what is missing. */
#ifndef SHM_RESERVE_H
#define SHM_RESERVE_H

#include <stddef.h>
#include <stdint.h>

/* Gives the file of fd at least size bytes, and each of them memory or disk, so that no store into a mapping of
 * it can fail. what names it in the text: "the ring of channel:jobs". -EFBIG: RLIMIT_FSIZE or the file system
 * allows no such size. -ENOSPC: not so much is free where the file lives. -ENOMEM: the machine's memory, or the limit of a
 * memory cgroup, would not hold it; the kernel would end a process. The text says "needs X, has Y".
 * Nothing was changed then. What others take between the look and the use is beyond this call. */
int reserve_memory(int fd, size_t size, const char *what);

/* The same of an empty file in memory that was just made, of which nothing has to be asked. */
int reserve_new_memory(int fd, size_t size, const char *what);

/* The look alone, for memory that has no descriptor: -ENOMEM. */
int reserve_check_memory(uint64_t size, const char *what);

#endif
