/* SPDX-License-Identifier: MIT */
/* The bytes of a roster: the members of an object in shared memory, each in a slot of its own.
 *
 *   +0   magic        "enlR"                 written when the roster is made, constant from then on
 *   +4   version
 *   +8   slot_count   1 .. ROSTER_SLOTS_MAX
 *   +12  zero
 *   +64  slots, 32 bytes each
 *          +0   generation  how often the slot was taken; written by the holder of the slot's lease
 *          +4   pid         of the member in its own PID namespace, 0 if it left; information, never proof
 *          +8   joined_s    real-time clock, in two halves
 *          +16  zero
 *
 * The lease of slot i is a lock on byte ROSTER_LEASE_OFFSET + i of the object's file (kernel/lease.h). */
#ifndef SHM_ROSTER_LAYOUT_H
#define SHM_ROSTER_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define ROSTER_MAGIC 0x526c6e65u
#define ROSTER_VERSION 1u
#define ROSTER_SLOTS_MAX 256u
#define ROSTER_LEASE_OFFSET ((uint64_t)1 << 40) /* far beyond any data */

struct roster_slot {
    _Atomic uint32_t generation;
    _Atomic uint32_t pid;
    _Atomic uint32_t joined_low, joined_high; /* halves, for 64 bits would tear on 32 */
    uint32_t zero[4];
};

struct roster_layout {
    uint32_t magic;
    uint32_t version;
    uint32_t slot_count;
    uint32_t zero[13];
    struct roster_slot slots[];
};

_Static_assert(sizeof(struct roster_slot) == 32, "the size of a slot is fixed");
_Static_assert(offsetof(struct roster_layout, slots) == 64, "the offset of the slots is fixed");

/* Who owns a word, in 27 bits: slot + 1 in the lowest nine, then the slot's generation. Zero is nobody. */
#define TOKEN_SLOT_BITS 9
#define TOKEN_SLOT_MASK 0x1ffu
#define TOKEN_GENERATION_MASK 0x3ffffu
#define TOKEN_MASK 0x7ffffffu

#endif
