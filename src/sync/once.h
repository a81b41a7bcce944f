/* SPDX-License-Identifier: MIT */
/* The once, as the table of kinds needs it. */
#ifndef SYNC_ONCE_H
#define SYNC_ONCE_H

#include "sync/sync.h"

int once_destroy(struct enl_sync *s); /* -EBUSY while a living process runs it */

#endif
