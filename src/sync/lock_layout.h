/* SPDX-License-Identifier: MIT */
/* The bytes of a lock: a mutex, and the writers' side of a read-write lock.
 *
 *   +0   head         sync/object_layout.h; the word is the lock
 *   +8   thread       which of the owner's threads; written and read by the owner's process alone, and as wide as its
 *                     pointers: the first four bytes on 32 bit
 *   +16  depth        how often the owner locked it besides the first time; written by the owner
 *   +20  waits        how often somebody had to sleep      the three counters are for people: any member adds, and
 *   +24  waiters      how many sleep, or died sleeping     one that dies in between leaves them wrong
 *   +28  deaths       how often an owner died
 *   +32  reader_died  of a read-write lock: 1 if a dead reader's mark was replaced and no writer was told yet
 *   +36  zero */
#ifndef SYNC_LOCK_LAYOUT_H
#define SYNC_LOCK_LAYOUT_H

#include "sync/object_layout.h"

#include <stddef.h>

struct lock_layout {
    struct object_layout head;
    unsigned char thread[8];
    _Atomic uint32_t depth;
    _Atomic uint32_t waits;
    _Atomic uint32_t waiters;
    _Atomic uint32_t deaths;
    _Atomic uint32_t reader_died;
    uint32_t zero[7];
};

_Static_assert(sizeof(struct lock_layout) == 64, "the size of a lock is fixed");
_Static_assert(offsetof(struct lock_layout, thread) == 8, "the owner's thread is aligned");
_Static_assert(offsetof(struct lock_layout, depth) == 16, "the offsets of a lock are fixed");

#endif
