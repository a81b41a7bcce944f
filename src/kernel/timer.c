/* SPDX-License-Identifier: MIT */
/* Time as a descriptor (timerfd). */
#include "kernel/timer.h"

#include "base/deadline.h"
#include "kernel/descriptor.h"

#include <errno.h>
#include <sys/timerfd.h>

int timer_create_fd(int64_t first_ns, int64_t interval_ns, int *ret_fd)
{
    /* a first moment of zero would disarm it */
    const struct itimerspec when = {.it_value = deadline_timespec(first_ns > 0 ? first_ns : 1),
                                    .it_interval = deadline_timespec(interval_ns)};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    if (fd < 0)
        return -errno;
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) != 0) {
        int result = -errno;

        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}
