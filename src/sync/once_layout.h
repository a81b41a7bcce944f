/* SPDX-License-Identifier: MIT */
/* The bytes of a thing that is done once.
 *
 *   +0   head
 *   +8   done   a word as sync/word.h says: 0 not yet, BUSY token by that member now, LIVE done
 *   +12  zero */
#ifndef SYNC_ONCE_LAYOUT_H
#define SYNC_ONCE_LAYOUT_H

#include "sync/object_layout.h"

struct once_layout {
    struct object_layout head;
    _Atomic uint32_t done;
    uint32_t zero;
};

_Static_assert(sizeof(struct once_layout) == 16, "the size of a once is fixed");

#endif
