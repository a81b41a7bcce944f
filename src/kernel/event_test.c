/* SPDX-License-Identifier: MIT */
/* Proof of counters: all or one is taken, the sum has a bound, and each call waits or not as it is told. */
#include "kernel/event.h"

#include "kernel/descriptor.h"
#include "kernel/thread.h"
#include "kernel/wait.h"
#include "runner/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static struct interrupt target;

static void on_signal(int signal)
{
    (void)signal;
    (void)interrupt_raise(&target);
}

/* One timer that fires once, after so many microseconds: anywhere in the calls that follow. */
static void fire_in(long us)
{
    struct itimerval timer = {.it_value = {.tv_usec = us}};

    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static struct event_counter make(uint64_t value, bool semaphore, bool blocks)
{
    struct event_counter c = {.blocks = blocks};

    interrupt_init(&target);
    CHECK_OK(event_counter_create(value, semaphore, blocks, &c.fd));
    return c;
}

static uint64_t taken(struct event_counter *c)
{
    uint64_t value = 0;

    CHECK_OK(event_counter_take(c, &target, false, &value));
    return value;
}

static int take_nothing(struct event_counter *c)
{
    uint64_t value;

    return event_counter_take(c, &target, false, &value);
}

/* What holds in both modes of the description. */
static void check_sums(bool blocks)
{
    struct event_counter c = make(0, false, blocks);

    CHECK_EQ(take_nothing(&c), -EAGAIN);
    CHECK_OK(event_counter_add(&c, &target, false, 1));
    CHECK_OK(event_counter_add(&c, &target, false, 41));
    CHECK(taken(&c) == 42);
    CHECK_EQ(take_nothing(&c), -EAGAIN);
    CHECK_OK(event_counter_add(&c, &target, false, EVENT_COUNTER_MOST - 5));
    CHECK_EQ(event_counter_add(&c, &target, false, 6), -EAGAIN);
    CHECK_OK(event_counter_add(&c, &target, false, 5));
    CHECK_EQ(event_counter_add(&c, &target, false, 1), -EAGAIN);
    CHECK(taken(&c) == EVENT_COUNTER_MOST);
    CHECK_EQ(event_counter_add(&c, &target, false, UINT64_MAX), -EINVAL);
    descriptor_close(c.fd);
}

TEST(counter_gives_the_sum_of_what_was_added)
{
    check_sums(false);
    check_sums(true);
}

TEST(counter_does_not_sleep_on_kernels_without_modes_of_calls)
{
    event_pretend_old_kernel(true);
    check_sums(true);
}

TEST(counter_begins_with_any_value)
{
    static const uint64_t values[] = {0, 1, UINT32_MAX, 1ull << 32, EVENT_COUNTER_MOST};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct event_counter c = make(values[i], false, true);
        uint64_t there = 1;

        CHECK_OK(event_counter_look(c.fd, &there, NULL));
        CHECK(there == values[i]);
        if (values[i] > 0)
            CHECK(taken(&c) == values[i]);
        CHECK_EQ(take_nothing(&c), -EAGAIN);
        descriptor_close(c.fd);
    }
}

TEST(semaphore_gives_one_at_a_time)
{
    struct event_counter c = make(2, true, true);
    int semaphore = -1;

    CHECK_OK(event_counter_add(&c, &target, false, 2));
    for (int i = 0; i < 4; i++)
        CHECK_EQ(taken(&c), 1);
    CHECK_EQ(take_nothing(&c), -EAGAIN);
    CHECK_OK(event_counter_look(c.fd, NULL, &semaphore));
    CHECK(semaphore == 1 || semaphore == -1);
    descriptor_close(c.fd);
}

TEST(counters_are_told_from_other_descriptors)
{
    struct event_counter c = make(0, false, true);
    int set_fd;

    CHECK_OK(event_set_create(&set_fd));
    CHECK(event_counter_is(c.fd));
    CHECK(!event_counter_is(set_fd));
    CHECK(!event_counter_is(STDERR_FILENO));
    CHECK(!event_counter_is(-1));
    CHECK_EQ(event_counter_look(set_fd, NULL, NULL), -ENOTSUP);
    CHECK_EQ(event_counter_look(-1, NULL, NULL), -ENOENT);
    descriptor_close(set_fd);
    descriptor_close(c.fd);
}

static void add_one(void *argument)
{
    CHECK_OK(event_counter_add(argument, &target, true, 1));
}

static void take_one(void *argument)
{
    CHECK(taken(argument) > 0);
}

static void need_one_thread(void)
{
    if (!thread_is_alone())
        SKIP("this libc does not tell that there is one thread: plain blocking calls are not used");
}

TEST(a_call_that_may_sleep_is_woken_by_another_process)
{
    struct event_counter c = make(0, false, true);
    uint64_t value = 0;

    need_one_thread();
    for (int i = 0; i < 20; i++) {
        pid_t child = test_child(add_one, &c);

        CHECK_OK(event_counter_take(&c, &target, true, &value));
        CHECK(value == 1);
        test_join(child);
        CHECK_OK(event_counter_add(&c, &target, true, EVENT_COUNTER_MOST));
        child = test_child(take_one, &c);
        CHECK_OK(event_counter_add(&c, &target, true, 3));
        test_join(child);
        CHECK(taken(&c) == 3);
    }
    descriptor_close(c.fd);
}

/* A handler's interrupt at any moment of a sleeping take, or of an add to a full counter. */
static void storm(bool adds, int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    struct event_counter c = make(adds ? EVENT_COUNTER_MOST : 0, false, true);
    uint64_t value;

    need_one_thread();
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    for (int i = 0; i < 5000 && test_has_time(); i++) {
        fire_in(1 + rand() % 60);
        while (!interrupt_raised(&target))
            CHECK_EQ(adds ? event_counter_add(&c, &target, true, 1)
                          : event_counter_take(&c, &target, true, &value),
                     -EINTR);
        interrupt_clear(&target);
    }
    interrupt_fini(&target);
    if (adds)
        CHECK(taken(&c) == EVENT_COUNTER_MOST);
    CHECK_EQ(take_nothing(&c), -EAGAIN);
    descriptor_close(c.fd);
}

TEST(no_handlers_interrupt_of_a_take_is_lost, .stress = true)
{
    storm(false, 0);
}

TEST(no_handlers_interrupt_of_a_take_is_lost_with_restart, .stress = true)
{
    storm(false, SA_RESTART);
}

TEST(no_handlers_interrupt_of_a_take_is_lost_on_old_kernels, .stress = true)
{
    event_pretend_old_kernel(true);
    storm(false, 0);
}

TEST(no_handlers_interrupt_of_a_take_is_lost_on_old_kernels_with_restart, .stress = true)
{
    event_pretend_old_kernel(true);
    storm(false, SA_RESTART);
}

TEST(no_handlers_interrupt_of_an_add_is_lost, .stress = true)
{
    storm(true, 0);
}

TEST(no_handlers_interrupt_of_an_add_is_lost_with_restart, .stress = true)
{
    storm(true, SA_RESTART);
}

TEST(interrupts_leave_the_mode_of_the_description)
{
    struct event_counter c = make(0, false, true);
    struct descriptor_facts facts;
    uint64_t value;

    need_one_thread();
    CHECK_OK(interrupt_raise(&target));
    CHECK_EQ(event_counter_take(&c, &target, true, &value), -EINTR);
    CHECK_EQ(event_counter_add(&c, &target, true, 1), -EINTR);
    CHECK_OK(descriptor_facts(c.fd, &facts));
    CHECK(facts.blocks);
    interrupt_clear(&target);
    CHECK_EQ(take_nothing(&c), -EAGAIN);
    descriptor_close(c.fd);
}
