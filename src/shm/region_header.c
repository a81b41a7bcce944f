/* SPDX-License-Identifier: MIT */
/* The header in front of a region's data. region_layout.h tells its bytes, their order and what a death leaves.
 *
 * Others may write what they like into the header of a region that they may write: what is read of it is
 * compared or printed within its bounds, and decides no address. */
#include "shm/region_header.h"

#include "base/error.h"
#include "base/printable.h"
#include "kernel/clock.h"
#include "kernel/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_NAME 64

/* ---- layouts ------------------------------------------------------------------------------------------------ */

int region_layout_check(const struct enl_layout *layout)
{
    if (layout == NULL)
        return 0;
    if (layout->field_count > 0 && layout->fields == NULL)
        return error_set(-EINVAL, "the layout has %u fields, and fields is NULL",
                         layout->field_count);
    for (uint32_t i = 0; i < layout->field_count; i++) {
        const struct enl_field *f = &layout->fields[i];

        if (f->name == NULL)
            return error_set(-EINVAL, "field %u of the layout has no name", i);
        if (f->size > layout->size || f->offset > layout->size - f->size)
            return error_set(-EINVAL,
                             "field \"%s\" of the layout lies at %u with %u bytes, outside of the "
                             "struct's %u",
                             f->name, f->offset, f->size, layout->size);
    }
    return 0;
}

/* FNV-1a, of 64 bits. */
static void hash_bytes(uint64_t *hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
}

static void hash_number(uint64_t *hash, uint32_t number)
{
    char bytes[4];

    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (char)(number >> 8 * i);
    hash_bytes(hash, bytes, sizeof bytes);
}

static const char *name_of(const struct enl_layout *layout)
{
    return layout->name == NULL ? "" : layout->name;
}

/* Never 0, which is that of no layout. */
static uint64_t hash_of(const struct enl_layout *layout)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    if (layout == NULL)
        return 0;
    hash_bytes(&hash, name_of(layout), strlen(name_of(layout)) + 1);
    hash_number(&hash, layout->size);
    for (uint32_t i = 0; i < layout->field_count; i++) {
        hash_bytes(&hash, layout->fields[i].name, strlen(layout->fields[i].name) + 1);
        hash_number(&hash, layout->fields[i].offset);
        hash_number(&hash, layout->fields[i].size);
    }
    return hash == 0 ? 1 : hash;
}

/* Cuts what is too long; the hash knows all of it. */
static void copy_name(char *to, size_t room, const char *name)
{
    size_t size = strlen(name);

    memset(to, 0, room);
    memcpy(to, name, size < room ? size : room - 1);
}

/* ---- making ------------------------------------------------------------------------------------------------- */

/* By words, for the bytes of a whole header are many. */
static bool all_zero(const struct region_header *h)
{
    const unsigned char *bytes = (const unsigned char *)h;
    uint64_t any = 0;

    for (size_t i = 0; i < REGION_HEADER_SIZE; i += sizeof any) {
        uint64_t word;

        memcpy(&word, bytes + i, sizeof word);
        any |= word;
    }
    return any == 0;
}

enum region_sight region_header_look(const struct region_header *h)
{
    /* pairs with the release in region_header_end() */
    uint32_t state = atomic_load_explicit(&h->state, memory_order_acquire);
    uint32_t magic = h->magic;

    if (state == REGION_STATE_READY && magic == REGION_MAGIC)
        return REGION_READY;
    if (state == REGION_STATE_MAKING && (magic == REGION_MAGIC || magic == 0))
        return REGION_HALF_MADE;
    if (state == REGION_STATE_NOTHING && all_zero(h))
        return REGION_UNTOUCHED;
    /* A maker may have begun since the state was read: it stored that first, so it is seen now. Pairs with the fence
     * in region_header_begin(). */
    atomic_thread_fence(memory_order_acquire);
    if (state == REGION_STATE_NOTHING &&
        atomic_load_explicit(&h->state, memory_order_relaxed) != REGION_STATE_NOTHING)
        return region_header_look(h);
    return REGION_FOREIGN;
}

void region_header_begin(struct region_header *h, const struct enl_layout *layout)
{
    atomic_store_explicit(&h->state, REGION_STATE_MAKING, memory_order_relaxed);
    /* What follows stays behind it, or a death could leave bytes that look foreign; nobody reads them by it. */
    atomic_thread_fence(memory_order_release);
    h->magic = REGION_MAGIC;
    h->version = REGION_VERSION;
    h->header_size = REGION_HEADER_SIZE;
    h->layout_hash = hash_of(layout);
    h->layout_size = layout == NULL ? 0 : layout->size;
    h->field_count = layout == NULL ? 0 : layout->field_count;
    h->create_time = (uint64_t)clock_real_ns();
    h->creator_pid = (uint32_t)thread_process();
    copy_name(h->layout_name, sizeof h->layout_name, layout == NULL ? "" : name_of(layout));
    for (uint32_t i = 0; i < h->field_count && i < REGION_FIELDS_MOST; i++) {
        h->fields[i].offset = layout->fields[i].offset;
        h->fields[i].size = layout->fields[i].size;
        copy_name(h->fields[i].name, sizeof h->fields[i].name, layout->fields[i].name);
    }
}

void region_header_end(struct region_header *h)
{
    /* pairs with the acquire in region_header_look() */
    atomic_store_explicit(&h->state, REGION_STATE_READY, memory_order_release);
}

/* ---- comparing ---------------------------------------------------------------------------------------------- */

static bool same_name(const char *stored, size_t room, const char *name)
{
    char wanted[sizeof((struct region_header *)0)->layout_name];

    copy_name(wanted, room, name);
    return memcmp(stored, wanted, room) == 0;
}

static const char *show(char *buffer, const char *stored, size_t room)
{
    return printable(buffer, SHOWN_NAME, stored, strnlen(stored, room));
}

/* The field of that name among those that the header holds. */
static const struct region_field *find(const struct region_header *h, uint32_t count,
                                       const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (same_name(h->fields[i].name, sizeof h->fields[i].name, name))
            return &h->fields[i];
    return NULL;
}

static int refuse_field(const struct region_header *h, uint32_t count,
                        const struct enl_layout *layout, uint32_t i, const char *what)
{
    const struct enl_field *own = &layout->fields[i];
    const struct region_field *there = find(h, count, own->name);
    char name[SHOWN_NAME];

    if (there != NULL && (there->offset != own->offset || there->size != own->size))
        return error_set(-EPROTOTYPE,
                         "%s: field \"%s\" of struct \"%s\" is at %u with %u bytes here, but at %u "
                         "with %u bytes in the region: build both programs from one definition",
                         what, own->name, name_of(layout), own->offset, own->size, there->offset,
                         there->size);
    if (there != NULL)
        return error_set(-EPROTOTYPE,
                         "%s: field \"%s\" of struct \"%s\" is listed as number %u here, but not "
                         "in the region: list the fields in one order",
                         what, own->name, name_of(layout), i + 1);
    return error_set(-EPROTOTYPE,
                     "%s: field \"%s\" of struct \"%s\" is unknown in the region, which has \"%s\" "
                     "in its place",
                     what, own->name, name_of(layout),
                     i < count ? show(name, h->fields[i].name, sizeof h->fields[i].name) : "none");
}

/* Finds what makes the hashes differ. */
static int refuse_layout(const struct region_header *h, const struct enl_layout *layout,
                         const char *what)
{
    uint32_t total = h->field_count;
    uint32_t count = total < REGION_FIELDS_MOST ? total : REGION_FIELDS_MOST;
    char name[SHOWN_NAME];

    if (!same_name(h->layout_name, sizeof h->layout_name, name_of(layout)))
        return error_set(-EPROTOTYPE, "%s: holds a struct \"%s\", and not \"%s\"", what,
                         show(name, h->layout_name, sizeof h->layout_name), name_of(layout));
    for (uint32_t i = 0; i < layout->field_count && i < REGION_FIELDS_MOST; i++)
        if (i >= count || h->fields[i].offset != layout->fields[i].offset ||
            h->fields[i].size != layout->fields[i].size ||
            !same_name(h->fields[i].name, sizeof h->fields[i].name, layout->fields[i].name))
            return refuse_field(h, count, layout, i, what);
    if (layout->field_count < count)
        return error_set(-EPROTOTYPE,
                         "%s: the region's struct \"%s\" has a field \"%s\" that is unknown here",
                         what, name_of(layout),
                         show(name, h->fields[layout->field_count].name, sizeof h->fields[0].name));
    if (layout->size != h->layout_size)
        return error_set(-EPROTOTYPE, "%s: struct \"%s\" has %u bytes here, but %u in the region",
                         what, name_of(layout), layout->size, h->layout_size);
    return error_set(-EPROTOTYPE,
                     "%s: struct \"%s\" differs from the region's in a field behind the first %u "
                     "of %u, or in the end of a long name",
                     what, name_of(layout), count, total);
}

int region_header_check(const struct region_header *h, const struct enl_layout *layout,
                        const char *what)
{
    uint32_t version = h->version;

    if (version != REGION_VERSION || h->header_size != REGION_HEADER_SIZE)
        return error_set(-EBADMSG,
                         "%s: its header is of version %u, and this library knows version %u", what,
                         version, REGION_VERSION);
    if (layout == NULL)
        return 0;
    if (h->layout_hash == 0)
        return error_set(-EPROTOTYPE,
                         "%s: was made without a layout: nobody knows whether it holds a struct "
                         "\"%s\"",
                         what, name_of(layout));
    return h->layout_hash == hash_of(layout) ? 0 : refuse_layout(h, layout, what);
}
