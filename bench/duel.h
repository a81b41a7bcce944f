/* SPDX-License-Identifier: MIT */
/* A duel: a subject and its reference in one run. Their slices alternate, a probe of the
 * machine's floor before, between and after; each pair of slices gives one ratio, unless the
 * floor moved meanwhile. */
#ifndef BENCH_DUEL_H
#define BENCH_DUEL_H

#include "place.h"
#include "stat.h"
#include "way.h"

#include <stdbool.h>

struct entry {
    const struct way *way;
    const char *what;
};

struct duel {
    char name[96];
    enum pattern pattern;
    size_t size;
    enum wait wait;
    enum place place;
    struct entry subject, reference;
    unsigned weight; /* its share of the run's time */
};

/* CPUs that share a cache are near each other. Virtual ones move: which they were is seen by the
 * cache-line floor, pair by pair. On one CPU, or where the kernel places, all is near. */
enum distance { DISTANCE_NEAR, DISTANCE_FAR };
#define DISTANCE_FAR_NS 250.0 /* a cache line there and back */

#define DUEL_PAIRS_MAX 2048

/* What one of the two did, in the slices that count. */
struct tally {
    uint64_t slices, messages, elapsed_ns, cpu_ns;
    struct histogram times;
};

struct duel_pair {
    double ratio; /* of the time per message, subject by reference */
    enum distance distance;
};

/* In memory shared with the processes that fill it. */
struct duel_result {
    int error; /* 0, or why there is nothing (a row that does not apply), with a text */
    char text[240];
    uint32_t samples[2];        /* messages to a sample of the histogram: subject, reference */
    struct tally tallies[2][2]; /* subject, reference; by distance */
    uint32_t pair_count, dropped, mismatches;
    struct duel_pair pairs[DUEL_PAIRS_MAX];
};

struct duel_limits {
    uint64_t slice_ns, probe_ns, total_ns;
};

struct duel_result *duel_result_new(void);
void duel_result_free(struct duel_result *result);

/* Runs it. What happened is in *result. */
void duel_run(const struct duel *d, const struct duel_limits *limits, struct duel_result *result);

#endif
