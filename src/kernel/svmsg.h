/* SPDX-License-Identifier: MIT */
/* System V message queues: keys, typed messages, records, and the kernel's limits in words. The kernel gives them
 * neither a descriptor nor a timeout. */
#ifndef KERNEL_SVMSG_H
#define KERNEL_SVMSG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As the kernel takes and gives a message: its type first. */
struct svmsg_message {
    long type;
    unsigned char bytes[];
};

struct svmsg_limits {
    size_t largest;  /* bytes of a message: msgmax */
    size_t capacity; /* bytes of a new queue: msgmnb */
    size_t queues;   /* msgmni */
};

struct svmsg_facts {
    uint64_t messages, bytes;
    size_t capacity;
    int32_t sender, receiver; /* processes, of the last send and receive; 0: none yet */
    int64_t send_time, receive_time, change_time; /* seconds; 0: never */
    uint32_t mode, uid, gid;
};

/* Which message, as the kernel takes it: 0 any, a type exactly that one, a negative one the lowest up to its
 * opposite. Types are 1 and above. */
struct svmsg_selector {
    long type;
    unsigned flags;
};
#define SVMSG_CUT 010000u     /* a message larger than the room is cut, and not -E2BIG */
#define SVMSG_ALL_BUT 020000u /* any other type than this one */

void svmsg_limits(struct svmsg_limits *ret_limits);
/* The key of a file and a number from 1 to 255 (ftok). -ENOENT and others of the path. */
int svmsg_key(const char *path, int number, int32_t *ret_key);

/* Makes a queue with this mode, whatever the umask. key 0: one without a key. -EEXIST if it is there; -ENOSPC with a
 * text that names the limit. */
int svmsg_create(int32_t key, uint32_t mode, int *ret_id);
/* access: ENL_READ | ENL_WRITE, which its mode must allow. */
int svmsg_open(int32_t key, unsigned access, int *ret_id);
int svmsg_remove(int id);

/* What happens to a queue: all of these say -EIDRM, with a text, once it is removed.
 *
 * unless: NULL, and the call does not wait (-EAGAIN); or a flag that a handler sets, and it waits until a signal
 * comes (-EINTR, also for no reason: look at the flag, and call again). That a flag set just before is not slept
 * through takes for a send that m->type is armed (interrupt_arm() of kernel/wait.h), and for a receive that
 * guarded_possible(). */
ssize_t svmsg_send(int id, const struct svmsg_message *m, size_t size, const atomic_int *unless);
/* size: room in m. A larger message is -E2BIG and stays. */
ssize_t svmsg_receive(int id, struct svmsg_message *m, size_t size,
                      const struct svmsg_selector *selector, const atomic_int *unless);
/* Copies the message number index, from 0 on, and leaves it. -EAGAIN: there are fewer; -E2BIG: it is larger;
 * -ENOSYS with a text: this kernel cannot. */
ssize_t svmsg_peek(int id, size_t index, struct svmsg_message *m, size_t size);

int svmsg_facts(int id, struct svmsg_facts *ret_facts);
int svmsg_set_mode(int id, uint32_t mode);
int svmsg_set_owner(int id, uint32_t uid, uint32_t gid); /* UINT32_MAX: as it is */
int svmsg_set_capacity(int id, size_t bytes);            /* -EPERM with a text */

#endif
