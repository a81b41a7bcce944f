/* SPDX-License-Identifier: MIT */
/* Proof of barriers: phases, deadlines, deaths at every moment, garbage. */
#include "sync/barrier.h"

#include "kernel/clock.h"
#include "sync/place_test.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define MS INT64_C(1000000)
#define PHASES 200

static struct place place;
/* It is else known from shared memory alone, where a search for leaks does not look. */
static struct enl_sync *volatile handle;

struct march {
    struct enl_sync *s;
    unsigned parties;
    _Atomic unsigned last[16]; /* the phase that each has passed */
    _Atomic unsigned next, firsts, told, killed;
    _Atomic int over;
};

static struct enl_sync *make(unsigned parties)
{
    struct enl_sync_options o = {.size = sizeof o, .kind = ENL_BARRIER, .value = parties};
    struct enl_sync *s = NULL;

    place_make(&place);
    CHECK_OK(sync_create(place.data, place.roster, &o, ENL_CREATE, &s));
    handle = s;
    return s;
}

static void end(struct enl_sync *s)
{
    enl_sync_close(s);
    place_end(&place);
}

static void nap(int64_t ns)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

static struct march *new_march(unsigned parties)
{
    struct march *m = test_shared(sizeof *m);

    m->s = make(parties);
    m->parties = parties;
    return m;
}

static void march(void *argument)
{
    struct march *m = argument;
    unsigned me = atomic_fetch_add(&m->next, 1);

    for (unsigned phase = 1; phase <= PHASES; phase++) {
        atomic_store(&m->last[me], phase);
        if (CHECK_OK(enl_barrier_wait(m->s, test_until())) == 1)
            atomic_fetch_add(&m->firsts, 1);
        for (unsigned i = 0; i < m->parties; i++)
            CHECK(atomic_load(&m->last[i]) >= phase);
    }
    enl_sync_close(m->s);
}

TEST(all_arrive_before_one_goes_on, .stress = true)
{
    struct march *m = new_march(5);
    pid_t children[5];

    for (int i = 0; i < 5; i++)
        children[i] = test_child(march, m);
    for (int i = 0; i < 5; i++)
        test_join(children[i]);
    CHECK_EQ(atomic_load(&m->firsts), PHASES); /* one of each phase is told so */
    end(m->s);
}

static void *march_in_thread(void *argument)
{
    struct march *m = argument;
    unsigned me = atomic_fetch_add(&m->next, 1);

    for (unsigned phase = 1; phase <= PHASES; phase++) {
        atomic_store(&m->last[me], phase);
        CHECK_OK(enl_barrier_wait(m->s, test_until()));
        for (unsigned i = 0; i < m->parties; i++)
            CHECK(atomic_load(&m->last[i]) >= phase);
    }
    return NULL;
}

TEST(threads_of_one_process_are_parties, .stress = true)
{
    struct march *m = new_march(4);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, march_in_thread, m), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    end(m->s);
}

TEST(who_gives_up_has_not_arrived)
{
    struct enl_sync_stat stat;
    struct enl_sync *s = make(2);
    int64_t before = clock_now_ns();

    CHECK_EQ(enl_barrier_wait(s, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_barrier_wait(s, before + 60 * MS), -ETIMEDOUT);
    CHECK(clock_now_ns() >= before + 60 * MS);
    CHECK_OK(enl_sync_interrupt(s));
    CHECK_EQ(enl_barrier_wait(s, ENL_FOREVER), -ECANCELED);
    enl_sync_interrupt_clear(s);
    CHECK_OK(enl_sync_stat(s, &stat));
    CHECK_EQ(stat.value, 0);
    CHECK_EQ(stat.limit, 2);
    CHECK_EQ(stat.waiters, 0);
    end(s);
}

static void arrive_once(void *argument)
{
    struct march *m = argument;
    int result = enl_barrier_wait(m->s, test_until());

    if (result == -EOWNERDEAD)
        atomic_fetch_add(&m->told, 1);
    else
        CHECK_OK(result);
    enl_sync_close(m->s);
}

static void await_arrivals(struct march *m, uint64_t count)
{
    struct enl_sync_stat stat;

    do {
        CHECK_OK(enl_sync_stat(m->s, &stat));
        CHECK(clock_now_ns() < test_until());
    } while (stat.value < count);
}

TEST(a_dead_waiter_is_told_to_the_others)
{
    struct march *m = new_march(4);
    struct enl_sync_stat stat;
    pid_t doomed = test_child(arrive_once, m), others[2];

    await_arrivals(m, 1);
    for (int i = 0; i < 2; i++)
        others[i] = test_child(arrive_once, m);
    await_arrivals(m, 3);
    test_kill(doomed);
    for (int i = 0; i < 2; i++)
        test_join(others[i]);
    CHECK_EQ(atomic_load(&m->told), 2);
    CHECK_OK(enl_sync_stat(m->s, &stat));
    CHECK_EQ(stat.deaths, 1);
    CHECK_EQ(stat.value, 0);
    end(m->s);
}

/* One dies between two phases: it is waited for by nobody for long. */
static void pass_and_die(void *argument)
{
    struct march *m = argument;

    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    for (;;)
        (void)pause();
}

static void go_on_without(void *argument)
{
    const struct enl_settings fewer = {.set = ENL_SET_VALUE, .value = 2};
    struct march *m = argument;

    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    CHECK_EQ(enl_barrier_wait(m->s, test_until()), -EOWNERDEAD);
    CHECK_OK(enl_sync_set(m->s, &fewer));
    for (int i = 0; i < 10; i++)
        CHECK_OK(enl_barrier_wait(m->s, test_until()));
    atomic_fetch_add(&m->told, 1);
    while (atomic_load(&m->told) < 2) /* what closes is no party */
        nap(MS);
}

TEST(the_others_go_on_without_the_dead, .stress = true)
{
    struct march *m = new_march(3);
    pid_t doomed = test_child(pass_and_die, m), others[2];

    for (int i = 0; i < 2; i++)
        others[i] = test_child(go_on_without, m);
    while (atomic_load(&((struct barrier_layout *)(void *)place.data)->state) >> 10 < 2)
        CHECK(clock_now_ns() < test_until());
    test_kill(doomed);
    for (int i = 0; i < 2; i++)
        test_join(others[i]);
    end(m->s);
}

TEST(a_party_that_dies_elsewhere_is_told)
{
    struct march *m = new_march(2);
    pid_t child = test_child(pass_and_die, m);

    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    test_kill(child);
    CHECK_EQ(enl_barrier_wait(m->s, test_until()), -EOWNERDEAD);
    CHECK_EQ(enl_barrier_wait(m->s, ENL_NOW), -EAGAIN); /* it is told once */
    child = test_child(arrive_once, m);                 /* and another one takes the place */
    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    test_join(child);
    end(m->s);
}

static void tell_and_go_on_without(void *argument)
{
    const struct enl_settings fewer = {.set = ENL_SET_VALUE, .value = 2};
    struct march *m = argument;

    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    CHECK_EQ(enl_barrier_wait(m->s, test_until()), -EOWNERDEAD);
    CHECK_OK(enl_sync_set(m->s, &fewer));
    atomic_fetch_add(&m->told, 1);
    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    enl_sync_close(m->s);
}

/* The last of three was elsewhere, and comes when there are two. */
TEST(who_comes_late_is_told_though_the_others_went_on_without)
{
    struct march *m = new_march(3);
    pid_t other, doomed;

    doomed = test_child(pass_and_die, m);
    await_arrivals(m, 1);
    other = test_child(tell_and_go_on_without, m);
    await_arrivals(m, 2);
    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    test_kill(doomed);
    while (atomic_load(&m->told) == 0)
        nap(MS);
    CHECK_EQ(enl_barrier_wait(m->s, test_until()), -EOWNERDEAD);
    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    test_join(other);
    CHECK_EQ(enl_barrier_wait(m->s, ENL_NOW), -EAGAIN);
    end(m->s);
}

TEST(who_closes_its_handle_is_no_party)
{
    struct march *m = new_march(2);
    pid_t child = test_child(arrive_once, m); /* closes */

    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    test_join(child);
    CHECK_EQ(enl_barrier_wait(m->s, clock_now_ns() + 100 * MS), -ETIMEDOUT);
    end(m->s);
}

static void march_for_ever(void *argument)
{
    struct march *m = argument;

    while (!atomic_load(&m->over)) {
        int result = enl_barrier_wait(m->s, clock_now_ns() + 200 * MS);

        if (result == -EOWNERDEAD)
            atomic_fetch_add(&m->told, 1);
        else if (result >= 0)
            atomic_fetch_add(&m->firsts, 1);
        else
            CHECK_EQ(result, -ETIMEDOUT);
    }
    enl_sync_close(m->s);
}

/* Parties are killed and replaced at any moment; the barrier goes on, and in the end works as at the beginning. */
TEST(a_storm_hangs_nobody, .stress = true, .deadline_s = 60)
{
    struct march *m = new_march(4);
    unsigned seed = (unsigned)getpid();
    pid_t children[4];

    for (int i = 0; i < 4; i++)
        children[i] = test_child(march_for_ever, m);
    /* of some deaths nobody is told: of those that had not come to the barrier yet */
    for (int i = 0; i < 40 || atomic_load(&m->told) == 0; i++) {
        unsigned which = (unsigned)rand_r(&seed) % 4;

        CHECK(clock_now_ns() < test_until());
        nap(INT64_C(1000) * (rand_r(&seed) % 3000));
        test_kill(children[which]);
        children[which] = test_child(march_for_ever, m);
    }
    atomic_store(&m->firsts, 0);
    while (atomic_load(&m->firsts) < 40) {
        CHECK(clock_now_ns() < test_until());
        nap(MS);
    }
    atomic_store(&m->over, 1);
    for (int i = 0; i < 4; i++)
        test_join(children[i]);
    end(m->s);
}

TEST(a_barrier_that_is_waited_at_is_not_destroyed)
{
    struct march *m = new_march(2);
    pid_t child = test_child(arrive_once, m);

    await_arrivals(m, 1);
    CHECK_EQ(enl_sync_destroy(m->s), -EBUSY);
    CHECK_OK(enl_barrier_wait(m->s, test_until()));
    test_join(child);
    CHECK_OK(enl_sync_destroy(m->s));
    CHECK_EQ(enl_barrier_wait(m->s, ENL_FOREVER), -EIDRM);
    end(m->s);
}

TEST(so_many_parties_are_too_many)
{
    struct enl_sync_options o = {.size = sizeof o, .kind = ENL_BARRIER, .value = 121};
    const struct enl_settings none = {.set = ENL_SET_VALUE, .value = 0};
    struct enl_sync *s, *other = make(120);

    CHECK_EQ(sync_create(place.data + 2048, place.roster, &o, ENL_CREATE, &s), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "1 to 120");
    CHECK_EQ(enl_sync_set(other, &none), -EINVAL);
    end(other);
}

TEST(garbage_is_told)
{
    struct enl_sync *s = make(3);
    uint32_t *words = (uint32_t *)(void *)place.data;
    unsigned seed = 1;

    for (int i = 0; i < 3000; i++) {
        int result;

        words[4 + (unsigned)rand_r(&seed) % 252] = (uint32_t)rand_r(&seed) * 2654435761u;
        if (i % 3 == 0)
            words[5] = BARRIER_LIVE;
        if (i % 5 == 0)
            words[4] = 1 + (unsigned)rand_r(&seed) % 8;
        result = enl_barrier_wait(s, clock_now_ns() + 1000);
        CHECK(result >= 0 || result == -ETIMEDOUT || result == -EBADMSG || result == -EIDRM ||
              result == -EOWNERDEAD);
    }
    end(s);
}
