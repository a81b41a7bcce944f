/* SPDX-License-Identifier: MIT */
/* A visit to one mechanism: two processes meet over it, exchange messages, and take a quick measure. */
#ifndef TOOL_TOUR_H
#define TOOL_TOUR_H

#include <enlace/capability.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the messages whose round trips and number a second are measured, and of the large ones; or as
 * many as the mechanism's largest has. */
#define TOUR_SMALL 64
#define TOUR_LARGE 65536

enum tour_outcome { TOUR_DONE, TOUR_SKIPPED, TOUR_FAILED };

struct tour_visit {
    /* Set by the caller: */
    const struct enl_mechanism *mechanism;
    const char *options; /* of the address, "?type=datagram" or "" */
    const char *folder;  /* for names in the file system: empty, and empty again afterwards */
    int64_t slice_ns;    /* for each of the three measures */

    /* Filled in: */
    char title[64]; /* the address as one would write it */
    uint32_t met;   /* the ENL_MEET_ by which they met */
    size_t largest; /* bytes of the largest message that came back the same */
    double round_trip_ns;
    double messages_a_second; /* 0, as the next one, where messages may be lost */
    double bytes_a_second;
    char reason[256]; /* if it was skipped or failed */
};

/* Called with stop_hold() in force; a stop interrupts what blocks in it. */
enum tour_outcome tour_visit(struct tour_visit *v);

#endif
