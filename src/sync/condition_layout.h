/* SPDX-License-Identifier: MIT */
/* The bytes of a condition.
 *
 *   +0   head
 *   +8   sequence  grows by 2 with every signal; bit 0: somebody may sleep on it. Waiters set the bit, signallers clear it
 *   +12  zero */
#ifndef SYNC_CONDITION_LAYOUT_H
#define SYNC_CONDITION_LAYOUT_H

#include "sync/object_layout.h"

struct condition_layout {
    struct object_layout head;
    _Atomic uint32_t sequence;
    uint32_t zero[5];
};

_Static_assert(sizeof(struct condition_layout) == 32, "the size of a condition is fixed");

#endif
