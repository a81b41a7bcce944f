/* SPDX-License-Identifier: MIT */
/* Regions in files: memory without a name, behind a POSIX name, in any file or device, behind a descriptor.
 *
 * A POSIX name is a file in /dev/shm, for this library as for every libc: no more is needed for others to find it. */
#include "shm/region.h"

#include "base/error.h"
#include "kernel/backing.h"
#include "kernel/descriptor.h"
#include "kernel/mapping.h"
#include "kernel/shared_file.h"
#include "shm/reserve.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHM_FOLDER "/dev/shm"
#define SHM_NAME_MOST 255    /* with its slash; the libcs take so much */
#define MEMORY_NAME_MOST 249 /* the kernel's own */
#define SIZE_MOST ((uint64_t)1 << 50)

static const struct address_option memfd_options[] = {
    {.name = "size", .kind = ADDRESS_SIZE, .least = 1, .most = SIZE_MOST},
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "populate", .kind = ADDRESS_FLAG},
    {.name = "huge", .kind = ADDRESS_FLAG},
    {.name = "lock", .kind = ADDRESS_FLAG},
    {.name = NULL},
};

static const struct address_option file_options[] = {
    {.name = "size", .kind = ADDRESS_SIZE, .least = 1, .most = SIZE_MOST},
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "offset", .kind = ADDRESS_SIZE, .least = 0, .most = SIZE_MOST},
    {.name = "private", .kind = ADDRESS_FLAG},
    {.name = "populate", .kind = ADDRESS_FLAG},
    {.name = "huge", .kind = ADDRESS_FLAG},
    {.name = "lock", .kind = ADDRESS_FLAG},
    {.name = NULL},
};

/* A descriptor's: the same but for the mode, which it has. */
static const struct address_option fd_options[] = {
    {.name = "size", .kind = ADDRESS_SIZE, .least = 1, .most = SIZE_MOST},
    {.name = "offset", .kind = ADDRESS_SIZE, .least = 0, .most = SIZE_MOST},
    {.name = "private", .kind = ADDRESS_FLAG},
    {.name = "populate", .kind = ADDRESS_FLAG},
    {.name = "huge", .kind = ADDRESS_FLAG},
    {.name = "lock", .kind = ADDRESS_FLAG},
    {.name = NULL},
};

/* ---- names -------------------------------------------------------------------------------------------------- */

static int keep_path(struct enl_region *r, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 1;

    r->plan.path = malloc(size);
    if (r->plan.path == NULL)
        return error_set(-ENOMEM, "no memory for a path");
    (void)snprintf(r->plan.path, size, "%s%s", folder, name);
    return 0;
}

static int plan_memory(struct enl_region *r, const struct address *a)
{
    return keep_path(r, "", a->name);
}

static int plan_shm(struct enl_region *r, const struct address *a)
{
    const char *name = a->name;

    if (a->name_size < 2 || name[0] != '/' || strchr(name + 1, '/') != NULL)
        return error_set(-EINVAL,
                         "shm:%s: the name of shared memory is a slash and up to %d bytes without "
                         "one, as in shm:/frames",
                         name, SHM_NAME_MOST - 1);
    if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
        return error_set(-EINVAL, "shm:%s: \".\" and \"..\" are no names", name);
    return keep_path(r, SHM_FOLDER, name);
}

static int plan_file(struct enl_region *r, const struct address *a)
{
    return keep_path(r, "", a->name);
}

static int plan_fd(struct enl_region *r, const struct address *a)
{
    int number = 0;

    for (const char *digit = a->name; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || number > (INT_MAX - 9) / 10)
            return error_set(-EINVAL, "fd:%s: this is no number of a descriptor", a->name);
        number = number * 10 + (*digit - '0');
    }
    r->plan.number = a->name_size == 0 ? -1 : number;
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

static unsigned access_of(const struct enl_region *r)
{
    return region_writes(r) && !r->plan.is_private ? ENL_READ | ENL_WRITE : ENL_READ;
}

static int refused(const struct enl_region *r, int result, const char *verb)
{
    return result == -ENOENT || result == -EEXIST
               ? result
               : error_set(result, "%s: cannot be %s: %s%s", r->what, verb, strerror(-result),
                           error_advice(result));
}

/* -ENOENT of a missing folder would be taken for that of the name. */
static int open_path(struct enl_region *r, bool follows)
{
    int result = shared_file_open(r->plan.path, access_of(r), follows, &r->fd);

    return result < 0 ? refused(r, result, "opened") : 0;
}

static int open_shm(struct enl_region *r)
{
    return open_path(r, false);
}

static int open_file(struct enl_region *r)
{
    return open_path(r, true);
}

static int open_fd(struct enl_region *r)
{
    struct shared_file_facts facts;
    int result = shared_file_facts(r->plan.number, &facts);
    unsigned missing = access_of(r) & ~facts.access;

    if (result < 0)
        return error_set(result, "descriptor %d is not open", r->plan.number);
    if (missing != 0)
        return error_set(-EACCES, "descriptor %d is not open for %s", r->plan.number,
                         (missing & ENL_WRITE) != 0 ? "writing" : "reading");
    result = descriptor_set_inherited(r->plan.number, false);
    if (result == 0)
        r->fd = r->plan.number;
    return result;
}

/* ---- sizes -------------------------------------------------------------------------------------------------- */

static int file_size(struct enl_region *r, uint64_t *ret_size)
{
    struct shared_file_facts facts;
    struct backing_facts home = {.page = 0};
    int result = shared_file_facts(r->fd, &facts);

    if (result == 0)
        result = backing_facts(r->fd, &home);
    if (result < 0)
        return error_set(result, "%s: tells nothing of itself: %s", r->what, strerror(-result));
    if (!facts.can_be_mapped)
        return error_set(-ENODEV, "%s: is no file and no device, and cannot be mapped", r->what);
    r->is_huge = home.home == BACKING_HUGE;
    if (!facts.is_file && r->plan.size == 0)
        return error_set(-EINVAL, "%s: a device has no size of its own: say size=", r->what);
    if (!facts.is_file)
        *ret_size = r->plan.size;
    else
        *ret_size = facts.size > r->plan.offset ? facts.size - r->plan.offset : 0;
    return 0;
}

/* Huge pages are mapped whole. */
static uint64_t round_up(uint64_t size, size_t page)
{
    return (size + page - 1) / page * page;
}

static int reserve(struct enl_region *r, uint64_t size)
{
    struct backing_facts home = {.page = 0};
    int result = backing_facts(r->fd, &home);

    if (result < 0)
        return error_set(result, "%s: tells nothing of itself: %s", r->what, strerror(-result));
    if (home.home == BACKING_HUGE)
        size = round_up(size, home.page);
    if (size > SIZE_MAX)
        return error_set(-EFBIG, "%s: no process could map %" PRIu64 " bytes", r->what, size);
    return reserve_memory(r->fd, (size_t)size, r->what);
}

static int extend(struct enl_region *r, uint64_t size)
{
    struct shared_file_facts facts;
    int result = shared_file_facts(r->fd, &facts);
    unsigned seals;

    if (result < 0 || !facts.is_file)
        return error_set(-ENOTSUP, "%s: is no file, and cannot grow", r->what);
    if (r->plan.is_private)
        return error_set(-ENOTSUP, "%s: is mapped privately: what it adds nobody would see",
                         r->what);
    if (size + r->plan.offset > facts.size && shared_file_seals(r->fd, &seals) == 0 &&
        (seals & SHARED_FILE_SEAL_GROW) != 0)
        return error_set(-EPERM, "%s: is sealed against growing", r->what);
    return reserve(r, size + r->plan.offset);
}

/* ---- making ------------------------------------------------------------------------------------------------- */

static int make_memory(struct enl_region *r, bool huge)
{
    int result = shared_file_memory(r->plan.path, huge, &r->fd);

    if (result < 0)
        return error_set(result, "%s: no memory file: %s%s", r->what, strerror(-result),
                         error_advice(result));
    result = descriptor_set_mode(r->fd, r->plan.mode);
    if (result == 0)
        result = reserve(r, r->plan.size);
    if (result < 0) {
        descriptor_close(r->fd);
        r->fd = -1;
    }
    return result;
}

/* A region of huge pages of its own, or of others if there are none. */
static int create_memory(struct enl_region *r)
{
    uint64_t size;
    int result = -ENOSPC;

    if (r->plan.wants_huge)
        result = make_memory(r, true);
    if (result < 0)
        result = make_memory(r, false);
    if (result == 0)
        result = file_size(r, &size);
    if (result == 0)
        r->plan.size = size;
    return result;
}

static int create_file(struct enl_region *r)
{
    int result = shared_file_create(r->plan.path, r->plan.mode, &r->is_published, &r->fd);

    if (result < 0)
        return refused(r, result, "made");
    return r->is_published ? 0 : extend(r, r->plan.size);
}

static int publish(struct enl_region *r)
{
    int result = shared_file_link(r->fd, r->plan.path);

    return result < 0 ? refused(r, result, "given its name") : 0;
}

/* What another process made under the name stays. */
static void discard(struct enl_region *r)
{
    struct shared_file_facts own, named;
    int fd = -1;

    if (shared_file_open(r->plan.path, ENL_READ, false, &fd) == 0 &&
        shared_file_facts(fd, &named) == 0 && shared_file_facts(r->fd, &own) == 0 &&
        named.device == own.device && named.inode == own.inode)
        (void)shared_file_unlink(r->plan.path);
    descriptor_close(fd);
}

static int unlink_file(struct enl_region *r)
{
    int result = shared_file_unlink(r->plan.path);

    return result < 0 ? error_set(result, "%s: cannot be removed: %s%s", r->what, strerror(-result),
                                  error_advice(result))
                      : 0;
}

/* ---- mapping ------------------------------------------------------------------------------------------------ */

static int map_file(struct enl_region *r, size_t size, void **ret_memory)
{
    unsigned flags = (region_writes(r) ? MAPPING_WRITE : 0) |
                     ((r->plan.flags & ENL_EXECUTE) != 0 ? MAPPING_EXECUTE : 0) |
                     (r->plan.is_private ? MAPPING_PRIVATE : 0);
    int result = mapping_create(r->fd, r->plan.offset, size, flags, ret_memory);

    if (result == -EPERM)
        return error_set(result,
                         "%s: may not be mapped so: it is sealed against writing, or its file "
                         "system is mounted noexec",
                         r->what);
    return result < 0 ? error_set(result, "%s: its %zu bytes cannot be mapped: %s", r->what, size,
                                  strerror(-result))
                      : 0;
}

/* ---- asking and changing -------------------------------------------------------------------------------------- */

static int stat_file(struct enl_region *r, struct enl_region_stat *stat)
{
    struct shared_file_facts facts;
    struct backing_facts home = {.page = 0};
    unsigned seals;
    int result = shared_file_facts(r->fd, &facts);

    if (result == 0)
        result = backing_facts(r->fd, &home);
    if (result < 0)
        return error_set(result, "%s: tells nothing of itself: %s", r->what, strerror(-result));
    stat->page_size = home.page;
    stat->change_time = (uint64_t)facts.change_ns;
    stat->mode = facts.mode;
    stat->uid = facts.uid;
    stat->gid = facts.gid;
    if (shared_file_seals(r->fd, &seals) == 0)
        stat->seals = seals;
    return 0;
}

static int set_mode(struct enl_region *r, uint32_t mode)
{
    return descriptor_set_mode(r->fd, mode);
}

static int set_owner(struct enl_region *r, uint32_t uid, uint32_t gid)
{
    return descriptor_set_owner(r->fd, uid, gid);
}

#define FILE_SLOTS                                                                                 \
    .object_size = file_size, .extend = extend, .map = map_file, .unmap = mapping_close,           \
    .stat = stat_file, .set_mode = set_mode, .set_owner = set_owner

#define NAMED_FILE_SLOTS                                                                           \
    .create = create_file, .publish = publish, .discard = discard, .unlink = unlink_file, FILE_SLOTS

const struct region_backing region_memfd = {
    .address = {.scheme = "memfd",
                .syntax = "memfd:NAME",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = MEMORY_NAME_MOST,
                .options = memfd_options},
    .plan = plan_memory,
    .create = create_memory,
    FILE_SLOTS,
};

const struct region_backing region_shm = {
    .address = {.scheme = "shm",
                .syntax = "shm:/NAME",
                .name = ADDRESS_NAME_NEEDED,
                .name_most = SHM_NAME_MOST,
                .options = memfd_options},
    .plan = plan_shm,
    .open = open_shm,
    NAMED_FILE_SLOTS,
};

const struct region_backing region_file = {
    .address = {.scheme = "file",
                .syntax = "file:PATH",
                .name = ADDRESS_NAME_NEEDED,
                .name_most = ADDRESS_NAME_MAX,
                .options = file_options},
    .plan = plan_file,
    .open = open_file,
    NAMED_FILE_SLOTS,
};

const struct region_backing region_fd = {
    .address = {.scheme = "fd",
                .syntax = "fd:N",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = 10,
                .options = fd_options},
    .plan = plan_fd,
    .open = open_fd,
    FILE_SLOTS,
};
