/* SPDX-License-Identifier: MIT */
/* The suite of semaphores whose permits have no owners, for each way in which they come to be. */
#include "sync/semaphores_test.h"

#include <pthread.h>

static void takes_what_is_there(const void *way)
{
    struct enl_sync *s = way_make(way, 2);

    CHECK_EQ(way_value(s), 2);
    CHECK_OK(enl_semaphore_wait(s, ENL_NOW));
    CHECK_OK(enl_semaphore_wait(s, ENL_FOREVER));
    CHECK_EQ(way_value(s), 0);
    CHECK_EQ(enl_semaphore_wait(s, ENL_NOW), -EAGAIN);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_OK(enl_semaphore_post(s, 3));
    CHECK_EQ(way_value(s), 3);
    CHECK_OK(enl_semaphore_wait(s, 1)); /* a deadline that has passed takes what is there */
    way_end(way, s);
}

static void ends_at_the_deadline(const void *way)
{
    struct enl_sync *s = way_make(way, 0);
    int64_t before = clock_now_ns();

    CHECK_EQ(enl_semaphore_wait(s, before + 110 * MS), -ETIMEDOUT);
    CHECK(clock_now_ns() >= before + 110 * MS);
    CHECK_EQ(enl_semaphore_wait(s, 1), -ETIMEDOUT);
    CHECK_OK(enl_semaphore_post(s, 1));
    CHECK_EQ(way_value(s), 1);
    way_end(way, s);
}

static void take_one(void *s)
{
    CHECK_OK(enl_semaphore_wait(s, test_until()));
}

static void wakes_as_many_as_are_posted(const void *way)
{
    struct enl_sync *s = way_make(way, 0);
    pid_t children[4];

    for (int i = 0; i < 4; i++)
        children[i] = test_child(take_one, s);
    nap(5 * MS);
    CHECK_OK(enl_semaphore_post(s, 1));
    CHECK_OK(enl_semaphore_post(s, 3));
    for (int i = 0; i < 4; i++)
        test_join(children[i]);
    CHECK_EQ(way_value(s), 0);
    way_end(way, s);
}

static void refuses_what_makes_no_sense(const void *way)
{
    struct enl_sync *s = way_make(way, 1);
    int result;

    CHECK_EQ(enl_semaphore_post(s, 0), -EINVAL);
    CHECK_EQ(enl_semaphore_post(s, UINT32_MAX), -EINVAL);
    CHECK_EQ(enl_event_set(s, 1), -EINVAL);
    CHECK_EQ(enl_event_wait(s, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_barrier_wait(s, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_mutex_lock(s, ENL_NOW), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "mutex");
    do
        result = enl_semaphore_post(s, 0x04000000);
    while (result == 0);
    CHECK(result == -EOVERFLOW || result == -ERANGE);
    CHECK_CONTAINS(enl_error_text(), "above");
    way_end(way, s);
}

/* ---- interrupts ------------------------------------------------------------------------------------------------- */

static struct enl_sync *interrupted;

static void interrupt(int signal)
{
    (void)signal;
    (void)enl_sync_interrupt(interrupted);
}

static void is_interrupted_by_a_handler(const void *way)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    struct enl_sync *s;

    if (test_delays_signals())
        SKIP("handlers wait for the next call of the libc");
    s = interrupted = way_make(way, 0);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    for (unsigned i = 0; i < 40; i++) {
        (void)ualarm(1 + i * 10, 0);
        CHECK_EQ(enl_semaphore_wait(s, i % 2 == 0 ? test_until() : ENL_FOREVER), -ECANCELED);
        CHECK_EQ(enl_semaphore_wait(s, test_until()), -ECANCELED); /* until it is cleared */
        enl_sync_interrupt_clear(s);
    }
    CHECK_EQ(enl_semaphore_wait(s, clock_now_ns() + MS), -ETIMEDOUT);
    way_end(way, s);
}

static void *interrupt_from_thread(void *unused)
{
    (void)unused;
    interrupt(0);
    return NULL;
}

static void is_interrupted_by_a_thread(const void *way)
{
    struct enl_sync *s = interrupted = way_make(way, 0);
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, interrupt_from_thread, NULL), 0);
    CHECK_EQ(enl_semaphore_wait(s, ENL_FOREVER), -ECANCELED);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    enl_sync_interrupt_clear(s);
    CHECK_OK(enl_semaphore_post(s, 1));
    CHECK_OK(enl_semaphore_wait(s, test_until()));
    way_end(way, s);
}

/* ---- deaths and crowds -------------------------------------------------------------------------------------------- */

static void wait_for_good(void *s)
{
    (void)enl_semaphore_wait(s, ENL_FOREVER);
}

static void a_dead_waiter_takes_nothing(const void *way)
{
    struct enl_sync *s = way_make(way, 0);

    for (int i = 0; i < 10; i++) {
        pid_t doomed = test_child(wait_for_good, s);
        pid_t other = test_child(take_one, s);

        nap(i % 3 * MS);
        test_kill(doomed);
        CHECK_OK(enl_semaphore_post(s, 1));
        test_join(other);
    }
    CHECK_EQ(way_value(s), 0);
    way_end(way, s);
}

#define CROWD 8
#define TURNS 300

struct crowd {
    struct enl_sync *s;
    _Atomic unsigned inside, turns[CROWD], next;
    _Atomic int stop;
};

/* With one permit a semaphore is a lock: never two inside. Goes on until each has had its turns. */
static void take_turns(void *argument)
{
    struct crowd *c = argument;
    unsigned me = atomic_fetch_add(&c->next, 1);

    while (!atomic_load(&c->stop)) {
        CHECK_OK(enl_semaphore_wait(c->s, test_until()));
        CHECK_EQ(atomic_fetch_add(&c->inside, 1), 0);
        atomic_fetch_add(&c->turns[me], 1);
        atomic_fetch_sub(&c->inside, 1);
        CHECK_OK(enl_semaphore_post(c->s, 1));
    }
}

static bool all_have_had_turns(const struct crowd *c)
{
    for (int i = 0; i < CROWD; i++)
        if (atomic_load(&c->turns[i]) < TURNS)
            return false;
    return true;
}

static void nobody_of_eight_starves(const void *way)
{
    struct crowd *c = test_shared(sizeof *c);
    pid_t children[CROWD];

    c->s = way_make(way, 1);
    for (int i = 0; i < CROWD; i++)
        children[i] = test_child(take_turns, c);
    while (!all_have_had_turns(c)) {
        CHECK(clock_now_ns() < test_until());
        nap(MS);
    }
    atomic_store(&c->stop, 1);
    for (int i = 0; i < CROWD; i++)
        test_join(children[i]);
    CHECK_EQ(way_value(c->s), 1);
    way_end(way, c->s);
}

struct flow {
    struct enl_sync *space, *items;
    _Atomic uint32_t buffer[4];
    _Atomic uint32_t sum;
};

#define FLOW_ITEMS 2000

static void consume(void *argument)
{
    struct flow *f = argument;

    for (uint32_t i = 0; i < FLOW_ITEMS; i++) {
        CHECK_OK(enl_semaphore_wait(f->items, test_until()));
        CHECK_EQ(atomic_load_explicit(&f->buffer[i % 4], memory_order_relaxed), i);
        CHECK_OK(enl_semaphore_post(f->space, 1));
    }
}

/* What was written before a post is seen after the wait. */
static void carries_a_producer_and_a_consumer(const void *argument)
{
    const struct way *way = argument;
    struct flow *f = test_shared(sizeof *f);
    struct enl_sync_options o = {.size = sizeof o, .kind = ENL_SEMAPHORE};
    pid_t child;

    f->space = way_make(way, 4);
    if (way->address == NULL && way->region == NULL)
        CHECK_OK(sync_create(way_place.data + 2048, way_place.roster, &o, ENL_CREATE, &f->items));
    else
        CHECK_OK(enl_sync_open("svsem:", ENL_CREATE, &f->items));
    way_handles[1] = f->items;
    child = test_child(consume, f);
    for (uint32_t i = 0; i < FLOW_ITEMS; i++) {
        CHECK_OK(enl_semaphore_wait(f->space, test_until()));
        atomic_store_explicit(&f->buffer[i % 4], i, memory_order_relaxed);
        CHECK_OK(enl_semaphore_post(f->items, 1));
    }
    test_join(child);
    enl_sync_close(f->items);
    way_end(way, f->space);
}

/* Waiters are killed at any moment while permits come and go: none is lost but those that the dead had taken. */
struct storm {
    struct enl_sync *s;
    _Atomic uint32_t taken;
};

static void take_and_count(void *argument)
{
    struct storm *t = argument;

    for (;;) {
        CHECK_OK(enl_semaphore_wait(t->s, ENL_FOREVER));
        atomic_fetch_add(&t->taken, 1);
    }
}

#define STORM_ROUNDS 60

static void a_storm_loses_no_permit(const void *way)
{
    struct storm *t = test_shared(sizeof *t);
    unsigned posted = 0, seed = (unsigned)getpid(), got;

    t->s = way_make(way, 0);
    for (int round = 0; round < STORM_ROUNDS; round++) {
        pid_t children[4];

        for (int i = 0; i < 4; i++)
            children[i] = test_child(take_and_count, t);
        for (int i = 0; i < 30; i++, posted++)
            CHECK_OK(enl_semaphore_post(t->s, 1));
        nap(INT64_C(1000) * (rand_r(&seed) % 300));
        for (int i = 0; i < 4; i++)
            test_kill(children[i]);
    }
    got = (unsigned)way_value(t->s) + atomic_load(&t->taken);
    CHECK(got <= posted && got + 4 * STORM_ROUNDS >= posted); /* each dead one may have had one */
    CHECK_OK(enl_semaphore_post(t->s, 1));
    CHECK_OK(enl_semaphore_wait(t->s, test_until()));
    way_end(way, t->s);
}

static const struct suite_line lines[] = {
    {"takes_what_is_there", takes_what_is_there, {0}},
    {"ends_at_the_deadline", ends_at_the_deadline, {0}},
    {"wakes_as_many_as_are_posted", wakes_as_many_as_are_posted, {0}},
    {"refuses_what_makes_no_sense", refuses_what_makes_no_sense, {0}},
    {"is_interrupted_by_a_handler", is_interrupted_by_a_handler, {0}},
    {"is_interrupted_by_a_thread", is_interrupted_by_a_thread, {0}},
    {"a_dead_waiter_takes_nothing", a_dead_waiter_takes_nothing, {.stress = true}},
    {"nobody_of_eight_starves", nobody_of_eight_starves, {.stress = true, .deadline_s = 60}},
    {"carries_a_producer_and_a_consumer",
     carries_a_producer_and_a_consumer,
     {.stress = true, .deadline_s = 60}},
    {"a_storm_loses_no_permit", a_storm_loses_no_permit, {.stress = true, .deadline_s = 60}},
};

static const struct way ways[] = {
    {.name = "native", .kind = ENL_SEMAPHORE},
    {.name = "memfd", .kind = ENL_SEMAPHORE, .region = "memfd:way?size=4096"},
    {.name = "svshm", .kind = ENL_SEMAPHORE, .region = "svshm:?size=4096"},
    {.name = "sem", .address = "sem:"},
    {.name = "svsem", .address = "svsem:"},
    {.name = "shm", .address = "shm:"},
    {.name = "file", .address = "file:"},
    {.name = "pollable", .address = "shm:", .options = "&pollable"},
};

__attribute__((constructor)) static void register_all(void)
{
    suite_register(lines, sizeof lines / sizeof lines[0], ways, sizeof ways / sizeof ways[0]);
}
