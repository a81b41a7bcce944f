/* SPDX-License-Identifier: MIT */
/* The condition, as the table of kinds needs it. */
#ifndef SYNC_CONDITION_H
#define SYNC_CONDITION_H

#include "sync/sync.h"

int condition_destroy(struct enl_sync *s); /* whoever waits gets -EIDRM */

#endif
