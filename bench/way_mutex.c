/* SPDX-License-Identifier: MIT */
/* Ways of a message in a cell that a mutex guards, with a condition that says that it is there. And what a
 * mutex costs a process that is alone with it, and two that want it at once: enlace's, and the libc's. */
#include "way.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALONE_TIMES 10000     /* locks and unlocks to a piece of work */
#define CONTENDED_TIMES 20000 /* by both together */

struct cell {
    _Alignas(128) struct enl_mutex mutex;
    _Alignas(128) struct enl_condition condition;
    _Alignas(128) pthread_mutex_t bare;
    _Alignas(128) unsigned char message[256];
    int is_there;
    /* of two that contend */
    _Alignas(128) uint64_t count; /* what the mutex guards */
    _Alignas(128) _Atomic uint32_t runs;
};

static int check_size(struct course *c)
{
    if (c->size <= sizeof((struct cell *)0)->message)
        return 0;
    (void)snprintf(c->error, sizeof c->error, "the cell is smaller");
    return -EMSGSIZE;
}

static struct cell *cells_of(struct course *c)
{
    return c->cell.memory;
}

/* ---- enlace ----------------------------------------------------------------------------------- */

static int open_object(struct course *c, struct enl_region *region, const void *room, uint32_t kind,
                       struct enl_sync **ret)
{
    struct enl_sync_options options = {.size = sizeof options, .kind = kind};
    size_t offset = (size_t)((const char *)room - (const char *)c->cell.memory);

    return enl_sync_at(region, offset, &options, ENL_CREATE, ret);
}

static int make_objects(struct course *c)
{
    struct enl_region *region;
    int r =
        enl_region_open("memfd:bench?size=8192", ENL_READ | ENL_WRITE | ENL_HEADER, NULL, &region);

    if (r == 0)
        c->cell.memory = enl_region_data(region);
    for (size_t i = 0; i < 2 && r == 0; i++) {
        r = open_object(c, region, &cells_of(c)[i].mutex, ENL_MUTEX, &c->cell.there[i]);
        if (r == 0)
            r = open_object(c, region, &cells_of(c)[i].condition, ENL_CONDITION,
                            &c->cell.changed[i]);
    }
    if (r < 0)
        (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return r;
}

static void join_cells(struct course *c, enum side side)
{
    c->side = side;
}

static int send_condition(struct course *c, const void *data)
{
    struct cell *cell = &cells_of(c)[c->side];
    int r = enl_mutex_lock(c->cell.there[c->side], ENL_FOREVER);

    if (r < 0)
        return r;
    memcpy(cell->message, data, c->size);
    cell->is_there = 1;
    r = enl_mutex_unlock(c->cell.there[c->side]);
    return r < 0 ? r : enl_condition_signal(c->cell.changed[c->side]);
}

static int receive_condition(struct course *c, void *buffer)
{
    struct cell *cell = &cells_of(c)[!c->side];
    struct enl_sync *mutex = c->cell.there[!c->side];
    int r = enl_mutex_lock(mutex, ENL_FOREVER);

    while (r == 0 && cell->is_there == 0)
        r = enl_condition_wait(c->cell.changed[!c->side], mutex, ENL_FOREVER);
    if (r < 0)
        return r;
    cell->is_there = 0;
    memcpy(buffer, cell->message, c->size);
    return enl_mutex_unlock(mutex);
}

static int work_mutex(struct course *c)
{
    struct enl_sync *mutex = c->cell.there[0];
    int r = 0;

    for (int i = 0; i < ALONE_TIMES && r == 0; i++) {
        r = enl_mutex_lock(mutex, ENL_FOREVER);
        if (r == 0)
            r = enl_mutex_unlock(mutex);
    }
    return r;
}

/* ---- the libc ---------------------------------------------------------------------------------- */

static int make_memory(struct course *c)
{
    c->cell.memory = mmap(NULL, 2 * sizeof(struct cell), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return c->cell.memory == MAP_FAILED ? -errno : 0;
}

static int make_bare(struct course *c)
{
    pthread_mutexattr_t attributes;
    int r = make_memory(c);

    if (r < 0)
        return r;
    r = pthread_mutexattr_init(&attributes);
    if (r == 0)
        r = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (r == 0 && strcmp(c->what, "robust") == 0)
        r = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (r == 0)
        r = pthread_mutex_init(&cells_of(c)[0].bare, &attributes);
    return -r;
}

static int work_bare(struct course *c)
{
    pthread_mutex_t *mutex = &cells_of(c)[0].bare;
    int r = 0;

    for (int i = 0; i < ALONE_TIMES && r == 0; i++) {
        r = pthread_mutex_lock(mutex);
        if (r == 0)
            r = pthread_mutex_unlock(mutex);
    }
    return -r;
}

/* ---- two that want it ---------------------------------------------------------------------------- */

static int lock(struct course *c)
{
    return c->way == &way_mutex_contended ? enl_mutex_lock(c->cell.there[0], ENL_FOREVER)
                                          : -pthread_mutex_lock(&cells_of(c)[0].bare);
}

static int unlock(struct course *c)
{
    return c->way == &way_mutex_contended ? enl_mutex_unlock(c->cell.there[0])
                                          : -pthread_mutex_unlock(&cells_of(c)[0].bare);
}

/* Locks and counts until the count is there. */
static int count_to(struct course *c, uint64_t end)
{
    struct cell *cell = cells_of(c);
    uint64_t seen = 0;

    while (seen < end) {
        int r = lock(c);

        if (r < 0)
            return r;
        seen = ++cell->count;
        r = unlock(c);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Each number of runs is a piece of work: until it comes, the other one stays out of the way. */
_Noreturn static void be_the_other(struct course *c)
{
    struct cell *cell = cells_of(c);
    uint32_t done = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)place_pin(PLACE_SPLIT, SIDE_PONG);
    for (;;) {
        uint32_t runs = atomic_load_explicit(&cell->runs, memory_order_acquire);

        if (runs == done) {
            (void)syscall(SYS_futex, &cell->runs, 0 /* wait */, runs, NULL, NULL, 0);
            continue;
        }
        done = runs;
        if (count_to(c, (uint64_t)done * CONTENDED_TIMES) < 0)
            _exit(1);
    }
}

static int make_contended(struct course *c)
{
    int r = c->way == &way_mutex_contended ? make_objects(c) : make_bare(c);
    pid_t parent = getpid(), other;

    if (r < 0)
        return r;
    other = fork();
    if (other < 0)
        return -errno;
    if (other == 0) {
        if (getppid() != parent)
            _exit(1);
        be_the_other(c);
    }
    return place_pin(PLACE_SPLIT, SIDE_PING);
}

static int work_contended(struct course *c)
{
    struct cell *cell = cells_of(c);
    uint32_t runs = atomic_fetch_add_explicit(&cell->runs, 1, memory_order_release) + 1;

    (void)syscall(SYS_futex, &cell->runs, 1 /* wake */, 1, NULL, NULL, 0);
    return count_to(c, (uint64_t)runs * CONTENDED_TIMES);
}

const struct way way_condition = {.name = "enlace",
                                  .check = check_size,
                                  .make = make_objects,
                                  .join = join_cells,
                                  .send = send_condition,
                                  .receive = receive_condition};
const struct way way_mutex_alone = {.name = "enlace", .make = make_objects, .work = work_mutex};
const struct way way_pthread_alone = {.name = "pthread", .make = make_bare, .work = work_bare};
const struct way way_mutex_contended = {.name = "enlace",
                                        .make = make_contended,
                                        .work = work_contended};
const struct way way_pthread_contended = {.name = "pthread",
                                          .make = make_contended,
                                          .work = work_contended};
