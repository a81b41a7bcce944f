/* SPDX-License-Identifier: MIT */
/* A child of this process by its pidfd: waiting, signalling, and all that descends from it. */
#ifndef KERNEL_CHILD_H
#define KERNEL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* <signal.h> declares calls of the kernel, so other layers know these from here. */
extern const int child_signal_terminate, child_signal_kill, child_signal_continue;

enum child_change { CHILD_EXITED, CHILD_KILLED, CHILD_DUMPED, CHILD_STOPPED, CHILD_CONTINUED };

struct child_end {
    enum child_change change;
    int number; /* the exit status, or the signal */
    int64_t user_ns, system_ns;
    uint64_t largest_bytes; /* resident, of itself or a child that it collected */
};

int child_open(pid_t pid); /* a pidfd, CLOEXEC, or -errno */
/* Collects the child if it has ended, and no other. -EAGAIN: it has not (never if it may block). -ECHILD:
 * it is not ours, or somebody collected it. */
int child_collect(int pidfd, bool may_block, struct child_end *ret_end);
/* Its end stays to be collected; stops and continuations are taken. -EAGAIN, -ECHILD. */
int child_look(int pidfd, bool may_block, struct child_end *ret_end);
/* Whether it is a child that nobody has collected yet. */
bool child_is_ours(int pidfd);
/* Any child of this process that has ended, which stays to be collected. -EAGAIN, -ECHILD. */
int child_find_ended(pid_t *ret_pid);
/* Collects the child that has that number now. -EAGAIN, -ECHILD. */
int child_collect_number(pid_t pid, struct child_end *ret_end);
/* -ESRCH: it has ended. with_value: it comes with the value, as sigqueue sends it. */
int child_signal(int pidfd, int signal, bool with_value, intptr_t value);
int child_signal_group(pid_t group, int signal);
/* Signals the process and all that descends from it, as far as their parents live: each is stopped first, so
 * that none has children behind our back. Returns how many. */
int child_signal_tree(pid_t root, int pidfd, int signal);
/* Whether descendants whose parents die become children of this process. */
int child_adopt_orphans(bool adopt);

#endif
