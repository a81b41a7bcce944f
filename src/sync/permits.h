/* SPDX-License-Identifier: MIT */
/* A semaphore whose permits have owners: what a process held comes back when it dies.
 *
 * Layout. permits_layout.h.
 *
 * Ordering. A permit is one word: who takes it exchanges zero for its token (acquire), who gives it back its token for
 * zero (release): no other word says who has what, so the two cannot disagree. A waiter first makes `turn` grow and sets
 * WAITERS in it, then looks at all permits once more, then sleeps on that very `turn`; who gives back frees the permit
 * first and then makes `turn` grow (both seq_cst): either the waiter sees the free permit, or the giver the waiter.
 *
 * Fairness. As of a tally: HUNGRY makes those sleep first who have not slept yet.
 *
 * Crash. Dead before or after the exchange: nobody has it, or the dead one does. A waiter looks at the owners' leases
 * before it sleeps and 20 times a second, and frees what the dead hold, by the same exchange: of several who find out, one
 * does. A dead giver may have woken nobody; the same look finds the permit. */
#ifndef SYNC_PERMITS_H
#define SYNC_PERMITS_H

#include "sync/permits_layout.h"

#include <enlace/deadline.h>

struct enl_sync;

int permits_init(struct permits_layout *p, uint64_t total);
int permits_check(const struct permits_layout *p);
/* -EBUSY: somebody who lives holds one. */
int permits_end(struct enl_sync *s, struct permits_layout *p);

int permits_take(struct enl_sync *s, struct permits_layout *p, enl_deadline until);
/* Gives back so many of those that this process holds: -EPERM if it has fewer. */
int permits_give(struct enl_sync *s, struct permits_layout *p, uint32_t count);
/* How many are free, those of dead owners not counted. */
uint32_t permits_free(const struct permits_layout *p);

#endif
