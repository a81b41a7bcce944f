/* SPDX-License-Identifier: MIT */
/* The bytes of a barrier.
 *
 *   +0   head       object_layout.h; +8 zero
 *   +16  parties    how many meet: 1 .. BARRIER_PARTIES_MOST; changed by enl_sync_set()
 *   +20  live       BARRIER_LIVE; zero: destroyed
 *   +24  state      64 bits: low half what waiters sleep on: phase << 10 | a number that grows when somebody withdraws;
 *                   high half BARRIER_GONE | the last phase that a death ended, zero at first
 *   +32  waiting    how many sleep, and how many died while they did
 *   +36  broken     how many phases were ended by a death
 *   +40  zero
 *   +64  places[]   64 bits each: high half the token of who has it; low half the phase for which it arrived last. With
 *                   BARRIER_GONE in the high half: it was found dead, in that phase. Zero: free */
#ifndef SYNC_BARRIER_LAYOUT_H
#define SYNC_BARRIER_LAYOUT_H

#include "sync/object_layout.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define BARRIER_PARTIES_MOST 120u
#define BARRIER_LIVE 1u
#define BARRIER_GONE 0x80000000u /* above TOKEN_MASK, and above a phase */
#define BARRIER_PHASE_BITS 22
#define BARRIER_PHASE_MASK 0x3fffffu
#define BARRIER_WITHDRAWALS 0x3ffu /* of the low half: what is not the phase */

struct barrier_layout {
    struct object_layout head;
    uint32_t unused[2];
    _Atomic uint32_t parties;
    _Atomic uint32_t live;
    alignas(8) _Atomic uint64_t state;
    _Atomic uint32_t waiting;
    _Atomic uint32_t broken;
    uint32_t zero[6];
    alignas(8) _Atomic uint64_t places[BARRIER_PARTIES_MOST];
};

_Static_assert(offsetof(struct barrier_layout, state) == 24, "the offsets are fixed");
_Static_assert(offsetof(struct barrier_layout, places) == 64, "the offsets are fixed");
_Static_assert(sizeof(struct barrier_layout) == 1024, "the size is fixed");

#endif
