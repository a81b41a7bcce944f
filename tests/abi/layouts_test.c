/* SPDX-License-Identifier: MIT */
/* The bytes that processes of different builds share, pinned: the same for every C library, in 32 and 64 bit. A number
 * here is changed together with the layout's version, for a build with another one refuses the object. */
#include "runner/test.h"
#include "shm/region_layout.h"
#include "shm/roster_layout.h"
#include "sync/condition_layout.h"
#include "sync/lock_layout.h"
#include "sync/object_layout.h"
#include "sync/once_layout.h"
#include "sync/rwlock_layout.h"
#include "sync/word.h"

#include <enlace/sync.h>
#include <stdalign.h>

struct pin {
    const char *what;
    unsigned long is, pinned;
};

#define SIZE(type, bytes)                                                                          \
    {                                                                                              \
        "size of " #type, sizeof(struct type), bytes                                               \
    }
#define PLACE(type, member, bytes)                                                                 \
    {                                                                                              \
#type "." #member, offsetof(struct type, member), bytes                                    \
    }
#define NUMBER(name, value)                                                                        \
    {                                                                                              \
#name, (unsigned long)(name), value                                                        \
    }

static void check(const struct pin pins[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pins[i].is != pins[i].pinned)
            FAIL("%s is %lu, not %lu: another layout needs another version", pins[i].what,
                 pins[i].is, pins[i].pinned);
}
#define CHECK_PINS(pins) check(pins, sizeof(pins) / sizeof((pins)[0]))

TEST(layout_of_the_roster_is_pinned)
{
    static const struct pin pins[] = {
        NUMBER(ROSTER_VERSION, 1),           NUMBER(ROSTER_MAGIC, 0x526c6e65),
        NUMBER(ROSTER_SLOTS_MAX, 256),       SIZE(roster_slot, 32),
        PLACE(roster_slot, generation, 0),   PLACE(roster_slot, pid, 4),
        PLACE(roster_slot, joined_low, 8),   PLACE(roster_slot, joined_high, 12),
        PLACE(roster_layout, magic, 0),      PLACE(roster_layout, version, 4),
        PLACE(roster_layout, slot_count, 8), PLACE(roster_layout, slots, 64),
    };

    CHECK_PINS(pins);
    CHECK(ROSTER_LEASE_OFFSET == 0x10000000000u);
}

TEST(layout_of_a_regions_header_is_pinned)
{
    static const struct pin pins[] = {
        NUMBER(REGION_VERSION, 1),
        NUMBER(REGION_MAGIC, 0x524c4e45),
        NUMBER(REGION_HEADER_SIZE, 16384),
        NUMBER(REGION_ROSTER_OFFSET, 4096),
        NUMBER(REGION_FIELDS_MOST, 64),
        NUMBER(REGION_STATE_MAKING, 1),
        NUMBER(REGION_STATE_READY, 2),
        SIZE(region_field, 32),
        PLACE(region_field, offset, 0),
        PLACE(region_field, size, 4),
        PLACE(region_field, name, 8),
        SIZE(region_header, 2304),
        PLACE(region_header, state, 0),
        PLACE(region_header, magic, 4),
        PLACE(region_header, version, 8),
        PLACE(region_header, header_size, 12),
        PLACE(region_header, layout_hash, 16),
        PLACE(region_header, layout_size, 24),
        PLACE(region_header, field_count, 28),
        PLACE(region_header, token, 32),
        PLACE(region_header, create_time, 40),
        PLACE(region_header, creator_pid, 48),
        PLACE(region_header, attach_time, 64),
        PLACE(region_header, detach_time, 72),
        PLACE(region_header, attach_pid, 80),
        PLACE(region_header, detach_pid, 84),
        PLACE(region_header, layout_name, 128),
        PLACE(region_header, fields, 256),
    };

    CHECK_PINS(pins);
    CHECK(REGION_MAKING_BYTE == 0xffffffffffu);
}

TEST(layout_of_a_word_is_pinned)
{
    static const struct pin pins[] = {
        NUMBER(TOKEN_SLOT_MASK, 0x1ff), NUMBER(TOKEN_GENERATION_MASK, 0x3ffff),
        NUMBER(TOKEN_MASK, 0x7ffffff),  NUMBER(WORD_LIVE, 0x8000000),
        NUMBER(WORD_BUSY, 0x10000000),  NUMBER(WORD_STARVING, 0x20000000),
        NUMBER(WORD_DIRTY, 0x40000000), NUMBER(WORD_WAITERS, 0x80000000),
        NUMBER(WORD_LOST, 0xfffffff),   NUMBER(READERS_COUNT_BITS, 14),
    };

    CHECK_PINS(pins);
}

TEST(layout_of_objects_is_pinned)
{
    static const struct pin pins[] = {
        NUMBER(OBJECT_VERSION, 1),
        NUMBER(OBJECT_IDENTITY(ENL_MUTEX), 0x6e4c1100),
        NUMBER(OBJECT_IDENTITY(ENL_RWLOCK), 0x6e4c1200),
        NUMBER(OBJECT_IDENTITY(ENL_CONDITION), 0x6e4c1300),
        NUMBER(OBJECT_IDENTITY(ENL_ONCE), 0x6e4c1400),
        NUMBER(ENL_RECURSIVE, 1),
        NUMBER(ENL_CHECKED, 2),
        SIZE(object_layout, 8),
        PLACE(object_layout, word, 0),
        PLACE(object_layout, magic, 4),
        SIZE(lock_layout, 64),
        PLACE(lock_layout, thread, 8),
        PLACE(lock_layout, depth, 16),
        PLACE(lock_layout, waits, 20),
        PLACE(lock_layout, waiters, 24),
        PLACE(lock_layout, deaths, 28),
        PLACE(lock_layout, reader_died, 32),
        SIZE(rwlock_layout, 1088),
        PLACE(rwlock_layout, readers, 64),
        SIZE(condition_layout, 32),
        PLACE(condition_layout, sequence, 8),
        SIZE(once_layout, 16),
        PLACE(once_layout, done, 8),
    };

    CHECK_PINS(pins);
}

TEST(room_of_objects_is_pinned)
{
    static const struct pin pins[] = {
        SIZE(enl_mutex, 64),
        SIZE(enl_rwlock, 1088),
        SIZE(enl_condition, 32),
        SIZE(enl_once, 16),
        NUMBER(alignof(struct enl_mutex), 8),
        NUMBER(alignof(struct enl_rwlock), 8),
        NUMBER(alignof(struct enl_condition), 8),
        NUMBER(alignof(struct enl_once), 8),
    };

    CHECK_PINS(pins);
}
