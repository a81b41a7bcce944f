/* SPDX-License-Identifier: MIT */
/* Time as a descriptor (timerfd). */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include <stdint.h>

/* Readable at first_ns of the monotonic clock (past: at once), then every interval_ns (0: once). -errno. */
int timer_create_fd(int64_t first_ns, int64_t interval_ns, int *ret_fd);

#endif
