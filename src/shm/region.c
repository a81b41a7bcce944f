/* SPDX-License-Identifier: MIT */
/* Opening and making regions.
 *
 * What can be made without a name is: with its size, its memory and its header, and only then named, so that nobody
 * ever sees a half of it. Where that cannot be (System V, file systems without O_TMPFILE, what other programs began), the
 * object is visible first, and region_settle.c agrees on who finishes it. */
#include "shm/region.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/mapping.h"
#include "kernel/wait.h"
#include "shm/region_header.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 100 /* of opening or making what others make and remove all the time */
#define LOOK_NS 1000000

extern const struct region_backing region_memfd, region_shm, region_svshm, region_file, region_fd;

static const struct region_backing *const backings[] = {
    &region_memfd, &region_shm, &region_svshm, &region_file, &region_fd,
};

#define BACKING_COUNT (sizeof backings / sizeof backings[0])

/* ---- arguments ---------------------------------------------------------------------------------------------- */

static int check_flags(unsigned flags)
{
    unsigned known = ENL_READ | ENL_WRITE | ENL_CREATE | ENL_EXCLUSIVE | ENL_HEADER | ENL_EXECUTE;

    if ((flags & ~known) != 0)
        return error_set(-EINVAL, "flags 0x%x are unknown to regions", flags & ~known);
    if ((flags & ENL_READ) == 0)
        return error_set(-EINVAL, "a region is opened with ENL_READ, and perhaps ENL_WRITE: "
                                  "memory cannot be written alone");
    if ((flags & ENL_EXCLUSIVE) != 0 && (flags & ENL_CREATE) == 0)
        return error_set(-EINVAL, "ENL_EXCLUSIVE is for ENL_CREATE alone");
    if ((flags & ENL_CREATE) != 0 && (flags & ENL_WRITE) == 0)
        return error_set(-EINVAL, "who makes a region fills it: ENL_CREATE needs ENL_WRITE");
    return 0;
}

static int check_room(struct enl_region **ret_region)
{
    return ret_region == NULL
               ? error_set(-EINVAL, "there is no room for the region: ret_region is NULL")
               : 0;
}

static uint64_t option(const struct address *a, const char *name)
{
    return address_has_option(a, name) ? address_value(a, name) : 0;
}

static int plan_size(struct enl_region *r, uint64_t size)
{
    const struct enl_layout *layout = r->plan.layout;

    if (layout != NULL && size != 0 && size < layout->size)
        return error_set(-EINVAL, "%s: size=%" PRIu64 " is less than the layout's struct has, %u",
                         r->what, size, layout->size);
    if (layout != NULL && size == 0)
        size = layout->size;
    if (size == 0)
        return 0;
    if (!checked_add_u64(size, region_header_size(r), &r->plan.size) || r->plan.size > SIZE_MAX / 2)
        return error_set(-EFBIG, "%s: no process could map %" PRIu64 " bytes", r->what, size);
    return 0;
}

static int plan(struct enl_region *r, const struct address *a)
{
    struct region_plan *p = &r->plan;
    int result;

    p->mode = (uint32_t)option(a, "mode");
    p->is_private = option(a, "private") != 0;
    p->populates = option(a, "populate") != 0;
    p->wants_huge = option(a, "huge") != 0;
    p->locks = option(a, "lock") != 0;
    p->offset = option(a, "offset");
    p->number = -1;
    if (p->layout != NULL)
        p->flags |= ENL_HEADER;
    if ((p->flags & ENL_HEADER) != 0 && (p->is_private || p->offset != 0))
        return error_set(-EINVAL,
                         "%s: a region with a header begins where its file does, and is shared: "
                         "leave private and offset= out",
                         r->what);
    if (p->offset % mapping_page() != 0)
        return error_set(-EINVAL, "%s: offset=%" PRIu64 " is no multiple of a page, %zu bytes",
                         r->what, p->offset, mapping_page());
    result = plan_size(r, option(a, "size"));
    return result < 0 ? result : r->backing->plan(r, a);
}

static int parse(const char *address, struct address *a, const struct region_backing **ret_backing)
{
    const struct address_scheme *schemes[BACKING_COUNT + 1] = {NULL};
    int result;

    if (address == NULL)
        return error_set(-EINVAL, "the address is NULL");
    for (size_t i = 0; i < BACKING_COUNT; i++)
        schemes[i] = &backings[i]->address;
    result = address_parse(address, schemes, a);
    for (size_t i = 0; result == 0 && i < BACKING_COUNT; i++)
        if (&backings[i]->address == a->scheme)
            *ret_backing = backings[i];
    return result;
}

/* ---- ending ------------------------------------------------------------------------------------------------- */

/* What is mapped and open; the plan stays. */
static void release(struct enl_region *r)
{
    region_leave(r);
    while (r->outgrown != NULL) {
        struct region_outgrown *next = r->outgrown->next;

        r->backing->unmap(r->outgrown->memory, r->outgrown->size);
        free(r->outgrown);
        r->outgrown = next;
    }
    if (r->memory != NULL)
        r->backing->unmap(r->memory, r->memory_size);
    if (r->lease_fd != r->fd)
        descriptor_close(r->lease_fd);
    descriptor_close(r->fd);
    r->memory = NULL;
    r->header = NULL;
    r->fd = r->lease_fd = r->id = -1;
    r->is_published = false;
}

void enl_region_close(struct enl_region *r)
{
    if (r == NULL)
        return;
    release(r);
    free(r->plan.path);
    free(r);
}

static int create(const struct region_backing *backing, const struct address *a,
                  const struct region_plan *plan_of, struct enl_region **ret_region)
{
    struct enl_region *r = calloc(1, sizeof *r);
    int result;

    if (r == NULL)
        return error_set(-ENOMEM, "no memory for a region");
    r->backing = backing;
    r->plan = *plan_of;
    r->fd = r->lease_fd = r->id = -1;
    (void)snprintf(r->what, sizeof r->what, "%s:%.70s", backing->address.scheme, a->name);
    result = plan(r, a);
    if (result < 0) {
        enl_region_close(r);
        return result;
    }
    *ret_region = r;
    return 0;
}

/* ---- mapping ------------------------------------------------------------------------------------------------ */

static int lock(struct enl_region *r, void *memory, size_t size)
{
    int result = mapping_lock(memory, size);
    uint64_t limit = mapping_lock_limit();

    if (result == 0)
        return 0;
    if (limit != UINT64_MAX)
        return error_set(result,
                         "%s: locking it in memory needs %zu bytes, has %" PRIu64
                         " for this process (RLIMIT_MEMLOCK): raise it, ulimit -l",
                         r->what, size, limit);
    return error_set(result, "%s: cannot be locked in memory: %s", r->what, strerror(-result));
}

int region_prepare(struct enl_region *r, void *memory, size_t size)
{
    int result = 0;

    if (r->plan.wants_huge && !r->is_huge)
        (void)mapping_advise(memory, size,
                             MAPPING_HUGE); /* where there are none it stays as it is */
    if (r->plan.populates)
        result = mapping_populate(memory, size, region_writes(r) && !r->plan.is_private);
    if (result < 0)
        return error_set(result, "%s: some of its %zu bytes cannot be mapped: %s", r->what, size,
                         strerror(-result));
    return r->plan.locks ? lock(r, memory, size) : 0;
}

int region_map(struct enl_region *r, uint64_t size)
{
    int result;

    if (size > SIZE_MAX / 2)
        return error_set(-EFBIG, "%s: no process could map its %" PRIu64 " bytes", r->what, size);
    result = r->backing->map(r, (size_t)size, &r->memory);
    if (result < 0)
        return result;
    r->memory_size = (size_t)size;
    r->header = region_header_size(r) > 0 ? r->memory : NULL;
    return region_prepare(r, r->memory, r->memory_size);
}

static int open_leases(struct enl_region *r)
{
    if (r->header == NULL)
        return 0;
    if (r->backing->open_leases != NULL)
        return r->backing->open_leases(r);
    r->lease_fd = r->fd;
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static int refuse_size(const struct enl_region *r, uint64_t size)
{
    uint64_t header = region_header_size(r);

    return error_set(-EINVAL,
                     "%s: is there already with %" PRIu64 " bytes, and %" PRIu64
                     " are asked for: ask for no more, then enl_region_grow, or remove it first",
                     r->what, size > header ? size - header : 0, r->plan.size - header);
}

/* An object without a size is one that its maker has not finished: our own, or another program's. */
static int check_size(struct enl_region *r, uint64_t *size)
{
    int result;

    if (*size > 0 && *size < region_header_size(r))
        return error_set(-EBADMSG,
                         "%s: has %" PRIu64 " bytes, too few for a region with a header: open it "
                         "without ENL_HEADER and layout, or remove it",
                         r->what, *size);
    if (*size > 0)
        return 0;
    if ((r->plan.flags & ENL_CREATE) == 0 && r->plan.offset > 0)
        return error_set(-EINVAL, "%s: offset=%" PRIu64 " lies at its end, or beyond", r->what,
                         r->plan.offset);
    if ((r->plan.flags & ENL_CREATE) == 0 || r->plan.size == 0 || r->backing->extend == NULL)
        return error_set(-EAGAIN,
                         "%s: has no size: who made it has not finished, or is gone: try again, or "
                         "open it with ENL_CREATE, ENL_WRITE and size= to finish it",
                         r->what);
    result = r->backing->extend(r, r->plan.size);
    r->was_made = result == 0 && r->header == NULL && region_header_size(r) == 0;
    return result < 0 ? result : r->backing->object_size(r, size);
}

/* Another program may have made it with holes: where there is nothing to fill them with, even a look at a header that
 * is to be made would end this process. */
static int fill_holes(struct enl_region *r, uint64_t size)
{
    if (region_header_size(r) == 0 || (r->plan.flags & ENL_CREATE) == 0 ||
        r->backing->extend == NULL)
        return 0;
    return r->backing->extend(r, size);
}

static int open_there(struct enl_region *r)
{
    uint64_t size;
    int result = r->backing->object_size(r, &size);

    if (result == 0)
        result = check_size(r, &size);
    if (result == 0 && region_header_size(r) == 0 && size < r->plan.size)
        result = refuse_size(r, size);
    if (result == 0)
        result = fill_holes(r, size);
    if (result == 0)
        result = region_map(r, size);
    if (result == 0)
        result = open_leases(r);
    if (result == 0 && r->header != NULL)
        result = region_settle(r);
    if (result == 0 && r->memory_size < r->plan.size)
        result = refuse_size(r, r->memory_size);
    return result;
}

/* ---- making ------------------------------------------------------------------------------------------------- */

/* Takes away what this process made and could not finish; what others finished is theirs. */
static int give_up(struct enl_region *r, int result)
{
    if (result != -ENOENT && (r->header == NULL || region_header_look(r->header) != REGION_READY))
        r->backing->discard(r);
    return result;
}

static int make(struct enl_region *r)
{
    int result;

    if (!region_writes(r))
        return error_set(-EINVAL, "%s: who makes it fills it: it needs ENL_WRITE", r->what);
    if (r->backing->create == NULL)
        return error_set(-EINVAL, "%s: is not made by opening: leave ENL_CREATE out", r->what);
    if (r->plan.size == 0)
        return error_set(-EINVAL, "%s: to make it, say how large: size=", r->what);
    result = r->backing->create(r);
    if (result < 0)
        return result;
    if (r->is_published) {
        result = open_there(r);
        r->was_made = r->was_made || r->header == NULL;
        return result < 0 ? give_up(r, result) : 0;
    }
    result = region_map(r, r->plan.size);
    if (result == 0)
        result = open_leases(r);
    if (result == 0 && r->header != NULL)
        result = region_make_header(r);
    if (result == 0 && r->backing->publish != NULL)
        result = r->backing->publish(r);
    if (result == 0 && r->header != NULL)
        result = region_settle(r);
    if (result == 0)
        r->was_made = true;
    return result;
}

static int try_to_meet(struct enl_region *r)
{
    unsigned flags = r->plan.flags;
    int result = -ENOENT;

    if (r->backing->open != NULL && (flags & ENL_EXCLUSIVE) == 0)
        result = r->backing->open(r);
    if (result == 0)
        return open_there(r);
    if (result != -ENOENT)
        return result;
    if (r->backing->open == NULL || (flags & ENL_CREATE) != 0)
        return make(r);
    return -ENOENT;
}

/* Whether another try may end otherwise, because of what others make and remove in between. The leases of a segment are
 * gone a moment before the segment is, when it is being removed. */
static bool may_change(const struct enl_region *r, int result)
{
    unsigned flags = r->plan.flags;

    switch (result) {
    case -ENOENT:
        return r->backing->create != NULL && (flags & ENL_CREATE) != 0;
    case -EEXIST:
        return (flags & ENL_EXCLUSIVE) == 0;
    case -ESTALE:
        (void)wait_for(NULL, 0, NULL, 0, clock_now_ns() + LOOK_NS);
        return true;
    default:
        return false;
    }
}

static int there_is_none(const struct enl_region *r)
{
    if (r->backing == &region_svshm && r->plan.number >= 0)
        return error_set(-ENOENT, "%s?id=%d: no segment has this number: see ipcs -m", r->what,
                         r->plan.number);
    if ((r->plan.flags & ENL_CREATE) != 0)
        return error_set(-ENOENT, "%s: cannot be made: its folder is not there: make that first",
                         r->what);
    return error_set(-ENOENT,
                     "%s: there is none: make it with ENL_CREATE and size=, or start who does",
                     r->what);
}

/* Opens it, or makes it, whichever succeeds first. */
static int meet(struct enl_region *r)
{
    int result = -ENOENT;

    for (int i = 0; i < TRIES; i++) {
        result = try_to_meet(r);
        if (result == 0 || i + 1 == TRIES || !may_change(r, result))
            break;
        release(r);
        r->was_made = false;
    }
    if (result == -EEXIST)
        return error_set(result, "%s: is there already, and is not to be", r->what);
    return result == -ENOENT ? there_is_none(r) : result;
}

static int start(const char *address, unsigned flags, const struct enl_layout *layout,
                 struct enl_region **ret_region)
{
    const struct region_plan plan_of = {.flags = flags, .layout = layout};
    const struct region_backing *backing = NULL;
    struct address a;
    int result = check_flags(flags);

    if (result == 0)
        result = region_layout_check(layout);
    if (result == 0)
        result = parse(address, &a, &backing);
    return backing == NULL ? result : create(backing, &a, &plan_of, ret_region);
}

/* Ends an opening: on failure a descriptor that was given stays the caller's. */
static int finish(struct enl_region *r, int result, struct enl_region **ret_region)
{
    r->plan.layout = NULL; /* the caller's, too */
    if (result == 0) {
        *ret_region = r;
        return 0;
    }
    if (r->backing == &region_fd) {
        region_leave(r);
        r->fd = r->lease_fd = -1;
    }
    enl_region_close(r);
    return result;
}

int enl_region_open(const char *address, unsigned flags, const struct enl_layout *layout,
                    struct enl_region **ret_region)
{
    struct enl_region *r = NULL;
    int result = check_room(ret_region);

    if (result == 0)
        result = start(address, flags, layout, &r);
    if (r == NULL)
        return result;
    if (r->backing == &region_fd && r->plan.number < 0)
        result = error_set(-EINVAL, "fd: needs a number here, as in fd:3; without one it is for "
                                    "enl_region_adopt");
    else
        result = meet(r);
    return finish(r, result, ret_region);
}

int enl_region_adopt(int fd, const char *address, unsigned flags, const struct enl_layout *layout,
                     struct enl_region **ret_region)
{
    struct enl_region *r = NULL;
    int result = check_room(ret_region);

    if (result == 0)
        result = start(address, flags, layout, &r);
    if (r == NULL)
        return result;
    if (r->backing != &region_fd || r->plan.number >= 0)
        result = error_set(-EINVAL, "enl_region_adopt takes a descriptor: its address is fd: with "
                                    "options, and without a number");
    r->plan.number = fd;
    if (result == 0)
        result = meet(r);
    return finish(r, result, ret_region);
}

int enl_region_unlink(const char *address)
{
    struct enl_region *r = NULL;
    int result = start(address, ENL_READ, NULL, &r);

    if (r == NULL)
        return result;
    result = r->backing->unlink == NULL
                 ? error_set(-ENOTSUP, "%s: has no name that could be removed", r->what)
                 : r->backing->unlink(r);
    enl_region_close(r);
    return result;
}
