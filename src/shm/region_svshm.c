/* SPDX-License-Identifier: MIT */
/* Regions in System V shared memory.
 *
 * A segment has no descriptor, and so no byte to hold a lease on: a region with a header has a companion file for
 * that, named after the segment's number and its IPC namespace. The file holds one word, the token that the header
 * holds too: where the two differ, the file is that of an older segment of the same number, or was removed and made
 * anew while others hold leases on the old one. It is renewed if nobody else has the segment attached, and else
 * refused. A segment without a key has a memory file as its companion, which only relatives inherit.
 *
 * Crash. Who makes the pair dies: before the header is ready the next one writes both words anew; a companion whose
 * segment was removed by somebody else stays until its number comes again, or somebody removes it. */
#include "shm/region.h"

#include "base/error.h"
#include "base/svname.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/mapping.h"
#include "kernel/shared_file.h"
#include "kernel/svmsg.h"
#include "kernel/svshm.h"
#include "kernel/thread.h"
#include "kernel/wait.h"
#include "shm/reserve.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MOST ((uint64_t)1 << 50)
#define COMPANION_PATH_SIZE 64
#define TRIES 100
#define NS_PER_S UINT64_C(1000000000)
#define PATIENCE_NS INT64_C(2000000000) /* with who renews a companion */
#define LOOK_NS 1000000

static const struct address_option svshm_options[] = {
    {.name = "size", .kind = ADDRESS_SIZE, .least = 1, .most = SIZE_MOST},
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "populate", .kind = ADDRESS_FLAG},
    {.name = "huge", .kind = ADDRESS_FLAG},
    {.name = "lock", .kind = ADDRESS_FLAG},
    {.name = "id", .kind = ADDRESS_NUMBER, .least = 0, .most = INT_MAX},
    {.name = "at", .kind = ADDRESS_TEXT},
    {.name = NULL},
};

/* ---- names -------------------------------------------------------------------------------------------------- */

static int plan_place(struct enl_region *r, const struct address *a)
{
    unsigned long long place;
    char *end;

    if (!address_given(a, "at"))
        return 0;
    errno = 0;
    place = strtoull(a->text, &end, 0);
    if (a->text[0] < '0' || a->text[0] > '9' || *end != '\0' || errno != 0 || place > UINTPTR_MAX ||
        place % mapping_page() != 0)
        return error_set(-EINVAL,
                         "%s: at=%s is no place where memory can be attached: it is a number, as "
                         "0x7f0000000000, and a multiple of %zu",
                         r->what, a->text, mapping_page());
    r->plan.at = (void *)(uintptr_t)place;
    return 0;
}

static int plan_key(struct enl_region *r, const struct address *a)
{
    struct svname name;
    int result = svname_parse(a, "segment", &name);

    if (result < 0)
        return result;
    r->plan.key = name.key;
    if (name.path[0] == '\0')
        return 0;
    result = svmsg_key(name.path, name.number, &r->plan.key);
    if (result < 0)
        return error_set(result, "%s: no key without the file %s: %s", r->what, name.path,
                         strerror(-result));
    return r->plan.key != 0
               ? 0
               : error_set(-EINVAL, "%s: the key of this path and number is 0, which is no key",
                           r->what);
}

static int plan_svshm(struct enl_region *r, const struct address *a)
{
    bool has_id = address_given(a, "id");
    int result = plan_place(r, a);

    if (result < 0)
        return result;
    if (has_id && (a->name_size > 0 || (r->plan.flags & ENL_CREATE) != 0))
        return error_set(-EINVAL,
                         "%s: id= names a segment that is there: leave the key and ENL_CREATE out",
                         r->what);
    if (a->name_size > 0)
        return plan_key(r, a);
    if (has_id)
        r->plan.number = (int)address_value(a, "id");
    r->is_nameless = !has_id;
    if (r->is_nameless)
        r->plan.flags |= ENL_CREATE; /* there is none to be opened */
    return 0;
}

/* ---- segments ----------------------------------------------------------------------------------------------- */

static int open_segment(struct enl_region *r)
{
    int result = 0;

    if (r->plan.number >= 0)
        r->id = r->plan.number;
    else if (r->is_nameless)
        result = -ENOENT;
    else
        result = svshm_open(r->plan.key, r->plan.flags & (ENL_READ | ENL_WRITE), &r->id);
    return result < 0 && result != -ENOENT
               ? error_set(result, "%s: cannot be opened: %s%s", r->what, strerror(-result),
                           error_advice(result))
               : result;
}

/* The segment must be there for its memory to be taken: it is visible before it is whole. */
static int create_segment(struct enl_region *r)
{
    int result = reserve_check_memory(r->plan.size, r->what);

    if (result < 0)
        return result;
    if (r->plan.wants_huge)
        r->is_huge =
            svshm_create(r->plan.key, r->plan.mode, (size_t)r->plan.size, true, &r->id) == 0;
    if (!r->is_huge)
        result = svshm_create(r->plan.key, r->plan.mode, (size_t)r->plan.size, false, &r->id);
    if (result < 0)
        return result;
    r->is_published = !r->is_nameless;
    r->plan.populates = true; /* it is what reserves */
    return 0;
}

static int segment_size(struct enl_region *r, uint64_t *ret_size)
{
    struct svshm_facts facts;
    int result = svshm_facts(r->id, &facts);

    if (result < 0)
        return result == -EIDRM ? -ENOENT
                                : error_set(result, "%s: its record cannot be read: %s", r->what,
                                            strerror(-result));
    *ret_size = facts.size;
    return 0;
}

static int attach(struct enl_region *r, size_t size, void **ret_memory)
{
    struct svshm_facts facts;
    int result = svshm_attach(r->id, r->plan.at, region_writes(r),
                              (r->plan.flags & ENL_EXECUTE) != 0, ret_memory);

    if ((result == -EINVAL || result == -EIDRM) && svshm_facts(r->id, &facts) < 0)
        return -ENOENT; /* removed since it was found */
    if (r->is_nameless)
        (void)svshm_remove(
            r->id); /* without a key it goes with its last user, or now if it has none */
    if (result == -EINVAL && r->plan.at != NULL)
        return error_set(result,
                         "%s: cannot be attached at %p: something is there, or it is no "
                         "place for memory",
                         r->what, r->plan.at);
    if (result < 0)
        return error_set(result, "%s: its %zu bytes cannot be attached: %s", r->what, size,
                         strerror(-result));
    return 0;
}

static void detach(void *memory, size_t size)
{
    (void)size; /* the kernel knows */
    svshm_detach(memory);
}

static void name_companion(const struct enl_region *r, char path[COMPANION_PATH_SIZE])
{
    (void)snprintf(path, COMPANION_PATH_SIZE, "/dev/shm/enlace.svshm.%" PRIx64 ".%d",
                   svshm_namespace(), r->id);
}

/* The companion goes first: a death in between leaves the segment, which can be removed again, and not a file that
 * nobody would look for. So the right to remove is asked for before, by a change that changes nothing. It goes once
 * more in the end, for who opens the segment at the same time may have made another one; who does so later sees that
 * the segment is removed. */
static int remove_segment(struct enl_region *r)
{
    char path[COMPANION_PATH_SIZE];
    struct svshm_facts facts;
    int result = svshm_facts(r->id, &facts);

    if (result == 0)
        result = svshm_set_mode(r->id, facts.mode);
    if (result < 0)
        return result;
    name_companion(r, path);
    (void)shared_file_unlink(path);
    result = svshm_remove(r->id);
    if (result == 0)
        (void)shared_file_unlink(path);
    return result;
}

static void discard(struct enl_region *r)
{
    if (r->id >= 0)
        (void)remove_segment(r);
}

static int unlink_segment(struct enl_region *r)
{
    int result;

    if (r->is_nameless)
        return error_set(-EINVAL, "svshm: without a key names no segment: svshm:?id=N does");
    r->plan.flags = 0; /* its owner may remove what he may not read */
    result = open_segment(r);
    if (result == 0)
        result = remove_segment(r);
    if (result == -ENOENT || result == -EIDRM)
        return error_set(-ENOENT, "%s: there is none", r->what);
    return result < 0 ? error_set(result, "%s: cannot be removed: %s%s", r->what, strerror(-result),
                                  error_advice(result))
                      : 0;
}

/* ---- companions --------------------------------------------------------------------------------------------- */

/* Who may write the segment may hold leases. */
static uint32_t companion_mode(uint32_t mode)
{
    return (mode & 0222) | (mode & 0222) << 1 | (mode & 0444);
}

/* The file's maker must be one who may write the header as well: another one could only have put it there to hold
 * all leases. */
static int check_owner(struct enl_region *r, const struct svshm_facts *segment)
{
    struct shared_file_facts file;
    int result = shared_file_facts(r->lease_fd, &file);

    if (result < 0 || file.uid == 0 || file.uid == segment->uid || file.uid == segment->creator_uid)
        return result;
    return error_set(-EPERM,
                     "%s: its companion file in /dev/shm belongs to user %u, not to the "
                     "segment's: remove it",
                     r->what, file.uid);
}

static int make_companion(struct enl_region *r, const char *path, const struct svshm_facts *segment)
{
    bool is_named;
    int fd = -1;
    int result = shared_file_create(path, companion_mode(segment->mode), &is_named, &fd);

    if (result < 0)
        return result;
    (void)descriptor_set_owner(fd, segment->uid, segment->gid); /* root's alone to do */
    result = reserve_memory(fd, sizeof r->header->token, r->what);
    if (result == 0 && !is_named)
        result = shared_file_link(fd, path);
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    r->lease_fd = fd;
    return 0;
}

/* Of a segment without a key, as who makes it does; others cannot reach it. */
static int make_nameless_companion(struct enl_region *r)
{
    int result;

    if (!r->is_nameless)
        return error_set(-ESTALE,
                         "%s: has no key any more: only relatives of who made it share "
                         "its header",
                         r->what);
    result = shared_file_memory("enlace.svshm", false, &r->lease_fd);
    return result < 0 ? error_set(result, "%s: no companion file: %s%s", r->what, strerror(-result),
                                  error_advice(result))
                      : reserve_memory(r->lease_fd, sizeof r->header->token, r->what);
}

/* Whether the segment is removed, or marked to be: then nobody takes away a companion but who made it. */
static bool is_removed(const struct enl_region *r, struct svshm_facts *facts)
{
    return svshm_facts(r->id, facts) < 0 || facts->is_removed;
}

static int find_companion(struct enl_region *r, const char *path, const struct svshm_facts *segment)
{
    unsigned access = region_writes(r) ? ENL_READ | ENL_WRITE : ENL_READ;
    int result = -ENOENT;

    for (int i = 0; i < TRIES; i++) {
        result = shared_file_open(path, access, false, &r->lease_fd);
        if (result == -ENOENT && region_writes(r))
            result = make_companion(r, path, segment);
        if (result != -EEXIST)
            break;
    }
    if (result == -ENOENT)
        return error_set(-ESTALE, "%s: the file of its leases, %s, is gone: remove the segment too",
                         r->what, path);
    return result < 0 ? error_set(result, "%s: its companion file %s cannot be had: %s", r->what,
                                  path, strerror(-result))
                      : check_owner(r, segment);
}

static int open_companion(struct enl_region *r)
{
    char path[COMPANION_PATH_SIZE];
    struct svshm_facts segment;
    int result;

    if (is_removed(r, &segment))
        return r->plan.key != 0 ? -ENOENT : make_nameless_companion(r);
    name_companion(r, path);
    result = find_companion(r, path, &segment);
    if (!is_removed(r, &segment))
        return result;
    (void)shared_file_unlink(path);
    return -ENOENT;
}

static int mark(struct enl_region *r)
{
    uint64_t token = (uint64_t)clock_real_ns() ^ (uint64_t)thread_process() << 40;
    ssize_t written = shared_file_write(r->lease_fd, &token, sizeof token, 0);

    if (written != (ssize_t)sizeof token)
        return error_set(written < 0 ? (int)written : -EIO, "%s: its companion file takes no word",
                         r->what);
    r->header->token = token;
    return 0;
}

static bool is_marked(struct enl_region *r)
{
    uint64_t token = 0;

    return descriptor_read_at(r->lease_fd, &token, sizeof token, 0) == (ssize_t)sizeof token &&
           token == r->header->token;
}

/* Whoever else had it attached would hold leases on another file. */
static int renew(struct enl_region *r)
{
    struct svshm_facts segment;
    int result = svshm_facts(r->id, &segment);

    if (is_marked(r)) /* somebody was first */
        return 0;
    if (result < 0 || segment.is_removed)
        return r->is_nameless ? 0 : -ENOENT;
    if (segment.attached == 1 && region_writes(r))
        return mark(r);
    return error_set(-ESTALE,
                     "%s: the file of its leases in /dev/shm was removed, while %" PRIu64
                     " processes have it attached: remove the segment too",
                     r->what, segment.attached);
}

static int check_mark(struct enl_region *r)
{
    int64_t until = clock_now_ns() + PATIENCE_NS;
    void *lease;
    int result;

    for (;;) {
        if (is_marked(r))
            return 0;
        if (!region_writes(r))
            return renew(r);
        result = region_begin_making(r, &lease);
        if (result != -EUSERS)
            break;
        if (clock_now_ns() > until)
            return error_set(-EBUSY,
                             "%s: has been made ready for two seconds by a process that "
                             "lives: wait for it, or end it",
                             r->what);
        (void)wait_for(NULL, 0, NULL, 0, clock_now_ns() + LOOK_NS);
    }
    if (result < 0)
        return result;
    result = renew(r);
    region_end_making(r, lease);
    return result;
}

/* ---- asking and changing -------------------------------------------------------------------------------------- */

static uint64_t time_of(int64_t seconds)
{
    return seconds == 0 ? ENL_UNKNOWN : (uint64_t)seconds * NS_PER_S;
}

static int stat_segment(struct enl_region *r, struct enl_region_stat *stat)
{
    struct svshm_facts facts;
    int result = svshm_facts(r->id, &facts);

    if (result < 0)
        return error_set(result, "%s: its record cannot be read: %s", r->what, strerror(-result));
    stat->attached = facts.attached;
    stat->creator_pid = (uint64_t)facts.creator;
    stat->last_user_pid = facts.user == 0 ? ENL_UNKNOWN : (uint64_t)facts.user;
    stat->attach_time = time_of(facts.attach_time);
    stat->detach_time = time_of(facts.detach_time);
    stat->change_time = time_of(facts.change_time);
    stat->mode = facts.mode;
    stat->uid = facts.uid;
    stat->gid = facts.gid;
    stat->creator_uid = facts.creator_uid;
    stat->id = (uint64_t)r->id;
    return 0;
}

static ssize_t users(struct enl_region *r, pid_t ret_pids[], size_t count)
{
    ssize_t result = svshm_users(r->id, ret_pids, count);

    return result < 0 ? error_set((int)result, "%s: who has it attached is told by /proc: %s",
                                  r->what, strerror((int)-result))
                      : result;
}

static int set_mode(struct enl_region *r, uint32_t mode)
{
    int result = svshm_set_mode(r->id, mode);

    if (result == 0 && r->lease_fd >= 0)
        result = descriptor_set_mode(r->lease_fd, companion_mode(mode));
    return result;
}

static int set_owner(struct enl_region *r, uint32_t uid, uint32_t gid)
{
    int result = svshm_set_owner(r->id, uid, gid);

    if (result == 0 && r->lease_fd >= 0)
        (void)descriptor_set_owner(r->lease_fd, uid, gid); /* root's alone to do */
    return result;
}

const struct region_backing region_svshm = {
    .address = {.scheme = "svshm",
                .syntax = "svshm:KEY or svshm:PATH#ID",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = SVNAME_MOST,
                .options = svshm_options},
    .plan = plan_svshm,
    .open = open_segment,
    .create = create_segment,
    .discard = discard,
    .object_size = segment_size,
    .map = attach,
    .unmap = detach,
    .open_leases = open_companion,
    .mark = mark,
    .check_mark = check_mark,
    .stat = stat_segment,
    .users = users,
    .set_mode = set_mode,
    .set_owner = set_owner,
    .unlink = unlink_segment,
};
