/* SPDX-License-Identifier: MIT */
/* The monotonic clock, against which deadlines are measured. */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <stdint.h>

int64_t clock_now_ns(void);

#endif
