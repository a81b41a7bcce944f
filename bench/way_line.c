/* SPDX-License-Identifier: MIT */
/* Ways with loops of their own, both sides looking: a bare cache line, and a channel in the same loop. */
#include "way.h"

#include "clock.h"
#include "crew.h"
#include "reference/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE 64

/* ---- the line -------------------------------------------------------------------------------- */

static int make_line(struct course *c)
{
    if (c->pattern != PATTERN_ROUND_TRIP || c->wait != WAIT_LOOK)
        return -ENOTSUP;
    c->probe = crew_memory(sizeof *c->probe);
    return 0;
}

static void join_line(struct course *c, enum side side)
{
    c->side = side;
}

static int ping_line(struct course *c, uint64_t for_ns, struct histogram *times)
{
    probe_line.ping(c->probe, for_ns, times);
    return 0;
}

static int pong_line(struct course *c)
{
    probe_line.pong(c->probe);
    return 0;
}

/* ---- a channel ------------------------------------------------------------------------------- */

static int make(struct course *c)
{
    return c->size == MESSAGE && c->wait == WAIT_LOOK ? way_enlace.make(c) : -ENOTSUP;
}

static void join(struct course *c, enum side side)
{
    way_enlace.join(c, side);
}

static int failed(struct course *c, ssize_t r)
{
    (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return (int)r;
}

static int put(struct course *c, const uint64_t message[MESSAGE / 8])
{
    ssize_t r;

    do
        r = enl_send(c->link.send[c->side], message, MESSAGE, ENL_NOW);
    while (r == -EAGAIN);
    return r < 0 ? failed(c, r) : 0;
}

static int get(struct course *c, uint64_t ret_message[MESSAGE / 8])
{
    ssize_t r;

    do
        r = enl_receive(c->link.receive[c->side], ret_message, MESSAGE, ENL_NOW);
    while (r == -EAGAIN);
    return r < 0 ? failed(c, r) : 0;
}

/* The last message begins with 0. */
static int ping(struct course *c, uint64_t for_ns, struct histogram *times)
{
    uint64_t start = clock_now(), last = start, now, message[MESSAGE / 8] = {1};
    int r = 0;

    do {
        for (int i = 0; i < PROBE_TRIPS && r == 0; i++) {
            r = put(c, message);
            if (r == 0)
                r = get(c, message);
        }
        now = clock_now();
        histogram_add(times, (double)(now - last) / PROBE_TRIPS);
        last = now;
    } while (r == 0 && now - start < for_ns);
    message[0] = 0;
    return r < 0 ? r : put(c, message);
}

static int pong(struct course *c)
{
    uint64_t message[MESSAGE / 8];
    int r;

    do {
        r = get(c, message);
        if (r == 0 && message[0] != 0)
            r = put(c, message);
    } while (r == 0 && message[0] != 0);
    return r;
}

static void end(struct course *c)
{
    way_enlace.end(c);
}

const struct way way_line = {
    .name = "cache line",
    .make = make_line,
    .join = join_line,
    .ping = ping_line,
    .pong = pong_line,
};

const struct way way_enlace_loop = {
    .name = "enlace",
    .make = make,
    .join = join,
    .ping = ping,
    .pong = pong,
    .end = end,
};
