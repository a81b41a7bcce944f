/* SPDX-License-Identifier: MIT */
/* Tests of the mutex: who has it, who may unlock it, who gets it when its holder dies, what a child may. */
#include "kernel/futex.h"
#include "sync/lock_layout.h"
#include "sync/place_test.h"

#include <enlace/sync.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* What the processes of a test share. */
struct scene {
    struct place place;
    struct enl_sync *mutex;
    struct test_gate *ready, *go, *done;
    uint64_t *numbers;
};

static void begin(struct scene *s, uint32_t flags)
{
    place_make(&s->place);
    s->mutex = place_open(&s->place, 0, ENL_MUTEX, flags);
    s->ready = test_gate_new();
    s->go = test_gate_new();
    s->done = test_gate_new();
    s->numbers = test_shared(64 * sizeof *s->numbers);
}

static void end(struct scene *s)
{
    enl_sync_close(s->mutex);
    place_end(&s->place);
}

static struct lock_layout *layout(struct scene *s)
{
    return s->mutex->object;
}

TEST(mutex_is_locked_and_unlocked)
{
    struct scene s;

    begin(&s, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
        CHECK_EQ(enl_mutex_lock(s.mutex, ENL_NOW), -EAGAIN);
        CHECK_EQ(enl_mutex_lock(s.mutex, enl_in_ms(60)), -ETIMEDOUT);
        CHECK_OK(enl_mutex_unlock(s.mutex));
    }
    CHECK_EQ(enl_mutex_unlock(s.mutex), -EPERM);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    end(&s);
}

TEST(mutex_recursive_counts)
{
    struct scene s;

    begin(&s, ENL_RECURSIVE);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW));
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW));
    for (int i = 0; i < 3; i++)
        CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_EQ(enl_mutex_unlock(s.mutex), -EPERM);
    end(&s);
}

TEST(mutex_checked_tells_a_deadlock)
{
    struct scene s;

    begin(&s, ENL_CHECKED);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_FOREVER), -EDEADLK);
    CHECK_OK(enl_mutex_unlock(s.mutex));
    end(&s);
}

static void *unlock_from_a_thread(void *argument)
{
    struct scene *s = argument;

    CHECK_EQ(enl_mutex_unlock(s->mutex), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "another thread");
    CHECK_EQ(enl_mutex_lock(s->mutex, ENL_NOW), -EAGAIN);
    return NULL;
}

static void unlock_from_a_child(void *argument)
{
    struct scene *s = argument;

    /* it has its parent's thread, but not its parent's place in the roster */
    CHECK_EQ(enl_mutex_unlock(s->mutex), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "another process");
    CHECK_EQ(enl_mutex_lock(s->mutex, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_mutex_consistent(s->mutex), -EPERM);
}

static void check_strangers(uint32_t flags)
{
    struct scene s;
    pthread_t thread;

    begin(&s, flags);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
    CHECK_EQ(pthread_create(&thread, NULL, unlock_from_a_thread, &s), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    test_join(test_child(unlock_from_a_child, &s));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    end(&s);
}

TEST(mutex_is_not_unlocked_by_a_stranger)
{
    check_strangers(0);
    check_strangers(ENL_RECURSIVE);
    check_strangers(ENL_CHECKED);
}

static void lock_and_wait(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    test_gate_open(s->ready);
    test_gate_wait(s->go);
    CHECK_OK(enl_mutex_unlock(s->mutex));
}

TEST(mutex_waits_for_another_process)
{
    struct scene s;
    pid_t child;

    begin(&s, 0);
    child = test_child(lock_and_wait, &s);
    test_gate_wait(s.ready);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_mutex_lock(s.mutex, enl_in_ms(120)), -ETIMEDOUT);
    test_gate_open(s.go);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    test_join(child);
    CHECK_EQ(atomic_load(&layout(&s)->head.word), WORD_LIVE);
    CHECK_EQ(atomic_load(&layout(&s)->waiters), 0);
    end(&s);
}

static void check_death(struct scene *s, enl_deadline until)
{
    pid_t child = test_child(lock_and_wait, s);
    int result;

    test_gate_wait(s->ready);
    test_kill(child);
    do
        result = enl_mutex_lock(s->mutex, until);
    while (result == -EAGAIN);
    CHECK_EQ(result, -EOWNERDEAD);
    CHECK_CONTAINS(enl_error_text(), "died");
}

TEST(mutex_tells_its_next_holder_of_a_death)
{
    struct scene s;

    begin(&s, 0);
    check_death(&s, ENL_FOREVER);
    CHECK_OK(enl_mutex_consistent(s.mutex));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_EQ(atomic_load(&layout(&s)->deaths), 1);
    end(&s);
}

TEST(mutex_tells_who_only_tries_of_a_death)
{
    struct scene s;

    begin(&s, ENL_RECURSIVE);
    check_death(&s, ENL_NOW);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW)); /* recursive: from the start again */
    CHECK_OK(enl_mutex_consistent(s.mutex));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_EQ(enl_mutex_unlock(s.mutex), -EPERM);
    end(&s);
}

static void take_from_dead_and_die(void *argument)
{
    struct scene *s = argument;

    CHECK_EQ(enl_mutex_lock(s->mutex, ENL_FOREVER), -EOWNERDEAD);
    _exit(7);
}

TEST(mutex_tells_of_a_death_until_somebody_repairs)
{
    struct scene s;
    pid_t child;

    begin(&s, 0);
    child = test_child(lock_and_wait, &s);
    test_gate_wait(s.ready);
    test_kill(child);
    test_join_exited(test_child(take_from_dead_and_die, &s), 7);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_FOREVER), -EOWNERDEAD);
    CHECK_OK(enl_mutex_unlock(s.mutex)); /* without a word */
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_FOREVER), -ENOTRECOVERABLE);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_NOW), -ENOTRECOVERABLE);
    CHECK_EQ(enl_mutex_unlock(s.mutex), -EPERM);
    CHECK_OK(enl_sync_destroy(s.mutex));
    enl_sync_close(s.mutex);
    s.mutex = place_open(&s.place, 0, ENL_MUTEX, 0);
    CHECK_OK(enl_mutex_lock(s.mutex, ENL_NOW));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    end(&s);
}

static void lose(void *argument)
{
    struct scene *s = argument;

    test_gate_open(s->done);
    CHECK_EQ(enl_mutex_lock(s->mutex, ENL_FOREVER), -ENOTRECOVERABLE);
}

TEST(mutex_that_is_lost_is_told_to_all_who_wait)
{
    struct scene s;
    pid_t waiters[3];

    begin(&s, 0);
    check_death(&s, ENL_FOREVER);
    for (int i = 0; i < 3; i++)
        waiters[i] = test_child(lose, &s);
    test_gate_wait_times(s.done, 3);
    CHECK_OK(enl_mutex_unlock(s.mutex));
    for (int i = 0; i < 3; i++)
        test_join(waiters[i]);
    end(&s);
}

TEST(mutex_is_not_destroyed_while_held)
{
    struct scene s;
    pid_t child;

    begin(&s, 0);
    child = test_child(lock_and_wait, &s);
    test_gate_wait(s.ready);
    CHECK_EQ(enl_sync_destroy(s.mutex), -EBUSY);
    test_gate_open(s.go);
    test_join(child);
    CHECK_OK(enl_sync_destroy(s.mutex));
    CHECK_EQ(enl_sync_destroy(s.mutex), -EIDRM);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_FOREVER), -EIDRM);
    CHECK_EQ(enl_mutex_unlock(s.mutex), -EIDRM);
    end(&s);
}

TEST(mutex_is_found_only_when_it_was_made)
{
    struct place p;
    struct enl_sync *a, *b;

    place_make(&p);
    CHECK_EQ(place_try(&p, 0, ENL_MUTEX, 0, 0, &a), -ENOENT);
    a = place_open(&p, 0, ENL_MUTEX, ENL_CHECKED);
    CHECK_OK(place_try(&p, 0, ENL_MUTEX, 0, 0, &b));
    CHECK_EQ(b->flags, ENL_CHECKED);
    enl_sync_close(b);
    CHECK_EQ(place_try(&p, 0, ENL_MUTEX, ENL_CHECKED, ENL_CREATE | ENL_EXCLUSIVE, &b), -EEXIST);
    CHECK_EQ(place_try(&p, 0, ENL_MUTEX, 0, ENL_CREATE, &b), -EINVAL);
    CHECK_EQ(place_try(&p, 0, ENL_CONDITION, 0, ENL_CREATE, &b), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "mutex");
    CHECK_EQ(place_try(&p, 0, ENL_MUTEX, 64, ENL_CREATE, &b), -EINVAL);
    CHECK_EQ(place_try(&p, 0, 15, 0, ENL_CREATE, &b), -EINVAL);
    CHECK_EQ(enl_rwlock_read(a, ENL_NOW), -EINVAL);
    enl_sync_close(a);
    place_end(&p);
}

/* Dies while it makes the object: after the word says so, before it is done. */
static void die_making(void *argument)
{
    struct place *p = argument;
    struct lock_layout *l = (void *)p->data;

    CHECK_OK(roster_join(p->roster));
    atomic_store(&l->head.word, WORD_BUSY | atomic_load(&roster_self(p->roster)->token));
    memset(&l->depth, 0xff, sizeof *l - offsetof(struct lock_layout, depth));
    _exit(7);
}

TEST(mutex_is_made_again_when_its_maker_died)
{
    struct place p;
    struct enl_sync *s;

    place_make(&p);
    test_join_exited(test_child(die_making, &p), 7);
    s = place_open(&p, 0, ENL_MUTEX, ENL_RECURSIVE);
    CHECK_OK(enl_mutex_lock(s, ENL_NOW));
    CHECK_OK(enl_mutex_unlock(s));
    CHECK_EQ(atomic_load(&((struct lock_layout *)s->object)->deaths), 0);
    enl_sync_close(s);
    place_end(&p);
}

TEST(mutex_that_nobody_finished_is_not_found)
{
    struct place p;
    struct enl_sync *s;

    place_make(&p);
    test_join_exited(test_child(die_making, &p), 7);
    CHECK_EQ(place_try(&p, 0, ENL_MUTEX, 0, 0, &s), -ENOENT);
    s = place_open(&p, 0, ENL_MUTEX, 0);
    enl_sync_close(s);
    place_end(&p);
}

static void *interrupt_soon(void *argument)
{
    struct scene *s = argument;

    test_gate_wait(s->done);
    usleep(20000); /* most likely it sleeps by now; if not, the interrupt is found all the same */
    CHECK_OK(enl_sync_interrupt(s->mutex));
    return NULL;
}

static void end_a_wait_by_an_interrupt(void)
{
    struct scene s;
    pthread_t thread;
    pid_t child;

    begin(&s, 0);
    child = test_child(lock_and_wait, &s);
    test_gate_wait(s.ready);
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_soon, &s), 0);
    test_gate_open(s.done);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_FOREVER), -ECANCELED);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(enl_mutex_lock(s.mutex, enl_in_ms(60000)), -ECANCELED);
    enl_sync_interrupt_clear(s.mutex);
    test_kill(child);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_FOREVER), -EOWNERDEAD);
    end(&s);
}

TEST(mutex_wait_ends_by_an_interrupt)
{
    end_a_wait_by_an_interrupt();
}

/* Without futex_waitv a wait of one of several threads looks for an interrupt again and again. */
TEST(mutex_wait_ends_by_an_interrupt_on_old_kernels)
{
    futex_pretend_old_kernel(true);
    end_a_wait_by_an_interrupt();
}

static void lock_by_and_by(void *argument)
{
    struct scene *s = argument;
    uint64_t *count;
    int64_t until;

    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    count = &s->numbers[++s->numbers[62]];
    CHECK_OK(enl_mutex_unlock(s->mutex));
    test_gate_meet(s->ready, 8);
    until = enl_in_ms((int64_t)s->numbers[61]);
    do {
        CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
        s->numbers[60]++;
        ++*count;
        CHECK_OK(enl_mutex_unlock(s->mutex));
    } while (enl_in_ns(1) < until);
}

/* How often the one that had it least had it in that time. */
static uint64_t contend(struct scene *s, uint64_t ms)
{
    uint64_t sum = 0, least = UINT64_MAX;
    pid_t children[8];

    memset(s->numbers, 0, 64 * sizeof *s->numbers);
    s->numbers[61] = ms;
    for (int i = 0; i < 8; i++)
        children[i] = test_child(lock_by_and_by, s);
    for (int i = 0; i < 8; i++)
        test_join(children[i]);
    for (int i = 1; i <= 8; i++) {
        least = s->numbers[i] < least ? s->numbers[i] : least;
        sum += s->numbers[i];
    }
    CHECK_EQ(sum, s->numbers[60]);
    return least;
}

/* One in 10 ms would be fair for who is always asleep. Where others use the CPUs all eight have less of them, and get
 * more time to have it five times. */
TEST(mutex_starves_none_of_eight, .deadline_s = 60, .stress = true)
{
    struct scene s;
    uint64_t ms = 1000;

    begin(&s, 0);
    while (contend(&s, ms) < 5) {
        ms *= 2;
        CHECK(ms <= 16000);
    }
    CHECK_EQ(atomic_load(&layout(&s)->head.word), WORD_LIVE);
    end(&s);
}

TEST(mutex_with_hostile_words_answers)
{
    static const uint32_t words[] = {1,          WORD_BUSY | WORD_WAITERS,     0x12345,
                                     0xffffffff, WORD_LIVE | (TOKEN_MASK - 1), WORD_LIVE | 0x1fe,
                                     WORD_DIRTY, WORD_LIVE | 1u << 20,         WORD_STARVING};
    struct scene s;

    begin(&s, 0);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        int result;

        atomic_store(&layout(&s)->head.word, words[i]);
        result = enl_mutex_lock(s.mutex, test_until());
        CHECK(result == -EBADMSG || result == -ENOTRECOVERABLE);
        result = enl_mutex_unlock(s.mutex);
        CHECK(result == -EBADMSG || result == -EPERM);
        (void)enl_sync_destroy(s.mutex);
    }
    atomic_store(&layout(&s)->head.word, 0);
    end(&s);
}
