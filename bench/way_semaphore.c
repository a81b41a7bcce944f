/* SPDX-License-Identifier: MIT */
/* Ways of a message in a cell of shared memory, with a semaphore or an event that says that it is there: enlace's,
 * the libc's, and a bare futex. And what a semaphore costs a process that is alone with it. */
#include "way.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALONE_TIMES 10000 /* posts and waits to a piece of work */

/* One direction. */
struct cell {
    _Alignas(128) union {
        struct enl_semaphore semaphore;
        struct enl_event event;
        sem_t bare;
        _Atomic uint32_t word;
    } there;
    _Alignas(128) unsigned char message[256];
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

static void put(struct course *c, const void *data)
{
    memcpy(cells_of(c)[c->side].message, data, c->size);
}

static int get(struct course *c, void *buffer)
{
    memcpy(buffer, cells_of(c)[!c->side].message, c->size);
    return 0;
}

/* ---- enlace --------------------------------------------------------------------------------------- */

static int make_objects(struct course *c)
{
    struct enl_sync_options options = {
        .size = sizeof options,
        .kind = strcmp(c->what, "event") == 0 ? ENL_EVENT : ENL_SEMAPHORE,
        .flags = strcmp(c->what, "event") == 0 ? ENL_AUTO_RESET : 0,
    };
    struct enl_region *region;
    int r =
        enl_region_open("memfd:bench?size=4096", ENL_READ | ENL_WRITE | ENL_HEADER, NULL, &region);

    for (size_t i = 0; i < 2 && r == 0; i++)
        r = enl_sync_at(region, i * sizeof(struct cell), &options, ENL_CREATE, &c->cell.there[i]);
    if (r < 0) {
        (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
        return r;
    }
    c->cell.memory = enl_region_data(region);
    return 0;
}

static void join_cells(struct course *c, enum side side)
{
    c->side = side;
}

static int send_semaphore(struct course *c, const void *data)
{
    put(c, data);
    return enl_semaphore_post(c->cell.there[c->side], 1);
}

static int receive_semaphore(struct course *c, void *buffer)
{
    int r = enl_semaphore_wait(c->cell.there[!c->side], ENL_FOREVER);

    return r < 0 ? r : get(c, buffer);
}

static int send_event(struct course *c, const void *data)
{
    put(c, data);
    return enl_event_set(c->cell.there[c->side], 1);
}

static int receive_event(struct course *c, void *buffer)
{
    int r = enl_event_wait(c->cell.there[!c->side], ENL_FOREVER);

    return r < 0 ? r : get(c, buffer);
}

static int work_semaphore(struct course *c)
{
    int r = 0;

    for (int i = 0; i < ALONE_TIMES && r == 0; i++) {
        r = enl_semaphore_post(c->cell.there[0], 1);
        if (r == 0)
            r = enl_semaphore_wait(c->cell.there[0], ENL_FOREVER);
    }
    return r;
}

/* ---- the libc -------------------------------------------------------------------------------------- */

static int make_memory(struct course *c)
{
    c->cell.memory = mmap(NULL, 2 * sizeof(struct cell), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return c->cell.memory == MAP_FAILED ? -errno : 0;
}

static int make_bare(struct course *c)
{
    int r = make_memory(c);

    for (size_t i = 0; i < 2 && r == 0; i++)
        r = sem_init(&cells_of(c)[i].there.bare, 1, 0) < 0 ? -errno : 0;
    return r;
}

static int send_bare(struct course *c, const void *data)
{
    put(c, data);
    return sem_post(&cells_of(c)[c->side].there.bare) < 0 ? -errno : 0;
}

static int receive_bare(struct course *c, void *buffer)
{
    while (sem_wait(&cells_of(c)[!c->side].there.bare) < 0)
        if (errno != EINTR)
            return -errno;
    return get(c, buffer);
}

static int work_bare(struct course *c)
{
    sem_t *s = &cells_of(c)[0].there.bare;

    for (int i = 0; i < ALONE_TIMES; i++)
        if (sem_post(s) < 0 || sem_wait(s) < 0)
            return -errno;
    return 0;
}

/* ---- the kernel -------------------------------------------------------------------------------------- */

static int send_futex(struct course *c, const void *data)
{
    _Atomic uint32_t *word = &cells_of(c)[c->side].there.word;

    put(c, data);
    atomic_store_explicit(word, 1, memory_order_release);
    return syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) < 0 ? -errno : 0;
}

static int receive_futex(struct course *c, void *buffer)
{
    _Atomic uint32_t *word = &cells_of(c)[!c->side].there.word;

    while (atomic_load_explicit(word, memory_order_acquire) == 0)
        if (syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0) < 0 && errno != EAGAIN &&
            errno != EINTR)
            return -errno;
    atomic_store_explicit(word, 0, memory_order_relaxed);
    return get(c, buffer);
}

const struct way way_semaphore = {.name = "enlace",
                                  .check = check_size,
                                  .make = make_objects,
                                  .join = join_cells,
                                  .send = send_semaphore,
                                  .receive = receive_semaphore};
const struct way way_sem_t = {.name = "sem_t",
                              .check = check_size,
                              .make = make_bare,
                              .join = join_cells,
                              .send = send_bare,
                              .receive = receive_bare};
const struct way way_event = {.name = "enlace",
                              .check = check_size,
                              .make = make_objects,
                              .join = join_cells,
                              .send = send_event,
                              .receive = receive_event};
const struct way way_futex = {.name = "futex",
                              .check = check_size,
                              .make = make_memory,
                              .join = join_cells,
                              .send = send_futex,
                              .receive = receive_futex};
const struct way way_semaphore_alone = {.name = "enlace",
                                        .make = make_objects,
                                        .work = work_semaphore};
const struct way way_sem_t_alone = {.name = "sem_t", .make = make_bare, .work = work_bare};
