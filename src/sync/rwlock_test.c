/* SPDX-License-Identifier: MIT */
/* Tests of the read-write lock: who is let in, who waits, and what a dead reader or writer does to the others. */
#include "sync/place_test.h"
#include "sync/rwlock_layout.h"

#include <enlace/sync.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

struct scene {
    struct place place;
    struct enl_sync *lock;
    struct test_gate *ready, *go, *done;
    uint64_t *numbers;
};

static void begin(struct scene *s)
{
    place_make(&s->place);
    s->lock = place_open(&s->place, 0, ENL_RWLOCK, 0);
    s->ready = test_gate_new();
    s->go = test_gate_new();
    s->done = test_gate_new();
    s->numbers = test_shared(64 * sizeof *s->numbers);
}

static void end(struct scene *s)
{
    struct rwlock_layout *rw = s->lock->object;

    CHECK_OK(enl_rwlock_write(s->lock, ENL_NOW));
    CHECK_OK(enl_rwlock_unlock(s->lock));
    CHECK_EQ(atomic_load(&rw->writer.head.word), WORD_LIVE);
    enl_sync_close(s->lock);
    place_end(&s->place);
}

static void read_and_wait(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_rwlock_read(s->lock, ENL_FOREVER));
    test_gate_open(s->ready);
    test_gate_wait(s->go);
    CHECK_OK(enl_rwlock_unlock(s->lock));
    CHECK_EQ(enl_rwlock_unlock(s->lock), -EPERM);
}

static void write_and_wait(void *argument)
{
    struct scene *s = argument;

    CHECK_OK(enl_rwlock_write(s->lock, ENL_FOREVER));
    test_gate_open(s->ready);
    test_gate_wait(s->go);
    CHECK_OK(enl_rwlock_unlock(s->lock));
}

TEST(rwlock_lets_readers_share_and_keeps_writers_out)
{
    struct scene s;
    pid_t child;

    begin(&s);
    child = test_child(read_and_wait, &s);
    test_gate_wait(s.ready);
    CHECK_OK(enl_rwlock_read(s.lock, ENL_NOW));
    CHECK_OK(enl_rwlock_read(s.lock, ENL_NOW)); /* as another thread would */
    CHECK_OK(enl_rwlock_unlock(s.lock));
    CHECK_OK(enl_rwlock_unlock(s.lock));
    CHECK_EQ(enl_rwlock_unlock(s.lock), -EPERM);
    CHECK_EQ(enl_rwlock_write(s.lock, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_rwlock_write(s.lock, enl_in_ms(100)), -ETIMEDOUT);
    CHECK_OK(enl_rwlock_read(s.lock, ENL_NOW)); /* the writer that gave up keeps nobody out */
    CHECK_OK(enl_rwlock_unlock(s.lock));
    CHECK_EQ(enl_sync_destroy(s.lock), -EBUSY);
    test_gate_open(s.go);
    CHECK_OK(enl_rwlock_write(s.lock, ENL_FOREVER));
    CHECK_OK(enl_rwlock_unlock(s.lock));
    test_join(child);
    end(&s);
}

TEST(rwlock_lets_one_write)
{
    struct scene s;
    pid_t child;

    begin(&s);
    child = test_child(write_and_wait, &s);
    test_gate_wait(s.ready);
    CHECK_EQ(enl_rwlock_read(s.lock, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_rwlock_read(s.lock, enl_in_ms(100)), -ETIMEDOUT);
    CHECK_EQ(enl_rwlock_write(s.lock, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_rwlock_unlock(s.lock), -EPERM);
    CHECK_EQ(enl_sync_destroy(s.lock), -EBUSY);
    test_gate_open(s.go);
    CHECK_OK(enl_rwlock_read(s.lock, ENL_FOREVER));
    CHECK_OK(enl_rwlock_unlock(s.lock));
    test_join(child);
    end(&s);
}

TEST(rwlock_tells_the_next_of_a_dead_writer)
{
    struct scene s;
    pid_t child;

    begin(&s);
    for (int i = 0; i < 2; i++) {
        child = test_child(write_and_wait, &s);
        test_gate_wait_times(s.ready, (unsigned)i + 1);
        test_kill(child);
        if (i == 0)
            CHECK_EQ(enl_rwlock_write(s.lock, ENL_FOREVER), -EOWNERDEAD);
        else /* who wanted to read may write, to repair */
            CHECK_EQ(enl_rwlock_read(s.lock, ENL_FOREVER), -EOWNERDEAD);
        CHECK_OK(enl_rwlock_consistent(s.lock));
        CHECK_OK(enl_rwlock_unlock(s.lock));
        CHECK_EQ(enl_rwlock_unlock(s.lock), -EPERM);
    }
    CHECK_EQ(enl_rwlock_consistent(s.lock), -EPERM);
    end(&s);
}

TEST(rwlock_that_is_not_repaired_is_lost)
{
    struct scene s;
    pid_t child;

    begin(&s);
    child = test_child(write_and_wait, &s);
    test_gate_wait(s.ready);
    test_kill(child);
    CHECK_EQ(enl_rwlock_read(s.lock, ENL_FOREVER), -EOWNERDEAD);
    CHECK_OK(enl_rwlock_unlock(s.lock));
    CHECK_EQ(enl_rwlock_read(s.lock, ENL_FOREVER), -ENOTRECOVERABLE);
    CHECK_EQ(enl_rwlock_write(s.lock, ENL_NOW), -ENOTRECOVERABLE);
    CHECK_OK(enl_sync_destroy(s.lock));
    CHECK_EQ(enl_rwlock_read(s.lock, ENL_NOW), -EIDRM);
    enl_sync_close(s.lock);
    s.lock = place_open(&s.place, 0, ENL_RWLOCK, 0);
    end(&s);
}

TEST(rwlock_tells_a_writer_of_a_dead_reader)
{
    struct scene s;
    pid_t child;
    int result;

    begin(&s);
    CHECK_OK(
        enl_rwlock_read(s.lock, ENL_NOW)); /* so that the child has another place than the test */
    CHECK_OK(enl_rwlock_unlock(s.lock));
    child = test_child(read_and_wait, &s);
    test_gate_wait(s.ready);
    test_kill(child);
    CHECK_OK(enl_rwlock_read(s.lock, ENL_NOW)); /* readers need not care */
    CHECK_OK(enl_rwlock_unlock(s.lock));
    do
        result = enl_rwlock_write(s.lock, ENL_NOW);
    while (result == -EAGAIN);
    CHECK_EQ(result, -EOWNERDEAD);
    CHECK_OK(enl_rwlock_unlock(s.lock)); /* nothing was to be repaired */
    end(&s);
}

TEST(rwlock_tells_of_a_dead_reader_whose_place_is_taken)
{
    struct scene s;
    pid_t child;

    begin(&s);
    for (int i = 1; i <= 2; i++) { /* the second one takes the first one's place */
        child = test_child(read_and_wait, &s);
        test_gate_wait_times(s.ready, (unsigned)i);
        if (i == 1) {
            uint32_t token = token_of(1, 1); /* the test is the first member */

            test_kill(child);
            while (CHECK_OK(roster_is_alive(s.place.roster, token)) == 1)
                sched_yield();
        }
    }
    test_gate_open(s.go);
    test_join(child);
    CHECK_EQ(enl_rwlock_write(s.lock, ENL_FOREVER), -EOWNERDEAD);
    CHECK_OK(enl_rwlock_unlock(s.lock));
    end(&s);
}

static void write_once(void *argument)
{
    struct scene *s = argument;

    test_gate_open(s->ready);
    CHECK_OK(enl_rwlock_write(s->lock, ENL_FOREVER));
    s->numbers[0] = 1;
    CHECK_OK(enl_rwlock_unlock(s->lock));
}

static void read_without_a_gap(void *argument)
{
    struct scene *s = argument;
    uint64_t seen;

    test_gate_meet(s->done, 3);
    do { /* one of the two always reads, until the writer has come through */
        CHECK_OK(enl_rwlock_read(s->lock, ENL_FOREVER));
        seen = s->numbers[0];
        usleep(2000);
        CHECK_OK(enl_rwlock_unlock(s->lock));
    } while (seen == 0);
}

TEST(rwlock_starves_no_writer, .stress = true)
{
    struct scene s;
    pid_t readers[3], writer;

    begin(&s);
    for (int i = 0; i < 3; i++)
        readers[i] = test_child(read_without_a_gap, &s);
    writer = test_child(write_once, &s);
    for (int i = 0; i < 3; i++)
        test_join(readers[i]);
    test_join(writer);
    end(&s);
}

static void write_without_a_gap(void *argument)
{
    struct scene *s = argument;

    test_gate_meet(s->done, 3);
    while (*(volatile uint64_t *)&s->numbers[0] == 0) {
        CHECK_OK(enl_rwlock_write(s->lock, ENL_FOREVER));
        s->numbers[1]++;
        CHECK_OK(enl_rwlock_unlock(s->lock));
    }
}

TEST(rwlock_starves_no_reader, .stress = true)
{
    struct scene s;
    pid_t writers[2];

    begin(&s);
    for (int i = 0; i < 2; i++)
        writers[i] = test_child(write_without_a_gap, &s);
    test_gate_meet(s.done, 3);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(enl_rwlock_read(s.lock, ENL_FOREVER));
        CHECK_OK(enl_rwlock_unlock(s.lock));
    }
    *(volatile uint64_t *)&s.numbers[0] = 1;
    for (int i = 0; i < 2; i++)
        test_join(writers[i]);
    end(&s);
}

static void write_when_the_readers_are_gone(void *argument)
{
    struct scene *s = argument;

    test_gate_open(s->done);
    CHECK_OK(enl_rwlock_write(s->lock, ENL_FOREVER));
    CHECK_OK(enl_rwlock_unlock(s->lock));
}

TEST(rwlock_writer_that_dies_waiting_keeps_nobody_out)
{
    struct scene s;
    struct rwlock_layout *rw;
    pid_t writer;
    int result;

    begin(&s);
    rw = s.lock->object;
    CHECK_OK(enl_rwlock_read(s.lock, ENL_NOW));
    writer = test_child(write_when_the_readers_are_gone, &s);
    test_gate_wait(s.done);
    while (atomic_load(&rw->writer.head.word) == WORD_LIVE)
        sched_yield();
    test_kill(writer);
    /* the reader's own mark is in the way of a repair: so it cannot be told now, nor may it hang */
    CHECK_EQ(enl_rwlock_read(s.lock, enl_in_ms(200)), -ETIMEDOUT);
    CHECK_OK(enl_rwlock_unlock(s.lock));
    result = enl_rwlock_read(s.lock, ENL_FOREVER);
    CHECK_EQ(result, -EOWNERDEAD);
    CHECK_OK(enl_rwlock_consistent(s.lock));
    CHECK_OK(enl_rwlock_unlock(s.lock));
    end(&s);
}

static void *interrupt_soon(void *argument)
{
    struct scene *s = argument;

    usleep(20000); /* most likely it sleeps by now; if not, the interrupt is found all the same */
    CHECK_OK(enl_sync_interrupt(s->lock));
    return NULL;
}

TEST(rwlock_wait_ends_by_an_interrupt)
{
    struct scene s;
    pthread_t thread;
    pid_t child;

    begin(&s);
    child = test_child(read_and_wait, &s);
    test_gate_wait(s.ready);
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_soon, &s), 0);
    CHECK_EQ(enl_rwlock_write(s.lock, ENL_FOREVER), -ECANCELED);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    enl_sync_interrupt_clear(s.lock);
    test_gate_open(s.go);
    CHECK_OK(enl_rwlock_write(s.lock, ENL_FOREVER));
    CHECK_OK(enl_rwlock_unlock(s.lock));
    test_join(child);
    end(&s);
}

TEST(rwlock_with_hostile_words_answers)
{
    static const uint32_t words[] = {1, 0xffffffff, 0x00ffffff, 0x80000001};
    struct scene s;
    struct rwlock_layout *rw;

    begin(&s);
    rw = s.lock->object;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        int result;

        for (uint32_t slot = 0; slot < ROSTER_SLOTS_MAX; slot++)
            atomic_store(&rw->readers[slot], words[i]);
        /* marks of members that do not live: they are dead readers */
        result = enl_rwlock_write(s.lock, test_until());
        CHECK(result == -EOWNERDEAD || result == -EBADMSG);
        if (result == -EOWNERDEAD)
            CHECK_OK(enl_rwlock_unlock(s.lock));
    }
    for (uint32_t slot = 0; slot < ROSTER_SLOTS_MAX; slot++)
        atomic_store(&rw->readers[slot], 0);
    atomic_store(&rw->writer.head.word, WORD_LIVE | 0x1fe);
    CHECK_EQ(enl_rwlock_read(s.lock, test_until()), -EBADMSG);
    CHECK_EQ(enl_rwlock_write(s.lock, test_until()), -EBADMSG);
    atomic_store(&rw->writer.head.word, WORD_LIVE);
    end(&s);
}
