/* SPDX-License-Identifier: MIT */
/* Names in the file system: looking, removing, changing, locking a directory, waiting for a name to come. */
#ifndef KERNEL_PATH_H
#define KERNEL_PATH_H

#include <enlace/deadline.h>
#include <stdbool.h>
#include <stdint.h>

enum path_kind { PATH_FIFO, PATH_SOCKET, PATH_OTHER };

struct path_facts {
    enum path_kind kind;
    uint64_t device, inode;
    uint32_t mode, uid, gid;
};

/* Of the path itself, not of what a symbolic link names. */
int path_facts(const char *path, struct path_facts *ret_facts);
int path_remove(const char *path);
int path_set_mode(const char *path, uint32_t mode);
int path_set_owner(const char *path, uint32_t uid, uint32_t gid);

/* Locks the directory of path against other starters of a socket there. Kept by the descriptor, so that it
 * ends with the process. Waits at most until the deadline: -ETIMEDOUT. */
int path_lock_directory(const char *path, enl_deadline until, int *ret_fd);

/* Something that fires when the path may have come into being or been opened, for waiting between two tries.
 * Not all file systems tell: the caller looks again every PATH_LOOK_NS all the same. */
#define PATH_LOOK_NS 20000000
int path_watch(const char *path, int *ret_fd);
void path_watch_empty(int fd);

#endif
