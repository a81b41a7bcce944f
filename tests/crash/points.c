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
};

enum { PASSAGES = 2 * POINTS_MOST };

static uint32_t pass(struct passage *passages, uintptr_t place, bool in_child)
{
    size_t at = place * UINT64_C(0x9e3779b97f4a7c15) % PASSAGES;

    while (passages[at].times > 0 &&
           (passages[at].place != place || passages[at].in_child != in_child))
        at = (at + 1) % PASSAGES;
    passages[at].place = place;
    passages[at].in_child = in_child;
    return ++passages[at].times;
}

static void add(struct points *p, struct passage *passages, const struct step *s, bool stored)
{
    const struct point *last = p->count > 0 ? &p->list[p->count - 1] : NULL;
    struct point *new = &p->list[p->count];
    bool repeats = last != NULL && last->place == s->place && last->in_child == s->in_child;

    if (p->count == POINTS_MOST)
        FAIL("the operation has more than %d instructions", POINTS_MOST);
    *new = (struct point){.place = s->place,
                          .times = repeats ? last->times : pass(passages, s->place, s->in_child),
                          .more = repeats ? last->more + 1 : 0,
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
        p->list[first].adds = p->list[next - 1].adds = true;
        p->list[first + (next - 1 - first) / 2].adds = true;
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
    const struct point *wanted = &p->list[number];
    int result = tracee_run_to(t, wanted->in_child, wanted->place, wanted->times);

    if (result < 0) /* no breakpoints here */
        return points_count_to(number, t, steps);
    return result == 1 && points_count_to(wanted->more, t, steps);
}
