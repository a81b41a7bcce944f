/* SPDX-License-Identifier: MIT */
/* Waiting for a semaphore where the libc knows only the clock of the day: musl makes a duration of the moment when
 * the call begins, so that the clock may be set while it sleeps. */
#include "kernel/posixsem_sleep.h"

#include "base/deadline.h"

#include <errno.h>
#include <time.h>

int posixsem_sleep(sem_t *semaphore, int64_t ns)
{
    struct timespec until, add = deadline_timespec(ns);

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += add.tv_sec;
    until.tv_nsec += add.tv_nsec;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return sem_timedwait(semaphore, &until) == 0 ? 0 : -errno;
}
