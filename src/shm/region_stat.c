/* SPDX-License-Identifier: MIT */
/* What is known of an open region: its sizes, its owner, who has it open. */
#include "shm/region.h"

#include "base/error.h"
#include "kernel/mapping.h"

#include <errno.h>
#include <string.h>

static int check(const struct enl_region *r)
{
    return r == NULL ? error_set(-EINVAL, "the region is NULL") : 0;
}

int region_roster(struct enl_region *r, struct roster **ret_roster)
{
    int result = check(r);

    if (result < 0)
        return result;
    if (r->roster == NULL)
        return error_set(-ENOTSUP,
                         "%s: what needs owners needs a region with a header: open it with a "
                         "layout or ENL_HEADER",
                         r->what);
    if (!region_writes(r))
        return error_set(-EACCES, "%s: is open for reading alone", r->what);
    *ret_roster = r->roster;
    return 0;
}

/* ---- statistics --------------------------------------------------------------------------------------------- */

static uint64_t known(uint64_t value)
{
    return value == 0 ? ENL_UNKNOWN : value;
}

/* Of what the kernel has its own account of, that is kept. */
static void stat_header(const struct enl_region *r, struct enl_region_stat *stat)
{
    struct region_header *h = r->header;
    ssize_t members = roster_list(r->roster, NULL, 0);

    stat->header = 1;
    stat->last_attach_pid = known(atomic_load_explicit(&h->attach_pid, memory_order_relaxed));
    stat->last_detach_pid = known(atomic_load_explicit(&h->detach_pid, memory_order_relaxed));
    if (stat->creator_pid == ENL_UNKNOWN)
        stat->creator_pid = known(h->creator_pid);
    if (stat->attached == ENL_UNKNOWN && members >= 0)
        stat->attached = (uint64_t)members;
    if (r->backing->users != NULL)
        return; /* the kernel has its times */
    stat->attach_time = known(atomic_load_explicit(&h->attach_time, memory_order_relaxed));
    stat->detach_time = known(atomic_load_explicit(&h->detach_time, memory_order_relaxed));
}

int enl_region_stat(struct enl_region *r, struct enl_region_stat *ret_stat)
{
    struct enl_region_stat stat;
    uint64_t size;
    int result = check(r);

    if (result < 0)
        return result;
    if (ret_stat == NULL)
        return error_set(-EINVAL, "there is no place for the statistics");
    memset(&stat, 0xff, sizeof stat); /* ENL_UNKNOWN */
    memset(stat.reserved, 0, sizeof stat.reserved);
    result = r->backing->object_size(r, &size);
    if (result == 0)
        result = r->backing->stat(r, &stat);
    if (result < 0)
        return result == -ENOENT ? error_set(-EIDRM, "%s: was removed", r->what) : result;
    stat.size = size > region_header_size(r) ? size - region_header_size(r) : 0;
    stat.mapped_size = r->memory_size - region_header_size(r);
    if (stat.page_size == ENL_UNKNOWN)
        stat.page_size = mapping_page();
    stat.created = r->was_made;
    stat.header = 0;
    if (r->roster != NULL)
        stat_header(r, &stat);
    *ret_stat = stat;
    return 0;
}

/* ---- users -------------------------------------------------------------------------------------------------- */

/* A process may have a region open more than once. */
static bool is_listed(const pid_t pids[], size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

ssize_t enl_region_users(struct enl_region *r, pid_t ret_pids[], size_t count)
{
    struct roster_entry entries[ROSTER_SLOTS_MAX];
    pid_t pids[ROSTER_SLOTS_MAX];
    size_t found = 0;
    ssize_t members = check(r);

    if (members < 0)
        return members;
    if (r->backing->users != NULL)
        return r->backing->users(r, ret_pids, count);
    if (r->roster == NULL)
        return error_set(-ENOTSUP,
                         "%s: the kernel does not tell who has it open, and it has no header",
                         r->what);
    members = roster_list(r->roster, entries, ROSTER_SLOTS_MAX);
    for (ssize_t i = 0; i < members; i++)
        if (entries[i].pid != 0 && !is_listed(pids, found, (pid_t)entries[i].pid))
            pids[found++] = (pid_t)entries[i].pid;
    if (members < 0)
        return members;
    if (found > 0 && count > 0)
        memcpy(ret_pids, pids, (found < count ? found : count) * sizeof pids[0]);
    return (ssize_t)found;
}

/* ---- changing ----------------------------------------------------------------------------------------------- */

static int changed(const struct enl_region *r, int result, const char *noun)
{
    return result < 0 ? error_set(result, "%s: its %s cannot be changed: %s", r->what, noun,
                                  strerror(-result))
                      : 0;
}

int enl_region_set(struct enl_region *r, const struct enl_settings *settings)
{
    int result = check(r);

    if (result < 0)
        return result;
    if (settings == NULL)
        return error_set(-EINVAL, "there are no settings");
    if ((settings->set & ~(ENL_SET_MODE | ENL_SET_OWNER)) != 0)
        return error_set(-ENOTSUP,
                         "%s: of a region mode and owner can be set: to make it larger "
                         "there is enl_region_grow",
                         r->what);
    if ((settings->set & ENL_SET_MODE) != 0) {
        if (settings->mode > 0777)
            return error_set(-EINVAL, "0%o is no mode", settings->mode);
        result = changed(r, r->backing->set_mode(r, settings->mode), "mode");
    }
    if (result == 0 && (settings->set & ENL_SET_OWNER) != 0)
        result = changed(r, r->backing->set_owner(r, settings->uid, settings->gid), "owner");
    return result;
}
