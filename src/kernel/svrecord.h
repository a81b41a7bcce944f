/* SPDX-License-Identifier: MIT */
/* The kernel's records of System V objects, which queues, sets and segments have alike: reading, mode, owner. */
#ifndef KERNEL_SVRECORD_H
#define KERNEL_SVRECORD_H

#include <stddef.h>
#include <stdint.h>

/* One sort of objects. */
struct svrecord_kind {
    int (*control)(int id, int command, void *record); /* msgctl and its like */
    int stat_any;                                      /* its command that asks by place */
    size_t permissions; /* where the record has its struct ipc_perm */
    const char *gone;   /* what is said of one that was removed */
};

/* -EIDRM, with the kind's text, if the object has been removed. record may be NULL where the command has none. */
int svrecord_control(const struct svrecord_kind *kind, int id, int command, void *record);

/* The record, also to who may change the object and may not read it. */
int svrecord_read(const struct svrecord_kind *kind, int id, void *ret_record);

/* record is room for one. UINT32_MAX leaves a uid or gid as it is. */
int svrecord_set_mode(const struct svrecord_kind *kind, int id, void *record, uint32_t mode);
int svrecord_set_owner(const struct svrecord_kind *kind, int id, void *record, uint32_t uid,
                       uint32_t gid);

/* What is asked of a queue or segment that is opened, of ENL_READ and ENL_WRITE. */
int svrecord_wanted(unsigned access);

#endif
