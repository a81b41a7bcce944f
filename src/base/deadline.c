/* SPDX-License-Identifier: MIT */
/* The arithmetic of deadlines, saturating; the clock itself is the kernel layer's. */
#include "base/deadline.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

enl_deadline deadline_after_ns(int64_t now_ns, int64_t ns)
{
    if (ns <= 0)
        return ENL_NOW;
    if (ns > ENL_FOREVER - now_ns)
        return ENL_FOREVER;
    return now_ns + ns;
}

enl_deadline deadline_after_ms(int64_t now_ns, int64_t ms)
{
    if (ms > INT64_MAX / NS_PER_MS)
        return ENL_FOREVER;
    if (ms <= 0)
        return ENL_NOW;
    return deadline_after_ns(now_ns, ms * NS_PER_MS);
}

int64_t deadline_left_ns(enl_deadline until, int64_t now_ns)
{
    if (until == ENL_FOREVER)
        return INT64_MAX;
    if (until <= now_ns)
        return 0;
    return until - now_ns;
}

struct timespec deadline_timespec(int64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

    return t;
}
