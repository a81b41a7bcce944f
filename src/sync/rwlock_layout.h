/* SPDX-License-Identifier: MIT */
/* The bytes of a read-write lock: a lock for writers, and a word for each member that reads.
 *
 *   +0   writer    sync/lock_layout.h
 *   +64  readers   one for each slot of the roster: 31..14 generation of the slot's member, 13..0 how often it reads.
 *                  Written by that member; a dead one's is cleared by a writer or replaced by the slot's next */
#ifndef SYNC_RWLOCK_LAYOUT_H
#define SYNC_RWLOCK_LAYOUT_H

#include "shm/roster_layout.h"
#include "sync/lock_layout.h"

#define READERS_COUNT_BITS 14
#define READERS_COUNT_MASK 0x3fffu

struct rwlock_layout {
    struct lock_layout writer;
    _Atomic uint32_t readers[ROSTER_SLOTS_MAX];
};

_Static_assert(sizeof(struct rwlock_layout) == 64 + 4 * 256, "the size of a lock is fixed");
_Static_assert(TOKEN_GENERATION_MASK >> (32 - READERS_COUNT_BITS) == 0, "a generation fits");

#endif
