/* SPDX-License-Identifier: MIT */
/* A data race: processes count in shared memory without a guard, and lose counts; then with each guard, and lose none.
 *
 *     data_race [ADDRESS]     the region, as in shm:/race, svshm:0x1234, file:race; memfd: if not given */
#include <enlace/enlace.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 4
#define ROUNDS 2000
#define TRIES 100

struct shared {
    uint64_t count;
    struct enl_mutex mutex;
    struct enl_rwlock rwlock;
    struct enl_semaphore semaphore;
    struct enl_event event;
};

static const struct enl_field fields[] = {
    ENL_FIELD(struct shared, count),  ENL_FIELD(struct shared, mutex),
    ENL_FIELD(struct shared, rwlock), ENL_FIELD(struct shared, semaphore),
    ENL_FIELD(struct shared, event),
};

static const struct enl_layout layout = {.name = "race",
                                         .size = sizeof(struct shared),
                                         .field_count = 5,
                                         .fields = fields};

static struct shared *shared;
static struct enl_sync *guard;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* ---- guards ------------------------------------------------------------------------------------------------- */

static int nothing(void)
{
    return 0;
}

static int lock_mutex(void)
{
    return enl_mutex_lock(guard, ENL_FOREVER);
}

static int unlock_mutex(void)
{
    return enl_mutex_unlock(guard);
}

static int lock_rwlock(void)
{
    return enl_rwlock_write(guard, ENL_FOREVER);
}

static int unlock_rwlock(void)
{
    return enl_rwlock_unlock(guard);
}

static int lock_semaphore(void)
{
    return enl_semaphore_wait(guard, ENL_FOREVER);
}

static int unlock_semaphore(void)
{
    return enl_semaphore_post(guard, 1);
}

static int lock_event(void)
{
    int result = enl_event_wait(guard, ENL_FOREVER);

    return result < 0 ? result : 0;
}

static int unlock_event(void)
{
    return enl_event_set(guard, 1);
}

static const struct {
    const char *name;
    uint32_t kind, flags; /* kind 0: no object */
    size_t offset;
    int (*enter)(void), (*leave)(void);
} guards[] = {
    {"mutex", ENL_MUTEX, 0, offsetof(struct shared, mutex), lock_mutex, unlock_mutex},
    {"read-write lock", ENL_RWLOCK, 0, offsetof(struct shared, rwlock), lock_rwlock, unlock_rwlock},
    {"semaphore of one", ENL_SEMAPHORE, 0, offsetof(struct shared, semaphore), lock_semaphore,
     unlock_semaphore},
    {"event that resets itself", ENL_EVENT, ENL_AUTO_RESET, offsetof(struct shared, event),
     lock_event, unlock_event},
};

/* ---- counting ----------------------------------------------------------------------------------------------- */

/* Adding is reading and writing; here others have time between the two. */
static int count_up(int (*enter)(void), int (*leave)(void))
{
    volatile uint64_t *count = &shared->count;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t old;

        if (enter() < 0)
            return failed("enter");
        old = *count;
        sched_yield();
        *count = old + 1;
        if (leave() < 0)
            return failed("leave");
    }
    return 0;
}

/* One step for the processor: no other comes between. */
static int count_atomically(void)
{
    for (int i = 0; i < ROUNDS; i++)
        (void)__atomic_fetch_add(&shared->count, 1, __ATOMIC_RELAXED);
    return 0;
}

/* How many counts are lost when all processes count; enter NULL: atomically. -1: something failed. */
static long lost(int (*enter)(void), int (*leave)(void))
{
    long whole = (long)PROCESSES * ROUNDS;
    int status;

    shared->count = 0;
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            _exit(enter == NULL ? count_atomically() : count_up(enter, leave));
    for (int i = 0; i < PROCESSES; i++)
        if (wait(&status) < 0 || status != 0)
            whole = -1;
    return whole < 0 ? -1 : whole - (long)shared->count;
}

static int race_with(struct enl_region *region, size_t i)
{
    struct enl_sync_options options = {.size = sizeof options,
                                       .kind = guards[i].kind,
                                       .flags = guards[i].flags,
                                       .value = 1};
    long gone;

    if (enl_sync_at(region, guards[i].offset, &options, ENL_CREATE, &guard) < 0)
        return failed(guards[i].name);
    gone = lost(guards[i].enter, guards[i].leave);
    printf("%s: %ld lost\n", guards[i].name, gone);
    enl_sync_close(guard);
    return gone == 0 ? 0 : 1;
}

int main(int count, char *words[])
{
    const char *address = count > 1 ? words[1] : "memfd:race";
    struct enl_region *region;
    int result = 0;
    long gone = 0;

    if (enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &layout, &region) < 0)
        return failed("region");
    shared = enl_region_data(region);
    for (int i = 0; i < TRIES && gone == 0; i++)
        gone = lost(nothing, nothing);
    printf("without a guard: %s lost\n", gone > 0 ? "some" : "none");
    printf("atomic addition: %ld lost\n", lost(NULL, NULL));
    for (size_t i = 0; i < sizeof guards / sizeof guards[0] && result == 0; i++)
        result = race_with(region, i);
    enl_region_close(region);
    if (strncmp(address, "memfd:", 6) != 0 && enl_region_unlink(address) < 0)
        return failed("remove");
    return result;
}
