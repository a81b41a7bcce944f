/* SPDX-License-Identifier: MIT */
/* The stage: a process in which one worker is brought to one point and killed there, and the case checked. */
#ifndef STAGE_H
#define STAGE_H

#include "points.h"

enum stage_kind {
    STAGE_RECORDS, /* steps to the end, and kills there */
    STAGE_KILLS,   /* at a point */
    STAGE_COUNTS,  /* at a point that is reached by counting its instructions */
    STAGE_ENTERS   /* the system call at a point, and kills inside */
};

/* In memory that all processes share. */
struct stage_news {
    _Atomic(const char *) doing;
    atomic_size_t steps; /* that were made, so that it can be seen to go on */
    bool missed;         /* the worker did not pass there, or did not sleep */
};

struct stage {
    const struct crash_case *the_case;
    struct points *points;
    void *state;
    enum stage_kind kind;
    size_t number; /* of the point */
    struct stage_news *news;
};

/* In a process of its own; returns when it has ended well, else the test has failed. */
void stage_run(const struct stage *s);

#endif
