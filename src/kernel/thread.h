/* SPDX-License-Identifier: MIT */
/* Whether this process is known to have one thread: then only a signal handler can interrupt a call. */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <stdbool.h>

bool thread_is_alone(void);

#endif
