/* SPDX-License-Identifier: MIT */
/* The kernel's records of System V objects, which queues, sets and segments have alike: reading, mode, owner. */
#include "kernel/svrecord.h"

#include "base/error.h"

#include <enlace/link.h>
#include <errno.h>
#include <sys/ipc.h>

/* The kernel says EIDRM to those who waited, and EINVAL or EIDRM later. */
int svrecord_control(const struct svrecord_kind *kind, int id, int command, void *record)
{
    int result = kind->control(id, command, record);

    if (result >= 0)
        return result;
    return errno == EINVAL || errno == EIDRM ? error_note(-EIDRM, kind->gone) : -errno;
}

/* Who may not read is refused the record by the id (IPC_STAT), though the owner of an object with any mode must read it
 * to change it, and everybody may see it in /proc/sysvipc: its place in the kernel's table gives it, too. The place is
 * the lower part of the id, whose width depends on how the kernel was started. */
int svrecord_read(const struct svrecord_kind *kind, int id, void *ret_record)
{
    static const int masks[] = {0x7fff, 0xffffff};
    int result = svrecord_control(kind, id, IPC_STAT, ret_record);

    for (size_t i = 0; result == -EACCES && i < sizeof masks / sizeof masks[0]; i++)
        if (kind->control(id & masks[i], kind->stat_any, ret_record) == id)
            return 0;
    return result;
}

static struct ipc_perm *permissions_of(const struct svrecord_kind *kind, void *record)
{
    return (struct ipc_perm *)(void *)((unsigned char *)record + kind->permissions);
}

int svrecord_set_mode(const struct svrecord_kind *kind, int id, void *record, uint32_t mode)
{
    struct ipc_perm *permissions = permissions_of(kind, record);
    int result = svrecord_read(kind, id, record);

    if (result < 0)
        return result;
    permissions->mode = (__typeof__(permissions->mode))mode;
    return svrecord_control(kind, id, IPC_SET, record);
}

int svrecord_set_owner(const struct svrecord_kind *kind, int id, void *record, uint32_t uid,
                       uint32_t gid)
{
    struct ipc_perm *permissions = permissions_of(kind, record);
    int result = svrecord_read(kind, id, record);

    if (result < 0)
        return result;
    if (uid != UINT32_MAX)
        permissions->uid = uid;
    if (gid != UINT32_MAX)
        permissions->gid = gid;
    return svrecord_control(kind, id, IPC_SET, record);
}

int svrecord_wanted(unsigned access)
{
    return ((access & ENL_READ) != 0 ? 0444 : 0) | ((access & ENL_WRITE) != 0 ? 0222 : 0);
}
