/* SPDX-License-Identifier: MIT */
/* The monotonic clock, against which deadlines are measured, and the one for people. */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <stdint.h>

int64_t clock_now_ns(void);
int64_t clock_real_ns(void); /* of the real-time clock, for people */

#endif
