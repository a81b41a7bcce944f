/* SPDX-License-Identifier: MIT */
/* Locks and conditions whose shared bytes, and whose roster, are overwritten at random between and during calls: each
 * call answers. */
#include "sync/condition_layout.h"
#include "sync/once_layout.h"
#include "sync/place_test.h"
#include "sync/rwlock_layout.h"

#include <enlace/sync.h>
#include <signal.h>
#include <stdlib.h>

#define ROUNDS 20000

enum { MUTEX = 0, CONDITION = 64, ONCE = 128, RWLOCK = 256, USED = 256 + 1088 };

struct scene {
    struct place place;
    struct enl_sync *mutex, *condition, *once, *rwlock;
    struct test_gate *ready;
};

static uint32_t next_random(uint32_t *random)
{
    return *random = *random * 1664525u + 1013904223u;
}

/* Nearly right words do more harm than any. */
static uint32_t some_word(uint32_t *random, uint32_t token)
{
    uint32_t flags = next_random(random) & 0xf8000000u;

    switch (next_random(random) >> 20 & 7) {
    case 0:
        return next_random(random);
    case 1:
        return 0;
    case 2:
        return flags | token;
    case 3:
        return WORD_LIVE;
    case 4:
        return WORD_LIVE | token | flags;
    default:
        return flags | WORD_LIVE | (next_random(random) & TOKEN_MASK);
    }
}

static void spoil(struct scene *s, uint32_t *random, uint32_t token)
{
    size_t at = (next_random(random) >> 8) % (USED / 4);

    if (next_random(random) >> 28 == 0) /* now and then a slot of the roster */
        ((_Atomic uint32_t *)(void *)s->place.memory)[16 + at % ((size_t)PLACE_SLOTS * 8)] =
            next_random(random);
    at = next_random(random) >> 31 == 0 ? (size_t[]){MUTEX, CONDITION, ONCE, RWLOCK}[at % 4] / 4
                                        : at;
    atomic_store_explicit(&((_Atomic uint32_t *)(void *)s->place.data)[at],
                          some_word(random, token), memory_order_relaxed);
}

static void begin(struct scene *s)
{
    place_make(&s->place);
    s->mutex = place_open(&s->place, MUTEX, ENL_MUTEX, ENL_RECURSIVE);
    s->condition = place_open(&s->place, CONDITION, ENL_CONDITION, 0);
    s->once = place_open(&s->place, ONCE, ENL_ONCE, 0);
    s->rwlock = place_open(&s->place, RWLOCK, ENL_RWLOCK, 0);
    s->ready = test_gate_new();
}

static void end(struct scene *s)
{
    enl_sync_close(s->mutex);
    enl_sync_close(s->condition);
    enl_sync_close(s->once);
    enl_sync_close(s->rwlock);
    place_end(&s->place);
}

static int do_nothing(void *argument)
{
    (void)argument;
    return 0;
}

/* Any of the answers that sync.h lists. */
static void check_answer(int result)
{
    switch (result) {
    case 0:
    case -EAGAIN:
    case -ETIMEDOUT:
    case -EOWNERDEAD:
    case -ENOTRECOVERABLE:
    case -EPERM:
    case -EDEADLK:
    case -EBUSY:
    case -EIDRM:
    case -EBADMSG:
    case -EOVERFLOW:
        return;
    default:
        FAIL("the answer is %d", result);
    }
}

static void call_all(struct scene *s, enl_deadline until)
{
    check_answer(enl_mutex_lock(s->mutex, until));
    check_answer(enl_condition_signal(s->condition));
    check_answer(enl_condition_wait(s->condition, s->mutex, until));
    check_answer(enl_mutex_consistent(s->mutex));
    check_answer(enl_mutex_unlock(s->mutex));
    check_answer(enl_condition_broadcast(s->condition));
    check_answer(enl_rwlock_read(s->rwlock, until));
    check_answer(enl_rwlock_unlock(s->rwlock));
    check_answer(enl_rwlock_write(s->rwlock, until));
    check_answer(enl_rwlock_consistent(s->rwlock));
    check_answer(enl_rwlock_unlock(s->rwlock));
    check_answer(enl_once_run(s->once, do_nothing, NULL, until));
}

TEST(locks_with_spoiled_bytes_answer, .deadline_s = 120, .stress = true)
{
    struct scene s;
    uint32_t random = (uint32_t)getpid(), token;

    begin(&s);
    token = atomic_load(&roster_self(s.place.roster)->token);
    for (int i = 0; i < ROUNDS; i++) {
        spoil(&s, &random, token);
        call_all(&s, ENL_NOW);
        if (next_random(&random) >> 26 == 0) {
            check_answer(enl_sync_destroy(s.mutex));
            check_answer(enl_sync_destroy(s.condition));
            check_answer(enl_sync_destroy(s.once));
            check_answer(enl_sync_destroy(s.rwlock));
        }
    }
    end(&s);
}

static void spoil_for_ever(void *argument)
{
    struct scene *s = argument;
    uint32_t random = (uint32_t)getpid();

    test_gate_open(s->ready);
    for (;;)
        spoil(s, &random, token_of(0, 1));
}

TEST(locks_that_are_spoiled_meanwhile_answer, .deadline_s = 120, .stress = true)
{
    struct scene s;
    pid_t child;

    begin(&s);
    child = test_child(spoil_for_ever, &s);
    test_gate_wait(s.ready);
    for (int i = 0; i < ROUNDS / 4; i++)
        call_all(&s, i % 100 == 0 ? enl_in_ms(2) : ENL_NOW);
    test_kill(child);
    end(&s);
}

TEST(objects_of_spoiled_bytes_are_opened_or_refused, .deadline_s = 120)
{
    struct scene s;
    uint32_t random = (uint32_t)getpid();

    begin(&s);
    for (int i = 0; i < ROUNDS / 4; i++) {
        struct enl_sync *object;
        int result;

        spoil(&s, &random, 0); /* not this process's token: its maker lives, and is waited for */
        result = place_try(&s.place, MUTEX, ENL_MUTEX, 0, 0, &object);
        if (result == 0)
            enl_sync_close(object);
        else if (result != -ENOENT && result != -EINVAL)
            check_answer(result);
    }
    end(&s);
}
