/* SPDX-License-Identifier: MIT */
/* Threads, sleepers and alarms: what a test needs to make things happen at the same time. */
#include "suite.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ThreadSanitizer runs handlers at moments of its own, which may come after the sleep has begun: what
 * needs one signal gets several. */
#if defined(__SANITIZE_THREAD__)
#define HANDLERS_ARE_LATE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HANDLERS_ARE_LATE 1
#endif
#endif
#ifndef HANDLERS_ARE_LATE
#define HANDLERS_ARE_LATE 0
#endif

static void *task_main(void *argument)
{
    struct task *t = argument;

    atomic_store_explicit(&t->tid, (int)syscall(SYS_gettid), memory_order_release);
    t->run(t->argument);
    return NULL;
}

void task_start(struct task *t, void (*run)(void *argument), void *argument)
{
    *t = (struct task){.run = run, .argument = argument};
    CHECK_EQ(pthread_create(&t->thread, NULL, task_main, t), 0);
}

void task_join(struct task *t)
{
    CHECK_EQ(pthread_join(t->thread, NULL), 0);
}

/* The letter of its state, 0 when it is gone. */
static char state_of(int tid)
{
    char path[64], text[512];

    snprintf(path, sizeof(path), "/proc/%d/stat", tid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && name_end[1] == ' ' ? name_end[2] : 0;
}

/* A sleep seen a few times in a row is the one that the test waits for, not a lock on the way. */
static void await_sleep(int tid)
{
    enum { TIMES = 3 };

    for (int seen = 0; seen < TIMES;) {
        char state = state_of(tid);
        CHECK(state != 0 && state != 'Z' && state != 'X');
        seen = state == 'S' ? seen + 1 : 0;
        CHECK(now_ns() < test_until());
        (void)usleep(200);
    }
}

void task_await_sleep(struct task *t)
{
    int tid;

    while ((tid = atomic_load_explicit(&t->tid, memory_order_acquire)) == 0)
        sched_yield();
    await_sleep(tid);
}

void child_await_sleep(pid_t pid)
{
    await_sleep(pid);
}

unsigned rounds(unsigned count)
{
    unsigned scale = test_time_scale();

    return count > scale ? count / scale : 1;
}

int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint32_t random_next(uint32_t *state)
{
    uint32_t x = *state != 0 ? *state : 2463534242u;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

void spin_for_ns(int64_t ns)
{
    int64_t until = now_ns() + ns;

    while (now_ns() < until)
        ;
}

static void alarm_set(unsigned first_us, unsigned interval_us)
{
    struct itimerval timer = {
        .it_value = {.tv_usec = (suseconds_t)first_us},
        .it_interval = {.tv_usec = (suseconds_t)interval_us},
    };

    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void alarm_handle(void (*handler)(int signal), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
}

void alarm_start(void (*handler)(int signal), int flags, unsigned interval_us)
{
    alarm_handle(handler, flags);
    alarm_set(interval_us, interval_us);
}

void alarm_once(void (*handler)(int signal), int flags, unsigned delay_us)
{
    alarm_handle(handler, flags);
    alarm_set(delay_us, HANDLERS_ARE_LATE ? 1000 : 0);
}

void alarm_stop(void)
{
    alarm_set(0, 0);
    (void)signal(SIGALRM, SIG_IGN);
}
