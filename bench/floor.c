/* SPDX-License-Identifier: MIT */
/* The machine's floors: each is probed many times for a short while, because virtual CPUs move. */
#include "floor.h"

#include "clock.h"
#include "crew.h"
#include "duel.h"
#include "reference/memory.h"
#include "reference/probe.h"
#include "reference/ring.h"
#include "stat.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROBES_MAX 2000
#define PROBE_NS 500000u
#define SLEEPING_PROBE_NS 4000000u
#define RING_MESSAGE 64u
#define RING_TRIPS_A_SAMPLE 32
#define TURN_BYTES (1u << 20)
#define TURNS 400u
#define CALLS_A_PROBE 1000
#define LONE_PROBES 50
#define LIMIT_NS 10000000000u
#define INTERRUPTED_NS 2000.0 /* no cache line takes so long: one of the two did not run */
#define MEETINGS 3            /* each with new processes and new memory, as its place matters too */

enum { VALUES_LINE, VALUES_RING, VALUES_FUTEX, VALUES_EVENTFD, VALUES_COUNT };

struct values {
    size_t count;
    double at[PROBES_MAX];
};

struct floor_stage {
    struct crew crew;
    struct probe_memory probes;
    struct ring rings[2];
    uint64_t for_ns;
    bool more;
    bool split;
    struct values values[VALUES_COUNT];
    struct histogram turns[2]; /* rewrite, read */
    _Alignas(4096) unsigned char shared[TURN_BYTES];
};

static struct floor_stage *stage_of(struct crew *c)
{
    return (struct floor_stage *)(void *)c;
}

static void values_add(struct values *v, double value)
{
    if (v->count < PROBES_MAX)
        v->at[v->count++] = value;
}

/* The round trip of a message over the two reference rings, copied in and out on both sides. Its
 * first word is 1, in the last one 0. */
static void ring_ping(struct ring rings[2], uint64_t for_ns, struct histogram *h)
{
    uint64_t start = clock_now(), last = start, now, message[RING_MESSAGE / 8] = {1};

    do {
        for (int i = 0; i < RING_TRIPS_A_SAMPLE; i++) {
            memcpy(ring_loan(&rings[0]), message, sizeof message);
            ring_commit(&rings[0]);
            memcpy(message, ring_take(&rings[1]), sizeof message);
            ring_release(&rings[1]);
        }
        now = clock_now();
        histogram_add(h, (double)(now - last) / RING_TRIPS_A_SAMPLE);
        last = now;
    } while (now - start < for_ns);
    message[0] = 0;
    memcpy(ring_loan(&rings[0]), message, sizeof message);
    ring_commit(&rings[0]);
}

static void ring_pong(struct ring rings[2])
{
    uint64_t message[RING_MESSAGE / 8];

    for (;;) {
        memcpy(message, ring_take(&rings[0]), sizeof message);
        ring_release(&rings[0]);
        if (message[0] == 0)
            return;
        memcpy(ring_loan(&rings[1]), message, sizeof message);
        ring_commit(&rings[1]);
    }
}

/* One process's part: the rings are copied, for each side has cursors of its own. */
struct part {
    struct floor_stage *stage;
    enum side side;
    struct ring rings[2];
};

/* Runs one probe (NULL: the ring) on both sides, and keeps the median of its trips. */
static void probe(struct part *part, int values, const struct probe *p, uint64_t for_ns)
{
    static struct histogram h;
    struct floor_stage *s = part->stage;

    histogram_clear(&h);
    crew_meet(&s->crew);
    if (part->side == SIDE_PONG && p == NULL)
        ring_pong(part->rings);
    else if (part->side == SIDE_PONG)
        p->pong(&s->probes);
    else if (p == NULL)
        ring_ping(part->rings, for_ns, &h);
    else
        p->ping(&s->probes, for_ns, &h);
    crew_meet(&s->crew);
    if (part->side == SIDE_PING)
        values_add(&s->values[values], histogram_quantile(&h, 0.5));
}

static int make(struct crew *c)
{
    struct floor_stage *s = stage_of(c);
    int r = probe_make(&s->probes);

    for (int i = 0; i < 2 && r == 0; i++)
        r = ring_make(&s->rings[i], RING_MESSAGE, RING_BYTES_SMALL);
    return r < 0 ? crew_fail(c, r, "setting up the probes: %s", strerror(-r)) : 0;
}

static int run(struct crew *c, enum side side)
{
    struct floor_stage *s = stage_of(c);
    struct part part = {.stage = s, .side = side, .rings = {s->rings[0], s->rings[1]}};
    uint64_t start = clock_now();

    do {
        if (s->split) {
            probe(&part, VALUES_LINE, &probe_line, PROBE_NS);
            probe(&part, VALUES_RING, NULL, PROBE_NS);
        }
        probe(&part, VALUES_FUTEX, &probe_futex, SLEEPING_PROBE_NS);
        probe(&part, VALUES_EVENTFD, &probe_eventfd, SLEEPING_PROBE_NS);
        if (side == SIDE_PING)
            s->more = clock_now() - start < s->for_ns;
        crew_meet(c);
    } while (s->more);
    if (s->split && side == SIDE_PING)
        memory_write_turns(&s->probes, s->shared, TURN_BYTES, TURNS, &s->turns[0]);
    else if (s->split)
        memory_read_turns(&s->probes, s->shared, TURN_BYTES, TURNS, &s->turns[1]);
    return 0;
}

static struct floor *floors_add(struct floors *f, const char *name, enum floor_unit unit)
{
    struct floor *floor = &f->list[f->count++];

    *floor = (struct floor){.name = name, .unit = unit};
    return floor;
}

static void add_values(struct floors *f, const char *name, double at[], size_t count)
{
    struct floor *floor = floors_add(f, name, FLOOR_NS);

    floor->probes = count;
    floor->median = stat_quantile(at, count, 0.5);
    floor->p10 = stat_quantile(at, count, 0.1);
    floor->p90 = stat_quantile(at, count, 0.9);
}

/* Bytes per nanosecond are gigabytes per second; the slow tenth of the times is that of the
 * rates. */
static void add_rates(struct floors *f, const char *name, size_t size, const struct histogram *h)
{
    struct floor *floor = floors_add(f, name, FLOOR_GB_S);

    floor->probes = h->count;
    floor->median = (double)size / histogram_quantile(h, 0.5);
    floor->p10 = (double)size / histogram_quantile(h, 0.9);
    floor->p90 = (double)size / histogram_quantile(h, 0.1);
}

/* Near and far apart, and what the ring adds to each. */
static void add_lines(struct floors *f, struct floor_stage *s)
{
    struct values *line = &s->values[VALUES_LINE], *ring = &s->values[VALUES_RING];
    static struct values lines[2], rings[2], ratios;

    lines[0].count = lines[1].count = rings[0].count = rings[1].count = ratios.count = 0;
    for (size_t i = 0; i < line->count; i++) {
        enum distance distance = line->at[i] > DISTANCE_FAR_NS ? DISTANCE_FAR : DISTANCE_NEAR;

        if (line->at[i] > INTERRUPTED_NS)
            continue;
        values_add(&lines[distance], line->at[i]);
        values_add(&rings[distance], ring->at[i]);
        values_add(&ratios, ring->at[i] / line->at[i]);
    }
    if (lines[DISTANCE_NEAR].count > 0) {
        add_values(f, "cache line there and back, near", lines[0].at, lines[0].count);
        add_values(f, "reference ring, 64 B there and back, near", rings[0].at, rings[0].count);
    }
    if (lines[DISTANCE_FAR].count > 0) {
        add_values(f, "cache line there and back, far", lines[1].at, lines[1].count);
        add_values(f, "reference ring, 64 B there and back, far", rings[1].at, rings[1].count);
    }
    f->ring_ratio = stat_quantile(ratios.at, ratios.count, 0.5);
    f->ring_held = f->ring_ratio <= RING_BAR;
    add_values(f, "reference ring by cache line", ratios.at, ratios.count);
    f->list[f->count - 1].unit = FLOOR_RATIO;
}

static void measure_place(struct floors *f, enum place place, uint64_t for_ns)
{
    static const struct crew_work work = {.make = make, .run = run};
    struct floor_stage *s = crew_memory(sizeof *s);
    bool split = place == PLACE_SPLIT;
    int r = 0;
    struct values *futex = &s->values[VALUES_FUTEX], *eventfd = &s->values[VALUES_EVENTFD];

    s->for_ns = for_ns / MEETINGS;
    s->split = split;
    for (int i = 0; i < MEETINGS && r == 0; i++)
        r = crew_run(&s->crew, &work, place, s->for_ns + LIMIT_NS);
    if (r < 0) {
        (void)snprintf(f->error, sizeof f->error, "%s", s->crew.error);
    } else {
        if (split)
            add_lines(f, s);
        add_values(f,
                   split ? "wake-up there and back, two CPUs, futex"
                         : "wake-up there and back, one CPU, futex",
                   futex->at, futex->count);
        add_values(f,
                   split ? "wake-up there and back, two CPUs, eventfd"
                         : "wake-up there and back, one CPU, eventfd",
                   eventfd->at, eventfd->count);
        if (split) {
            add_rates(f, "reading 1 MiB that the other CPU wrote", TURN_BYTES, &s->turns[1]);
            add_rates(f, "rewriting 1 MiB that the other CPU read", TURN_BYTES, &s->turns[0]);
        }
    }
    (void)munmap(s, sizeof *s);
}

static double syscall_ns(void)
{
    uint64_t start = clock_now();

    for (int i = 0; i < CALLS_A_PROBE; i++)
        (void)syscall(SYS_getppid);
    return (double)(clock_now() - start) / CALLS_A_PROBE;
}

static double clock_ns(void)
{
    uint64_t start = clock_now();

    for (int i = 0; i < CALLS_A_PROBE; i++)
        (void)clock_now();
    return (double)(clock_now() - start) / CALLS_A_PROBE;
}

static void add_times(struct floors *f, const char *name, double (*measure)(void))
{
    double at[LONE_PROBES];

    for (size_t i = 0; i < LONE_PROBES; i++)
        at[i] = measure();
    add_values(f, name, at, LONE_PROBES);
}

static void add_copies(struct floors *f, const char *name, size_t size)
{
    static struct histogram h;

    histogram_clear(&h);
    memory_copy(size, &h);
    add_rates(f, name, size, &h);
}

void floors_measure(struct floors *ret_floors, uint64_t for_ns)
{
    memset(ret_floors, 0, sizeof *ret_floors);
    ret_floors->ring_held = -1;
    if (place_possible(PLACE_SPLIT))
        measure_place(ret_floors, PLACE_SPLIT, for_ns * 2 / 3);
    measure_place(ret_floors, PLACE_SAME, for_ns / 3);
    add_times(ret_floors, "system call (getppid)", syscall_ns);
    add_times(ret_floors, "reading the clock", clock_ns);
    add_times(ret_floors, "first touch of a shared page", memory_touch_ns);
    add_copies(ret_floors, "memcpy, 256 KiB", 256u << 10);
    add_copies(ret_floors, "memcpy, 4 MiB", 4u << 20);
    add_copies(ret_floors, "memcpy, 64 MiB", 64u << 20);
}
