/* SPDX-License-Identifier: MIT */
/* The word that begins every object: who owns it, and in which state it is.
 *
 *   31       30     29        28    27    26 ......... 9  8 ....... 0
 *   WAITERS  DIRTY  STARVING  BUSY  LIVE  generation      slot + 1       the last two: the owner's token, 0 is nobody
 *
 * Fresh memory is zero, which is no state of a living object: what is used before it was made is told by the
 * same comparison that takes a free lock. The states:
 *   0                        nothing is there
 *   BUSY token               somebody makes it; if that member is dead, the next one makes it again
 *   LIVE                     free (of a lock), or simply there (of the others)
 *   LIVE token               held
 *   LIVE BUSY token          held by somebody who changes nothing that the lock guards (a passing reader)
 *   LIVE DIRTY [token]       a holder died, and nobody has said yet that what it left is in order
 *   LIVE WORD_NOBODY_EVER    nobody will ever say so: not recoverable
 * WAITERS: somebody may sleep on the word. STARVING: only who has slept may take it. */
#ifndef SYNC_WORD_H
#define SYNC_WORD_H

#include "shm/roster_layout.h"

#define WORD_LIVE (1u << 27)
#define WORD_BUSY (1u << 28)
#define WORD_STARVING (1u << 29)
#define WORD_DIRTY (1u << 30)
#define WORD_WAITERS (1u << 31)

#define WORD_OWNER(word) ((word)&TOKEN_MASK)
#define WORD_NOBODY_EVER TOKEN_MASK /* a slot that no roster has */
#define WORD_LOST (WORD_LIVE | WORD_NOBODY_EVER)

_Static_assert(TOKEN_MASK < WORD_LIVE, "a token leaves room for the flags");
_Static_assert(ROSTER_SLOTS_MAX < TOKEN_SLOT_MASK - 1, "the highest slot is nobody's");

#endif
