/* SPDX-License-Identifier: MIT */
/* Producers and consumers, without busy waiting: over a bounded buffer, with semaphores that count free and filled places;
 * and over an unbounded one, with a mutex and a condition, whose region grows when it is full (System V segments do not
 * grow: theirs is made large). One process is killed in between, and nobody hangs.
 *
 *     producer_consumer [ADDRESS]     the region, as in shm:/buffer, svshm:0x1234, file:buffer; memfd: if not given */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES 4         /* of the bounded buffer, and of the unbounded one at first */
#define PLACES_MOST 1024 /* that are ever needed here: where the region cannot grow */
#define ITEMS 500        /* each producer makes */
#define SIDES 2          /* so many producers, and so many consumers */

struct shared {
    struct enl_mutex mutex;
    struct enl_semaphore space, filled;
    struct enl_condition more;
    uint32_t first,
        next;        /* positions of what is in the buffer; under the mutex, as all that follows */
    uint32_t places; /* that there are */
    uint32_t used, most; /* how many have been consumed, and the most that waited at once */
    uint64_t sum;
    uint32_t items[];
};

static struct enl_region *region;
static struct shared *shared; /* as this process has it mapped */
static struct enl_sync *mutex, *space, *filled, *more;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* ---- the buffer ------------------------------------------------------------------------------------------------ */

/* The last holder may have died with the mutex. Each change of the buffer is one store of a number, made last: it is
 * never half done. */
static int lock(void)
{
    int result = enl_mutex_lock(mutex, ENL_FOREVER);

    return result == -EOWNERDEAD ? enl_mutex_consistent(mutex) : result;
}

static size_t size_of(uint32_t places)
{
    return sizeof(struct shared) + places * sizeof shared->items[0];
}

/* Another process may have made it larger. */
static int see_all(void)
{
    if (enl_region_size(region) < size_of(shared->places)) {
        if (enl_region_grow(region, 0) < 0)
            return failed("map what was added");
        shared = enl_region_data(region);
    }
    return 0;
}

static void put(uint32_t item)
{
    shared->items[shared->next % shared->places] = item;
    shared->next++;
    if (shared->next - shared->first > shared->most)
        shared->most = shared->next - shared->first;
}

static void take(void)
{
    shared->sum += shared->items[shared->first % shared->places];
    shared->used++;
    shared->first++;
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

/* Twice as many places. Each item stays where it is or is copied into the new half, so who dies at it leaves the buffer
 * as it was: the number of places changes last. */
static int enlarge(void)
{
    uint32_t old = shared->places;

    if (enl_region_size(region) < size_of(2 * old) && enl_region_grow(region, size_of(2 * old)) < 0)
        return failed("grow");
    shared = enl_region_data(region);
    for (uint32_t at = shared->first; at != shared->next; at++)
        shared->items[at % (2 * old)] = shared->items[at % old];
    shared->places = 2 * old;
    return 0;
}

static int produce_unbounded(uint32_t item)
{
    if (lock() < 0)
        return failed("produce");
    if (see_all() != 0 || (shared->next - shared->first == shared->places && enlarge() != 0))
        return 1;
    put(item);
    if (enl_condition_signal(more) < 0 || enl_mutex_unlock(mutex) < 0)
        return failed("produced");
    return 0;
}

static int consume_unbounded(void)
{
    int result = lock();

    while (result == 0 && shared->first == shared->next) {
        result = enl_condition_wait(more, mutex, ENL_FOREVER);
        if (result == -EOWNERDEAD)
            result = enl_mutex_consistent(mutex);
    }
    if (result < 0)
        return failed("consume");
    if (see_all() != 0)
        return 1;
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

static int join(void)
{
    int status, result = 0;

    while (wait(&status) > 0)
        result = status != 0 ? 1 : result;
    return result;
}

/* alone: the first producer has the buffer to itself, until it is done. */
static int run(int (*produce)(uint32_t), int (*consume)(void), int alone)
{
    int result = 0;

    shared->first = shared->next = shared->used = shared->most = 0;
    shared->places = PLACES;
    shared->sum = 0;
    kill_one(consume);
    for (int i = 0; i < SIDES && result == 0; i++) {
        if (fork() == 0)
            _exit(produce_all(produce));
        if (i == 0 && alone)
            result = join();
    }
    for (int i = 0; i < SIDES && result == 0; i++)
        if (fork() == 0)
            _exit(consume_all(consume));
    return join() != 0 ? 1 : result;
}

static int make(size_t offset, uint32_t kind, uint64_t value, struct enl_sync **ret_sync)
{
    struct enl_sync_options options = {.size = sizeof options, .kind = kind, .value = value};

    return enl_sync_at(region, offset, &options, ENL_CREATE, ret_sync);
}

static int run_both(void)
{
    int result;

    if (make(offsetof(struct shared, mutex), ENL_MUTEX, 0, &mutex) < 0 ||
        make(offsetof(struct shared, space), ENL_SEMAPHORE, PLACES, &space) < 0 ||
        make(offsetof(struct shared, filled), ENL_SEMAPHORE, 0, &filled) < 0 ||
        make(offsetof(struct shared, more), ENL_CONDITION, 0, &more) < 0)
        return failed("objects");
    result = run(produce_bounded, consume_bounded, 0);
    if (result == 0 && shared->most <= PLACES)
        printf("bounded: %u used, their sum %llu, never more than %d waiting\n", shared->used,
               (unsigned long long)shared->sum, PLACES);
    if (result == 0)
        result = run(produce_unbounded, consume_unbounded, 1);
    if (result == 0 && see_all() == 0 && shared->places > ITEMS)
        printf("unbounded: %u used, their sum %llu, from %d places to more than %d\n", shared->used,
               (unsigned long long)shared->sum, PLACES, ITEMS);
    enl_sync_close(mutex);
    enl_sync_close(space);
    enl_sync_close(filled);
    enl_sync_close(more);
    return result;
}

int main(int count, char *words[])
{
    const char *address = count > 1 ? words[1] : "memfd:buffer";
    int grows = strncmp(address, "svshm:", 6) != 0;
    struct enl_layout layout = {.name = "buffer",
                                .size = (uint32_t)size_of(grows ? PLACES : PLACES_MOST)};
    int result;

    if (enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &layout, &region) < 0)
        return failed("region");
    shared = enl_region_data(region);
    result = run_both();
    enl_region_close(region);
    if (strncmp(address, "memfd:", 6) != 0 && enl_region_unlink(address) < 0)
        return failed("remove");
    return result;
}
