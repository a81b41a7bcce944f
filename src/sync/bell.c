/* SPDX-License-Identifier: MIT */
/* Semaphores and events that a program can poll. */
#include "sync/bell.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/fifo_bell.h"
#include "kernel/path.h"
#include "sync/lock.h"
#include "sync/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE (ADDRESS_NAME_MAX + 64)

struct bell_state {
    struct alone_layout *alone;
    int fd;
};

static int path_of(const struct address *a, const uint32_t bell[2], char ret_path[PATH_SIZE])
{
    bool is_shm = strcmp(a->scheme->scheme, "shm") == 0;
    int size = snprintf(ret_path, PATH_SIZE, "%s%s.%08x%08x", is_shm ? "/dev/shm" : "", a->name,
                        (unsigned)bell[0], (unsigned)bell[1]);

    return size < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

static struct tally *tally_of(const struct enl_sync *s)
{
    return &((struct tally_layout *)s->object)->tally;
}

static int lock(struct enl_sync *s, struct lock_layout *l)
{
    int result = lock_acquire(s, l, ENL_FOREVER, 0);

    if (result == -EOWNERDEAD)
        lock_mend(l);
    return result == -EOWNERDEAD ? 0 : result;
}

static bool is_empty(const struct tally *t)
{
    /* relaxed: whoever makes it more has the lock, before us or after us */
    return tally_value(atomic_load_explicit(&t->state, memory_order_relaxed)) == 0;
}

static int add(struct enl_sync *s, uint32_t count)
{
    struct bell_state *state = s->state;
    int result = lock(s, &state->alone->bell_lock);

    if (result < 0)
        return result;
    result = fifo_bell_ring(state->fd);
    if (result < 0)
        result = error_set(result, "the bell cannot be rung: %s", strerror(-result));
    else
        result = tally_add(tally_of(s), count);
    lock_release(&state->alone->bell_lock, false);
    return result;
}

static void hush(struct enl_sync *s)
{
    struct bell_state *state = s->state;

    if (!is_empty(tally_of(s)) || lock(s, &state->alone->bell_lock) < 0)
        return;
    if (is_empty(tally_of(s)))
        fifo_bell_hush(state->fd);
    lock_release(&state->alone->bell_lock, false);
}

static int take(struct enl_sync *s, enl_deadline until, uint32_t *ret_taken)
{
    int result = tally_take(s, tally_of(s), until, ret_taken);

    if (result == 0 || result == -EAGAIN)
        hush(s);
    return result;
}

static int descriptor(struct enl_sync *s)
{
    return ((struct bell_state *)s->state)->fd;
}

static void end(struct enl_sync *s)
{
    struct bell_state *state = s->state;

    descriptor_close(state->fd);
    free(state);
}

static const struct sync_driver bell_driver = {
    .name = "pollable objects",
    .add = add,
    .take = take,
    .fd = descriptor,
    .close = end,
};

int bell_attach(struct enl_sync *s, const struct address *a, struct alone_layout *alone)
{
    char path[PATH_SIZE];
    struct bell_state *state;
    uint32_t bell[2];
    int result;

    memcpy(bell, alone->bell, sizeof bell);
    if (s->kind != ENL_SEMAPHORE && s->kind != ENL_EVENT)
        return error_set(-EBADMSG, "only semaphores and events have bells");
    result = path_of(a, bell, path);
    if (result < 0)
        return result;
    state = calloc(1, sizeof *state);
    if (state == NULL)
        return error_set(-ENOMEM, "no memory for a handle");
    state->alone = alone;
    result = fifo_bell_open(path, (uint32_t)address_value(a, "mode"), &state->fd);
    if (result < 0) {
        free(state);
        return error_set(result, "the bell %s cannot be opened: %s", path, strerror(-result));
    }
    s->kind |= SYNC_DRIVEN;
    s->driver = &bell_driver;
    s->state = state;
    return 0;
}

void bell_remove(const struct address *a, const uint32_t bell[2])
{
    char path[PATH_SIZE];

    if (bell[0] != 0 && path_of(a, bell, path) == 0)
        (void)path_remove(path);
}
