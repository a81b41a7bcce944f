/* SPDX-License-Identifier: MIT */
/* A barrier: so many arrive, then all go on; and if one of them dies, all are told.
 *
 * Layout. barrier_layout.h. A place belongs to a process (one for each of its threads that arrive), from its first arrival
 * until it closes its handle or is found dead. An arrival is the phase written into a place.
 *
 * Ordering. All of it is seq_cst: `state` is read, then the places, then `state` is exchanged for the next phase. The phase
 * has ended when it is exchanged, by whichever of those who arrived does it first. Who withdraws (deadline, interrupt)
 * takes its arrival out of the place, then makes `state` another one: an exchange that counted on the arrival fails; if it
 * was faster, the caller has passed.
 *
 * Crash. Dead before its place says so, it has not arrived. Dead after it, the others find all arrived and end the phase
 * for it. Dead while waiting or between two phases: who waits looks at the leases of all places, 25 times a second, and
 * marks the place of a dead one GONE in this phase: one exchange. Whoever finds such a place ends the phase, and the same
 * exchange of `state` says that a death did. Only then the place is free. If the phase ended otherwise just before
 * the mark, the place says another phase than `state` does as the last one ended by a death: it is marked anew.
 *
 * A party learns of a phase that a death ended by waiting in it, or, if it was elsewhere then, when it comes next: its place
 * has the phase for which it arrived last. */
#ifndef SYNC_BARRIER_H
#define SYNC_BARRIER_H

#include "sync/barrier_layout.h"

#include <enlace/deadline.h>

struct enl_sync;

int barrier_init(struct barrier_layout *b, uint64_t parties);
int barrier_check(const struct barrier_layout *b);
int barrier_set_parties(struct barrier_layout *b, uint64_t parties);
/* -EBUSY: somebody waits. */
int barrier_end(struct barrier_layout *b);
/* This process is no party any more. */
void barrier_leave(struct enl_sync *s, struct barrier_layout *b);

/* 1 for the one that ended the phase, 0 for the others. -EOWNERDEAD: a party died, and each of the others is told so once.
 * -EAGAIN, -ETIMEDOUT, -ECANCELED: this one has not arrived. */
int barrier_wait(struct enl_sync *s, struct barrier_layout *b, enl_deadline until);
/* How many have arrived. */
uint32_t barrier_arrived(const struct barrier_layout *b);

#endif
