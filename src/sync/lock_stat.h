/* SPDX-License-Identifier: MIT */
/* How locks are doing, for those who look from outside. */
#ifndef SYNC_LOCK_STAT_H
#define SYNC_LOCK_STAT_H

#include "sync/sync.h"

void mutex_stat(struct enl_sync *s, struct enl_sync_stat *stat);
void rwlock_stat(struct enl_sync *s, struct enl_sync_stat *stat);

#endif
