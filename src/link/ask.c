/* SPDX-License-Identifier: MIT */
/* Asking what a link can do, holds and talks to, and changing what can be changed. */
#include "base/error.h"
#include "link/link.h"

#include <errno.h>
#include <string.h>

#define SETTINGS (ENL_SET_MODE | ENL_SET_OWNER | ENL_SET_CAPACITY | ENL_SET_NOTIFY)

const struct enl_caps *enl_link_caps(const struct enl_link *l)
{
    return l == NULL ? NULL : &l->caps;
}

int enl_link_stat(struct enl_link *l, struct enl_stat *ret_stat)
{
    struct enl_stat stat;
    int result;

    if (l == NULL || ret_stat == NULL)
        return error_set(-EINVAL, "the link or ret_stat is NULL");
    if (link_is_foreign(l))
        return link_check(l);
    memset(&stat, 0xff, sizeof stat); /* ENL_UNKNOWN everywhere */
    memset(stat.reserved, 0, sizeof stat.reserved);
    stat.sent_messages = l->sent_messages;
    stat.sent_bytes = l->sent_bytes;
    stat.received_messages = l->received_messages;
    stat.received_bytes = l->received_bytes;
    stat.unsent_bytes = l->ops->unsent == NULL ? 0 : l->ops->unsent(l);
    result = l->ops->stat == NULL ? 0 : l->ops->stat(l, &stat);
    if (result < 0)
        return error_set(result, "%s: the kernel does not tell its state: %s",
                         l->driver->face.scheme, strerror(-result));
    *ret_stat = stat;
    return 0;
}

int enl_link_set(struct enl_link *l, const struct enl_settings *settings)
{
    static const struct {
        uint32_t which;
        const char *what;
    } all[] = {
        {ENL_SET_MODE, "change their mode"},
        {ENL_SET_OWNER, "change their owner"},
        {ENL_SET_CAPACITY, "change their capacity"},
        {ENL_SET_NOTIFY, "tell of messages by a signal"},
    };

    if (l == NULL || settings == NULL)
        return error_set(-EINVAL, "the link or the settings are NULL");
    if (link_is_foreign(l))
        return link_check(l);
    if ((settings->set & ~SETTINGS) != 0)
        return error_set(-EINVAL, "enl_settings.set has unknown bits: %#x", settings->set);
    if ((settings->set & ENL_SET_MODE) != 0 && settings->mode > 0777)
        return error_set(-EINVAL, "mode %#o is above 0777", settings->mode);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int result;

        if ((settings->set & all[i].which) == 0)
            continue;
        error_note(0, "");
        result = l->ops->set == NULL ? -ENOTSUP : l->ops->set(l, all[i].which, settings);
        if (result == -ENOTSUP)
            return link_cannot(l, all[i].what);
        if (result < 0)
            return result;
    }
    return 0;
}

int enl_link_peer(struct enl_link *l, struct enl_peer *ret_peer)
{
    int result;

    if (l == NULL || ret_peer == NULL)
        return error_set(-EINVAL, "the link or ret_peer is NULL");
    if (link_is_foreign(l))
        return link_check(l);
    if (l->ops->peer == NULL || (l->caps.can & ENL_CAN_CREDENTIALS) == 0)
        return link_cannot(l, "tell who the peer is (credentials)");
    result = l->ops->peer(l, ret_peer);
    if (result == -ENOTCONN)
        return error_note(result, "this link has no single peer");
    return result < 0 ? error_set(result, "the kernel does not tell the peer") : 0;
}

int enl_link_address(const struct enl_link *l, char *ret_address, size_t size)
{
    int result;

    if (l == NULL || ret_address == NULL || size < ENL_ADDRESS_MAX)
        return error_set(-EINVAL,
                         "enl_link_address needs a link and ENL_ADDRESS_MAX bytes of room");
    result = l->ops->address == NULL ? -ENOTSUP : l->ops->address(l, ret_address, size);
    if (result == -ENOTSUP)
        return link_cannot(l, "tell their address");
    return result < 0
               ? error_set(result, "the kernel does not tell the address: %s", strerror(-result))
               : 0;
}

ssize_t enl_link_peers(struct enl_link *l, struct enl_peer ret_peers[], size_t count)
{
    struct enl_peer peer;
    int result = enl_link_peer(l, &peer);

    if (result < 0)
        return result;
    if (count > 0 && ret_peers != NULL)
        ret_peers[0] = peer;
    return 1;
}
