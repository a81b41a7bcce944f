/* SPDX-License-Identifier: MIT */
/* Objects that outlive processes: names in shared memory, POSIX queues, System V objects.
 *
 * With the right to do so (root) the runner lives in namespaces of its own, where each new object
 * is its test's. Otherwise other programs make objects too, and only those are the test's whose
 * name holds test_name(), or whose record names one of its processes. */
#include "runner.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { SHM_NAME, QUEUE_NAME, SYSV_SHM, SYSV_SEM, SYSV_QUEUE };

static const char *const kind_names[] = {
    [SHM_NAME] = "shared memory name",       [QUEUE_NAME] = "message queue name",
    [SYSV_SHM] = "System V shared memory",   [SYSV_SEM] = "System V semaphore set",
    [SYSV_QUEUE] = "System V message queue",
};

struct object {
    enum kind kind;
    int id;      /* System V */
    int pids[2]; /* System V: processes that the kernel names in its record */
    char name[256];
};

struct objects {
    struct object *list;
    size_t count;
};

static bool isolated;
static int queues_fd = -1; /* the file system of POSIX queues, where it could be opened */

/* In a namespace of mounts the queues' file system is mounted, opened and detached again, so that
 * it needs no directory on the machine. */
static bool mount_private(void)
{
    if (mount("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0 ||
        mount("enlace-test", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
        return false;
    if (mkdir("/dev/shm/queues", 0700) < 0)
        return false;
    if (mount("enlace-test", "/dev/shm/queues", "mqueue", 0, "") == 0) {
        queues_fd = open("/dev/shm/queues", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)umount2("/dev/shm/queues", MNT_DETACH);
    }
    return rmdir("/dev/shm/queues") == 0;
}

bool objects_isolate(void)
{
    isolated = unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 && mount_private();
    return isolated;
}

static void add(struct objects *objects, struct object object)
{
    struct object *grown = realloc(objects->list, (objects->count + 1) * sizeof(*grown));
    if (grown == NULL)
        abort();
    grown[objects->count++] = object;
    objects->list = grown;
}

static void look_at_names(struct objects *objects, enum kind kind, DIR *directory)
{
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct object object = {.kind = kind};
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(object.name, sizeof(object.name), "%s", entry->d_name);
        add(objects, object);
    }
    (void)closedir(directory);
}

/* In the permissions of a segment that was removed, and stays until nobody has it attached any more: the kernel may
 * still be taking down the memory of a dead process. */
enum { SEGMENT_REMOVED = 01000 };

/* Lines: shm "key id perms size cpid lpid ...", msg "key id perms cbytes qnum lspid lrpid ...",
 * sem "key id perms nsems ..." (its processes are asked one by one). */
static void look_at_sysv(struct objects *objects, enum kind kind, const char *path)
{
    char line[512];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        struct object object = {.kind = kind};
        int *pids = object.pids;
        unsigned mode = 0;
        if (kind == SYSV_SHM &&
            (sscanf(line, "%*d %d %o %*u %d", &object.id, &mode, &pids[0]) != 3 ||
             (mode & SEGMENT_REMOVED) != 0))
            continue;
        if (kind == SYSV_QUEUE &&
            sscanf(line, "%*d %d %*o %*u %*u %d %d", &object.id, &pids[0], &pids[1]) != 3)
            continue;
        if (kind == SYSV_SEM && sscanf(line, "%*d %d %*o", &object.id) != 1)
            continue;
        if (kind == SYSV_SEM)
            pids[0] = semctl(object.id, 0, GETPID);
        add(objects, object);
    }
    (void)fclose(file);
}

static struct objects *look(void)
{
    struct objects *objects = calloc(1, sizeof(*objects));
    if (objects == NULL)
        abort();
    if (queues_fd >= 0)
        look_at_names(objects, QUEUE_NAME, fdopendir(openat(queues_fd, ".", O_RDONLY | O_CLOEXEC)));
    else if (!isolated) /* else it is another namespace's */
        look_at_names(objects, QUEUE_NAME, opendir("/dev/mqueue"));
    look_at_names(objects, SHM_NAME, opendir("/dev/shm"));
    look_at_sysv(objects, SYSV_SHM, "/proc/sysvipc/shm");
    look_at_sysv(objects, SYSV_SEM, "/proc/sysvipc/sem");
    look_at_sysv(objects, SYSV_QUEUE, "/proc/sysvipc/msg");
    return objects;
}

struct objects *objects_before(void)
{
    return look();
}

static bool contains(const struct objects *objects, const struct object *object)
{
    for (size_t i = 0; i < objects->count; i++)
        if (objects->list[i].kind == object->kind && objects->list[i].id == object->id &&
            strcmp(objects->list[i].name, object->name) == 0)
            return true;
    return false;
}

static bool is_of_test(const struct object *object)
{
    if (isolated)
        return true;
    if (object->name[0] != '\0')
        return strstr(object->name, strrchr(test_state->directory, '/') + 1) != NULL;
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        int pid = atomic_load(&test_state->places[i].pid);
        if (pid != 0 && (pid == object->pids[0] || pid == object->pids[1]))
            return true;
    }
    return false;
}

static void remove_object(const struct object *object)
{
    char path[512];
    switch (object->kind) {
    case SHM_NAME:
        (void)snprintf(path, sizeof(path), "/dev/shm/%s", object->name);
        (void)directory_remove(path, -1);
        break;
    case QUEUE_NAME:
        (void)snprintf(path, sizeof(path), "/dev/mqueue/%s", object->name);
        (void)(queues_fd >= 0 ? unlinkat(queues_fd, object->name, 0) : unlink(path));
        break;
    case SYSV_SHM:
        (void)shmctl(object->id, IPC_RMID, NULL);
        break;
    case SYSV_SEM:
        (void)semctl(object->id, 0, IPC_RMID);
        break;
    case SYSV_QUEUE:
        (void)msgctl(object->id, IPC_RMID, NULL);
        break;
    }
}

unsigned objects_report(struct objects *before, int report_fd)
{
    unsigned found = 0;
    struct objects *after = look();
    for (size_t i = 0; i < after->count; i++) {
        const struct object *object = &after->list[i];
        if (contains(before, object) || !is_of_test(object))
            continue;
        found++;
        if (object->name[0] != '\0')
            (void)dprintf(report_fd, "leaked %s: /%s\n", kind_names[object->kind], object->name);
        else
            (void)dprintf(report_fd, "leaked %s: id %d\n", kind_names[object->kind], object->id);
        remove_object(object);
    }
    free(after->list);
    free(after);
    free(before->list);
    free(before);
    return found;
}
