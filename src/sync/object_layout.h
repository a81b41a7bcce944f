/* SPDX-License-Identifier: MIT */
/* The first bytes of every object.
 *
 *   +0  word    sync/word.h; written by whoever takes, releases, makes or destroys the object
 *   +4  magic   what it is; written by who makes it, before the word says LIVE; constant from then on
 *                 31..16 OBJECT_MAGIC, 15..12 version of the layout, 11..8 kind, 7..0 flags */
#ifndef SYNC_OBJECT_LAYOUT_H
#define SYNC_OBJECT_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

struct object_layout {
    _Atomic uint32_t word;
    _Atomic uint32_t magic;
};

#define OBJECT_MAGIC 0x6e4cu
#define OBJECT_ALIGNMENT 8
#define OBJECT_VERSION 1u
#define OBJECT_IDENTITY(kind) (OBJECT_MAGIC << 16 | OBJECT_VERSION << 12 | (uint32_t)(kind) << 8)

_Static_assert(sizeof(struct object_layout) == 8, "the size of an object's head is fixed");

#endif
