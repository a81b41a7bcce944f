/* SPDX-License-Identifier: MIT */
/* Producers and consumers, without busy waiting: over a bounded buffer, with semaphores that count free and filled places;
 * and over an unbounded one, with a mutex and a condition. One process is killed in between, and nobody hangs.
 *
 *     producer_consumer [ADDRESS]     the region, as in shm:/buffer, svshm:0x1234, file:buffer; memfd: if not given */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES 4  /* of the bounded buffer */
#define ITEMS 500 /* each producer makes */
#define SIDES 2   /* so many producers, and so many consumers */

struct shared {
    struct enl_mutex mutex;
    struct enl_semaphore space, filled;
    struct enl_condition more;
    uint32_t first, count; /* of what is in the buffer; under the mutex, as all that follows */
    uint32_t used, most;   /* how many have been consumed, and the most that waited at once */
    uint64_t sum;
    uint32_t items[SIDES * ITEMS]; /* the bounded one uses PLACES of them */
};

static const struct enl_layout layout = {.name = "buffer", .size = sizeof(struct shared)};

static struct shared *shared;
static struct enl_sync *mutex, *space, *filled, *more;
static uint32_t places;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* ---- the buffer ------------------------------------------------------------------------------------------------ */

/* The last holder may have died with the mutex. Each change below is one store of a count, made last: nothing is
 * ever half done. */
static int lock(void)
{
    int result = enl_mutex_lock(mutex, ENL_FOREVER);

    return result == -EOWNERDEAD ? enl_mutex_consistent(mutex) : result;
}

static void put(uint32_t item)
{
    shared->items[(shared->first + shared->count) % places] = item;
    shared->count++;
    if (shared->count > shared->most)
        shared->most = shared->count;
}

static void take(void)
{
    shared->sum += shared->items[shared->first];
    shared->used++;
    shared->first = (shared->first + 1) % places;
    shared->count--;
}

/* ---- bounded ----------------------------------------------------------------------------------------------------- */

static int produce_bounded(uint32_t item)
{
    if (enl_semaphore_wait(space, ENL_FOREVER) < 0 || lock() < 0)
        return failed("produce");
    put(item);
    if (enl_mutex_unlock(mutex) < 0 || enl_semaphore_post(filled, 1) < 0)
        return failed("produced");
    return 0;
}

static int consume_bounded(void)
{
    if (enl_semaphore_wait(filled, ENL_FOREVER) < 0 || lock() < 0)
        return failed("consume");
    take();
    if (enl_mutex_unlock(mutex) < 0 || enl_semaphore_post(space, 1) < 0)
        return failed("consumed");
    return 0;
}

/* ---- unbounded --------------------------------------------------------------------------------------------------- */

static int produce_unbounded(uint32_t item)
{
    if (lock() < 0)
        return failed("produce");
    put(item);
    if (enl_condition_signal(more) < 0 || enl_mutex_unlock(mutex) < 0)
        return failed("produced");
    return 0;
}

static int consume_unbounded(void)
{
    int result = lock();

    while (result == 0 && shared->count == 0) {
        result = enl_condition_wait(more, mutex, ENL_FOREVER);
        if (result == -EOWNERDEAD)
            result = enl_mutex_consistent(mutex);
    }
    if (result < 0)
        return failed("consume");
    take();
    return enl_mutex_unlock(mutex) < 0 ? failed("consumed") : 0;
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

static int produce_all(int (*produce)(uint32_t))
{
    int result = 0;

    for (uint32_t i = 1; i <= ITEMS && result == 0; i++)
        result = produce(i);
    return result;
}

static int consume_all(int (*consume)(void))
{
    int result = 0;

    for (int i = 0; i < ITEMS && result == 0; i++)
        result = consume();
    return result;
}

/* Waits like a consumer, and is killed at it: it has taken nothing. */
static void kill_one(int (*consume)(void))
{
    pid_t doomed = fork();

    if (doomed == 0)
        _exit(consume());
    (void)usleep(10000);
    (void)kill(doomed, SIGKILL);
    (void)waitpid(doomed, NULL, 0);
}

static int run(const char *name, int (*produce)(uint32_t), int (*consume)(void))
{
    int status, result = 0;

    shared->first = shared->count = shared->used = shared->most = 0;
    shared->sum = 0;
    kill_one(consume);
    for (int i = 0; i < SIDES; i++) {
        if (fork() == 0)
            _exit(consume_all(consume));
        if (fork() == 0)
            _exit(produce_all(produce));
    }
    while (wait(&status) > 0)
        result = status != 0 ? 1 : result;
    if (result == 0 && shared->most > places)
        result = 1;
    if (result == 0)
        printf("%s: %u used, their sum %llu, never more than %u waiting\n", name,
               (unsigned)shared->used, (unsigned long long)shared->sum, (unsigned)places);
    return result;
}

static int make(struct enl_region *region, size_t offset, uint32_t kind, uint64_t value,
                struct enl_sync **ret_sync)
{
    struct enl_sync_options options = {.size = sizeof options, .kind = kind, .value = value};

    return enl_sync_at(region, offset, &options, ENL_CREATE, ret_sync);
}

static int run_both(struct enl_region *region)
{
    int result;

    if (make(region, offsetof(struct shared, mutex), ENL_MUTEX, 0, &mutex) < 0 ||
        make(region, offsetof(struct shared, space), ENL_SEMAPHORE, PLACES, &space) < 0 ||
        make(region, offsetof(struct shared, filled), ENL_SEMAPHORE, 0, &filled) < 0 ||
        make(region, offsetof(struct shared, more), ENL_CONDITION, 0, &more) < 0)
        return failed("objects");
    places = PLACES;
    result = run("bounded", produce_bounded, consume_bounded);
    places = SIDES * ITEMS;
    if (result == 0)
        result = run("unbounded", produce_unbounded, consume_unbounded);
    enl_sync_close(mutex);
    enl_sync_close(space);
    enl_sync_close(filled);
    enl_sync_close(more);
    return result;
}

int main(int count, char *words[])
{
    const char *address = count > 1 ? words[1] : "memfd:buffer";
    struct enl_region *region;
    int result;

    if (enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &layout, &region) < 0)
        return failed("region");
    shared = enl_region_data(region);
    result = run_both(region);
    enl_region_close(region);
    if (strncmp(address, "memfd:", 6) != 0 && enl_region_unlink(address) < 0)
        return failed("remove");
    return result;
}
