/* SPDX-License-Identifier: MIT */
/* Proof of svsem.c: several operations at once, undoing, records, removal under waiters, and every limit of the kernel
 * that can be hit. */
#include "kernel/svsem.h"

#include "kernel/clock.h"
#include "kernel/wait.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS INT64_C(1000000)

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static int make(unsigned count)
{
    int id = -1;

    CHECK_OK(svsem_create(0, count, 0600, &id));
    return id;
}

static int change(int id, unsigned index, int by, int flags, enl_deadline until)
{
    struct svsem_operation one = {.index = (uint16_t)index,
                                  .change = (int16_t)by,
                                  .flags = (int16_t)flags};

    return svsem_operate(id, &one, 1, until, NULL);
}

static unsigned value_of(int id, unsigned index)
{
    struct svsem_state state;

    CHECK_OK(svsem_state(id, index, &state));
    return state.value;
}

static int32_t own_key(void)
{
    return 0x21000000 | getpid(); /* no other test's */
}

/* ---- sets ----------------------------------------------------------------------------------------------------- */

TEST(a_key_names_one_set)
{
    int id, other;

    CHECK_EQ(svsem_open(own_key(), 1, &id), -ENOENT);
    CHECK_OK(svsem_create(own_key(), 3, 0600, &id));
    CHECK_EQ(svsem_create(own_key(), 3, 0600, &other), -EEXIST);
    CHECK_OK(svsem_open(own_key(), 2, &other));
    CHECK_EQ(other, id);
    CHECK_EQ(svsem_open(own_key(), 4, &other), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "fewer than 4");
    CHECK_OK(svsem_remove(id));
    CHECK_EQ(svsem_remove(id), -EIDRM);
}

TEST(mode_and_owner_are_set_and_told)
{
    struct svsem_facts facts;
    int id;

    (void)umask(077);
    CHECK_OK(svsem_create(0, 2, 0646, &id));
    CHECK_OK(svsem_facts(id, &facts));
    CHECK_EQ(facts.mode, 0646);
    CHECK_EQ(facts.count, 2);
    CHECK_EQ(facts.operation_time, 0);
    CHECK(facts.change_time > 0);
    CHECK_OK(svsem_set_mode(id, 0200)); /* may not be read now, but by its owner changed */
    CHECK_OK(svsem_set_mode(id, 0600));
    CHECK_OK(change(id, 0, 1, 0, ENL_NOW));
    if (test_is_root())
        CHECK_OK(svsem_set_owner(id, 65534, UINT32_MAX));
    CHECK_OK(svsem_facts(id, &facts));
    CHECK_EQ(facts.mode, 0600);
    CHECK(facts.operation_time > 0);
    CHECK_EQ(facts.uid, test_is_root() ? 65534 : getuid());
    CHECK_EQ(facts.gid, getgid());
    CHECK_OK(svsem_remove(id));
}

TEST(the_first_values_are_set_all_at_once_and_once)
{
    int id = make(3);

    CHECK_OK(svsem_raise_from_zero(id, 3, 7));
    CHECK_EQ(svsem_raise_from_zero(id, 3, 7), -EAGAIN);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(value_of(id, i), 7);
    CHECK_OK(svsem_remove(id));
}

/* ---- operations ----------------------------------------------------------------------------------------------- */

TEST(several_operations_are_done_together_or_not_at_all)
{
    const struct svsem_operation both[] = {{.index = 0, .change = -1}, {.index = 1, .change = -2}};
    int id = make(2);

    CHECK_OK(svsem_set_value(id, 0, 1));
    CHECK_OK(svsem_set_value(id, 1, 1));
    CHECK_EQ(svsem_operate(id, both, 2, ENL_NOW, NULL), -EAGAIN);
    CHECK_EQ(value_of(id, 0), 1);
    CHECK_OK(svsem_set_value(id, 1, 2));
    CHECK_OK(svsem_operate(id, both, 2, ENL_NOW, NULL));
    CHECK_EQ(value_of(id, 0), 0);
    CHECK_EQ(value_of(id, 1), 0);
    CHECK_OK(svsem_remove(id));
}

static void wait_for_zero(void *argument)
{
    CHECK_OK(change(*(int *)argument, 0, 0, 0, test_until()));
}

static void await_waiters(int id, unsigned more, unsigned zero)
{
    struct svsem_state state;

    do {
        CHECK_OK(svsem_state(id, 0, &state));
        CHECK(clock_now_ns() < test_until());
    } while (state.waiters < more || state.zero_waiters < zero);
}

TEST(zero_is_waited_for)
{
    int id = make(1);
    pid_t child;

    CHECK_OK(svsem_set_value(id, 0, 2));
    child = test_child(wait_for_zero, &id);
    await_waiters(id, 0, 1);
    CHECK_OK(change(id, 0, -2, 0, ENL_NOW));
    test_join(child);
    CHECK_OK(svsem_remove(id));
}

static void take_with_undo(void *argument)
{
    CHECK_OK(change(*(int *)argument, 0, -3, SVSEM_UNDO, test_until()));
    for (;;)
        (void)pause();
}

TEST(what_a_killed_process_took_with_undo_comes_back)
{
    int id = make(1);
    pid_t child;

    CHECK_OK(svsem_set_value(id, 0, 3));
    child = test_child(take_with_undo, &id);
    CHECK_OK(change(id, 0, 0, 0, test_until()));
    test_kill(child);
    CHECK_OK(change(id, 0, -3, 0, test_until()));
    CHECK_OK(svsem_remove(id));
}

TEST(a_deadline_ends_the_wait)
{
    int64_t before = clock_now_ns();
    int id = make(1);

    CHECK_EQ(change(id, 0, -1, 0, ENL_NOW), -EAGAIN);
    CHECK_EQ(change(id, 0, -1, 0, before + 60 * MS), -ETIMEDOUT);
    CHECK(clock_now_ns() >= before + 60 * MS);
    CHECK_OK(svsem_remove(id));
}

static void wait_until_removed(void *argument)
{
    CHECK_EQ(change(*(int *)argument, 0, -1, 0, test_until()), -EIDRM);
    CHECK_CONTAINS(enl_error_text(), "removed");
}

TEST(removal_ends_waits_and_later_calls)
{
    struct svsem_state state;
    int id = make(1);
    pid_t child = test_child(wait_until_removed, &id);

    await_waiters(id, 1, 0);
    CHECK_OK(svsem_remove(id));
    test_join(child);
    CHECK_EQ(change(id, 0, 1, 0, ENL_NOW), -EIDRM);
    CHECK_EQ(svsem_state(id, 0, &state), -EIDRM);
    CHECK_EQ(svsem_set_mode(id, 0600), -EIDRM);
}

/* ---- interrupts ------------------------------------------------------------------------------------------------- */

static struct interrupt interrupt;

static void raise_it(int signal)
{
    (void)signal;
    (void)interrupt_raise(&interrupt);
}

static int wait_interruptible(int id)
{
    const struct svsem_operation take = {.change = -1};

    return svsem_operate(id, &take, 1, test_until(), &interrupt);
}

TEST(a_handler_interrupts_at_any_moment)
{
    struct sigaction action = {.sa_handler = raise_it, .sa_flags = SA_RESTART};
    int id;

    if (test_delays_signals())
        SKIP("handlers wait for the next call of the libc");
    id = make(1);
    interrupt_init(&interrupt);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        (void)ualarm(i < 80 ? 1 + i / 2 : 2000, 0);
        CHECK_EQ(wait_interruptible(id), -ECANCELED);
        interrupt_clear(&interrupt);
    }
    interrupt_fini(&interrupt);
    CHECK_OK(svsem_remove(id));
}

static void *raise_from_thread(void *argument)
{
    (void)argument;
    (void)interrupt_raise(&interrupt);
    return NULL;
}

TEST(another_thread_interrupts)
{
    int id = make(1);
    pthread_t thread;

    interrupt_init(&interrupt);
    CHECK_EQ(pthread_create(&thread, NULL, raise_from_thread, NULL), 0);
    CHECK_EQ(wait_interruptible(id), -ECANCELED);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    interrupt_fini(&interrupt);
    CHECK_OK(svsem_remove(id));
}

/* ---- limits ------------------------------------------------------------------------------------------------------- */

TEST(a_value_above_the_highest_is_told)
{
    int id = make(1);

    CHECK_EQ(svsem_set_value(id, 0, 32768), -ERANGE);
    CHECK_CONTAINS(enl_error_text(), "32767");
    CHECK_OK(svsem_set_value(id, 0, 32767));
    CHECK_EQ(change(id, 0, 1, 0, ENL_NOW), -ERANGE);
    CHECK_CONTAINS(enl_error_text(), "32767");
    CHECK_EQ(value_of(id, 0), 32767);
    CHECK_OK(svsem_remove(id));
}

TEST(a_semaphore_that_the_set_does_not_have_is_told)
{
    int id = make(2);

    CHECK_EQ(change(id, 2, 1, 0, ENL_NOW), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "no semaphore 2: it has 2");
    CHECK_OK(svsem_remove(id));
}

TEST(more_operations_than_allowed_are_told)
{
    struct svsem_operation many[SVSEM_OPERATIONS_MOST + 1] = {{.change = 1}};
    struct svsem_limits limits;
    int id = make(1);

    svsem_limits(&limits);
    CHECK_EQ(svsem_operate(id, many, SVSEM_OPERATIONS_MOST + 1, ENL_NOW, NULL), -E2BIG);
    if (limits.operations < SVSEM_OPERATIONS_MOST) {
        CHECK_EQ(svsem_operate(id, many, limits.operations + 1, ENL_NOW, NULL), -E2BIG);
        CHECK_CONTAINS(enl_error_text(), "semopm");
    }
    CHECK_OK(svsem_remove(id));
}

TEST(more_semaphores_than_a_set_may_have_are_told)
{
    struct svsem_limits limits;
    int id;

    svsem_limits(&limits);
    CHECK_EQ(svsem_create(0, limits.set + 1, 0600, &id), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "semmsl");
}

/* In the test's own namespace, where it has one, the limits are its own, too. */
TEST(more_sets_than_allowed_are_told)
{
    FILE *file = test_is_root() ? fopen("/proc/sys/kernel/sem", "re+") : NULL;
    unsigned set, all, operations, sets;
    int id, other;

    if (file == NULL)
        SKIP("the limit of sets cannot be lowered here");
    CHECK_EQ(fscanf(file, "%u %u %u %u", &set, &all, &operations, &sets), 4);
    rewind(file);
    id = make(1);
    if (fprintf(file, "%u %u %u 1\n", set, all, operations) < 0 || fflush(file) != 0)
        SKIP("the limit of sets cannot be lowered here");
    CHECK_EQ(svsem_create(0, 1, 0600, &other), -ENOSPC);
    CHECK_CONTAINS(enl_error_text(), "semmni");
    rewind(file);
    CHECK(fprintf(file, "%u %u %u %u\n", set, all, operations, sets) > 0);
    CHECK_EQ(fclose(file), 0);
    CHECK_OK(svsem_remove(id));
}

static void use_as_stranger(void *argument)
{
    CHECK_EQ(change(*(int *)argument, 0, 1, 0, ENL_NOW), -EACCES);
    CHECK_CONTAINS(enl_error_text(), "mode and owner");
}

TEST(who_may_not_is_refused)
{
    int id = make(1);

    if (!test_is_root())
        SKIP("needs another user");
    test_as_user(use_as_stranger, &id);
    CHECK_OK(svsem_remove(id));
}
