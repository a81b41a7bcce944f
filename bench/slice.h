/* SPDX-License-Identifier: MIT */
/* A slice: some milliseconds of messages over one course. Both processes run it; the pinging one
 * says when it is over, in the head of the last message. */
#ifndef BENCH_SLICE_H
#define BENCH_SLICE_H

#include "crew.h"
#include "stat.h"
#include "way.h"

#include <stdbool.h>

/* In memory that both share. */
struct slice {
    uint64_t for_ns;  /* set by SIDE_PING before: how long */
    uint32_t samples; /* messages for which the clock is looked at once */
    /* Set by it after: */
    uint64_t messages; /* round trips, or messages one way */
    uint64_t elapsed_ns;
    uint64_t cpu_ns;        /* of both processes */
    bool intact;            /* the checksums of both sides agree */
    struct histogram times; /* nanoseconds of a trip, or between messages */
    /* What the sides tell each other. */
    uint64_t sent[2], received[2]; /* checksums by side */
    uint64_t end_ns, pong_cpu_ns;
};

/* One process's use of a course, with its buffers, until the process ends. */
struct seat {
    struct crew *crew;
    struct course *course;
    void *out, *in;          /* of a copying way */
    uint64_t sent, received; /* messages, over all slices */
};

/* After course->way->join(). 0 or a negative errno. */
int seat_init(struct seat *s, struct crew *crew, struct course *course);

/* Runs one slice; both sides call it, having met. 0, or a negative errno told to the crew. */
int slice_run(struct slice *slice, struct seat *s);

#endif
