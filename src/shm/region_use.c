/* SPDX-License-Identifier: MIT */
/* The calls on an open region: its data, guarded copies, growth, advice, seals. */
#include "shm/region.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernel/mapping.h"
#include "kernel/shared_file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static_assert(ENL_SEAL_SEAL == SHARED_FILE_SEAL && ENL_SEAL_SHRINK == SHARED_FILE_SEAL_SHRINK &&
                  ENL_SEAL_GROW == SHARED_FILE_SEAL_GROW &&
                  ENL_SEAL_WRITE == SHARED_FILE_SEAL_WRITE &&
                  ENL_SEAL_FUTURE_WRITE == SHARED_FILE_SEAL_FUTURE_WRITE,
              "they are the same");

/* ---- data --------------------------------------------------------------------------------------------------- */

void *enl_region_data(const struct enl_region *r)
{
    return r == NULL ? NULL : (unsigned char *)r->memory + region_header_size(r);
}

size_t enl_region_size(const struct enl_region *r)
{
    return r == NULL ? 0 : r->memory_size - region_header_size(r);
}

static int check(const struct enl_region *r)
{
    return r == NULL ? error_set(-EINVAL, "the region is NULL") : 0;
}

int enl_region_fd(const struct enl_region *r)
{
    int result = check(r);

    if (result < 0)
        return result;
    return r->fd >= 0 ? r->fd
                      : error_set(-ENOTSUP, "%s: a System V segment has no descriptor", r->what);
}

static int check_range(const struct enl_region *r, size_t offset, size_t size)
{
    int result = check(r);

    if (result < 0 || (offset <= enl_region_size(r) && size <= enl_region_size(r) - offset))
        return result;
    return error_set(-EINVAL, "%s: %zu bytes from %zu on lie outside of its %zu", r->what, size,
                     offset, enl_region_size(r));
}

int region_object(struct enl_region *r, size_t offset, size_t size, size_t alignment,
                  void **ret_object)
{
    int result = check_range(r, offset, size);

    if (result < 0)
        return result;
    if (((uintptr_t)enl_region_data(r) + offset) % alignment != 0)
        return error_set(-EINVAL, "%s: %zu is no place for an object: it is no multiple of %zu",
                         r->what, offset, alignment);
    *ret_object = (unsigned char *)enl_region_data(r) + offset;
    return 0;
}

/* ---- guarded copies ----------------------------------------------------------------------------------------- */

/* In the last page of a file bytes behind its end can be touched, and mean nothing. */
static int check_file(const struct enl_region *r, size_t offset, size_t size)
{
    struct shared_file_facts facts;
    uint64_t end = (uint64_t)offset + size + region_header_size(r) + r->plan.offset;

    if (r->fd < 0 || shared_file_facts(r->fd, &facts) < 0 || !facts.is_file || end <= facts.size)
        return 0;
    return error_set(-ENXIO,
                     "%s: its file was truncated to %" PRIu64 " bytes, and %zu from %zu on are "
                     "not all there any more",
                     r->what, facts.size, size, offset);
}

static int copied(const struct enl_region *r, size_t offset, size_t size, int result)
{
    if (result == 0)
        return check_file(r, offset, size);
    if (result != -EFAULT)
        return error_set(result, "%s: this system lets no process copy its own memory: %s", r->what,
                         strerror(-result));
    result = check_file(r, offset, size);
    return result < 0 ? result
                      : error_set(-ENXIO,
                                  "%s: of %zu bytes from %zu on some cannot be had: the file is "
                                  "shorter, its device fails, or the other memory is none",
                                  r->what, size, offset);
}

int enl_region_read(const struct enl_region *r, size_t offset, void *buffer, size_t size)
{
    int result = check_range(r, offset, size);

    if (result < 0 || size == 0)
        return result;
    if (buffer == NULL)
        return error_set(-EINVAL, "the buffer is NULL");
    return copied(r, offset, size,
                  mapping_read((unsigned char *)enl_region_data(r) + offset, buffer, size));
}

int enl_region_write(struct enl_region *r, size_t offset, const void *data, size_t size)
{
    int result = check_range(r, offset, size);

    if (result < 0 || size == 0)
        return result;
    if (data == NULL)
        return error_set(-EINVAL, "the data is NULL");
    if (!region_writes(r))
        return error_set(-EACCES, "%s: is open for reading alone", r->what);
    return copied(r, offset, size,
                  mapping_write((unsigned char *)enl_region_data(r) + offset, data, size));
}

/* ---- growth ------------------------------------------------------------------------------------------------- */

/* Makes the mapping longer, or adds a longer one and keeps the old one for the pointers into it. */
static int map_more(struct enl_region *r, size_t size)
{
    struct region_outgrown *old;
    void *memory;
    int result = mapping_grow(r->memory, r->memory_size, size);

    if (result == 0) {
        r->memory_size = size;
        return region_prepare(r, r->memory, size);
    }
    old = malloc(sizeof *old);
    if (old == NULL)
        return error_set(-ENOMEM, "no memory to remember a mapping");
    result = r->backing->map(r, size, &memory);
    if (result == 0)
        result = region_prepare(r, memory, size);
    if (result < 0) {
        free(old);
        return result;
    }
    *old =
        (struct region_outgrown){.next = r->outgrown, .memory = r->memory, .size = r->memory_size};
    r->outgrown = old;
    r->memory = memory;
    r->memory_size = size;
    return 0;
}

int enl_region_grow(struct enl_region *r, size_t size)
{
    uint64_t wanted;
    uint64_t has;
    int result = check(r);

    if (result < 0)
        return result;
    if (r->backing->extend == NULL)
        return error_set(-ENOTSUP, "%s: a System V segment keeps its size", r->what);
    if (!checked_add_u64(size, region_header_size(r), &wanted) || wanted > SIZE_MAX / 2)
        return error_set(-EFBIG, "%s: no process could map %zu bytes", r->what, size);
    result = r->backing->object_size(r, &has);
    if (result == 0 && has < wanted && !region_writes(r))
        result = error_set(-EACCES, "%s: is open for reading alone", r->what);
    if (result == 0 && has < wanted)
        result = r->backing->extend(r, wanted);
    if (result == 0)
        result = r->backing->object_size(r, &has);
    if (result < 0 || has <= r->memory_size)
        return result;
    if (has > SIZE_MAX / 2) /* another process, of 64 bit, made it so */
        return error_set(-EFBIG, "%s: has %llu bytes, more than this process can map", r->what,
                         (unsigned long long)has);
    return map_more(r, (size_t)has);
}

/* ---- advice ------------------------------------------------------------------------------------------------- */

static int advise_pages(struct enl_region *r, void *memory, size_t size, enum enl_advice advice)
{
    static const enum mapping_advice advices[] = {
        [ENL_ADVICE_NORMAL] = MAPPING_NORMAL,         [ENL_ADVICE_RANDOM] = MAPPING_RANDOM,
        [ENL_ADVICE_SEQUENTIAL] = MAPPING_SEQUENTIAL, [ENL_ADVICE_WILL_NEED] = MAPPING_WILL_NEED,
        [ENL_ADVICE_DONT_NEED] = MAPPING_DONT_NEED,   [ENL_ADVICE_HUGE_PAGES] = MAPPING_HUGE,
        [ENL_ADVICE_NO_DUMP] = MAPPING_NO_DUMP,
    };
    bool writes = region_writes(r) && !r->plan.is_private;

    switch (advice) {
    case ENL_ADVICE_POPULATE:
        return mapping_populate(memory, size, writes);
    case ENL_ADVICE_LOCK:
        return mapping_lock(memory, size);
    case ENL_ADVICE_UNLOCK:
        mapping_unlock(memory, size);
        return 0;
    case ENL_ADVICE_NORMAL:
    case ENL_ADVICE_RANDOM:
    case ENL_ADVICE_SEQUENTIAL:
    case ENL_ADVICE_WILL_NEED:
    case ENL_ADVICE_DONT_NEED:
    case ENL_ADVICE_HUGE_PAGES:
    case ENL_ADVICE_NO_DUMP:
        return mapping_advise(memory, size, advices[advice]);
    }
    return -EINVAL;
}

/* The pages that a part of the data lies in. */
static void pages_of(const struct enl_region *r, size_t offset, size_t size, void **ret_memory,
                     size_t *ret_size)
{
    uintptr_t page = mapping_page();
    uintptr_t start = (uintptr_t)enl_region_data(r) + offset;
    uintptr_t end = size == 0 ? (uintptr_t)r->memory + r->memory_size : start + size;

    start = start / page * page;
    *ret_memory = (void *)start;
    *ret_size = end - start;
}

int enl_region_advise(struct enl_region *r, size_t offset, size_t size, enum enl_advice advice)
{
    int result = check_range(r, offset, size);
    uint64_t limit;
    void *memory;

    if (result < 0)
        return result;
    pages_of(r, offset, size, &memory, &size);
    result = size == 0 ? 0 : advise_pages(r, memory, size, advice);
    if (result == 0)
        return 0;
    limit = mapping_lock_limit();
    if (advice == ENL_ADVICE_LOCK && limit != UINT64_MAX)
        return error_set(result,
                         "%s: locking it in memory needs %zu bytes, has %" PRIu64
                         " for this process (RLIMIT_MEMLOCK): raise it, ulimit -l",
                         r->what, size, limit);
    if (advice == ENL_ADVICE_HUGE_PAGES)
        return error_set(-ENOTSUP, "%s: this kernel has no huge pages for it", r->what);
    return error_set(result, "%s: does not take the advice %d: %s", r->what, (int)advice,
                     strerror(-result));
}

int enl_region_flush(struct enl_region *r, size_t offset, size_t size)
{
    int result = check_range(r, offset, size);
    void *memory;

    if (result < 0)
        return result;
    if (r->plan.is_private)
        return error_set(-ENOTSUP, "%s: what is stored in a private mapping never gets to the file",
                         r->what);
    pages_of(r, offset, size, &memory, &size);
    result = size == 0 ? 0 : mapping_flush(memory, size);
    return result < 0 ? error_set(result, "%s: cannot be flushed: %s", r->what, strerror(-result))
                      : 0;
}

/* ---- seals -------------------------------------------------------------------------------------------------- */

int enl_region_seal(struct enl_region *r, unsigned seals)
{
    unsigned known =
        ENL_SEAL_SEAL | ENL_SEAL_SHRINK | ENL_SEAL_GROW | ENL_SEAL_WRITE | ENL_SEAL_FUTURE_WRITE;
    int result = check(r);

    if (result < 0)
        return result;
    if ((seals & ~known) != 0)
        return error_set(-EINVAL, "there are no seals 0x%x", seals & ~known);
    result = r->fd < 0 ? -EINVAL : shared_file_seal(r->fd, seals);
    switch (result) {
    case 0:
        return 0;
    case -EINVAL:
        return error_set(-ENOTSUP, "%s: only memory files (memfd:) can be sealed", r->what);
    case -EBUSY:
        return error_set(result,
                         "%s: somebody has it mapped for writing: ENL_SEAL_FUTURE_WRITE lets those "
                         "mappings stay",
                         r->what);
    case -EPERM:
        return error_set(result, "%s: is sealed against seals, or not open for writing", r->what);
    default:
        return error_set(result, "%s: cannot be sealed: %s", r->what, strerror(-result));
    }
}
