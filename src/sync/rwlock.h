/* SPDX-License-Identifier: MIT */
/* The read-write lock, as the table of kinds needs it. */
#ifndef SYNC_RWLOCK_H
#define SYNC_RWLOCK_H

#include "sync/sync.h"

int rwlock_destroy(struct enl_sync *s); /* -EBUSY while a living process reads or writes */

#endif
