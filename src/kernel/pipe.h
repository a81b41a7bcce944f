/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: each call may block or not as it is told, and a write never raises SIGPIPE. */
#ifndef KERNEL_PIPE_H
#define KERNEL_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define PIPE_ATOMIC 4096 /* PIPE_BUF on Linux: so much is written whole or not at all */

/* One end. The blocking mode is a property of the open description, which relatives may share, so it is never
 * changed: a call of the other mode says so itself (RWF_NOWAIT; not on FIFOs, not on old kernels), or goes
 * through a second description of the same pipe, opened at the first such call. */
struct pipe_end {
    int fd;
    int other_fd; /* of the other mode; -1: not open yet */
    bool fd_blocks;
    bool other_failed; /* it cannot be opened: poll, then call */
    bool no_per_call;  /* RWF_NOWAIT is refused */
};

int pipe_create(int ret_fds[2]); /* blocking */
void pipe_end_init(struct pipe_end *end, int fd, bool fd_blocks);
void pipe_end_fini(struct pipe_end *end);
/* The description that a call which may block uses, or -1 if there is none. */
int pipe_end_blocking_fd(struct pipe_end *end);
/* 0 of a read: no writer is there. A write that may not block returns -EAGAIN or what it wrote. */
ssize_t pipe_end_read(struct pipe_end *end, void *buffer, size_t size, bool may_block);
ssize_t pipe_end_write(struct pipe_end *end, const struct iovec v[], int count, bool may_block);

int pipe_capacity(int fd, size_t *ret_bytes);
/* -EINVAL, -EPERM or -EBUSY with a text that names the limit and its file. */
int pipe_set_capacity(int fd, size_t bytes);

/* Makes a FIFO with this mode, whatever the umask. -EEXIST if something is there. */
int fifo_create(const char *path, uint32_t mode);
/* Opens it for reading or writing, non-blocking. -ENXIO: no reader. Refuses what is not a FIFO with a text. */
int fifo_open(const char *path, bool writes, int *ret_fd);

/* Tests take the per-call switches of newer kernels away. */
void pipe_pretend_old_kernel(bool old);

#endif
