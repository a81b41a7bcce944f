/* SPDX-License-Identifier: MIT */
/* The monotonic clock, and the public deadlines that start from it. */
#include "kernel/clock.h"

#include "base/deadline.h"

#include <enlace/deadline.h>
#include <time.h>

int64_t clock_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_real_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

enl_deadline enl_in_ms(int64_t ms)
{
    return deadline_after_ms(clock_now_ns(), ms);
}

enl_deadline enl_in_ns(int64_t ns)
{
    return deadline_after_ns(clock_now_ns(), ns);
}
