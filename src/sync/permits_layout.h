/* SPDX-License-Identifier: MIT */
/* The bytes of a semaphore whose permits have owners.
 *
 *   +0   head       object_layout.h; +8 zero
 *   +16  total      constant: how many permits there are, 1 .. PERMITS_MOST
 *   +20  turn       bit 0 WAITERS, bit 1 HUNGRY; above them a number that grows whenever a permit comes back or somebody
 *                   begins to wait
 *   +24  waiting    how many sleep for one, and how many died while they did
 *   +28  contended  how often one had to sleep
 *   +32  recovered  how many permits were taken back from dead owners
 *   +36  live       PERMITS_LIVE; zero: destroyed
 *   +40  zero
 *   +64  owners[]   for each permit the token of its owner, or zero: free */
#ifndef SYNC_PERMITS_LAYOUT_H
#define SYNC_PERMITS_LAYOUT_H

#include "sync/object_layout.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PERMITS_MOST 240u
#define PERMITS_LIVE 1u
#define PERMITS_WAITERS 1u /* as those of tally_layout.h */
#define PERMITS_HUNGRY 2u
#define PERMITS_TURN 4u

struct permits_layout {
    struct object_layout head;
    uint32_t unused[2];
    uint32_t total;
    _Atomic uint32_t turn;
    _Atomic uint32_t waiting;
    _Atomic uint32_t contended;
    _Atomic uint32_t recovered;
    _Atomic uint32_t live;
    uint32_t zero[6];
    _Atomic uint32_t owners[PERMITS_MOST];
};

_Static_assert(offsetof(struct permits_layout, total) == 16, "the offsets are fixed");
_Static_assert(offsetof(struct permits_layout, owners) == 64, "the offsets are fixed");
_Static_assert(sizeof(struct permits_layout) == 1024, "the size is fixed");

#endif
