/* SPDX-License-Identifier: MIT */
/* Files that hold shared memory: memory files, those behind POSIX names, and any other. */
#ifndef KERNEL_SHARED_FILE_H
#define KERNEL_SHARED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A memory file that can be sealed and never executed; huge: of huge pages. The name is for people alone. */
int shared_file_memory(const char *name, bool huge, int *ret_fd);

/* access: ENL_READ | ENL_WRITE. Symbolic links at the end are followed only if asked. Never waits for a peer. */
int shared_file_open(const char *path, unsigned access, bool follows, int *ret_fd);

/* Makes a file in the directory of path, with this mode whatever the umask. Where the file system can, it has no name
 * until shared_file_link(), and is gone if this process dies before; else (*ret_named) it has it at once, and
 * -EEXIST is told here. */
int shared_file_create(const char *path, uint32_t mode, bool *ret_named, int *ret_fd);
int shared_file_link(int fd, const char *path); /* -EEXIST */
int shared_file_unlink(const char *path);

struct shared_file_facts {
    uint64_t size;
    uint64_t device, inode;
    uint32_t mode, uid, gid;
    int64_t change_ns;
    unsigned access;    /* of the description: ENL_READ | ENL_WRITE */
    bool is_file;       /* and not a device */
    bool can_be_mapped; /* not a pipe, a socket, a directory */
};
int shared_file_facts(int fd, struct shared_file_facts *ret_facts);
ssize_t shared_file_write(int fd, const void *data, size_t size, uint64_t offset);

/* Seals, as fcntl knows them. -EINVAL: this is no memory file. */
#define SHARED_FILE_SEAL 1u
#define SHARED_FILE_SEAL_SHRINK 2u
#define SHARED_FILE_SEAL_GROW 4u
#define SHARED_FILE_SEAL_WRITE 8u
#define SHARED_FILE_SEAL_FUTURE_WRITE 16u
int shared_file_seal(int fd, unsigned seals);
int shared_file_seals(int fd, unsigned *ret_seals);

#endif
