/* SPDX-License-Identifier: MIT */
/* A case as a test: all its points, or a sample, each in a stage; and the sum. */
#include "crash.h"

#include "machine.h"
#include "runner/runner.h"
#include "runner/test.h"
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    STATE_MOST = 64 * 1024,
    SAMPLE_TELLING = 250, /* points after a call or a shared store, in a sample */
    SAMPLE_OTHER = 60,
    SAMPLE_S = 15, /* where the machine is slow, a sample ends after that time */
    COUNTED = 32,  /* every so many-th point of those that are not passed again, at a second each */
    DEADLINE_S = 7200
};

/* What was done, and what is to be done: of each kind every so many-th point. */
struct plan {
    size_t every_telling, every_other;
    size_t part, parts; /* of the points the ones whose number has this remainder */
    int64_t until_ns;   /* 0: none */
};

struct sum {
    size_t killed, after_call, after_store, inside, in_child, missed, counted;
    bool cut;
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) ||                               \
    RUNNER_HAS(address_sanitizer) || RUNNER_HAS(thread_sanitizer)
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static void skip_where_steps_make_no_sense(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    if (is_sanitized)
        SKIP("a sanitizer's own instructions are not stepped through");
    if (test_is_emulated())
        SKIP("an emulator's processes cannot be stepped");
    if (preloaded != NULL && strstr(preloaded, "vgpreload") != NULL)
        SKIP("valgrind's processes cannot be stepped");
    if (!machine_steps)
        SKIP("this processor's instructions are not known to the harness");
}

static bool is_telling(const struct points *p, size_t number)
{
    const struct point *point = &p->list[number];

    return point->after_call || point->after_store || number == 0 || number + 1 == p->count;
}

/* CRASH_EVERY=K: all telling points and every K-th of the others; else a sample. CRASH_PART=I/N: of these the I-th part
 * of N, for goes on several machines or one after the other. */
static struct plan make_plan(const struct points *p)
{
    const char *text = getenv("CRASH_EVERY"), *part_text = getenv("CRASH_PART");
    unsigned part = 1, parts = 1;
    size_t telling = 0, other = 0;

    if (part_text != NULL &&
        (sscanf(part_text, "%u/%u", &part, &parts) != 2 || part < 1 || part > parts))
        FAIL("CRASH_PART=%s is not I/N", part_text);
    if (text != NULL) {
        size_t every = strtoul(text, NULL, 10);

        return (struct plan){.every_telling = 1,
                             .every_other = every > 0 ? every : 1,
                             .part = part - 1,
                             .parts = parts};
    }
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].adds)
            *(is_telling(p, i) ? &telling : &other) += 1;
    return (struct plan){.every_telling = telling / SAMPLE_TELLING + 1,
                         .every_other = other / SAMPLE_OTHER + 1,
                         .part = part - 1,
                         .parts = parts,
                         .until_ns = run_now_ns() +
                                     (int64_t)SAMPLE_S * test_time_scale() * INT64_C(1000000000)};
}

static void count(struct sum *sum, const struct stage *s)
{
    const struct point *p = &s->points->list[s->number];

    if (s->news->missed)
        return; /* what has slept once need not again */
    sum->killed++;
    sum->in_child += p->in_child;
    if (s->kind == STAGE_ENTERS)
        sum->inside++;
    else if (p->after_call)
        sum->after_call++;
    else if (p->after_store)
        sum->after_store++;
}

/* What is missed is not there when nobody steps: a branch went another way, as time or a number said. */
static void kill_at(struct stage *s, struct sum *sum)
{
    s->kind = STAGE_KILLS;
    stage_run(s);
    if (s->news->missed && (sum->missed++ % COUNTED == 0 || is_telling(s->points, s->number))) {
        sum->counted++;
        s->kind = STAGE_COUNTS;
        stage_run(s);
    }
    count(sum, s);
    if (!s->points->list[s->number].sleeps || s->the_case->follow_child)
        return;
    s->kind = STAGE_ENTERS;
    stage_run(s);
    count(sum, s);
}

static struct sum kill_everywhere(struct stage *s)
{
    const struct points *p = s->points;
    const struct plan plan = make_plan(p);
    size_t telling = 0, other = 0;
    struct sum sum = {0};

    for (s->number = 0; s->number < p->count; s->number++) {
        const struct point *point = &p->list[s->number];
        bool wanted = is_telling(p, s->number) ? telling++ % plan.every_telling == 0
                                               : other++ % plan.every_other == 0;

        if (!point->adds || (!wanted && !point->sleeps) || s->number % plan.parts != plan.part)
            continue;
        if (plan.until_ns != 0 && run_now_ns() > plan.until_ns) {
            sum.cut = true;
            break;
        }
        kill_at(s, &sum);
    }
    return sum;
}

static void report(const struct crash_case *c, const struct points *p, const struct sum *sum)
{
    (void)fprintf(
        stderr,
        "crash: %s: %zu points killed of %zu instructions; of these %zu after a system call, "
        "%zu after a shared store, %zu inside a system call, %zu in the child",
        c->name, sum->killed, p->count - 1, sum->after_call, sum->after_store, sum->inside,
        sum->in_child);
    if (sum->missed > 0)
        (void)fprintf(stderr, "; %zu are passed only by steps: of these %zu by counting",
                      sum->missed, sum->counted);
    (void)fprintf(stderr, "%s\n", sum->cut ? "; cut short by its time" : "");
}

/* Anew when it has found where a restartable sequence begins: it disturbed it. */
static void record(struct stage *s)
{
    unsigned known;

    do {
        known = s->points->sequences.count;
        stage_run(s);
    } while (s->points->sequences.count != known);
}

static void run_case(const void *argument)
{
    const struct crash_case *c = argument;
    struct stage s = {.the_case = c};
    struct points *p;
    struct sum sum;

    skip_where_steps_make_no_sense();
    CHECK(c->operate != NULL && c->check != NULL && c->state_size <= STATE_MOST);
    s.news = test_shared(sizeof *s.news);
    s.state = test_shared(c->state_size > 0 ? c->state_size : 1);
    p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
             -1, 0);
    CHECK(p != MAP_FAILED);
    s.points = p;
    record(&s);
    if (p->not_permitted)
        SKIP("processes may not be traced here");
    sum = kill_everywhere(&s);
    report(c, p, &sum);
    CHECK_EQ(munmap(p, sizeof *p), 0);
}

void crash_add(const struct crash_case *c)
{
    test_add(c->name, run_case, c,
             &(const struct test_options){.deadline_s = DEADLINE_S, .file = c->file});
}
