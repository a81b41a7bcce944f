/* SPDX-License-Identifier: MIT */
/* The locks on every kind of memory that has a header: one suite, run for each, by processes that open the
 * region for themselves where it has a name. */
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/region.h>
#include <enlace/sync.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 8
#define ACCOUNTS 4
#define MONEY 1000

/* What the processes share: the objects, and what they guard. */
struct shared {
    struct enl_mutex mutex;
    struct enl_condition filled;
    struct enl_once once;
    struct enl_rwlock rwlock;
    volatile uint32_t made, count, tickets;
    /* of the storm: what the mutex guards, and what is about to be done to it */
    volatile int32_t accounts[ACCOUNTS];
    volatile uint32_t is_begun, from, to;
    volatile int32_t from_becomes, to_becomes;
    volatile uint32_t transfers, transfers_become;
    /* what the read-write lock guards: always equal */
    volatile uint32_t left, right;
};

struct backing {
    const char *name;
    const char *address; /* %s: the test's directory, %n: a name of its own */
    bool has_name;       /* children open it for themselves; else they inherit it */
};

static const struct backing backings[] = {
    {"memfd", "memfd:locks?size=64k", false},
    {"shm", "shm:/%n?size=64k", true},
    {"svshm", "svshm:%s#7?size=64k", true},
    {"file", "file:%s/locks?size=64k", true},
};

/* One process's use of it. */
struct scene {
    const struct backing *backing;
    char address[300];
    struct enl_region *region;
    struct shared *shared;
    struct enl_sync *mutex, *rwlock, *filled, *once;
    struct test_gate *ready, *go;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void write_address(struct scene *s)
{
    const char *from = s->backing->address;
    size_t used = 0;

    for (; *from != '\0'; from++) {
        const char *part = NULL;

        if (from[0] == '%' && from[1] == 's')
            part = test_dir();
        else if (from[0] == '%' && from[1] == 'n')
            part = test_name("locks");
        if (part == NULL) {
            s->address[used++] = *from;
            continue;
        }
        used += (size_t)snprintf(s->address + used, sizeof s->address - used, "%s", part);
        from++;
    }
    s->address[used] = '\0';
}

static struct enl_sync *open_object(struct scene *s, const void *room, uint32_t kind)
{
    struct enl_sync_options options = {.size = sizeof options, .kind = kind};
    size_t offset = (size_t)((const char *)room - (const char *)s->shared);
    struct enl_sync *object;

    CHECK_OK(enl_sync_at(s->region, offset, &options, ENL_CREATE, &object));
    return object;
}

static void open_scene(struct scene *s)
{
    CHECK_OK(enl_region_open(s->address, ENL_READ | ENL_WRITE | ENL_CREATE | ENL_HEADER, NULL,
                             &s->region));
    s->shared = enl_region_data(s->region);
    s->mutex = open_object(s, &s->shared->mutex, ENL_MUTEX);
    s->rwlock = open_object(s, &s->shared->rwlock, ENL_RWLOCK);
    s->filled = open_object(s, &s->shared->filled, ENL_CONDITION);
    s->once = open_object(s, &s->shared->once, ENL_ONCE);
}

static void close_scene(struct scene *s)
{
    enl_sync_close(s->mutex);
    enl_sync_close(s->rwlock);
    enl_sync_close(s->filled);
    enl_sync_close(s->once);
    enl_region_close(s->region);
}

static void begin(struct scene *s, const void *argument)
{
    *s = (struct scene){.backing = argument};
    write_address(s);
    s->ready = test_gate_new();
    s->go = test_gate_new();
    open_scene(s);
}

static void end(struct scene *s)
{
    close_scene(s);
    if (s->backing->has_name)
        CHECK_OK(enl_region_unlink(s->address));
}

/* In a child: its own view, or the inherited one. */
static void enter(struct scene *s)
{
    if (s->backing->has_name) {
        close_scene(s);
        open_scene(s);
    }
}

static void leave(struct scene *s)
{
    if (s->backing->has_name)
        close_scene(s);
}

static int lock_and_repair(struct enl_sync *mutex)
{
    int result = enl_mutex_lock(mutex, ENL_FOREVER);

    return result == -EOWNERDEAD ? enl_mutex_consistent(mutex) : result;
}

/* ---- one process at a time -------------------------------------------------------------------------- */

static void add_to_count(void *argument)
{
    struct scene *s = argument;

    enter(s);
    test_gate_meet(s->ready, 4);
    for (int i = 0; i < 3000; i++) {
        CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
        s->shared->count++;
        CHECK_OK(enl_mutex_unlock(s->mutex));
    }
    leave(s);
}

static void mutex_guards_a_count(const void *argument)
{
    struct scene s;
    pid_t children[4];

    begin(&s, argument);
    for (int i = 0; i < 4; i++)
        children[i] = test_child(add_to_count, &s);
    for (int i = 0; i < 4; i++)
        test_join(children[i]);
    CHECK_EQ(s.shared->count, 4 * 3000);
    end(&s);
}

static void write_or_read(void *argument)
{
    struct scene *s = argument;

    enter(s);
    test_gate_meet(s->ready, 4);
    for (int i = 0; i < 1000; i++) {
        if (i % 10 == 0) {
            CHECK_OK(enl_rwlock_write(s->rwlock, ENL_FOREVER));
            s->shared->left++;
            s->shared->right++;
        } else {
            CHECK_OK(enl_rwlock_read(s->rwlock, ENL_FOREVER));
        }
        CHECK_EQ(s->shared->left, s->shared->right);
        CHECK_OK(enl_rwlock_unlock(s->rwlock));
    }
    leave(s);
}

static void rwlock_guards_a_pair(const void *argument)
{
    struct scene s;
    pid_t children[4];

    begin(&s, argument);
    for (int i = 0; i < 4; i++)
        children[i] = test_child(write_or_read, &s);
    for (int i = 0; i < 4; i++)
        test_join(children[i]);
    CHECK_EQ(s.shared->left, 4 * 100);
    CHECK_EQ(s.shared->right, 4 * 100);
    end(&s);
}

/* ---- deaths -------------------------------------------------------------------------------------------- */

static void hold_all(void *argument)
{
    struct scene *s = argument;

    enter(s);
    CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
    CHECK_OK(enl_rwlock_write(s->rwlock, ENL_FOREVER));
    test_gate_open(s->ready);
    pause();
}

static void read_for_ever(void *argument)
{
    struct scene *s = argument;

    enter(s);
    CHECK_OK(enl_rwlock_read(s->rwlock, ENL_FOREVER));
    test_gate_open(s->ready);
    pause();
}

static void locks_tell_of_deaths(const void *argument)
{
    struct scene s;
    pid_t child;

    begin(&s, argument);
    child = test_child(hold_all, &s);
    test_gate_wait(s.ready);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_NOW), -EAGAIN);
    test_kill(child);
    CHECK_EQ(enl_mutex_lock(s.mutex, ENL_FOREVER), -EOWNERDEAD);
    CHECK_OK(enl_mutex_consistent(s.mutex));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_EQ(enl_rwlock_read(s.rwlock, ENL_FOREVER), -EOWNERDEAD);
    CHECK_OK(enl_rwlock_consistent(s.rwlock));
    CHECK_OK(enl_rwlock_unlock(s.rwlock));
    child = test_child(read_for_ever, &s);
    test_gate_wait_times(s.ready, 2);
    test_kill(child);
    CHECK_EQ(enl_rwlock_write(s.rwlock, ENL_FOREVER), -EOWNERDEAD);
    CHECK_OK(enl_rwlock_unlock(s.rwlock));
    end(&s);
}

/* ---- waiting for one another --------------------------------------------------------------------------- */

static int make_it(void *argument)
{
    struct scene *s = argument;

    s->shared->made++;
    return 0;
}

static void take_ten(void *argument)
{
    struct scene *s = argument;

    enter(s);
    CHECK_OK(enl_once_run(s->once, make_it, s, ENL_FOREVER));
    CHECK_EQ(s->shared->made, 1);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(enl_mutex_lock(s->mutex, ENL_FOREVER));
        while (s->shared->tickets == 0)
            CHECK_OK(enl_condition_wait(s->filled, s->mutex, ENL_FOREVER));
        s->shared->tickets--;
        CHECK_OK(enl_mutex_unlock(s->mutex));
    }
    leave(s);
}

static void condition_hands_over(const void *argument)
{
    struct scene s;
    pid_t children[3];

    begin(&s, argument);
    for (int i = 0; i < 3; i++)
        children[i] = test_child(take_ten, &s);
    for (int i = 0; i < 30; i++) {
        CHECK_OK(enl_mutex_lock(s.mutex, ENL_FOREVER));
        s.shared->tickets++;
        CHECK_OK(enl_mutex_unlock(s.mutex));
        CHECK_OK(enl_condition_signal(s.filled));
    }
    for (int i = 0; i < 3; i++)
        test_join(children[i]);
    CHECK_EQ(s.shared->tickets, 0);
    end(&s);
}

/* ---- a storm ------------------------------------------------------------------------------------------- */

/* Each step may be the last. What is about to be done is written down before it is done, so that it can be done
 * again; volatile keeps the steps in order, and a process that is killed has run all of them up to one. */
static void transfer(volatile struct shared *shared, unsigned random)
{
    uint32_t from = random % ACCOUNTS, to = random / 7 % ACCOUNTS;
    int32_t amount = (int32_t)(random / 100 % 50);

    if (from == to)
        return;
    shared->from = from;
    shared->to = to;
    shared->from_becomes = shared->accounts[from] - amount;
    shared->to_becomes = shared->accounts[to] + amount;
    shared->transfers_become = shared->transfers + 1;
    shared->is_begun = 1;
    shared->accounts[from] = shared->from_becomes;
    shared->accounts[to] = shared->to_becomes;
    shared->transfers = shared->transfers_become;
    shared->is_begun = 0;
}

static void repair(volatile struct shared *shared)
{
    if (shared->is_begun == 0)
        return;
    shared->accounts[shared->from] = shared->from_becomes;
    shared->accounts[shared->to] = shared->to_becomes;
    shared->transfers = shared->transfers_become;
    shared->is_begun = 0;
}

static int check_balance(const volatile struct shared *shared)
{
    int32_t sum = 0;

    for (int i = 0; i < ACCOUNTS; i++)
        sum += shared->accounts[i];
    return sum;
}

static int lock_in_storm(struct scene *s)
{
    int result = enl_mutex_lock(s->mutex, ENL_FOREVER);

    if (result == -EOWNERDEAD) {
        repair(s->shared);
        result = enl_mutex_consistent(s->mutex);
    }
    return result;
}

static void use_mutex(struct scene *s, unsigned random)
{
    int result;

    CHECK_OK(lock_in_storm(s));
    CHECK_EQ(check_balance(s->shared), ACCOUNTS * MONEY);
    if (random % 3 == 0 && s->shared->tickets == 0) {
        result = enl_condition_wait(s->filled, s->mutex, enl_in_ms(20));
        if (result == -EOWNERDEAD) {
            repair(s->shared);
            result = enl_mutex_consistent(s->mutex);
        }
        CHECK(result == 0 || result == -ETIMEDOUT);
        CHECK_EQ(check_balance(s->shared), ACCOUNTS * MONEY);
    }
    if (s->shared->tickets > 0)
        s->shared->tickets--;
    else
        s->shared->tickets++;
    transfer(s->shared, random);
    CHECK_OK(enl_mutex_unlock(s->mutex));
    CHECK_OK(enl_condition_signal(s->filled));
}

static void use_rwlock(struct scene *s, unsigned random)
{
    int result = random % 4 == 0 ? enl_rwlock_write(s->rwlock, ENL_FOREVER)
                                 : enl_rwlock_read(s->rwlock, ENL_FOREVER);

    if (result == -EOWNERDEAD) {
        s->shared->right = s->shared->left;
        result = enl_rwlock_consistent(s->rwlock);
        CHECK_OK(result);
        CHECK_OK(enl_rwlock_unlock(s->rwlock));
        return;
    }
    CHECK_OK(result);
    CHECK_EQ(s->shared->left, s->shared->right);
    if (random % 4 == 0) {
        s->shared->left++;
        s->shared->right++;
    }
    CHECK_OK(enl_rwlock_unlock(s->rwlock));
}

static void weather_storm(void *argument)
{
    struct scene *s = argument;
    unsigned random = (unsigned)getpid() * 2654435761u;

    enter(s);
    for (;;) {
        random = random * 1664525u + 1013904223u;
        if (random >> 24 & 1)
            use_mutex(s, random >> 8);
        else
            use_rwlock(s, random >> 8);
    }
}

static void storm(const void *argument)
{
    struct timespec pause_ns = {.tv_nsec = 1000000};
    struct scene s;
    pid_t workers[WORKERS];
    unsigned random = (unsigned)getpid();

    begin(&s, argument);
    for (int i = 0; i < ACCOUNTS; i++)
        s.shared->accounts[i] = MONEY;
    for (int i = 0; i < WORKERS; i++)
        workers[i] = test_child(weather_storm, &s);
    /* a machine so slow that nobody lives long enough for one transfer has to go on */
    for (int i = 0; i < 300 || s.shared->transfers == 0; i++) {
        int victim = (int)((random = random * 1664525u + 1013904223u) >> 16) % WORKERS;

        pause_ns.tv_nsec = (long)(random >> 12 & 0x3fffff);
        (void)nanosleep(&pause_ns, NULL);
        test_kill(workers[victim]); /* fails if it had ended by itself, by a failed check */
        workers[victim] = test_child(weather_storm, &s);
    }
    for (int i = 0; i < WORKERS; i++)
        test_kill(workers[i]);
    CHECK_OK(lock_in_storm(&s));
    CHECK_EQ(check_balance(s.shared), ACCOUNTS * MONEY);
    CHECK(s.shared->transfers > 0);
    CHECK_OK(enl_mutex_unlock(s.mutex));
    CHECK_OK(lock_and_repair(s.mutex));
    CHECK_OK(enl_mutex_unlock(s.mutex));
    use_rwlock(&s, 0);
    CHECK_OK(enl_rwlock_write(s.rwlock, ENL_NOW));
    CHECK_EQ(s.shared->left, s.shared->right);
    CHECK_OK(enl_rwlock_unlock(s.rwlock));
    end(&s);
}

/* ---- all of them ----------------------------------------------------------------------------------------- */

static const struct suite_line {
    const char *name;
    void (*run)(const void *backing);
    struct test_options options;
} lines[] = {
    {"mutex_guards_a_count", mutex_guards_a_count, {.stress = true}},
    {"rwlock_guards_a_pair", rwlock_guards_a_pair, {.stress = true}},
    {"locks_tell_of_deaths", locks_tell_of_deaths, {.stress = true}},
    {"condition_hands_over", condition_hands_over, {.stress = true}},
    {"locks_survive_a_storm_of_deaths", storm, {.deadline_s = 120, .stress = true}},
};

__attribute__((constructor)) static void add_all(void)
{
    for (size_t b = 0; b < sizeof backings / sizeof backings[0]; b++)
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            struct test_options options = lines[i].options;
            char name[120];

            options.file = __FILE__;
            (void)snprintf(name, sizeof name, "%s/%s", backings[b].name, lines[i].name);
            test_add(name, lines[i].run, &backings[b], &options);
        }
}
