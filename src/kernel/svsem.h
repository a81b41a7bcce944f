/* SPDX-License-Identifier: MIT */
/* System V semaphore sets: several operations at once, waiting for zero, undoing at a process's end, records, and the
 * kernel's limits in words. */
#ifndef KERNEL_SVSEM_H
#define KERNEL_SVSEM_H

#include <enlace/deadline.h>
#include <stddef.h>
#include <stdint.h>

struct interrupt;

#define SVSEM_VALUE_MOST 32767    /* SEMVMX, which is fixed */
#define SVSEM_OPERATIONS_MOST 512 /* at once; the kernel's own limit (semopm) may be lower */

/* As the kernel takes one. change: > 0 adds, < 0 waits until so much can be taken and takes it, 0 waits for zero. */
struct svsem_operation {
    uint16_t index;
    int16_t change;
    int16_t flags;
};
#define SVSEM_UNDO 0x1000 /* the kernel takes the change back when this process ends */

struct svsem_limits {
    unsigned set;        /* semaphores of a set: semmsl */
    unsigned all;        /* of all sets: semmns */
    unsigned operations; /* at once: semopm */
    unsigned sets;       /* semmni */
};

struct svsem_facts {
    unsigned count;
    int64_t operation_time, change_time; /* seconds; 0: never */
    uint32_t mode, uid, gid;
};

/* Of one semaphore of a set. */
struct svsem_state {
    uint32_t value;
    uint32_t waiters;      /* for more */
    uint32_t zero_waiters; /* for zero */
    int32_t pid;           /* of the last operation; 0: none yet, or in another namespace */
};

void svsem_limits(struct svsem_limits *ret_limits);

/* Makes a set with this mode, whatever the umask; all its values are 0. key 0: one without a key. -EEXIST if it is
 * there; -EINVAL and -ENOSPC with a text that names the limit. */
int svsem_create(int32_t key, unsigned count, uint32_t mode, int *ret_id);
/* -EINVAL with a text if the set has fewer semaphores than count. */
int svsem_open(int32_t key, unsigned count, int *ret_id);
/* Each value that of the first `count` is set, all at once, if all are 0; -EAGAIN if one is not. */
int svsem_raise_from_zero(int id, unsigned count, unsigned value);
int svsem_remove(int id);

/* All of these say -EIDRM, with a text, once the set is removed. */

/* All of them at once, or none. Sleeps until it can be done: -EAGAIN at once (ENL_NOW), -ETIMEDOUT, -ECANCELED if who,
 * which may be NULL, is raised (in a process of several threads it is looked at 20 times a second). -EINVAL, -E2BIG,
 * -ERANGE, -ENOSPC with texts that name the limit; -EACCES. */
int svsem_operate(int id, const struct svsem_operation operations[], size_t count,
                  enl_deadline until, struct interrupt *who);

int svsem_state(int id, unsigned index, struct svsem_state *ret_state);
int svsem_set_value(int id, unsigned index, unsigned value);
int svsem_facts(int id, struct svsem_facts *ret_facts);
int svsem_set_mode(int id, uint32_t mode);
int svsem_set_owner(int id, uint32_t uid, uint32_t gid); /* UINT32_MAX: as it is */

#endif
