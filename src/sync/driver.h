/* SPDX-License-Identifier: MIT */
/* The contract between the calls on semaphores and events, and what may stand behind them besides an object in a region:
 * the libc's semaphores, the kernel's sets, and objects that ring a bell. */
#ifndef SYNC_DRIVER_H
#define SYNC_DRIVER_H

#include "sync/sync.h"

/* A slot that is NULL: -ENOTSUP by who calls it. */
struct sync_driver {
    const char *name; /* for texts: "sem:" */
    int (*add)(struct enl_sync *s, uint32_t count);
    int (*take)(struct enl_sync *s, enl_deadline until, uint32_t *ret_taken);
    int (*operate)(struct enl_sync *s, const struct enl_semaphore_step steps[], size_t count,
                   enl_deadline until);
    int (*fd)(struct enl_sync *s);
    int (*stat)(struct enl_sync *s, struct enl_sync_stat *stat); /* fills in what it knows */
    int (*set)(struct enl_sync *s, uint32_t which, const struct enl_settings *settings);
    int (*destroy)(struct enl_sync *s);
    void (*close)(struct enl_sync *s);
};

int sync_cannot(const struct enl_sync *s, const char *what); /* -ENOTSUP */

/* A handle without an object in a region; the caller fills in driver and state. */
int sync_create_driven(uint32_t kind, struct enl_sync **ret_sync);

#endif
