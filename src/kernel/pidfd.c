/* SPDX-License-Identifier: MIT */
/* Descriptors of processes, by pidfd_open(2). */
#include "kernel/pidfd.h"

#include "kernel/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int pidfd_open_self(void)
{
    return child_open(getpid());
}

pid_t pidfd_own_number(void)
{
    return getpid();
}

/* Signal 0 is sent to nobody. -ESRCH, -EPERM and -EINVAL (of a namespace that we cannot see into) are told of
 * processes alone, and of a directory /proc/PID, which would do for a signal. */
bool pidfd_is(int fd)
{
    return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0u) == 0 || errno != EBADF;
}

bool pidfd_ended(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int count;

    do
        count = poll(&p, 1, 0);
    while (count < 0 && errno == EINTR);
    return count == 1 && (p.revents & POLLIN) != 0;
}
