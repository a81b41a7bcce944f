/* SPDX-License-Identifier: MIT */
/* The directory of a test: made empty before it, looked through and removed after it. */
#include "runner.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A UNIX socket's address has 107 bytes; a test must be able to use some of them. */
enum { PARENT_LONGEST = 60 };

int directory_create(char *ret_path, size_t size)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] != '/' || strlen(parent) > PARENT_LONGEST)
        parent = "/tmp";
    (void)snprintf(ret_path, size, "%s/enlace-test-XXXXXX", parent);
    if (mkdtemp(ret_path) == NULL)
        return -errno;
    /* Ordinary users' children of root's tests must be able to pass. */
    return chmod(ret_path, 0755) == 0 ? 0 : -errno;
}

/* nftw() passes no argument of ours; the runner removes one tree at a time. */
static int list_fd;
static unsigned listed;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    if (where->level > 0) {
        listed++;
        if (list_fd >= 0)
            (void)dprintf(list_fd, "leaked file: %s\n", path);
    }
    if (remove(path) < 0 && list_fd >= 0)
        (void)dprintf(list_fd, "cannot remove %s%s: %s\n", path,
                      type == FTW_DNR ? " (unreadable)" : "", strerror(errno));
    return 0;
}

unsigned directory_remove(const char *path, int report_fd)
{
    list_fd = report_fd;
    listed = 0;
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return listed;
}
