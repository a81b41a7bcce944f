/* SPDX-License-Identifier: MIT */
/* The machine's floors: what no mechanism can beat here, measured before anything else. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stddef.h>
#include <stdint.h>

enum floor_unit { FLOOR_NS, FLOOR_GB_S, FLOOR_RATIO };

/* Quantiles over many short probes. */
struct floor {
    const char *name;
    enum floor_unit unit;
    double median, p10, p90;
    size_t probes;
};

#define FLOORS_MAX 24

struct floors {
    struct floor list[FLOORS_MAX];
    size_t count;
    char error[240]; /* why some are missing, or "" */
    /* The reference ring's spinning round trip of 64 bytes by the cache line's, in alternate
     * slices: if the reference itself is slow, nothing measured against it means anything. */
    double ring_ratio;
    int ring_held; /* 1, 0, or -1: not measured (one CPU) */
};

#define RING_BAR 1.25

/* Measures all floors in about for_ns. */
void floors_measure(struct floors *ret_floors, uint64_t for_ns);

#endif
