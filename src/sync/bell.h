/* SPDX-License-Identifier: MIT */
/* Semaphores and events that a program can poll: alone by name, with a bell that rings while there is something to take.
 *
 * Layout. alone_layout.h; the bell is a FIFO whose name is the object's, a dot, and the object's own number.
 *
 * Ordering. Whoever adds, and whoever silences the bell, does so under bell_lock, which a dead holder leaves to the next
 * (lock.h). To add: lock, ring, add, unlock. Taking needs no lock; who then finds nothing left, or finds nothing at
 * all: lock, and if there is still nothing, silence the bell, unlock. So whenever nobody has the lock, the bell rings
 * if there is something.
 *
 * Crash. Dead after ringing and before adding: it rings for nothing, until somebody tries and silences it. Dead after
 * adding: it rings already. Dead while silencing it: there was nothing, and who adds next has to take the lock from the
 * dead one first, then rings. Nothing is to be repaired. */
#ifndef SYNC_BELL_H
#define SYNC_BELL_H

#include "base/address.h"
#include "sync/alone_layout.h"
#include "sync/driver.h"

/* Makes a handle of the object one that rings the bell; makes the FIFO if it is not there. */
int bell_attach(struct enl_sync *s, const struct address *a, struct alone_layout *alone);
void bell_remove(const struct address *a, const uint32_t bell[2]); /* zero: there is none */

#endif
