/* SPDX-License-Identifier: MIT */
/* sem: the libc's semaphores: by name, as programs on sem_open know them, or without one for relatives. */
#include "base/error.h"
#include "kernel/posixsem.h"
#include "sync/named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POSTS_MOST 65536
#define TRIES 10 /* to open or make what others make and remove at the same time */

struct posix_state {
    struct posixsem *semaphore;
    char name[POSIXSEM_NAME_MOST + 1];
};

static const struct address_option posix_options[] = {
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "value", .kind = ADDRESS_NUMBER, .least = 0, .most = POSIXSEM_VALUE_MOST},
    {.name = NULL},
};

static int check_name(const struct address *a)
{
    if (a->name_size == 0)
        return 0;
    if (a->name[0] != '/' || a->name[1] == '\0' || strchr(a->name + 1, '/') != NULL)
        return error_set(-EINVAL,
                         "sem:%s: the name begins with a slash and has no other: sem:/jobs",
                         a->name);
    return 0;
}

/* ---- use ----------------------------------------------------------------------------------------------------- */

static int add(struct enl_sync *s, uint32_t count)
{
    struct posix_state *state = s->state;
    int result = 0;

    if (count > POSTS_MOST)
        return error_set(-EOVERFLOW,
                         "%u are above %d: the libc posts one by one, and a call posts no more",
                         (unsigned)count, POSTS_MOST);
    if (posixsem_value(state->semaphore) > POSIXSEM_VALUE_MOST - count)
        return error_set(-EOVERFLOW, "%u more would be above the highest value, %d",
                         (unsigned)count, POSIXSEM_VALUE_MOST);
    for (uint32_t i = 0; i < count && result == 0; i++)
        result = posixsem_post(state->semaphore);
    return result;
}

static int take(struct enl_sync *s, enl_deadline until, uint32_t *ret_taken)
{
    struct posix_state *state = s->state;

    *ret_taken = 1;
    return posixsem_wait(state->semaphore, until, &s->interrupt);
}

static int fill_stat(struct enl_sync *s, struct enl_sync_stat *stat)
{
    struct posix_state *state = s->state;
    uint32_t mode, uid, gid;

    stat->value = posixsem_value(state->semaphore);
    stat->limit = POSIXSEM_VALUE_MOST;
    if (state->name[0] == '\0' || posixsem_facts(state->name, &mode, &uid, &gid) < 0)
        return 0;
    stat->mode = mode;
    stat->uid = uid;
    stat->gid = gid;
    return 0;
}

static void end(struct enl_sync *s)
{
    struct posix_state *state = s->state;

    posixsem_close(state->semaphore);
    free(state);
}

static const struct sync_driver posix_driver = {
    .name = "sem:",
    .add = add,
    .take = take,
    .stat = fill_stat,
    .close = end,
};

/* ---- open ------------------------------------------------------------------------------------------------------ */

static int open_named(const struct address *a, unsigned flags, struct posixsem **ret_semaphore)
{
    for (int i = 0; i < TRIES; i++) {
        int result = -ENOENT;

        if ((flags & ENL_EXCLUSIVE) == 0)
            result = posixsem_open(a->name, ret_semaphore);
        if (result != -ENOENT || (flags & ENL_CREATE) == 0)
            return result;
        result = posixsem_create(a->name, (uint32_t)address_value(a, "mode"),
                                 (unsigned)address_value(a, "value"), ret_semaphore);
        if (result != -EEXIST || (flags & ENL_EXCLUSIVE) != 0)
            return result;
    }
    return error_set(-EAGAIN, "sem:%s comes and goes: others make and remove it", a->name);
}

static int open_posix(const struct address *a, unsigned flags, struct enl_sync **ret_sync)
{
    struct posix_state *state;
    struct enl_sync *s;
    int result = check_name(a);

    if (result < 0)
        return result;
    result = sync_create_driven(ENL_SEMAPHORE, &s);
    if (result < 0)
        return result;
    state = calloc(1, sizeof *state);
    if (state == NULL) {
        enl_sync_close(s);
        return error_set(-ENOMEM, "no memory for a semaphore");
    }
    s->driver = &posix_driver;
    s->state = state;
    memcpy(state->name, a->name, a->name_size + 1);
    if (a->name_size == 0)
        result = posixsem_create_unnamed((unsigned)address_value(a, "value"), &state->semaphore);
    else
        result = open_named(a, flags, &state->semaphore);
    if (result < 0) {
        enl_sync_close(s);
        return result;
    }
    *ret_sync = s;
    return 0;
}

static int unlink_posix(const struct address *a)
{
    int result = check_name(a);

    if (result == 0 && a->name_size == 0)
        return error_set(-EINVAL, "sem: alone has no name to be removed");
    return result < 0 ? result : posixsem_unlink(a->name);
}

const struct sync_scheme sync_posix = {
    .address = {.scheme = "sem",
                .syntax = "sem:/NAME",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = POSIXSEM_NAME_MOST,
                .options = posix_options},
    .open = open_posix,
    .unlink = unlink_posix,
};
