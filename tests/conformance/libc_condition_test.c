/* SPDX-License-Identifier: MIT */
/* Why a condition of our own: a waiter is killed just after a signal has chosen it, and the next one waits. The
 * C library's condition hangs there (the glibc's; where another does not, the test is skipped); ours goes on. */
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/region.h>
#include <enlace/sync.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_MS 1500 /* without a change for so long: the C library's hangs */

struct scene {
    struct enl_region *region;
    struct enl_sync *mutex, *condition;
    pthread_mutex_t *libc_mutex;
    pthread_cond_t *libc_condition;
    struct test_gate *ready;
    volatile unsigned *wanted, *woken;
};

struct shared {
    struct enl_mutex mutex;
    struct enl_condition condition;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static struct enl_sync *make(struct enl_region *region, size_t offset, uint32_t kind)
{
    struct enl_sync_options options = {.size = sizeof options, .kind = kind};
    struct enl_sync *s;

    CHECK_OK(enl_sync_at(region, offset, &options, ENL_CREATE, &s));
    return s;
}

static void make_ours(struct scene *s)
{
    CHECK_OK(enl_region_open("memfd:condition?size=64k",
                             ENL_READ | ENL_WRITE | ENL_CREATE | ENL_HEADER, NULL, &s->region));
    s->mutex = make(s->region, offsetof(struct shared, mutex), ENL_MUTEX);
    s->condition = make(s->region, offsetof(struct shared, condition), ENL_CONDITION);
}

static void make_libcs(struct scene *s)
{
    pthread_mutexattr_t of_mutex;
    pthread_condattr_t of_condition;

    s->libc_mutex = test_shared(sizeof(pthread_mutex_t));
    s->libc_condition = test_shared(sizeof(pthread_cond_t));
    CHECK_EQ(pthread_mutexattr_init(&of_mutex), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&of_mutex, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_mutex_init(s->libc_mutex, &of_mutex), 0);
    CHECK_EQ(pthread_condattr_init(&of_condition), 0);
    CHECK_EQ(pthread_condattr_setpshared(&of_condition, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_cond_init(s->libc_condition, &of_condition), 0);
}

static void lock(struct scene *s)
{
    if (s->mutex == NULL)
        CHECK_EQ(pthread_mutex_lock(s->libc_mutex), 0);
    else
        CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
}

static void unlock(struct scene *s)
{
    if (s->mutex == NULL)
        CHECK_EQ(pthread_mutex_unlock(s->libc_mutex), 0);
    else
        CHECK_OK(enl_mutex_unlock(s->mutex));
}

static void wait_once(void *argument)
{
    struct scene *s = argument;

    lock(s);
    test_gate_open(s->ready);
    while (*s->wanted == 0) {
        if (s->mutex == NULL)
            CHECK_EQ(pthread_cond_wait(s->libc_condition, s->libc_mutex), 0);
        else
            CHECK_OK(enl_condition_wait(s->condition, s->mutex, ENL_FOREVER));
    }
    --*s->wanted;
    ++*s->woken;
    unlock(s);
}

static void signal_once(void *argument)
{
    struct scene *s = argument;

    if (s->mutex == NULL)
        CHECK_EQ(pthread_cond_signal(s->libc_condition), 0);
    else
        CHECK_OK(enl_condition_signal(s->condition));
}

static bool is_in_state(pid_t pid, char wanted)
{
    char path[40], state = '?';
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    CHECK(file != NULL);
    CHECK_EQ(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
    CHECK_EQ(fclose(file), 0);
    return state == wanted;
}

/* Starts a waiter, and returns when it sleeps in its wait. */
static pid_t start_waiter(struct scene *s, unsigned number)
{
    pid_t pid = test_child(wait_once, s);

    test_gate_wait_times(s->ready, number);
    lock(s); /* it has given up the mutex: so it waits */
    unlock(s);
    while (!is_in_state(pid, 'S'))
        sched_yield();
    return pid;
}

/* It may have ended by itself just now. */
static void end_child(pid_t pid)
{
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* Whether the second waiter is woken until then. */
static bool goes_on(struct scene *s, enl_deadline until)
{
    pid_t waiter, signaller;
    bool result;

    s->ready = test_gate_new();
    s->wanted = test_shared(2 * sizeof *s->wanted);
    s->woken = s->wanted + 1;
    waiter = start_waiter(s, 1);
    CHECK_EQ(kill(waiter, SIGSTOP), 0);
    while (!is_in_state(waiter, 'T'))
        sched_yield();
    signal_once(s); /* to the one that stands still */
    test_kill(waiter);
    waiter = start_waiter(s, 2);
    lock(s);
    *s->wanted = 1;
    unlock(s);
    signaller = test_child(signal_once, s);
    while (*s->woken == 0 && enl_in_ns(1) < until)
        usleep(1000);
    result = *s->woken == 1;
    if (result) {
        test_join(waiter);
        test_join(signaller);
    } else {
        end_child(waiter);
        end_child(signaller);
    }
    return result;
}

TEST(our_condition_goes_on_where_a_waiter_was_killed)
{
    struct scene s = {.region = NULL};

    make_ours(&s);
    CHECK(goes_on(&s, test_until()));
    enl_sync_close(s.mutex);
    enl_sync_close(s.condition);
    enl_region_close(s.region);
}

TEST(condition_of_the_c_library_hangs_where_a_waiter_was_killed)
{
    struct scene s = {.region = NULL};

    make_libcs(&s);
    if (goes_on(&s, enl_in_ms((int64_t)HANG_MS * test_time_scale())))
        SKIP("the condition of this C library does not hang here");
}
