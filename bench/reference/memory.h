/* SPDX-License-Identifier: MIT */
/* Memory floors: how fast one core copies, and how fast two of them see each other's memory. */
#ifndef BENCH_REFERENCE_MEMORY_H
#define BENCH_REFERENCE_MEMORY_H

#include "reference/probe.h"

#include <stddef.h>
#include <stdint.h>

/* Two processes take turns on size bytes that both share: the first one writes them, the other
 * one reads them. Adds the nanoseconds of each turn to the side's own histogram; rounds turns
 * each. */
void memory_write_turns(struct probe_memory *m, void *shared, size_t size, unsigned rounds,
                        struct histogram *h);
void memory_read_turns(struct probe_memory *m, const void *shared, size_t size, unsigned rounds,
                       struct histogram *h);

/* Adds the nanoseconds that copying size bytes takes here, some times; nothing if there is no
 * memory. */
void memory_copy(size_t size, struct histogram *h);

/* The nanoseconds that the first touch of a page takes; 0 if there is no memory. */
double memory_touch_ns(void);

#endif
