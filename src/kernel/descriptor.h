/* SPDX-License-Identifier: MIT */
/* What can be done with any descriptor. All of them are CLOEXEC from birth. */
#ifndef KERNEL_DESCRIPTOR_H
#define KERNEL_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum descriptor_kind {
    DESCRIPTOR_PIPE, /* or a FIFO */
    DESCRIPTOR_SOCKET,
    DESCRIPTOR_FILE,
    DESCRIPTOR_DIRECTORY,
    DESCRIPTOR_DEVICE,
    DESCRIPTOR_OTHER,
};

struct descriptor_facts {
    enum descriptor_kind kind;
    bool reads, writes; /* its access mode */
    bool blocks;
    uint64_t size; /* of a file */
    uint64_t device, inode;
    uint32_t mode, uid, gid;
};

void descriptor_close(int fd); /* -1 is allowed; errno is kept */
int descriptor_duplicate(int fd, int *ret_fd);
int descriptor_facts(int fd, struct descriptor_facts *ret_facts);
const char *descriptor_kind_name(enum descriptor_kind kind);
int descriptor_set_blocking(int fd, bool blocks); /* async-signal-safe */
int descriptor_set_inherited(int fd, bool inherited);
int descriptor_set_mode(int fd, uint32_t mode);
int descriptor_set_owner(int fd, uint32_t uid, uint32_t gid);
/* Bytes that can be read (FIONREAD); for a pipe, from either end. */
int descriptor_queued(int fd, size_t *ret_bytes);
ssize_t descriptor_read(int fd, void *buffer, size_t size);
ssize_t descriptor_read_at(int fd, void *buffer, size_t size, uint64_t offset);
/* Moves a file's bytes to a pipe or stream socket without copying. -EINVAL, -ENOSYS where the file cannot. */
ssize_t descriptor_send_file(int to_fd, int file_fd, uint64_t offset, size_t size);

#endif
