/* SPDX-License-Identifier: MIT */
/* Settling: how the processes that open a region with a header agree on who makes it.
 *
 * One at a time holds the lease on REGION_MAKING_BYTE, and looks at the state again before it begins: a header that
 * has become ready meanwhile is left alone. The kernel drops the lease of the dead, so that what they left is known
 * to be half made (region_layout.h tells what that is), and is made anew from the beginning. */
#include "shm/region.h"

#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/lease.h"
#include "kernel/thread.h"
#include "kernel/wait.h"
#include "shm/region_header.h"

#include <errno.h>
#include <string.h>

#define PATIENCE_NS INT64_C(2000000000) /* with another maker */
#define LOOK_NS 1000000

/* ---- making ------------------------------------------------------------------------------------------------- */

int region_begin_making(struct enl_region *r, void **ret_lease)
{
    struct lease_file file;
    int result = lease_file_open(r->lease_fd, &file);

    return result < 0 ? result : lease_begin(&file, REGION_MAKING_BYTE, 1, ret_lease);
}

void region_end_making(struct enl_region *r, void *lease)
{
    struct lease_file file;

    if (lease_file_open(r->lease_fd, &file) == 0)
        lease_end(&file, lease);
}

static unsigned char *data_of(const struct enl_region *r)
{
    return (unsigned char *)r->memory + region_header_size(r);
}

int region_make_header(struct enl_region *r)
{
    const struct enl_layout *layout = r->plan.layout;
    int result = 0;

    region_header_begin(r->header, layout);
    roster_format((unsigned char *)r->memory + REGION_ROSTER_OFFSET, ROSTER_SLOTS_MAX);
    if (r->backing->mark != NULL)
        result = r->backing->mark(r);
    if (result == 0 && layout != NULL && layout->init != NULL) {
        result = layout->init(data_of(r), r->memory_size - region_header_size(r), layout->argument);
        if (result < 0)
            return error_set(result, "%s: the layout's init gave it up: %s", r->what,
                             strerror(-result));
    }
    if (result < 0)
        return result;
    region_header_end(r->header);
    r->was_made = true;
    return 0;
}

/* What a maker who died before had begun with is larger or smaller than what this one wants. */
static int fit_size(struct enl_region *r)
{
    int result;

    if (r->plan.size <= r->memory_size)
        return 0;
    if (r->backing->extend == NULL)
        return error_set(
            -EINVAL,
            "%s: is half made with %zu bytes, header included, and cannot grow to %llu: "
            "remove it first",
            r->what, r->memory_size, (unsigned long long)r->plan.size);
    result = r->backing->extend(r, r->plan.size);
    if (result < 0)
        return result;
    r->backing->unmap(r->memory, r->memory_size);
    r->memory = NULL;
    return region_map(r, r->plan.size);
}

static int finish(struct enl_region *r)
{
    enum region_sight sight = region_header_look(r->header);
    int result;

    if (sight != REGION_UNTOUCHED && sight != REGION_HALF_MADE)
        return 0; /* somebody else was first */
    result = fit_size(r);
    if (result < 0)
        return result;
    /* The dead one may have been in the middle of the program's data; before it began, there are those of nobody. */
    if (sight == REGION_HALF_MADE)
        memset(data_of(r), 0, r->memory_size - region_header_size(r));
    return region_make_header(r);
}

/* ---- meeting ------------------------------------------------------------------------------------------------ */

static int refuse_busy(const struct enl_region *r)
{
    return error_set(-EBUSY,
                     "%s: has been half made for two seconds by a process that lives: wait for it, "
                     "or end it",
                     r->what);
}

/* One look of those who may not make: 0 when the maker is at it, and it is worth looking again. */
static int look_on(struct enl_region *r)
{
    struct lease_file file;
    int result = lease_file_open(r->lease_fd, &file);

    if (result == 0)
        result = lease_is_held(&file, REGION_MAKING_BYTE);
    if (result != 0)
        return result < 0 ? result : 0;
    if (region_header_look(r->header) == REGION_READY)
        return 0;
    return error_set(-EAGAIN,
                     "%s: is half made, and who made it is gone: open it with ENL_CREATE and "
                     "ENL_WRITE to finish it",
                     r->what);
}

static int try_to_make(struct enl_region *r)
{
    void *lease;
    int result = region_begin_making(r, &lease);

    if (result == -EUSERS)
        return 0;
    if (result < 0)
        return result;
    result = finish(r);
    region_end_making(r, lease);
    return result;
}

static int become_ready(struct enl_region *r)
{
    int64_t until = clock_now_ns() + PATIENCE_NS;
    bool may_make = (r->plan.flags & ENL_CREATE) != 0;

    for (;;) {
        enum region_sight sight = region_header_look(r->header);
        int result;

        if (sight == REGION_READY)
            return region_header_check(r->header, r->plan.layout, r->what);
        if (sight == REGION_FOREIGN)
            return error_set(-EBADMSG,
                             "%s: holds something else than a region with a header: open it "
                             "without ENL_HEADER and layout, or remove it",
                             r->what);
        result = may_make ? try_to_make(r) : look_on(r);
        if (result < 0)
            return result;
        if (region_header_look(r->header) == REGION_READY)
            continue;
        if (clock_now_ns() > until)
            return refuse_busy(r);
        (void)wait_for(NULL, 0, NULL, 0, clock_now_ns() + LOOK_NS);
    }
}

static int join(struct enl_region *r)
{
    int result = roster_open((unsigned char *)r->memory + REGION_ROSTER_OFFSET, REGION_ROSTER_SIZE,
                             r->lease_fd, &r->roster);

    if (result < 0 || !region_writes(r))
        return result;
    result = roster_join(r->roster);
    if (result < 0 && result != -EUSERS) /* then it is not listed, and cannot own anything */
        return result;
    atomic_store_explicit(&r->header->attach_pid, (uint32_t)thread_process(), memory_order_relaxed);
    atomic_store_explicit(&r->header->attach_time, (uint64_t)clock_real_ns(), memory_order_relaxed);
    return 0;
}

int region_settle(struct enl_region *r)
{
    int result = r->was_made ? 0 : become_ready(r);

    if (result == 0 && !r->was_made && r->backing->check_mark != NULL)
        result = r->backing->check_mark(r);
    return result < 0 ? result : join(r);
}

void region_leave(struct enl_region *r)
{
    if (r->roster != NULL && region_writes(r)) {
        atomic_store_explicit(&r->header->detach_pid, (uint32_t)thread_process(),
                              memory_order_relaxed);
        atomic_store_explicit(&r->header->detach_time, (uint64_t)clock_real_ns(),
                              memory_order_relaxed);
    }
    roster_close(r->roster);
    r->roster = NULL;
}
