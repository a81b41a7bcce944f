/* SPDX-License-Identifier: MIT */
/* Deadlines: absolute nanoseconds of the monotonic clock, given to every call that may block. */
#ifndef ENLACE_DEADLINE_H
#define ENLACE_DEADLINE_H

#include <enlace/export.h>
#include <stdint.h>

ENL_BEGIN

typedef int64_t enl_deadline;

#define ENL_NOW ((enl_deadline)0)             /* do not wait: -EAGAIN if there is nothing now */
#define ENL_FOREVER ((enl_deadline)INT64_MAX) /* wait until it happens */

/* The deadline that lies so many milliseconds (nanoseconds) ahead. Zero and less give ENL_NOW, what
 * lies beyond the clock's range ENL_FOREVER. Any thread, fork child or signal handler may call them. */
ENL_PUBLIC enl_deadline enl_in_ms(int64_t ms);
ENL_PUBLIC enl_deadline enl_in_ns(int64_t ns);

ENL_END

#endif
