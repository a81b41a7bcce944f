/* SPDX-License-Identifier: MIT */
/* How objects that stand alone by name come to be: one scheme of addresses for each way. */
#ifndef SYNC_NAMED_H
#define SYNC_NAMED_H

#include "base/address.h"
#include "sync/driver.h"

struct sync_scheme {
    struct address_scheme address;
    /* Failures may be without a text. flags: ENL_CREATE, ENL_EXCLUSIVE. */
    int (*open)(const struct address *a, unsigned flags, struct enl_sync **ret_sync);
    int (*unlink)(const struct address *a);
};

extern const struct sync_scheme sync_posix, sync_sysv, sync_shm, sync_file, sync_memfd;

#endif
