/* SPDX-License-Identifier: MIT */
/* Descriptors of processes, by pidfd_open(2). */
#include "kernel/pidfd.h"

#include "kernel/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
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
 * processes alone; a directory /proc/PID, which would do for a signal, has no end to be polled. */
bool pidfd_is(int fd)
{
    struct stat s;

    if (child_signal(fd, 0, false, 0) == -EBADF)
        return false;
    return fstat(fd, &s) == 0 && !S_ISDIR(s.st_mode);
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
