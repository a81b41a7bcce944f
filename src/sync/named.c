/* SPDX-License-Identifier: MIT */
/* Objects that stand alone by name. */
#include "sync/named.h"

#include "base/error.h"

#include <errno.h>

static const struct sync_scheme *const schemes[] = {&sync_posix, &sync_sysv, &sync_shm, &sync_file,
                                                    &sync_memfd};
#define SCHEME_COUNT (sizeof schemes / sizeof schemes[0])

static int parse(const char *text, struct address *ret_address, const struct sync_scheme **ret)
{
    const struct address_scheme *known[SCHEME_COUNT + 1] = {NULL};
    int result;

    for (size_t i = 0; i < SCHEME_COUNT; i++)
        known[i] = &schemes[i]->address;
    result = address_parse(text, known, ret_address);
    for (size_t i = 0; result == 0 && i < SCHEME_COUNT; i++)
        if (ret_address->scheme == known[i])
            *ret = schemes[i];
    return result;
}

static const char *advice(int result)
{
    switch (result) {
    case -ENOENT:
        return ": make it with ENL_CREATE";
    case -ENOSPC:
        return ": /dev/shm is full; remove what is not needed there, or enlarge it";
    default:
        return error_advice(result);
    }
}

int enl_sync_open(const char *address, unsigned flags, struct enl_sync **ret_sync)
{
    const struct sync_scheme *scheme = NULL;
    struct address a;
    int result;

    if ((flags & ~(ENL_READ | ENL_WRITE | ENL_CREATE | ENL_EXCLUSIVE)) != 0)
        return error_set(-EINVAL, "flags has unknown bits: %#x", flags);
    if ((flags & ENL_EXCLUSIVE) != 0 && (flags & ENL_CREATE) == 0)
        return error_set(-EINVAL, "ENL_EXCLUSIVE needs ENL_CREATE");
    if (ret_sync == NULL)
        return error_set(-EINVAL, "there is no room for the handle: ret_sync is NULL");
    result = parse(address, &a, &scheme);
    if (result < 0)
        return result;
    (void)error_note(0, "");
    result = scheme->open(&a, flags, ret_sync);
    return error_explain(result, "open", address, advice(result));
}

int enl_sync_unlink(const char *address)
{
    const struct sync_scheme *scheme = NULL;
    struct address a;
    int result = parse(address, &a, &scheme);

    if (result < 0)
        return result;
    (void)error_note(0, "");
    result = scheme->unlink(&a);
    return error_explain(result, "remove", address, result == -ENOENT ? "" : advice(result));
}
