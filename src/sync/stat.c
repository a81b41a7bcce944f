/* SPDX-License-Identifier: MIT */
/* Asking and changing objects of any kind, and what is said where something cannot be done. */
#include "base/error.h"
#include "sync/driver.h"

#include <enlace/region.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS (ENL_SET_MODE | ENL_SET_OWNER | ENL_SET_VALUE)

int sync_cannot(const struct enl_sync *s, const char *what)
{
    const struct sync_kind *kind = sync_kind(s->kind);

    return error_set(-ENOTSUP, "%s%s cannot %s", s->driver != NULL ? "" : "this ",
                     s->driver != NULL ? s->driver->name : kind->name, what);
}

int sync_create_driven(uint32_t kind, struct enl_sync **ret_sync)
{
    struct enl_sync *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_set(-ENOMEM, "no memory for a handle");
    s->kind = kind | SYNC_DRIVEN;
    interrupt_init(&s->interrupt);
    *ret_sync = s;
    return 0;
}

int enl_sync_fd(struct enl_sync *s)
{
    if (s == NULL)
        return sync_check(s);
    if (s->driver == NULL || s->driver->fd == NULL)
        return sync_cannot(s, "be polled: open an event or a semaphore of its own with ?pollable");
    return s->driver->fd(s);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* What the region knows of an object that stands alone. */
static int stat_region(struct enl_sync *s, struct enl_sync_stat *stat)
{
    struct enl_region_stat region;
    int result = enl_region_stat(s->region, &region);

    if (result < 0)
        return result;
    stat->mode = region.mode;
    stat->uid = region.uid;
    stat->gid = region.gid;
    return 0;
}

int enl_sync_stat(struct enl_sync *s, struct enl_sync_stat *ret_stat)
{
    const struct sync_kind *kind;
    struct enl_sync_stat stat;
    int result = 0;

    if (s == NULL || ret_stat == NULL)
        return error_set(-EINVAL, "the handle or ret_stat is NULL");
    kind = sync_kind(s->kind);
    memset(&stat, 0xff, sizeof stat); /* ENL_UNKNOWN */
    memset(stat.reserved, 0, sizeof stat.reserved);
    stat.kind = kind->kind;
    stat.flags = s->flags;
    if (s->object != NULL && kind->stat != NULL)
        kind->stat(s, &stat);
    if (s->owns_region)
        result = stat_region(s, &stat);
    if (result == 0 && s->driver != NULL && s->driver->stat != NULL)
        result = s->driver->stat(s, &stat);
    if (result < 0)
        return result;
    *ret_stat = stat;
    return 0;
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

static int set_value(struct enl_sync *s, const struct enl_settings *settings)
{
    const struct sync_kind *kind = sync_kind(s->kind);

    if (s->object == NULL || kind->set_value == NULL)
        return sync_cannot(s, "be given another value");
    return kind->set_value(s, settings->value);
}

static int set_one(struct enl_sync *s, uint32_t which, const struct enl_settings *settings)
{
    struct enl_settings one = *settings;
    int result = -ENOTSUP;

    if (s->driver != NULL && s->driver->set != NULL)
        result = s->driver->set(s, which, settings);
    if (result != -ENOTSUP)
        return result < 0 && result != -EIDRM && result != -ERANGE
                   ? error_set(result, "%s: what was asked for cannot be changed: %s",
                               s->driver->name, strerror(-result))
                   : result;
    if (which == ENL_SET_VALUE)
        return set_value(s, settings);
    if (!s->owns_region)
        return sync_cannot(s, "change its mode or owner: what stands alone by name can");
    one.set = which;
    return enl_region_set(s->region, &one);
}

int enl_sync_set(struct enl_sync *s, const struct enl_settings *settings)
{
    if (s == NULL || settings == NULL)
        return error_set(-EINVAL, "the handle or the settings are NULL");
    if ((settings->set & ~SETTINGS) != 0)
        return error_set(-EINVAL, "enl_settings.set has unknown bits: %#x",
                         (unsigned)(settings->set & ~SETTINGS));
    if ((settings->set & ENL_SET_MODE) != 0 && settings->mode > 0777)
        return error_set(-EINVAL, "mode %#o is above 0777", (unsigned)settings->mode);
    for (uint32_t which = 1; which <= ENL_SET_VALUE; which <<= 1) {
        int result = (settings->set & which) != 0 ? set_one(s, which, settings) : 0;

        if (result < 0)
            return result;
    }
    return 0;
}
