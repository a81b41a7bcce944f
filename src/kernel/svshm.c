/* SPDX-License-Identifier: MIT */
/* System V shared memory segments. */
#include "kernel/svshm.h"

#include "base/error.h"
#include "kernel/svrecord.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>

#define MAPS_LINE_SIZE 512 /* longer ones have a path that is none of ours */

/* ---- segments --------------------------------------------------------------------------------------------- */

static int create_refused(int result, size_t size)
{
    struct shminfo limits = {.shmmax = 0};

    (void)shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)&limits);
    if (result == -EINVAL)
        return error_set(-EINVAL,
                         "a segment needs %zu bytes, has %lu at most (/proc/sys/kernel/shmmax): "
                         "raise it: sysctl kernel.shmmax=%zu",
                         size, (unsigned long)limits.shmmax, size);
    if (result == -ENOSPC)
        return error_set(-ENOSPC,
                         "no segment of %zu bytes: there are as many as /proc/sys/kernel/shmmni "
                         "allows (%lu), or as many pages as shmall does (%lu): remove some (ipcs "
                         "-m, ipcrm), or raise them",
                         size, (unsigned long)limits.shmmni, (unsigned long)limits.shmall);
    return error_set(result, "no segment of %zu bytes: %s", size, strerror(-result));
}

int svshm_create(int32_t key, uint32_t mode, size_t size, bool huge, int *ret_id)
{
    int flags = (key == IPC_PRIVATE ? 0 : IPC_CREAT | IPC_EXCL) | (int)mode;
    int id = shmget(key, size, flags | (huge ? SHM_HUGETLB : 0));

    if (id < 0)
        return huge ? -errno : create_refused(-errno, size);
    *ret_id = id;
    return 0;
}

int svshm_open(int32_t key, unsigned access, int *ret_id)
{
    int id = shmget(key, 0, svrecord_wanted(access));

    if (id < 0)
        return -errno;
    *ret_id = id;
    return 0;
}

static int control(int id, int command, void *record)
{
    return shmctl(id, command, record);
}

static const struct svrecord_kind segment = {.control = control,
                                             .stat_any = SHM_STAT_ANY,
                                             .permissions = offsetof(struct shmid_ds, shm_perm),
                                             .gone = "the segment has been removed"};

int svshm_remove(int id)
{
    return svrecord_control(&segment, id, IPC_RMID, NULL);
}

int svshm_attach(int id, void *at, bool writes, bool executes, void **ret_memory)
{
    void *memory = shmat(id, at, (writes ? 0 : SHM_RDONLY) | (executes ? SHM_EXEC : 0));

    if ((intptr_t)memory == -1)
        return -errno;
    *ret_memory = memory;
    return 0;
}

void svshm_detach(void *memory)
{
    if (memory != NULL)
        (void)shmdt(memory);
}

/* ---- records ---------------------------------------------------------------------------------------------- */

int svshm_facts(int id, struct svshm_facts *ret_facts)
{
    struct shmid_ds record;
    int result = svrecord_read(&segment, id, &record);

    if (result < 0)
        return result;
    *ret_facts = (struct svshm_facts){
        .size = record.shm_segsz,
        .attached = record.shm_nattch,
        .creator = record.shm_cpid,
        .user = record.shm_lpid,
        .attach_time = record.shm_atime,
        .detach_time = record.shm_dtime,
        .change_time = record.shm_ctime,
        .mode = record.shm_perm.mode & 0777,
        .uid = record.shm_perm.uid,
        .gid = record.shm_perm.gid,
        .creator_uid = record.shm_perm.cuid,
        .is_removed = (record.shm_perm.mode & SHM_DEST) != 0,
    };
    return 0;
}

int svshm_set_mode(int id, uint32_t mode)
{
    return svrecord_set_mode(&segment, id, &(struct shmid_ds){.shm_segsz = 0}, mode);
}

int svshm_set_owner(int id, uint32_t uid, uint32_t gid)
{
    return svrecord_set_owner(&segment, id, &(struct shmid_ds){.shm_segsz = 0}, uid, gid);
}

/* ---- users ------------------------------------------------------------------------------------------------ */

uint64_t svshm_namespace(void)
{
    struct stat s;

    return stat("/proc/self/ns/ipc", &s) == 0 ? (uint64_t)s.st_ino : 0;
}

/* A line of /proc/N/maps: from-to rights offset device inode name. The kernel names a segment /SYSV and its key, and
 * gives its id for an inode. */
static bool is_segment(const char *line, int id)
{
    uint64_t inode = 0;
    int name = 0;

    return sscanf(line, "%*s %*s %*s %*s %" SCNu64 " %n", &inode, &name) == 1 && name > 0 &&
           inode == (uint64_t)(unsigned)id && strncmp(line + name, "/SYSV", 5) == 0;
}

static bool has_attached(const char *pid, int id, uint64_t own_namespace)
{
    char path[32 + sizeof((struct dirent *)0)->d_name];
    char line[MAPS_LINE_SIZE];
    struct stat s;
    bool found = false;
    FILE *maps;

    (void)snprintf(path, sizeof path, "/proc/%s/ns/ipc", pid);
    if (stat(path, &s) != 0 || (uint64_t)s.st_ino != own_namespace)
        return false;
    (void)snprintf(path, sizeof path, "/proc/%s/maps", pid);
    maps = fopen(path, "re");
    if (maps == NULL)
        return false;
    while (!found && fgets(line, sizeof line, maps) != NULL)
        found = is_segment(line, id);
    (void)fclose(maps);
    return found;
}

ssize_t svshm_users(int id, pid_t ret_pids[], size_t count)
{
    uint64_t own_namespace = svshm_namespace();
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    size_t found = 0;

    if (processes == NULL)
        return -errno;
    while ((entry = readdir(processes)) != NULL) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
            !has_attached(entry->d_name, id, own_namespace))
            continue;
        if (found < count)
            ret_pids[found] = (pid_t)strtol(entry->d_name, NULL, 10);
        found++;
    }
    (void)closedir(processes);
    return (ssize_t)found;
}
