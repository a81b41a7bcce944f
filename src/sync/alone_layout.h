/* SPDX-License-Identifier: MIT */
/* The bytes of a region that holds one object, which stands alone by name.
 *
 *   +0     object     of any kind: 2048 bytes
 *   +2048  bell_lock  a lock (lock_layout.h), for objects with a bell
 *   +2112  bell       two random words, constant, which the name of the bell's FIFO ends in; zero: there is no bell
 *   +2120  zero, to 4096 */
#ifndef SYNC_ALONE_LAYOUT_H
#define SYNC_ALONE_LAYOUT_H

#include "sync/lock_layout.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#define ALONE_OBJECT_SIZE 2048u

struct alone_layout {
    alignas(64) unsigned char object[ALONE_OBJECT_SIZE];
    struct lock_layout bell_lock;
    uint32_t bell[2];
    uint32_t zero[494];
};

_Static_assert(offsetof(struct alone_layout, bell_lock) == 2048, "the offsets are fixed");
_Static_assert(offsetof(struct alone_layout, bell) == 2112, "the offsets are fixed");
_Static_assert(sizeof(struct alone_layout) == 4096, "the size is fixed");

#endif
