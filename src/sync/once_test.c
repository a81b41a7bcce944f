/* SPDX-License-Identifier: MIT */
/* Tests of what is done once: by one, again if it fails or dies, and seen by all. */
#include "sync/once_layout.h"
#include "sync/place_test.h"

#include <enlace/sync.h>
#include <sched.h>

struct scene {
    struct place place;
    struct enl_sync *once;
    struct test_gate *ready, *go;
    uint64_t *numbers; /* [0] how often it was begun, [1] done */
};

static void begin(struct scene *s)
{
    place_make(&s->place);
    s->once = place_open(&s->place, 8, ENL_ONCE, 0);
    s->ready = test_gate_new();
    s->go = test_gate_new();
    s->numbers = test_shared(64 * sizeof *s->numbers);
}

static void end(struct scene *s)
{
    enl_sync_close(s->once);
    place_end(&s->place);
}

static int work(void *argument)
{
    struct scene *s = argument;

    s->numbers[0]++;
    for (int i = 0; i < 100; i++)
        sched_yield();
    s->numbers[1]++;
    return 0;
}

static void want_it(void *argument)
{
    struct scene *s = argument;

    test_gate_meet(s->ready, 6);
    CHECK_OK(enl_once_run(s->once, work, s, ENL_FOREVER));
    CHECK_EQ(s->numbers[1], 1);
}

TEST(once_is_done_by_one_of_many, .stress = true)
{
    struct scene s;
    pid_t children[6];

    begin(&s);
    for (int i = 0; i < 6; i++)
        children[i] = test_child(want_it, &s);
    for (int i = 0; i < 6; i++)
        test_join(children[i]);
    CHECK_EQ(s.numbers[0], 1);
    CHECK_OK(enl_sync_destroy(s.once));
    CHECK_EQ(enl_sync_destroy(s.once), -EIDRM);
    end(&s);
}

static int fail(void *argument)
{
    ++*(uint64_t *)argument;
    return -EIO;
}

TEST(once_that_fails_is_tried_again)
{
    struct scene s;

    begin(&s);
    CHECK_EQ(enl_once_run(s.once, fail, s.numbers, ENL_NOW), -EIO);
    CHECK_EQ(enl_once_run(s.once, fail, s.numbers, ENL_NOW), -EIO);
    CHECK_EQ(s.numbers[0], 2);
    CHECK_OK(enl_once_run(s.once, work, &s, ENL_NOW));
    CHECK_OK(enl_once_run(s.once, fail, s.numbers, ENL_NOW));
    CHECK_EQ(s.numbers[0], 3);
    end(&s);
}

static int hang(void *argument)
{
    struct scene *s = argument;

    s->numbers[0]++;
    test_gate_open(s->ready);
    test_gate_wait(s->go);
    return 0;
}

static void hang_doing_it(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_once_run(s->once, hang, s, ENL_FOREVER));
}

TEST(once_is_done_by_the_next_when_the_doer_dies)
{
    struct scene s;
    pid_t child;

    begin(&s);
    child = test_child(hang_doing_it, &s);
    test_gate_wait(s.ready);
    CHECK_EQ(enl_once_run(s.once, work, &s, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_once_run(s.once, work, &s, enl_in_ms(100)), -ETIMEDOUT);
    CHECK_EQ(enl_sync_destroy(s.once), -EBUSY);
    CHECK_OK(enl_sync_interrupt(s.once));
    CHECK_EQ(enl_once_run(s.once, work, &s, ENL_FOREVER), -ECANCELED);
    enl_sync_interrupt_clear(s.once);
    test_kill(child);
    CHECK_OK(enl_once_run(s.once, work, &s, ENL_FOREVER));
    CHECK_EQ(s.numbers[0], 2);
    CHECK_EQ(s.numbers[1], 1);
    end(&s);
}

TEST(once_with_hostile_words_answers)
{
    static const uint32_t words[] = {1, 0x12345678 & ~WORD_LIVE, WORD_BUSY | 0x1fe, WORD_DIRTY};
    struct scene s;
    struct once_layout *o;

    begin(&s);
    o = s.once->object;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        atomic_store(&o->done, words[i]);
        CHECK_EQ(enl_once_run(s.once, work, &s, test_until()), -EBADMSG);
    }
    atomic_store(&o->head.word, 77);
    atomic_store(&o->done, 0);
    CHECK_EQ(enl_once_run(s.once, work, &s, test_until()), -EBADMSG);
    end(&s);
}
