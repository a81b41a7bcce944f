/* SPDX-License-Identifier: MIT */
/* The points of an operation: found by stepping through it, and reached again. */
#include "points.h"

#include "machine.h"
#include "runner/test.h"
#include "watch.h"

#include <stdlib.h>

/* How often each place was passed: open addressing, twice as large as it is ever full. */
struct passage {
    uintptr_t place;
    uint32_t times;
    bool in_child;
    uint32_t turns; /* of a loop that it is in, without a way out between */
    size_t last;    /* when it was passed */
};

enum {
    PASSAGES = 2 * POINTS_MOST,
    LOOP_MOST = 32,  /* instructions of a small loop, */
    TURNS = 64,      /* so many turns of which count each, */
    TURNS_APART = 16 /* and of the others these */
};

static struct passage *pass(struct passage *passages, uintptr_t place, bool in_child, size_t when)
{
    size_t at = place * UINT64_C(0x9e3779b97f4a7c15) % PASSAGES;

    while (passages[at].times > 0 &&
           (passages[at].place != place || passages[at].in_child != in_child))
        at = (at + 1) % PASSAGES;
    passages[at].turns = passages[at].times > 0 && when - passages[at].last <= LOOP_MOST
                             ? passages[at].turns + 1
                             : 0;
    passages[at].last = when;
    passages[at].place = place;
    passages[at].in_child = in_child;
    passages[at].times++;
    return &passages[at];
}

static void add(struct points *p, struct passage *passages, const struct step *s, bool stored)
{
    const struct point *last = p->count > 0 ? &p->list[p->count - 1] : NULL;
    struct point *new = &p->list[p->count];
    bool repeats = last != NULL && last->place == s->place && last->in_child == s->in_child;
    const struct passage *passage = NULL;

    if (p->count == POINTS_MOST)
        FAIL("the operation has more than %d instructions", POINTS_MOST);
    if (!repeats)
        passage = pass(passages, s->place, s->in_child, p->count);
    *new = (struct point){.place = s->place,
                          .times = repeats ? last->times : passage->times,
                          .more = repeats ? last->more + 1 : 0,
                          .in_loop = !repeats && !s->after_call && !stored &&
                                     passage->turns > TURNS && passage->turns % TURNS_APART != 0,
                          .in_child = s->in_child,
                          .after_call = s->after_call,
                          .after_store = stored};
    p->count++;
}

static void choose_of_repetitions(struct points *p)
{
    for (size_t first = 0, next; first < p->count; first = next) {
        for (next = first + 1; next < p->count && p->list[next].more > 0; next++)
            continue;
        p->list[first].adds = !p->list[first].in_loop;
        if (next - first == 1)
            continue;
        p->list[next - 1].adds = true;
        p->list[first + (next - 1 - first) / 2].adds = true;
    }
}

/* A point in a loop has been passed often, each time a stop. It is cheaper to go to one that has not, and to step from
 * there: each pass and each step cost the same. Through a sleep, and into a child, nobody steps. */
static void choose_ways(struct points *p)
{
    size_t stops = 0;

    for (size_t i = 0; i < p->count; i++) {
        struct point *point = &p->list[i];
        const struct point *before = i > 0 ? point - 1 : NULL;
        size_t own = (size_t)point->times + point->more;
        bool steps = before != NULL && !before->sleeps && !before->in_child && !point->in_child;

        stops++;
        if (steps && (stops < own || point->more > 0)) {
            point->from = before->from;
            continue;
        }
        point->from = (uint32_t)(i - point->more);
        stops = own;
    }
}

void points_record(struct points *p, struct tracee *t, atomic_size_t *steps)
{
    struct passage *passages = calloc(PASSAGES, sizeof *passages);
    struct watch *w = watch_new(t->worker, t->state, t->the_case->state_size);
    struct step s = {.place = tracee_place(t)};

    CHECK(passages != NULL);
    p->count = 0;
    add(p, passages, &s, false);
    while (!tracee_is_over(t)) {
        bool stored;

        tracee_step(t, &s);
        atomic_fetch_add_explicit(steps, 1, memory_order_relaxed);
        stored = watch_changed(w);
        p->list[p->count - 1].sleeps = s.slept && !s.in_child;
        add(p, passages, &s, stored && !s.after_call);
        if (s.after_call)
            watch_look_again(w);
    }
    choose_of_repetitions(p);
    choose_ways(p);
    watch_free(w);
    free(passages);
}

bool points_count_to(size_t number, struct tracee *t, atomic_size_t *steps)
{
    struct step s;

    for (size_t i = 0; i < number; i++) {
        if (tracee_is_over(t))
            return false;
        tracee_step(t, &s);
        atomic_fetch_add_explicit(steps, 1, memory_order_relaxed);
    }
    return true;
}

bool points_go_to(const struct points *p, size_t number, struct tracee *t, atomic_size_t *steps)
{
    const struct point *wanted = &p->list[number], *from = &p->list[wanted->from];
    int result = tracee_run_to(t, from->in_child, from->place, from->times);

    if (result < 0) /* no breakpoints here */
        return points_count_to(number, t, steps);
    if (result == 0 || number == wanted->from)
        return result == 1;
    tracee_forget_place(t);
    return points_count_to(number - wanted->from, t, steps) && tracee_place(t) == wanted->place;
}
