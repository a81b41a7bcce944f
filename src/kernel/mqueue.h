/* SPDX-License-Identifier: MIT */
/* POSIX message queues, by system call: they need neither a mounted /dev/mqueue nor a libc that has them. A queue
 * is opened as a descriptor, which poll() knows. Names begin with a slash and have no other. */
#ifndef KERNEL_MQUEUE_H
#define KERNEL_MQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MQUEUE_DEPTH_MOST 65536u      /* so many messages, and */
#define MQUEUE_MESSAGE_MOST 16777216u /* such large ones a queue has at most, whoever makes it */
#define MQUEUE_PRIORITIES 32768u      /* 0 to 32767 */

struct mqueue_size {
    size_t depth;   /* messages */
    size_t message; /* bytes of the largest */
};

struct mqueue_facts {
    struct mqueue_size size;
    size_t queued;
    uint64_t queued_bytes; /* UINT64_MAX: only those who may receive are told */
    uint32_t mode, uid, gid;
};

/* What a queue has whose maker asks for nothing. */
void mqueue_default_size(struct mqueue_size *ret_size);

/* Makes a queue with this mode, whatever the umask, and opens it blocking. access: ENL_READ | ENL_WRITE.
 * -EEXIST if it is there. -EINVAL, -ENOSPC, -EMFILE: the text names the limit, its value and how to raise it. */
int mqueue_create(const char *name, unsigned access, uint32_t mode, const struct mqueue_size *size,
                  int *ret_fd);
int mqueue_open(const char *name, unsigned access, int *ret_fd);
int mqueue_unlink(const char *name);
bool mqueue_is(int fd);

/* A call that may not block says -EAGAIN, whatever the mode of the description, in one system call. */
ssize_t mqueue_send(int fd, const void *data, size_t size, unsigned priority, bool may_block);
/* size is at least the queue's largest message. */
ssize_t mqueue_receive(int fd, void *buffer, size_t size, unsigned *ret_priority, bool may_block);

int mqueue_facts(int fd, struct mqueue_facts *ret_facts);
/* Sends this process a signal (0: no more), with that value, when next a message comes to the empty queue and
 * nobody waits in a receive for it; once. -EBUSY, with a text: another process is to be told. */
int mqueue_notify(int fd, int signal, void *value);

#endif
