/* SPDX-License-Identifier: MIT */
/* Several builds of the library share locks in one region. */
#include "share.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 240000

/* All of it at the same places in every build. */
struct shared {
    uint32_t arrived, finished, made, deaths;
    struct enl_mutex mutex;
    struct enl_condition changed;
    struct enl_rwlock rwlock;
    struct enl_once once;
    uint32_t count, left, right;
};

static const struct enl_field fields[] = {
    ENL_FIELD(struct shared, arrived), ENL_FIELD(struct shared, mutex),
    ENL_FIELD(struct shared, changed), ENL_FIELD(struct shared, rwlock),
    ENL_FIELD(struct shared, once),    ENL_FIELD(struct shared, right),
};
static const struct enl_layout layout = {.name = "shared",
                                         .size = sizeof(struct shared),
                                         .field_count = sizeof fields / sizeof fields[0],
                                         .fields = fields};

static struct shared *shared;
static struct enl_sync *mutex, *changed, *rwlock, *once;

static void check(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    exit(1);
}

static struct enl_sync *open_object(struct enl_region *region, size_t offset, uint32_t kind)
{
    struct enl_sync_options options = {.size = sizeof options, .kind = kind};
    struct enl_sync *s = NULL;

    check(enl_sync_at(region, offset, &options, ENL_CREATE, &s), "enl_sync_at");
    return s;
}

/* Who is told of the death counts it. */
static void repair(int result, const char *what)
{
    if (result == -EOWNERDEAD) {
        shared->deaths++;
        check(enl_condition_broadcast(changed), "broadcast");
        result = enl_mutex_consistent(mutex);
    }
    check(result, what);
}

/* Adds one to a number and waits until it is so high, and so many have died. */
static void meet(volatile uint32_t *number, uint32_t parties, uint32_t deaths)
{
    volatile uint32_t *died = &shared->deaths;

    repair(enl_mutex_lock(mutex, enl_in_ms(WAIT_MS)), "lock");
    ++*number;
    check(enl_condition_broadcast(changed), "broadcast");
    while (*number < parties || *died < deaths)
        repair(enl_condition_wait(changed, mutex, enl_in_ms(WAIT_MS)), "wait");
    check(enl_mutex_unlock(mutex), "unlock");
}

static int make(void *argument)
{
    ++*(uint32_t *)argument;
    return 0;
}

static void count_round(uint32_t round)
{
    repair(enl_mutex_lock(mutex, enl_in_ms(WAIT_MS)), "lock");
    shared->count++;
    check(enl_mutex_unlock(mutex), "unlock");
    if (round % 4 == 0) {
        check(enl_rwlock_write(rwlock, enl_in_ms(WAIT_MS)), "write");
        shared->left++;
        shared->right++;
    } else {
        check(enl_rwlock_read(rwlock, enl_in_ms(WAIT_MS)), "read");
        if (shared->left != shared->right)
            check(-EIO, "a reader saw a writer's work half done");
    }
    check(enl_rwlock_unlock(rwlock), "unlock");
}

int share(const char *address, uint32_t rounds, uint32_t parties, uint32_t deaths, int dies)
{
    struct enl_region *region = NULL;

    check(enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &layout, &region), "open");
    shared = enl_region_data(region);
    mutex = open_object(region, offsetof(struct shared, mutex), ENL_MUTEX);
    changed = open_object(region, offsetof(struct shared, changed), ENL_CONDITION);
    rwlock = open_object(region, offsetof(struct shared, rwlock), ENL_RWLOCK);
    once = open_object(region, offsetof(struct shared, once), ENL_ONCE);
    check(enl_once_run(once, make, &shared->made, enl_in_ms(WAIT_MS)), "once");
    meet(&shared->arrived, parties, 0);
    if (dies) {
        check(enl_mutex_lock(mutex, enl_in_ms(WAIT_MS)), "lock");
        (void)raise(SIGKILL);
    }
    for (uint32_t i = 0; i < rounds; i++)
        count_round(i);
    meet(&shared->finished, parties - deaths, deaths);
    printf("%u of %u, made %u, deaths %u\n", shared->count, rounds, shared->made, shared->deaths);
    enl_sync_close(mutex);
    enl_sync_close(changed);
    enl_sync_close(rwlock);
    enl_sync_close(once);
    enl_region_close(region);
    return 0;
}
