/* SPDX-License-Identifier: MIT */
/* Proof of events: counters and those that reset themselves, deaths, garbage. */
#include "sync/place_test.h"

#include "kernel/clock.h"

#include <stdlib.h>
#include <time.h>

#define MS INT64_C(1000000)

static struct place place;
/* It is else known from shared memory alone, where a search for leaks does not look. */
static struct enl_sync *volatile handle;

static struct enl_sync *make(uint32_t flags)
{
    place_make(&place);
    handle = place_open(&place, 0, ENL_EVENT, flags);
    return handle;
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

TEST(a_counter_adds_up_and_is_taken_whole)
{
    struct enl_sync *s = make(0);

    CHECK_EQ(enl_event_wait(s, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_event_set(s, 3));
    CHECK_OK(enl_event_set(s, 4));
    CHECK_EQ(enl_event_wait(s, ENL_NOW), 7);
    CHECK_EQ(enl_event_wait(s, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_event_wait(s, clock_now_ns() + 50 * MS), -ETIMEDOUT);
    CHECK_OK(enl_event_set(s, 0x0fffffff));
    CHECK_EQ(enl_event_set(s, 1), -EOVERFLOW);
    CHECK_EQ(enl_event_wait(s, ENL_FOREVER), 0x0fffffff);
    end(s);
}

TEST(one_that_resets_itself_is_set_or_not)
{
    struct enl_sync *s = make(ENL_AUTO_RESET);

    CHECK_OK(enl_event_set(s, 1));
    CHECK_OK(enl_event_set(s, 5));
    CHECK_EQ(enl_event_wait(s, ENL_NOW), 1);
    CHECK_EQ(enl_event_wait(s, ENL_NOW), -EAGAIN);
    end(s);
}

struct pass {
    struct enl_sync *s;
    _Atomic unsigned passed;
};

static void pass_once(void *argument)
{
    struct pass *p = argument;

    CHECK_EQ(enl_event_wait(p->s, test_until()), 1);
    atomic_fetch_add(&p->passed, 1);
}

TEST(one_that_resets_itself_lets_one_pass_each_time, .stress = true)
{
    struct pass *p = test_shared(sizeof *p);
    pid_t children[4];

    p->s = make(ENL_AUTO_RESET);
    for (int i = 0; i < 4; i++)
        children[i] = test_child(pass_once, p);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_OK(enl_event_set(p->s, 1));
        while (atomic_load(&p->passed) <= i) {
            CHECK(clock_now_ns() < test_until());
            nap(MS / 10);
        }
        CHECK_EQ(atomic_load(&p->passed), i + 1);
    }
    for (int i = 0; i < 4; i++)
        test_join(children[i]);
    end(p->s);
}

static void wait_for_good(void *argument)
{
    (void)enl_event_wait(argument, ENL_FOREVER);
}

TEST(a_dead_waiter_hangs_nobody, .stress = true)
{
    struct pass *p = test_shared(sizeof *p);
    unsigned seed = (unsigned)getpid();

    p->s = make(ENL_AUTO_RESET);
    for (int i = 0; i < 30; i++) {
        pid_t doomed = test_child(wait_for_good, p->s), other = test_child(pass_once, p);

        nap(INT64_C(1000) * (rand_r(&seed) % 500));
        test_kill(doomed);
        CHECK_OK(enl_event_set(p->s, 1));
        test_join(other);
    }
    end(p->s);
}

struct totals {
    struct enl_sync *s;
    _Atomic uint64_t taken;
    _Atomic int over;
};

static void take_all(void *argument)
{
    struct totals *t = argument;

    while (!atomic_load(&t->over)) {
        int taken = enl_event_wait(t->s, clock_now_ns() + 20 * MS);

        if (taken > 0)
            atomic_fetch_add(&t->taken, (uint64_t)taken);
        else
            CHECK_EQ(taken, -ETIMEDOUT);
    }
}

TEST(counts_are_taken_once, .stress = true)
{
    struct totals *t = test_shared(sizeof *t);
    pid_t children[3];
    uint64_t added = 0;

    t->s = make(0);
    for (int i = 0; i < 3; i++)
        children[i] = test_child(take_all, t);
    for (uint32_t i = 1; i <= 5000; i++, added += i)
        CHECK_OK(enl_event_set(t->s, i + 1));
    while (atomic_load(&t->taken) < added) {
        CHECK(clock_now_ns() < test_until());
        nap(MS);
    }
    atomic_store(&t->over, 1);
    for (int i = 0; i < 3; i++)
        test_join(children[i]);
    CHECK_EQ(atomic_load(&t->taken), added);
    end(t->s);
}

TEST(what_is_destroyed_says_so)
{
    struct enl_sync *s = make(0);

    CHECK_OK(enl_sync_destroy(s));
    CHECK_EQ(enl_event_set(s, 1), -EIDRM);
    CHECK_EQ(enl_event_wait(s, ENL_FOREVER), -EIDRM);
    end(s);
}

static void wait_until_destroyed(void *argument)
{
    CHECK_EQ(enl_event_wait(argument, test_until()), -EIDRM);
}

TEST(destroying_ends_waits)
{
    struct enl_sync *s = make(0);
    pid_t child = test_child(wait_until_destroyed, s);
    struct enl_sync_stat stat;

    do
        CHECK_OK(enl_sync_stat(s, &stat));
    while (stat.waiters == 0 && clock_now_ns() < test_until());
    CHECK_OK(enl_sync_destroy(s));
    test_join(child);
    end(s);
}

TEST(garbage_is_told)
{
    struct enl_sync *s = make(0);
    uint32_t *words = (uint32_t *)(void *)place.data;
    unsigned seed = 1;

    for (int i = 0; i < 3000; i++) {
        int result;

        words[4 + (unsigned)rand_r(&seed) % 12] = (uint32_t)rand_r(&seed) * 2654435761u;
        result = enl_event_wait(s, clock_now_ns() + 1000);
        CHECK(result >= 0 || result == -ETIMEDOUT || result == -EBADMSG || result == -EIDRM);
        result = enl_event_set(s, 1);
        CHECK(result == 0 || result == -EOVERFLOW || result == -EBADMSG || result == -EIDRM);
    }
    end(s);
}
