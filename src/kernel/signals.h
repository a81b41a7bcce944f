/* SPDX-License-Identifier: MIT */
/* Signals as messages: blocked for a thread and taken one by one, with what the kernel tells of each; and sent with
 * a value to a process that no later one of the same number can be mistaken for. */
#ifndef KERNEL_SIGNALS_H
#define KERNEL_SIGNALS_H

#include <enlace/deadline.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct interrupt;

/* Sets of signals: bit 0 is signal 1. (sigset_t is not for real-time signals everywhere: glibc 2.36 calls a set of
 * them empty.) */
#define SIGNAL_BIT(number) ((uint64_t)1 << ((number)-1))

/* ---- receiving ----------------------------------------------------------------------------------------------- */

/* What the kernel tells of one; what it has not is 0. */
struct signal_facts {
    int32_t number, code;
    uint64_t value;
    int32_t pid; /* who sent it, or the child that it is about */
    uint32_t uid;
    int32_t status; /* of a child */
    int32_t fd;     /* that is ready, and */
    uint32_t band;  /* for what */
    int32_t timer, overrun;
    uint64_t address; /* of a fault */
};

/* Signals that were blocked for a thread which had not blocked them itself. */
struct signal_mask {
    uint64_t added;
    pthread_t thread;
};

void signal_mask_add(uint64_t set, struct signal_mask *ret_mask); /* of this thread */
/* Unblocks them again, if this is the thread (or its copy in a forked child): else nothing happens. drop: what
 * waits by then is thrown away; else it has the effect that it would have had. */
void signal_mask_restore(const struct signal_mask *mask, bool drop);

enum signal_change { SIGNAL_BLOCK, SIGNAL_UNBLOCK, SIGNAL_EXACTLY };
/* Changes the mask of this thread and returns what it was. */
uint64_t signal_mask_change(enum signal_change change, uint64_t set);

/* Looks for a thread of this process that does not block one of them: it would be interrupted by what was meant to
 * be taken. True: there is one. False as well where there is no /proc. */
bool signal_finds_open_thread(uint64_t set, int *ret_thread, int *ret_number);

/* Takes one, of the lowest number first: one system call. -EAGAIN: none waits. With may_block, which only a process's
 * one thread may say, it sleeps until one comes, or a handler (of another signal) raises `who`: -EINTR. All of them
 * must be blocked. */
int signal_take(uint64_t set, struct interrupt *who, bool may_block,
                struct signal_facts *ret_facts);

/* Takes one, which must be blocked, and waits for it until then: a thread's own sleep. -EAGAIN: none came. A handler
 * of another signal does not end it. */
int signal_take_until(uint64_t set, enl_deadline until, struct signal_facts *ret_facts);

/* A descriptor that is readable while one of them waits for the thread that asks, or for its process. With fd -1 a new
 * one, else that one is changed. */
int signal_fd(uint64_t set, int fd, int *ret_fd);
/* Takes several from it in one call, at most SIGNAL_BATCH: how many; -EAGAIN. */
#define SIGNAL_BATCH 16
ssize_t signal_take_many(int fd, struct signal_facts facts[], size_t count);

/* Which of them wait. */
uint64_t signal_pending(uint64_t set);

/* ---- sending --------------------------------------------------------------------------------------------------- */

/* A process, by a descriptor: on kernels that have none for processes (or programs that may not ask for it), of its
 * directory in /proc, at which is looked before each signal. */
struct signal_target {
    int fd;
    int32_t pid;
    bool by_pidfd;
};

/* -ESRCH: there is no process of this number. -EPERM: this user may not send it signals. */
int signal_target_open(int32_t pid, struct signal_target *ret_target);
void signal_target_close(struct signal_target *target);
/* -ESRCH: it has ended. -EAGAIN: as many signals wait for its user as its RLIMIT_SIGPENDING allows; of the real-time
 * ones alone, the others lose their value instead. -EPERM. */
int signal_target_send(const struct signal_target *target, int number, uint64_t value);
/* Whether one of them waits for the process, as /proc says. -ESRCH. */
int signal_target_pending(const struct signal_target *target, uint64_t set, bool *ret_pending);

enum signal_receiver { SIGNAL_TO_THREAD, SIGNAL_TO_PROCESS, SIGNAL_TO_GROUP };
/* Sends to whoever has that number now; a thread is one of this process. The value may be NULL, and is for a group. */
int signal_send_number(enum signal_receiver to, int32_t id, int number, const uint64_t *value);
int32_t signal_this_thread(void);

/* Tests take the descriptors of processes away, and restartable sequences. */
void signal_pretend_old_kernel(bool old);
bool signal_pretends_old_kernel(void);

#endif
