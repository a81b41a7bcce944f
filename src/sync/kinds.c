/* SPDX-License-Identifier: MIT */
/* The kinds of objects. To add one: a line here, its struct and number in <enlace/sync.h>. */
#include "sync/barrier_layout.h"
#include "sync/condition.h"
#include "sync/condition_layout.h"
#include "sync/lock_stat.h"
#include "sync/mutex.h"
#include "sync/once.h"
#include "sync/once_layout.h"
#include "sync/permits_layout.h"
#include "sync/rwlock.h"
#include "sync/rwlock_layout.h"
#include "sync/sync.h"
#include "sync/tally_layout.h"

#define ROOM(object, layout)                                                                       \
    _Static_assert(sizeof(struct object) == sizeof(struct layout), "the room is the layout's "     \
                                                                   "size")

ROOM(enl_mutex, lock_layout);
ROOM(enl_rwlock, rwlock_layout);
ROOM(enl_condition, condition_layout);
ROOM(enl_once, once_layout);

ROOM(enl_semaphore, tally_layout);
ROOM(enl_owned_semaphore, permits_layout);
ROOM(enl_event, tally_layout);
ROOM(enl_barrier, barrier_layout);

static const struct sync_kind locks[] = {
    {.kind = ENL_MUTEX,
     .name = "mutex",
     .size = sizeof(struct enl_mutex),
     .flags = ENL_RECURSIVE | ENL_CHECKED,
     .destroy = mutex_destroy,
     .stat = mutex_stat},
    {.kind = ENL_RWLOCK,
     .name = "read-write lock",
     .size = sizeof(struct enl_rwlock),
     .destroy = rwlock_destroy,
     .stat = rwlock_stat},
    {.kind = ENL_CONDITION,
     .name = "condition",
     .size = sizeof(struct enl_condition),
     .destroy = condition_destroy},
    {.kind = ENL_ONCE, .name = "once", .size = sizeof(struct enl_once), .destroy = once_destroy},
};

static const struct sync_kind *const kinds[] = {
    &locks[0],
    &locks[1],
    &locks[2],
    &locks[3],
    &sync_kind_barrier,
    &sync_kind_event,
    &sync_kind_owned_semaphore,
    &sync_kind_semaphore,
};

const struct sync_kind *sync_kind(uint32_t kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i]->kind == (kind & ~SYNC_DRIVEN))
            return kinds[i];
    return NULL;
}
