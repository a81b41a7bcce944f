/* SPDX-License-Identifier: MIT */
/* The verdict: what the rows' ratios are, and whether a bar is held. */
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

#include "rows.h"

#include <stdbool.h>
#include <stddef.h>

struct verdict {
    double bar;  /* the bar itself, with what is allowed for SIGPIPE */
    bool judged; /* false: the row gave nothing to judge by */
    bool held;
    double ratio, p10, p90;    /* median and quantiles over the pairs of slices */
    double subject, reference; /* nanoseconds a message, or calls a message */
};

void verdict_reach(const struct rows *rows, const struct bar *bar, struct verdict *ret_verdict);

/* The quantile of a row's ratios, of all pairs or of those of one distance alone (NULL: all). */
double verdict_ratio(const struct row *row, const enum distance *distance, double q,
                     size_t *ret_pairs);

/* The mean time per message of a side of a row (0 subject, 1 reference) at a distance; 0 if
 * there is none. */
double verdict_mean(const struct tally *t);

#endif
