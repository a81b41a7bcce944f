/* SPDX-License-Identifier: MIT */
/* A duel: alternates the slices, watches the floor, and keeps what counts. */
#include "duel.h"

#include "clock.h"
#include "crew.h"
#include "reference/probe.h"
#include "slice.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define STEADY 1.25           /* the floor has moved if its probes differ by more */
#define SAMPLE_NS 2000.0      /* the clock is looked at so seldom that it costs 1 % */
#define SAMPLE_MESSAGES 1024u /* and at least once for so many messages */
#define KEPT_SHARE 0.98       /* of the trips of a slice */
#define LINE_PROBE_NS 400000u
#define GRACE_NS 10000000000u /* after its time a duel that does not end is hung */

enum step { STEP_SLICE, STEP_PROBE, STEP_END };

/* All that the two processes share. */
struct stage {
    struct crew crew;
    const struct duel *duel;
    struct duel_limits limits;
    struct probe_memory probes;
    struct course courses[2]; /* subject, reference */
    /* The next step, set by SIDE_PING before both meet. */
    enum step step;
    const struct probe *probe;
    int entry;
    struct slice slices[2];
    struct duel_result *result;
};

struct floor_level {
    double line, wake; /* nanoseconds; 0: not looked at */
};

static struct stage *stage_of(struct crew *c)
{
    return (struct stage *)(void *)((char *)c - offsetof(struct stage, crew));
}

static int make_course(struct stage *s, struct course *c, const struct entry *e)
{
    int r;

    memset(c, 0, sizeof *c);
    c->way = e->way;
    c->what = e->what;
    c->size = s->duel->size;
    c->pattern = s->duel->pattern;
    c->wait = s->duel->wait;
    r = c->way->make(c);
    if (r < 0)
        return crew_fail(&s->crew, r, "%s, setting up: %s", c->way->name,
                         c->error[0] != '\0' ? c->error : strerror(-r));
    return 0;
}

static int make(struct crew *crew)
{
    struct stage *s = stage_of(crew);
    int r = probe_make(&s->probes);

    if (r < 0)
        return crew_fail(crew, r, "eventfd: %s", strerror(-r));
    r = make_course(s, &s->courses[0], &s->duel->subject);
    return r < 0 ? r : make_course(s, &s->courses[1], &s->duel->reference);
}

/* One probe, by SIDE_PING; the other side is called by follow(). */
static double probe(struct stage *s, const struct probe *p, uint64_t for_ns)
{
    static struct histogram times;

    s->step = STEP_PROBE;
    s->probe = p;
    crew_meet(&s->crew);
    histogram_clear(&times);
    p->ping(&s->probes, for_ns, &times);
    crew_meet(&s->crew);
    return histogram_quantile(&times, 0.5);
}

static struct floor_level probe_floor(struct stage *s)
{
    struct floor_level level = {0, 0};

    if (s->duel->place == PLACE_SPLIT)
        level.line = probe(s, &probe_line, LINE_PROBE_NS);
    if (s->duel->wait == WAIT_SLEEP)
        level.wake = probe(s, &probe_futex, s->limits.probe_ns);
    return level;
}

static bool within(double a, double b, double c)
{
    double low = a < b ? a : b, high = a > b ? a : b;

    low = low < c ? low : c;
    high = high > c ? high : c;
    return high <= STEADY * low;
}

static bool steady(const struct floor_level f[3])
{
    return within(f[0].line, f[1].line, f[2].line) && within(f[0].wake, f[1].wake, f[2].wake);
}

static int slice(struct stage *s, struct seat seats[2], int entry)
{
    s->step = STEP_SLICE;
    s->entry = entry;
    s->slices[entry].samples = s->result->samples[entry];
    s->slices[entry].for_ns = s->limits.slice_ns;
    crew_meet(&s->crew);
    return slice_run(&s->slices[entry], &seats[entry]);
}

/* A first slice that does not count warms everything up and shows how often to look at the
 * clock. */
static int warm_up(struct stage *s, struct seat seats[2])
{
    for (int i = 0; i < 2; i++) {
        double each;
        int r;

        s->result->samples[i] = 1;
        r = slice(s, seats, i);
        if (r < 0)
            return r;
        each = (double)s->slices[i].elapsed_ns / (double)s->slices[i].messages;
        if (each < SAMPLE_NS)
            s->result->samples[i] = (uint32_t)(SAMPLE_NS / each) + 1;
        if (s->result->samples[i] > SAMPLE_MESSAGES)
            s->result->samples[i] = SAMPLE_MESSAGES;
    }
    return 0;
}

/* What the ratio is made of. Of round trips the mean without the slowest few: in these somebody
 * else ran, and P99 and P99.9 tell of them. One way it is the whole time, for there the few slow
 * ones are the sleeps that let many be quick. */
static double time_each(const struct slice *slice, const struct duel *duel)
{
    if (duel->subject.way->serves)
        return (double)slice->pong_cpu_ns / (double)slice->messages;
    if (duel->pattern == PATTERN_ROUND_TRIP)
        return histogram_mean(&slice->times, KEPT_SHARE);
    return (double)slice->elapsed_ns / (double)slice->messages;
}

static void keep(struct stage *s, enum distance distance)
{
    struct duel_result *result = s->result;

    for (int i = 0; i < 2; i++) {
        struct tally *t = &result->tallies[i][distance];
        const struct slice *slice = &s->slices[i];

        t->slices++;
        t->messages += slice->messages;
        t->elapsed_ns += s->duel->subject.way->serves ? slice->pong_cpu_ns : slice->elapsed_ns;
        t->cpu_ns += slice->cpu_ns;
        histogram_merge(&t->times, &slice->times);
    }
    result->pairs[result->pair_count++] = (struct duel_pair){
        .ratio = time_each(&s->slices[0], s->duel) / time_each(&s->slices[1], s->duel),
        .distance = distance,
    };
}

static int lead(struct stage *s, struct seat seats[2])
{
    struct floor_level levels[3];
    uint64_t start = clock_now();
    int r = warm_up(s, seats);

    if (r < 0)
        return r;
    levels[0] = probe_floor(s);
    for (int pair = 0;
         clock_now() - start < s->limits.total_ns && s->result->pair_count < DUEL_PAIRS_MAX;
         pair++) {
        /* Each of the two is as often the first one as the second one. */
        for (int i = 0; i < 2; i++) {
            r = slice(s, seats, (pair + i) & 1);
            if (r < 0)
                return r;
            levels[i + 1] = probe_floor(s);
        }
        if (!s->slices[0].intact || !s->slices[1].intact)
            s->result->mismatches++;
        else if (steady(levels))
            keep(s, levels[1].line > DISTANCE_FAR_NS ? DISTANCE_FAR : DISTANCE_NEAR);
        else
            s->result->dropped++;
        levels[0] = levels[2];
    }
    s->step = STEP_END;
    crew_meet(&s->crew);
    return 0;
}

static int follow(struct stage *s, struct seat seats[2])
{
    int r = 0;

    while (r == 0) {
        crew_meet(&s->crew);
        if (s->step == STEP_END)
            break;
        if (s->step == STEP_SLICE) {
            r = slice_run(&s->slices[s->entry], &seats[s->entry]);
        } else {
            s->probe->pong(&s->probes);
            crew_meet(&s->crew);
        }
    }
    return r;
}

/* The courses are copied: from here on each process has its own. */
static int run(struct crew *crew, enum side side)
{
    struct stage *s = stage_of(crew);
    struct course courses[2];
    struct seat seats[2];
    int result;

    for (int i = 0; i < 2; i++) {
        int r;

        courses[i] = s->courses[i];
        courses[i].way->join(&courses[i], side);
        r = seat_init(&seats[i], crew, &courses[i]);
        if (r < 0)
            return r;
    }
    result = side == SIDE_PING ? lead(s, seats) : follow(s, seats);
    for (int i = 0; i < 2; i++)
        if (courses[i].way->end != NULL)
            courses[i].way->end(&courses[i]);
    return result;
}

static int check_entry(const struct duel *d, const struct entry *e, struct duel_result *result)
{
    struct course c = {.way = e->way, .what = e->what, .size = d->size, .wait = d->wait};
    int r = e->way->check != NULL ? e->way->check(&c) : 0;

    if (r < 0)
        (void)snprintf(result->text, sizeof result->text, "%s", c.error);
    return r;
}

struct duel_result *duel_result_new(void)
{
    return crew_memory(sizeof(struct duel_result));
}

void duel_result_free(struct duel_result *result)
{
    if (result != NULL)
        (void)munmap(result, sizeof *result);
}

void duel_run(const struct duel *d, const struct duel_limits *limits, struct duel_result *result)
{
    static const struct crew_work work = {.make = make, .run = run};
    struct stage *s;

    result->error = check_entry(d, &d->subject, result);
    if (result->error == 0)
        result->error = check_entry(d, &d->reference, result);
    if (result->error < 0)
        return;
    s = crew_memory(sizeof *s);
    s->duel = d;
    s->limits = *limits;
    s->result = result;
    result->error = crew_run(&s->crew, &work, d->place, limits->total_ns + GRACE_NS);
    if (result->error < 0)
        (void)snprintf(result->text, sizeof result->text, "%s", s->crew.error);
    (void)munmap(s, sizeof *s);
}
