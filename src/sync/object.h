/* SPDX-License-Identifier: MIT */
/* Making an object, or doing anything else, once among processes that may die at it. */
#ifndef SYNC_OBJECT_H
#define SYNC_OBJECT_H

#include "sync/sync.h"

/* 1: this process is to do it, and ends with object_done() or object_undone(). 0: it is done. `word` is zero at
 * first; a doer that died is replaced. While a living one is at it: sleeps until the deadline, as sync_sleep() says. */
int object_begin(struct enl_sync *s, _Atomic uint32_t *word, enl_deadline until);
void object_done(_Atomic uint32_t *word);   /* what was written before is seen by who gets 0 */
void object_undone(_Atomic uint32_t *word); /* the next one tries */

#endif
