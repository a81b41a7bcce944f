/* SPDX-License-Identifier: MIT */
/* The mutex, as the table of kinds needs it. */
#ifndef SYNC_MUTEX_H
#define SYNC_MUTEX_H

#include "sync/sync.h"

int mutex_destroy(struct enl_sync *s); /* -EBUSY while a living process has it */

#endif
