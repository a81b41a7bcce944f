/* SPDX-License-Identifier: MIT */
/* System V shared memory segments: keys, attachments, records, and who has them attached. */
#ifndef KERNEL_SVSHM_H
#define KERNEL_SVSHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct svshm_facts {
    uint64_t size;
    uint64_t attached;
    int32_t creator, user; /* processes: who made it; of the last attach or detach, 0: none yet */
    int64_t attach_time, detach_time, change_time; /* seconds; 0: never */
    uint32_t mode, uid, gid, creator_uid;
    bool is_removed; /* marked: gone with its last attachment */
};

/* Makes a segment with this mode, whatever the umask. key 0: one without a key. -EEXIST; -ENOSPC, -EINVAL, -ENOMEM
 * with a text that names the limit. huge: of huge pages, -EPERM or -ENOMEM if there are none. */
int svshm_create(int32_t key, uint32_t mode, size_t size, bool huge, int *ret_id);
/* access: ENL_READ | ENL_WRITE, which its mode must allow. */
int svshm_open(int32_t key, unsigned access, int *ret_id);
int svshm_remove(int id);

/* at: NULL, where the system chooses; else there (a multiple of SHMLBA), -EINVAL if something is. */
int svshm_attach(int id, void *at, bool writes, bool executes, void **ret_memory);
void svshm_detach(void *memory);

/* All of these say -EIDRM, with a text, if it is gone. */
int svshm_facts(int id, struct svshm_facts *ret_facts);
int svshm_set_mode(int id, uint32_t mode);
int svshm_set_owner(int id, uint32_t uid, uint32_t gid); /* UINT32_MAX: as it is */

/* The processes of this IPC namespace whose memory maps show it: fills up to count, returns how many. */
ssize_t svshm_users(int id, pid_t ret_pids[], size_t count);

/* A number that tells this IPC namespace from others. */
uint64_t svshm_namespace(void);

#endif
