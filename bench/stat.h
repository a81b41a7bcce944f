/* SPDX-License-Identifier: MIT */
/* Statistics: a histogram of times that two processes can share, and quantiles of a few numbers. */
#ifndef BENCH_STAT_H
#define BENCH_STAT_H

#include <stddef.h>
#include <stdint.h>

/* Times from a sixteenth of a nanosecond to a quarter of an hour, each kept to within 0.8 %. */
#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_SLOTS ((44 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count;
    uint32_t slots[HISTOGRAM_SLOTS];
};

void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, double ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The time below which the share q (0 to 1) of all lies, in nanoseconds; 0 if there are none. */
double histogram_quantile(const struct histogram *h, double q);

/* The mean of the quickest share q of them, in nanoseconds; 0 if there are none. */
double histogram_mean(const struct histogram *h, double q);

/* The quantile q of values, which are sorted in place; 0 if there are none. */
double stat_quantile(double values[], size_t count, double q);

#endif
