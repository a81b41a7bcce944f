/* SPDX-License-Identifier: MIT */
/* The suite of semaphores whose permits have owners, for each way in which they come to be. */
#include "sync/semaphores_test.h"

static const struct way ways[] = {
    {.name = "native", .kind = ENL_OWNED_SEMAPHORE, .owned = true},
    {.name = "memfd", .kind = ENL_OWNED_SEMAPHORE, .region = "memfd:way?size=4096", .owned = true},
    {.name = "svshm", .kind = ENL_OWNED_SEMAPHORE, .region = "svshm:?size=4096", .owned = true},
    {.name = "svsem", .address = "svsem:", .owned = true},
    {.name = "shm", .address = "shm:", .owned = true},
};

struct holder_plan {
    struct enl_sync *s;
    struct test_gate *has;
    unsigned count;
};

static void hold(void *argument)
{
    struct holder_plan *p = argument;

    for (unsigned i = 0; i < p->count; i++)
        CHECK_OK(enl_semaphore_wait(p->s, test_until()));
    test_gate_open(p->has);
    for (;;)
        (void)pause();
}

static void what_the_dead_held_comes_back(const void *way)
{
    struct holder_plan p = {.s = way_make(way, 3), .has = test_gate_new(), .count = 3};
    pid_t child = test_child(hold, &p);

    test_gate_wait(p.has);
    CHECK_EQ(enl_semaphore_wait(p.s, ENL_NOW), -EAGAIN);
    test_kill(child);
    for (int i = 0; i < 3; i++)
        CHECK_OK(enl_semaphore_wait(p.s, test_until()));
    CHECK_EQ(enl_semaphore_wait(p.s, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_semaphore_post(p.s, 3));
    way_end(way, p.s);
}

struct rescue {
    struct holder_plan plan;
    struct test_gate *rescued;
};

static void wait_to_be_rescued(void *argument)
{
    struct rescue *r = argument;

    CHECK_OK(enl_semaphore_wait(r->plan.s, test_until()));
    CHECK_OK(enl_semaphore_post(r->plan.s, 1));
}

/* Who sleeps already finds out by itself. */
static void sleepers_get_what_the_dead_held(const void *way)
{
    struct rescue r = {.plan = {.s = way_make(way, 2), .has = test_gate_new(), .count = 2}};
    pid_t holder = test_child(hold, &r.plan), waiters[3];

    test_gate_wait(r.plan.has);
    for (int i = 0; i < 3; i++)
        waiters[i] = test_child(wait_to_be_rescued, &r);
    nap(5 * MS);
    test_kill(holder);
    for (int i = 0; i < 3; i++)
        test_join(waiters[i]);
    CHECK_OK(enl_semaphore_wait(r.plan.s, test_until()));
    CHECK_OK(enl_semaphore_post(r.plan.s, 1));
    way_end(way, r.plan.s);
}

static void take_and_exit(void *s)
{
    CHECK_OK(enl_semaphore_wait(s, test_until()));
}

static void an_exit_gives_back_as_a_death_does(const void *way)
{
    struct enl_sync *s = way_make(way, 1);

    for (int i = 0; i < 5; i++)
        test_join(test_child(take_and_exit, s));
    CHECK_OK(enl_semaphore_wait(s, test_until()));
    CHECK_OK(enl_semaphore_post(s, 1));
    way_end(way, s);
}

static void try_in_child(void *s)
{
    CHECK_EQ(enl_semaphore_wait(s, ENL_NOW), -EAGAIN);
}

static void a_child_does_not_hold_what_its_parent_holds(const void *way)
{
    struct enl_sync *s = way_make(way, 1);

    CHECK_OK(enl_semaphore_wait(s, ENL_NOW));
    test_join(test_child(try_in_child, s));
    CHECK_EQ(way_value(s), 0);
    CHECK_OK(enl_semaphore_post(s, 1));
    CHECK_EQ(way_value(s), 1);
    way_end(way, s);
}

#define CROWD 8
#define TURNS 100

struct crowd {
    struct enl_sync *s;
    _Atomic unsigned turns[CROWD], next;
    _Atomic int stop;
};

static void take_turns(void *argument)
{
    struct crowd *c = argument;
    unsigned me = atomic_fetch_add(&c->next, 1);

    while (!atomic_load(&c->stop)) {
        CHECK_OK(enl_semaphore_wait(c->s, test_until()));
        atomic_fetch_add(&c->turns[me], 1);
        CHECK_OK(enl_semaphore_post(c->s, 1));
    }
}

static void nobody_of_eight_starves(const void *way)
{
    struct crowd *c = test_shared(sizeof *c);
    pid_t children[CROWD];

    c->s = way_make(way, 2);
    for (int i = 0; i < CROWD; i++)
        children[i] = test_child(take_turns, c);
    for (int i = 0; i < CROWD; i++)
        while (atomic_load(&c->turns[i]) < TURNS) {
            CHECK(clock_now_ns() < test_until());
            nap(MS);
        }
    atomic_store(&c->stop, 1);
    for (int i = 0; i < CROWD; i++)
        test_join(children[i]);
    CHECK_EQ(way_value(c->s), 2);
    way_end(way, c->s);
}

static void take_turns_for_ever(void *argument)
{
    struct crowd *c = argument;

    for (;;) {
        CHECK_OK(enl_semaphore_wait(c->s, test_until()));
        atomic_fetch_add(&c->next, 1);
        CHECK_OK(enl_semaphore_post(c->s, 1));
    }
}

#define STORM_DEATHS 40

/* Killed anywhere: in the end every permit is there. */
static void a_storm_loses_no_permit(const void *way)
{
    struct crowd *c = test_shared(sizeof *c);
    unsigned seed = (unsigned)getpid();
    pid_t children[CROWD];

    c->s = way_make(way, 3);
    for (int i = 0; i < CROWD; i++)
        children[i] = test_child(take_turns_for_ever, c);
    for (int i = 0; i < STORM_DEATHS; i++) {
        unsigned which = (unsigned)rand_r(&seed) % CROWD;

        nap(INT64_C(1000) * (rand_r(&seed) % 1000));
        test_kill(children[which]);
        children[which] = test_child(take_turns_for_ever, c);
    }
    while (atomic_load(&c->next) == 0)
        nap(MS);
    for (int i = 0; i < CROWD; i++)
        test_kill(children[i]);
    for (int i = 0; i < 3; i++)
        CHECK_OK(enl_semaphore_wait(c->s, test_until()));
    CHECK_EQ(enl_semaphore_wait(c->s, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_semaphore_post(c->s, 3));
    way_end(way, c->s);
}

static const struct suite_line lines[] = {
    {"what_the_dead_held_comes_back", what_the_dead_held_comes_back, {0}},
    {"sleepers_get_what_the_dead_held", sleepers_get_what_the_dead_held, {.stress = true}},
    {"an_exit_gives_back_as_a_death_does", an_exit_gives_back_as_a_death_does, {0}},
    {"a_child_does_not_hold_what_its_parent_holds",
     a_child_does_not_hold_what_its_parent_holds,
     {0}},
    {"nobody_of_eight_starves", nobody_of_eight_starves, {.stress = true, .deadline_s = 60}},
    {"a_storm_loses_no_permit", a_storm_loses_no_permit, {.stress = true, .deadline_s = 60}},
};

__attribute__((constructor)) static void register_all(void)
{
    suite_register(lines, sizeof lines / sizeof lines[0], ways, sizeof ways / sizeof ways[0]);
}

/* ---- the native one alone ----------------------------------------------------------------------------------------- */

static void post_a_stranger(void *s)
{
    CHECK_EQ(enl_semaphore_post(s, 1), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "owners");
}

TEST(only_who_holds_a_permit_gives_it_back)
{
    struct enl_sync *s = way_make(&ways[0], 2);

    CHECK_OK(enl_semaphore_wait(s, ENL_NOW));
    CHECK_EQ(enl_semaphore_post(s, 2), -EPERM);
    test_join(test_child(post_a_stranger, s));
    CHECK_EQ(enl_sync_destroy(s), -EBUSY);
    CHECK_OK(enl_semaphore_post(s, 1));
    CHECK_OK(enl_sync_destroy(s));
    CHECK_EQ(enl_semaphore_wait(s, ENL_NOW), -EIDRM);
    way_end(&ways[0], s);
}

TEST(there_are_as_many_permits_as_fit)
{
    struct enl_sync_options o = {.size = sizeof o, .kind = ENL_OWNED_SEMAPHORE, .value = 241};
    struct enl_sync *s, *other = way_make(&ways[0], 240);

    CHECK_EQ(sync_create(way_place.data + 2048, way_place.roster, &o, ENL_CREATE, &s), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "240");
    o.value = 0;
    CHECK_EQ(sync_create(way_place.data + 2048, way_place.roster, &o, ENL_CREATE, &s), -EINVAL);
    for (int i = 0; i < 240; i++)
        CHECK_OK(enl_semaphore_wait(other, ENL_NOW));
    CHECK_EQ(enl_semaphore_wait(other, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_semaphore_post(other, 240));
    way_end(&ways[0], other);
}

/* Words that make no sense: an answer, no read outside, no hang. */
TEST(garbage_is_told)
{
    struct enl_sync *s = way_make(&ways[0], 5);
    uint32_t *words = (uint32_t *)(void *)way_place.data;
    unsigned seed = 1;

    for (int i = 0; i < 2000; i++) {
        int result;

        words[4 + (unsigned)rand_r(&seed) % 252] = (uint32_t)rand_r(&seed) * 2654435761u;
        result = enl_semaphore_wait(s, clock_now_ns() + 1000);
        CHECK(result == 0 || result == -ETIMEDOUT || result == -EBADMSG || result == -EIDRM);
        (void)enl_semaphore_post(s, 1);
        (void)way_value(s);
    }
    way_end(&ways[0], s);
}
