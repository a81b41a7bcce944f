/* SPDX-License-Identifier: MIT */
/* The arithmetic of deadlines, saturating; the clock itself is the kernel layer's. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <enlace/deadline.h>
#include <stdint.h>
#include <time.h>

/* The deadline that lies ns (ms) after now: ENL_NOW if that is not ahead, ENL_FOREVER past the range.
 * now_ns is of the monotonic clock, hence not negative. Pure; any thread or signal handler. */
enl_deadline deadline_after_ns(int64_t now_ns, int64_t ns);
enl_deadline deadline_after_ms(int64_t now_ns, int64_t ms);

/* How long until the deadline: 0 if it has passed (always for ENL_NOW), INT64_MAX for ENL_FOREVER. */
int64_t deadline_left_ns(enl_deadline until, int64_t now_ns);

/* A duration that is not negative, as the kernel's calls take it. */
struct timespec deadline_timespec(int64_t ns);

#endif
