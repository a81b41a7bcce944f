/* SPDX-License-Identifier: MIT */
/* Proof of wait.c: no interrupt is lost, whenever it comes, from a thread and from a signal handler. */
#include "kernel/wait.h"

#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/pipe.h"
#include "kernel/thread.h"
#include "runner/test.h"

#include <errno.h>
#include <pthread.h>
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

static void on_nothing(int signal)
{
    (void)signal;
}

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

/* One timer that fires once, after so many microseconds: anywhere in the calls that follow. */
static void fire_in(long us)
{
    struct itimerval timer = {.it_value = {.tv_usec = us}};

    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static int wait_on(int fd, enl_deadline until)
{
    struct interrupt *who[] = {&target};
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}};

    return wait_for(fds, 1, who, 1, until);
}

TEST(wait_tells_what_is_ready_and_when_the_deadline_passed)
{
    int fds[2];
    int64_t begin = clock_now_ns();

    interrupt_init(&target);
    CHECK_OK(pipe_create(fds));
    CHECK_EQ(wait_on(fds[0], ENL_NOW), -ETIMEDOUT);
    CHECK_EQ(wait_on(fds[0], enl_in_ms(20)), -ETIMEDOUT);
    CHECK(clock_now_ns() - begin >= 20000000);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_EQ(wait_on(fds[0], ENL_FOREVER), 1);
    CHECK_EQ(wait_on(fds[0], ENL_NOW), 1);
    interrupt_fini(&target);
    descriptor_close(fds[0]);
    descriptor_close(fds[1]);
}

TEST(an_interrupt_before_the_wait_ends_it_until_it_is_cleared)
{
    interrupt_init(&target);
    CHECK_OK(interrupt_raise(&target));
    CHECK_EQ(wait_on(-1, ENL_FOREVER), -ECANCELED);
    CHECK_EQ(wait_on(-1, enl_in_ms(1)), -ECANCELED);
    interrupt_clear(&target);
    CHECK_EQ(wait_on(-1, enl_in_ms(1)), -ETIMEDOUT);
    interrupt_fini(&target);
}

static void storm_of_waits(int flags, int rounds)
{
    if (test_delays_signals())
        SKIP("the sanitizer runs handlers later");
    handle(SIGALRM, on_signal, flags);
    interrupt_init(&target);
    for (int i = 0; i < rounds && test_has_time(); i++) {
        fire_in(1 + rand() % 60);
        CHECK_EQ(wait_on(-1, ENL_FOREVER), -ECANCELED);
        interrupt_clear(&target);
    }
    interrupt_fini(&target);
}

TEST(no_handlers_interrupt_of_a_wait_is_lost, .stress = true)
{
    storm_of_waits(0, 5000);
}

TEST(no_handlers_interrupt_of_a_wait_is_lost_with_restart, .stress = true)
{
    storm_of_waits(SA_RESTART, 5000);
}

/* The plain blocking call of a process with one thread. */
static void storm_of_reads(int flags, int rounds)
{
    struct pipe_end end;
    int fds[2];
    char byte;

    if (!thread_is_alone())
        SKIP("this libc does not tell that there is one thread: plain blocking calls are not used");
    CHECK_OK(pipe_create(fds));
    pipe_end_init(&end, fds[0], true);
    handle(SIGALRM, on_signal, flags);
    interrupt_init(&target);
    atomic_store(&target.blocking_fd, fds[0]);
    for (int i = 0; i < rounds && test_has_time(); i++) {
        ssize_t count = 0;

        fire_in(1 + rand() % 60);
        while (!interrupt_raised(&target)) {
            count = pipe_end_read(&end, &byte, 1, true);
            CHECK(count == -EINTR || count == -EAGAIN);
        }
        interrupt_clear(&target);
    }
    atomic_store(&target.blocking_fd, -1);
    interrupt_fini(&target);
    pipe_end_fini(&end);
    descriptor_close(fds[1]);
}

TEST(no_handlers_interrupt_of_a_blocking_read_is_lost, .stress = true)
{
    storm_of_reads(0, 5000);
}

TEST(no_handlers_interrupt_of_a_blocking_read_is_lost_with_restart, .stress = true)
{
    storm_of_reads(SA_RESTART, 5000);
}

static atomic_int round_number; /* negative: it was the last one */

/* Interrupts once a round, at no particular moment of it. */
static void *interrupt_each_round(void *unused)
{
    (void)unused;
    for (int i = 1;; i++) {
        int now;

        while ((now = atomic_load(&round_number)) >= 0 && now < i)
            thread_yield();
        if (now < 0)
            return NULL;
        for (int spin = rand() % 2000; spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst);
        (void)interrupt_raise(&target);
    }
}

TEST(no_threads_interrupt_of_a_wait_is_lost, .stress = true)
{
    pthread_t thread;

    interrupt_init(&target);
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_each_round, NULL), 0);
    for (int i = 1; i <= 5000 && test_has_time(); i++) {
        atomic_store(&round_number, i);
        CHECK_EQ(wait_on(-1, ENL_FOREVER), -ECANCELED);
        interrupt_clear(&target);
    }
    atomic_store(&round_number, -1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    interrupt_fini(&target);
}

TEST(signals_that_interrupt_nobody_do_not_end_a_wait)
{
    struct itimerval timer = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
    int64_t begin = clock_now_ns();

    handle(SIGALRM, on_nothing, 0);
    interrupt_init(&target);
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    CHECK_EQ(wait_on(-1, enl_in_ms(50)), -ETIMEDOUT);
    CHECK(clock_now_ns() - begin >= 50000000);
    interrupt_fini(&target);
}
