/* SPDX-License-Identifier: MIT */
/* A duel of ways that are the work of one process: slices that alternate, as in a duel of two, without a floor. */
#include "solo.h"

#include "clock.h"
#include "crew.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define KEPT_SHARE 0.98 /* as of round trips */
#define PAIRS_LEAST 3
#define GRACE_NS 60000000000u /* a piece of work may take longer than all the row's time */

/* All that the process shares with the one that reports. */
struct stage {
    struct crew crew;
    const struct duel *duel;
    struct duel_limits limits;
    struct duel_result *result;
    struct histogram times;
};

static struct stage *stage_of(struct crew *c)
{
    return (struct stage *)(void *)((char *)c - offsetof(struct stage, crew));
}

static int slice(struct stage *s, struct course *c, int entry, double *ret_each)
{
    struct tally *t = &s->result->tallies[entry][DISTANCE_NEAR];
    uint64_t start = clock_now(), cpu = clock_cpu(), now = start;

    histogram_clear(&s->times);
    while (now - start < s->limits.slice_ns) {
        uint64_t before = now;
        int r = c->way->work(c);

        if (r < 0)
            return crew_fail(&s->crew, r, "%s: %s", c->way->name,
                             c->error[0] != '\0' ? c->error : strerror(-r));
        now = clock_now();
        histogram_add(&s->times, (double)(now - before));
        t->messages++;
    }
    t->slices++;
    t->elapsed_ns += now - start;
    t->cpu_ns += clock_cpu() - cpu;
    histogram_merge(&t->times, &s->times);
    *ret_each = histogram_mean(&s->times, KEPT_SHARE);
    return 0;
}

static int compete(struct stage *s, struct course courses[2])
{
    struct duel_result *result = s->result;
    uint64_t start = clock_now();
    double each[2];

    for (int i = 0; i < 2; i++) { /* a first one that does not count warms everything up */
        int r = courses[i].way->work(&courses[i]);

        if (r < 0)
            return crew_fail(&s->crew, r, "%s: %s", courses[i].way->name, strerror(-r));
    }
    while (result->pair_count < PAIRS_LEAST ||
           (clock_now() - start < s->limits.total_ns && result->pair_count < DUEL_PAIRS_MAX)) {
        for (uint32_t i = 0; i < 2; i++) {
            int entry = (int)((result->pair_count + i) & 1);
            int r = slice(s, &courses[entry], entry, &each[entry]);

            if (r < 0)
                return r;
        }
        result->pairs[result->pair_count++] =
            (struct duel_pair){.ratio = each[0] / each[1], .distance = DISTANCE_NEAR};
    }
    return 0;
}

static int run(struct crew *crew, enum side side)
{
    struct stage *s = stage_of(crew);
    const struct entry *entries[2] = {&s->duel->subject, &s->duel->reference};
    struct course courses[2];
    int r = 0;

    if (side == SIDE_PONG)
        return 0;
    for (int i = 0; i < 2 && r == 0; i++) {
        courses[i] = (struct course){.way = entries[i]->way,
                                     .what = entries[i]->what,
                                     .size = s->duel->size};
        if (courses[i].way->make != NULL)
            r = courses[i].way->make(&courses[i]);
        if (r < 0)
            return crew_fail(crew, r, "%s: %s", courses[i].way->name, courses[i].error);
    }
    return compete(s, courses);
}

void solo_run(const struct duel *d, const struct duel_limits *limits, struct duel_result *result)
{
    static const struct crew_work work = {.run = run};
    struct stage *s = crew_memory(sizeof *s);

    s->duel = d;
    s->limits = *limits;
    s->result = result;
    result->samples[0] = result->samples[1] = 1;
    result->error = crew_run(&s->crew, &work, d->place, limits->total_ns + GRACE_NS);
    if (result->error < 0)
        (void)snprintf(result->text, sizeof result->text, "%s", s->crew.error);
    (void)munmap(s, sizeof *s);
}
