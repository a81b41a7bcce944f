/* SPDX-License-Identifier: MIT */
/* Links that were given to this process, found by name. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "process/give.h"

#include <enlace/link.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A global, because it stands for the environment, which a forked child must not change: another thread may
 * have held its lock. Set once, before anything else runs there. */
static const char *forked_text;

void inherit_from(const char *text)
{
    forked_text = text;
}

/* The text behind "name=", or NULL. */
static const char *find(const char *text, const char *name)
{
    size_t size = strlen(name);

    while (text != NULL && *text != '\0') {
        if (strncmp(text, name, size) == 0 && text[size] == '=')
            return text + size + 1;
        text = strchr(text, ' ');
        text = text == NULL ? NULL : text + 1;
    }
    return NULL;
}

/* Whether the descriptor is the one that was given, not another one that has its number now. */
static int check_identity(const char *name, int fd, uint64_t device, uint64_t inode)
{
    struct descriptor_facts facts;
    int result = descriptor_facts(fd, &facts);

    if (result < 0)
        return error_set(-EBADF,
                         "%s: descriptor %d is closed: not given to this process, or used up", name,
                         fd);
    if (facts.device != device || facts.inode != inode)
        return error_set(-EBADF, "%s: descriptor %d is not the one that was given", name, fd);
    return 0;
}

int enl_inherit(const char *name, unsigned flags, struct enl_link **ret_link)
{
    const char *text = forked_text != NULL ? forked_text : getenv(GIVE_VARIABLE);
    char address[GIVE_ADDRESS_MAX];
    uint64_t device, inode;
    const char *at;
    char *end;
    size_t size;
    int result;

    if (name == NULL)
        return error_set(-EINVAL, "the name is NULL");
    at = find(text, name);
    if (at == NULL)
        return error_set(-ENOENT,
                         "%s: no link of that name was given to this process (%s is \"%s\")", name,
                         GIVE_VARIABLE, text == NULL ? "" : text);
    device = strtoull(at, &end, 16);
    if (*end != ':')
        return error_set(-EBADMSG, "%s is \"%s\": not what enlace writes", GIVE_VARIABLE, text);
    inode = strtoull(end + 1, &end, 16);
    size = strcspn(end + (*end != '\0'), " ");
    if (strncmp(end, "=fd:", 4) != 0 || size >= sizeof address)
        return error_set(-EBADMSG, "%s is \"%s\": not what enlace writes", GIVE_VARIABLE, text);
    memcpy(address, end + 1, size);
    address[size] = '\0';
    result = check_identity(name, atoi(address + 3), device, inode);
    return result < 0 ? result : enl_open(address, flags, ret_link);
}
