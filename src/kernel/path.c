/* SPDX-License-Identifier: MIT */
/* Names in the file system. */
#include "kernel/path.h"

#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

int path_facts(const char *path, struct path_facts *ret_facts)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return -errno;
    *ret_facts = (struct path_facts){
        .kind = S_ISFIFO(status.st_mode)   ? PATH_FIFO
                : S_ISSOCK(status.st_mode) ? PATH_SOCKET
                                           : PATH_OTHER,
        .device = (uint64_t)status.st_dev,
        .inode = (uint64_t)status.st_ino,
        .mode = status.st_mode & 07777,
        .uid = status.st_uid,
        .gid = status.st_gid,
    };
    return 0;
}

int path_remove(const char *path)
{
    return unlink(path) == 0 ? 0 : -errno;
}

int path_set_mode(const char *path, uint32_t mode)
{
    return chmod(path, mode) == 0 ? 0 : -errno;
}

int path_set_owner(const char *path, uint32_t uid, uint32_t gid)
{
    return lchown(path, uid, gid) == 0 ? 0 : -errno;
}

/* "." for a name without a slash. */
static int directory_of(const char *path, char ret_directory[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);

    if (size >= PATH_MAX)
        return -ENAMETOOLONG;
    if (slash == NULL) {
        memcpy(ret_directory, ".", 2);
        return 0;
    }
    memcpy(ret_directory, path, size);
    ret_directory[size] = '\0';
    return 0;
}

int path_lock_directory(const char *path, enl_deadline until, int *ret_fd)
{
    char directory[PATH_MAX];
    int result = directory_of(path, directory);
    int fd;

    if (result < 0)
        return result;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        return -errno; /* no fault of the directory: the caller's text is the better one */
    if (fd < 0)
        return error_set(-errno, "cannot open the directory %s, in which the socket goes",
                         directory);
    /* Others hold it for microseconds; flock has no deadline of its own. */
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            result = -errno;
        else if (clock_now_ns() >= until)
            result = error_set(-ETIMEDOUT, "somebody holds a lock (flock) on the directory %s",
                               directory);
        else
            (void)wait_for(&(struct pollfd){.fd = -1}, 1, NULL, 0, clock_now_ns() + 1000000);
        if (result < 0) {
            descriptor_close(fd);
            return result;
        }
    }
    *ret_fd = fd;
    return 0;
}

int path_watch(const char *path, int *ret_fd)
{
    char directory[PATH_MAX];
    int result = directory_of(path, directory);
    int fd;

    if (result < 0)
        return result;
    fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0)
        return -errno;
    /* either may be missing: the caller looks now and then anyway */
    (void)inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
    (void)inotify_add_watch(fd, path, IN_OPEN | IN_ATTRIB);
    *ret_fd = fd;
    return 0;
}

void path_watch_empty(int fd)
{
    char events[4096];

    while (read(fd, events, sizeof events) > 0)
        continue;
}
