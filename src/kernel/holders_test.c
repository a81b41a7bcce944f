/* SPDX-License-Identifier: MIT */
/* Proof of holders.c: the last to let go knows that it is. */
#include "kernel/holders.h"

#include "runner/test.h"

#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

TEST(the_last_of_two_holders_is_the_last)
{
    struct holder a, b;

    CHECK_EQ(holder_create(&a), 0);
    CHECK_EQ(holder_dup(&a, &b), 0);
    CHECK(!holder_end(&a));
    CHECK(holder_end(&b));
    CHECK(!holder_end(&b)); /* it is none any more */
}

TEST(one_of_all_holders_takes_what_they_hold)
{
    struct holder a, b;

    CHECK_EQ(holder_create(&a), 0);
    CHECK_EQ(holder_dup(&a, &b), 0);
    CHECK(holder_take(&b));
    CHECK(!holder_take(&a));
    CHECK(!holder_take(&b));
    CHECK(!holder_end_untaken(&a));
    CHECK(!holder_end_untaken(&b)); /* the last, but it was taken */
}

TEST(the_last_holder_is_told_that_nobody_took_it)
{
    struct holder a, b;

    CHECK_EQ(holder_create(&a), 0);
    CHECK_EQ(holder_dup(&a, &b), 0);
    CHECK(!holder_end_untaken(&b));
    CHECK(holder_end_untaken(&a));
    CHECK(!holder_end_untaken(&a));
    CHECK(!holder_take(&a));
}

struct hold {
    struct holder holder;
    struct test_gate *go;
    bool last;
};

static void let_go(void *argument)
{
    struct hold *hold = argument;

    test_gate_wait(hold->go);
    CHECK_EQ(holder_end(&hold->holder), hold->last);
}

TEST(a_forked_child_holds_what_its_parent_held)
{
    struct hold hold = {.go = test_gate_new(), .last = true};
    pid_t child;

    CHECK_EQ(holder_create(&hold.holder), 0);
    child = test_child(let_go, &hold);
    CHECK(!holder_end(&hold.holder));
    test_gate_open(hold.go);
    test_join(child);
}

static void sleep_for_good(void *unused)
{
    (void)unused;
    for (;;)
        (void)pause();
}

TEST(a_dead_child_holds_nothing)
{
    struct holder holder;
    pid_t child;

    CHECK_EQ(holder_create(&holder), 0);
    child = test_child(sleep_for_good, NULL);
    test_kill(child);
    CHECK(holder_end(&holder));
}

struct race {
    struct holder holder;
    struct test_gate *go;
    atomic_int *last; /* how many were told that they are */
};

static void end_in_race(void *argument)
{
    struct race *race = argument;

    test_gate_wait(race->go);
    atomic_fetch_add(race->last, holder_end(&race->holder));
}

TEST(of_two_that_let_go_at_once_one_is_told_at_least, .stress = true)
{
    struct race race = {.last = test_shared(sizeof(atomic_int))};

    for (int round = 1; round <= 50; round++) {
        pid_t child;

        race.go = test_gate_new();
        CHECK_EQ(holder_create(&race.holder), 0);
        child = test_child(end_in_race, &race);
        test_gate_open(race.go);
        atomic_fetch_add(race.last, holder_end(&race.holder));
        test_join(child);
        CHECK(atomic_exchange(race.last, 0) > 0);
    }
}
