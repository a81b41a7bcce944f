/* SPDX-License-Identifier: MIT */
/* The kinds of objects. To add one: a line here, its struct and number in <enlace/sync.h>. */
#include "sync/condition.h"
#include "sync/condition_layout.h"
#include "sync/mutex.h"
#include "sync/once.h"
#include "sync/once_layout.h"
#include "sync/rwlock.h"
#include "sync/rwlock_layout.h"
#include "sync/sync.h"

#define ROOM(object, layout)                                                                       \
    _Static_assert(sizeof(struct object) == sizeof(struct layout), "the room is the layout's "     \
                                                                   "size")

ROOM(enl_mutex, lock_layout);
ROOM(enl_rwlock, rwlock_layout);
ROOM(enl_condition, condition_layout);
ROOM(enl_once, once_layout);

static const struct sync_kind kinds[] = {
    {.kind = ENL_MUTEX,
     .name = "mutex",
     .size = sizeof(struct enl_mutex),
     .flags = ENL_RECURSIVE | ENL_CHECKED,
     .destroy = mutex_destroy},
    {.kind = ENL_RWLOCK,
     .name = "read-write lock",
     .size = sizeof(struct enl_rwlock),
     .destroy = rwlock_destroy},
    {.kind = ENL_CONDITION,
     .name = "condition",
     .size = sizeof(struct enl_condition),
     .destroy = condition_destroy},
    {.kind = ENL_ONCE, .name = "once", .size = sizeof(struct enl_once), .destroy = once_destroy},
};

const struct sync_kind *sync_kind(uint32_t kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == kind)
            return &kinds[i];
    return NULL;
}
