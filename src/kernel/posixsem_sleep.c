/* SPDX-License-Identifier: MIT */
/* Waiting for a semaphore by the monotonic clock (glibc 2.30 and later). */
#include "kernel/posixsem_sleep.h"

#include "base/deadline.h"
#include "kernel/clock.h"

#include <errno.h>
#include <time.h>

int posixsem_sleep(sem_t *semaphore, int64_t ns)
{
    struct timespec until = deadline_timespec(clock_now_ns() + ns);

    return sem_clockwait(semaphore, CLOCK_MONOTONIC, &until) == 0 ? 0 : -errno;
}
