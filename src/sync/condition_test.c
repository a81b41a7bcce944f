/* SPDX-License-Identifier: MIT */
/* Tests of the condition: who is woken, what waits, and that no death hangs anybody (as the libc's own does). */
#include "sync/condition_layout.h"
#include "sync/lock_layout.h"
#include "sync/place_test.h"

#include <enlace/sync.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct scene {
    struct place place;
    struct enl_sync *mutex, *condition;
    struct test_gate *ready, *go, *done;
    uint64_t *numbers; /* [0] what is waited for, [1] how many have come */
};

static void begin(struct scene *s, uint32_t mutex_flags)
{
    place_make(&s->place);
    s->mutex = place_open(&s->place, 0, ENL_MUTEX, mutex_flags);
    s->condition = place_open(&s->place, 64, ENL_CONDITION, 0);
    s->ready = test_gate_new();
    s->go = test_gate_new();
    s->done = test_gate_new();
    s->numbers = test_shared(64 * sizeof *s->numbers);
}

static void end(struct scene *s)
{
    enl_sync_close(s->mutex);
    enl_sync_close(s->condition);
    place_end(&s->place);
}

static uint32_t sequence(const struct scene *s)
{
    return atomic_load(&((struct condition_layout *)s->condition->object)->sequence);
}

static void wait_for_one(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    test_gate_open(s->ready); /* what follows has the mutex until it waits */
    while (s->numbers[0] == 0)
        CHECK_OK(enl_condition_wait(s->condition, s->mutex, ENL_FOREVER));
    s->numbers[0]--;
    s->numbers[1]++;
    CHECK_OK(enl_mutex_unlock(s->mutex));
}

static void add(struct scene *s, uint64_t count)
{
    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    s->numbers[0] += count;
    CHECK_OK(enl_mutex_unlock(s->mutex));
}

TEST(condition_signal_wakes_one_and_broadcast_all)
{
    struct scene s;
    pid_t children[4];

    begin(&s, 0);
    CHECK_OK(enl_condition_signal(s.condition)); /* nobody: forgotten */
    for (int i = 0; i < 4; i++)
        children[i] = test_child(wait_for_one, &s);
    test_gate_wait_times(s.ready, 4);
    add(&s, 1);
    CHECK_OK(enl_condition_signal(s.condition));
    while (((volatile uint64_t *)s.numbers)[1] < 1)
        sched_yield();
    add(&s, 3);
    CHECK_OK(enl_condition_broadcast(s.condition));
    for (int i = 0; i < 4; i++)
        test_join(children[i]);
    CHECK_EQ(s.numbers[1], 4);
    /* the bit that stays costs one look */
    CHECK_OK(enl_condition_signal(s.condition));
    CHECK_EQ(sequence(&s) & 1, 0);
    end(&s);
}

TEST(condition_wait_needs_the_mutex_and_ends_in_time)
{
    struct scene s;

    begin(&s, ENL_RECURSIVE);
    CHECK_EQ(enl_condition_wait(s.condition, s.mutex, ENL_FOREVER), -EPERM);
    CHECK_EQ(enl_condition_wait(s.mutex, s.mutex, ENL_FOREVER), -EINVAL);
    CHECK_EQ(enl_condition_wait(s.condition, s.condition, ENL_FOREVER), -EINVAL);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW));
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW));
    CHECK_EQ(enl_condition_wait(s.condition, s.mutex, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_condition_wait(s.condition, s.mutex, enl_in_ms(100)), -ETIMEDOUT);
    CHECK_OK(enl_sync_interrupt(s.condition));
    CHECK_EQ(enl_condition_wait(s.condition, s.mutex, ENL_FOREVER), -ECANCELED);
    enl_sync_interrupt_clear(s.condition);
    CHECK_OK(enl_mutex_unlock(s.mutex)); /* as deep as before */
    CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_EQ(enl_mutex_unlock(s.mutex), -EPERM);
    end(&s);
}

static void wait_deep(void *argument)
{
    struct scene *s = argument;

    for (int i = 0; i < 3; i++)
        CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    test_gate_open(s->ready);
    while (s->numbers[0] == 0)
        CHECK_OK(enl_condition_wait(s->condition, s->mutex, ENL_FOREVER));
    for (int i = 0; i < 3; i++)
        CHECK_OK(enl_mutex_unlock(s->mutex));
}

TEST(condition_gives_up_a_recursive_mutex_whole)
{
    struct scene s;
    pid_t child;

    begin(&s, ENL_RECURSIVE);
    child = test_child(wait_deep, &s);
    test_gate_wait(s.ready);
    add(&s, 1);
    CHECK_OK(enl_condition_signal(s.condition));
    test_join(child);
    end(&s);
}

static void wait_and_be_killed(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    test_gate_open(s->ready);
    for (;;)
        CHECK_OK(enl_condition_wait(s->condition, s->mutex, ENL_FOREVER));
}

TEST(condition_signal_that_a_dead_waiter_used_up_reaches_another)
{
    struct scene s;
    pid_t dying, child;

    begin(&s, 0);
    dying = test_child(wait_and_be_killed, &s);
    test_gate_wait(s.ready);
    CHECK_OK(enl_mutex_lock(s.mutex,
                            ENL_FOREVER)); /* so the first one waits, at the head of the queue */
    CHECK_OK(enl_mutex_unlock(s.mutex));
    child = test_child(wait_for_one, &s);
    test_gate_wait_times(s.ready, 2);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
    CHECK_EQ(kill(dying, SIGSTOP), 0);
    s.numbers[0] = 1;
    CHECK_OK(enl_condition_signal(s.condition)); /* to the first one, who can do nothing with it */
    CHECK_OK(enl_mutex_unlock(s.mutex));
    test_kill(dying);
    test_join(child);
    end(&s);
}

static void wait_without_end(void *argument)
{
    wait_and_be_killed(argument);
}

static void change_and_be_killed(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    s->numbers[0] = 2;
    test_gate_open(s->done);
    pause(); /* before it has signalled */
}

static void wait_and_hear_of_a_death(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    test_gate_open(s->ready);
    while (s->numbers[0] == 0) {
        int result = enl_condition_wait(s->condition, s->mutex, ENL_FOREVER);

        if (result == -EOWNERDEAD)
            result = enl_mutex_consistent(s->mutex);
        CHECK_OK(result);
    }
    s->numbers[0]--;
    CHECK_OK(enl_mutex_unlock(s->mutex));
}

TEST(condition_wait_tells_that_who_would_have_signalled_died)
{
    struct scene s;
    pid_t waiters[2], dying;

    begin(&s, 0);
    for (int i = 0; i < 2; i++)
        waiters[i] = test_child(wait_and_hear_of_a_death, &s);
    test_gate_wait_times(s.ready, 2);
    dying = test_child(change_and_be_killed, &s);
    test_gate_wait(s.done);
    test_kill(dying);
    for (int i = 0; i < 2; i++)
        test_join(waiters[i]);
    end(&s);
}

TEST(condition_hangs_nobody_when_waiters_are_killed, .deadline_s = 60, .stress = true)
{
    struct scene s;

    begin(&s, 0);
    for (unsigned round = 0; round < 60; round++) {
        pid_t dying = test_child(wait_without_end, &s), child;
        int result;

        test_gate_wait_times(s.ready, round * 2 + 1);
        CHECK_OK(enl_condition_broadcast(s.condition));
        if (round % 2 == 1)
            usleep(round * 20);
        test_kill(dying);
        result = enl_mutex_lock(s.mutex, ENL_FOREVER);
        if (result == -EOWNERDEAD)
            result = enl_mutex_consistent(s.mutex);
        CHECK_OK(result);
        CHECK_OK(enl_mutex_unlock(s.mutex));
        child = test_child(wait_for_one, &s);
        test_gate_wait_times(s.ready, round * 2 + 2);
        add(&s, 1);
        CHECK_OK(enl_condition_signal(s.condition));
        CHECK_OK(enl_condition_broadcast(s.condition));
        test_join(child);
    }
    CHECK_EQ(s.numbers[1], 60);
    end(&s);
}

TEST(condition_that_is_destroyed_says_so)
{
    struct scene s;

    begin(&s, 0);
    CHECK_OK(enl_sync_destroy(s.condition));
    CHECK_EQ(enl_condition_signal(s.condition), -EIDRM);
    CHECK_EQ(enl_condition_broadcast(s.condition), -EIDRM);
    CHECK_EQ(enl_sync_destroy(s.condition), -EIDRM);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW));
    CHECK_EQ(enl_condition_wait(s.condition, s.mutex, ENL_FOREVER), -EIDRM);
    CHECK_OK(enl_mutex_unlock(s.mutex));
    end(&s);
}
