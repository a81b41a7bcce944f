/* SPDX-License-Identifier: MIT */
/* The bytes of a counting semaphore and of an event, which several processes share.
 *
 *   +0   head      object_layout.h; +8 zero
 *   +16  tally
 *          +0   state      bit 31 LIVE, 30 .. 3 the value, CROWD, HUNGRY, WAITERS; zero: not there
 *          +4   waiting    how many sleep for it, and how many died while they did
 *          +8   contended  how often one had to sleep for it
 *          +12  flags      constant: TALLY_ONE_AT_MOST, TALLY_TAKE_ALL
 *   +32  zero, to 64 */
#ifndef SYNC_TALLY_LAYOUT_H
#define SYNC_TALLY_LAYOUT_H

#include "sync/object_layout.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_WAITERS 1u /* somebody may sleep: who adds wakes */
#define TALLY_HUNGRY                                                                               \
    2u /* somebody was woken in vain too often: who has not slept yet sleeps first */
#define TALLY_CROWD 4u /* several wait, or waited: each looks up from time to time */
#define TALLY_UNIT 8u
#define TALLY_LIVE 0x80000000u
#define TALLY_MOST 0x0fffffffu /* the highest value */

#define TALLY_ONE_AT_MOST 1u /* adding to 1 leaves 1 */
#define TALLY_TAKE_ALL 2u    /* who takes takes everything */

struct tally {
    _Atomic uint32_t state;
    _Atomic uint32_t waiting;
    _Atomic uint32_t contended;
    uint32_t flags;
};

struct tally_layout {
    struct object_layout head;
    uint32_t unused[2];
    struct tally tally;
    uint32_t zero[8];
};

_Static_assert(offsetof(struct tally_layout, tally) == 16, "the offset of the tally is fixed");
_Static_assert(sizeof(struct tally_layout) == 64, "the size of a tally is fixed");

#endif
