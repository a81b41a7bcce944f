/* SPDX-License-Identifier: MIT */
/* The clock of the benchmark: nanoseconds of the monotonic clock, the same in both processes. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>

uint64_t clock_now(void);

/* Processor time that this process has used, its calls into the kernel included. */
uint64_t clock_cpu(void);

#endif
