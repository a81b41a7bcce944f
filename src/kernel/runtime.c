/* SPDX-License-Identifier: MIT */
/* The runtime directory, in which names that are no path live. */
#include "kernel/runtime.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether it is named by the environment, which its user answers for. */
static bool name_directory(char *ret_path, size_t size)
{
    const char *own = secure_getenv("ENLACE_DIR");
    const char *session = secure_getenv("XDG_RUNTIME_DIR");

    if (own != NULL && own[0] == '/') {
        (void)snprintf(ret_path, size, "%s", own);
        return true;
    }
    if (session != NULL && session[0] == '/') {
        (void)snprintf(ret_path, size, "%s/enlace", session);
        return true;
    }
    (void)snprintf(ret_path, size, "/tmp/enlace-%u", (unsigned)geteuid());
    return false;
}

/* Of a directory where everybody may make one, another user's is a trap. */
static int check_private(const char *path)
{
    struct stat facts;

    if (lstat(path, &facts) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISDIR(facts.st_mode) || facts.st_uid != geteuid() || (facts.st_mode & 022) != 0)
        return error_set(-EPERM,
                         "%s is not a directory that this user alone can write: remove it, or set "
                         "ENLACE_DIR to one",
                         path);
    return 0;
}

int runtime_path(const char *name, bool make, char *ret_path, size_t size)
{
    size_t length;
    int result = 0;
    bool named;

    if (name[0] == '/') {
        length = strlen(name);
        if (length >= size)
            return error_set(-ENAMETOOLONG, "a path of %zu bytes is too long", length);
        memcpy(ret_path, name, length + 1);
        return 0;
    }
    if (strchr(name, '/') != NULL)
        return error_set(-EINVAL,
                         "%s: a name in the runtime directory has no slash; a path begins "
                         "with one",
                         name);
    named = name_directory(ret_path, size);
    if (!named)
        result = check_private(ret_path);
    if (result == 0 && make && mkdir(ret_path, 0700) != 0 && errno != EEXIST)
        result = error_set(-errno, "the runtime directory %s cannot be made: %s", ret_path,
                           strerror(errno));
    if (result == 0 && make && !named)
        result = check_private(ret_path);
    if (result < 0)
        return result;
    length = strlen(ret_path);
    if (length + 1 + strlen(name) >= size)
        return error_set(-ENAMETOOLONG, "the path of %s is too long", name);
    (void)snprintf(ret_path + length, size - length, "/%s", name);
    return 0;
}
