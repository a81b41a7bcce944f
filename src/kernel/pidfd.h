/* SPDX-License-Identifier: MIT */
/* Descriptors of processes: one's own, to be given to a peer, and a peer's, which is readable when it has died. */
#ifndef KERNEL_PIDFD_H
#define KERNEL_PIDFD_H

#include <stdbool.h>
#include <sys/types.h>

/* Of this process, CLOEXEC; or -errno. */
int pidfd_open_self(void);
/* The number of this process, in its own namespace. */
pid_t pidfd_own_number(void);
/* Whether a descriptor that came from elsewhere is one, or a directory /proc/PID, which sets refuse (-EPERM); asked so that
 * it cannot hold the caller up. Only then may it be put into a set or polled, for the poll of a file system's file may wait
 * for whoever made that file system. */
bool pidfd_is(int fd);
/* Whether its process has ended. */
bool pidfd_ended(int fd);

#endif
