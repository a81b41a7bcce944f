/* SPDX-License-Identifier: MIT */
/* udp: datagrams between machines: whole or not at all, and perhaps not at all. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/inet.h"
#include "kernel/socket.h"
#include "link/packet.h"

#include <errno.h>
#include <stdio.h>

#define UDP_LARGEST 65507u /* what an IPv4 packet has room for */

static const struct address_option udp_options[] = {
    {.name = "message",
     .kind = ADDRESS_SIZE,
     .least = 1,
     .most = UDP_LARGEST,
     .preset = UDP_LARGEST},
    {.name = "capacity", .kind = ADDRESS_SIZE, .least = 4096, .most = 1u << 30, .preset = 0},
    {.name = NULL},
};

static int udp_describe(const struct address *a, struct enl_caps *caps)
{
    caps->largest_message = address_value(a, "message");
    return 0;
}

static int udp_stat(struct enl_link *l, struct enl_stat *stat)
{
    size_t bytes;

    if (socket_capacity(l->fd, &bytes) == 0)
        stat->capacity_bytes = bytes;
    if (descriptor_queued(l->fd, &bytes) == 0 && bytes == 0)
        stat->queued_bytes =
            packet_kept(l); /* else the kernel tells the next message's size alone */
    return 0;
}

static int udp_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings)
{
    return which == ENL_SET_CAPACITY ? socket_set_capacity(l->fd, (size_t)settings->capacity)
                                     : -ENOTSUP;
}

/* That nobody received an earlier message: this mechanism promises no better. */
static bool udp_forgive(struct enl_link *l)
{
    (void)socket_take_error(l->fd);
    return true;
}

static void udp_close(struct enl_link *l)
{
    packet_fini(l);
    descriptor_close(l->fd);
    l->fd = -1;
}

static int init_link(struct enl_link *l, size_t capacity, int fd, bool ours)
{
    struct packet *p = link_state(l);
    int result = capacity == 0 ? 0 : socket_set_capacity(fd, capacity);

    if (result == 0)
        result = packet_init(l);
    if (result < 0)
        return result;
    p->loose = true;
    l->fd = fd;
    if (ours)
        link_allow_blocking(l, fd);
    return 0;
}

static int udp_open(struct enl_link *l, const struct address *a, unsigned flags, enl_deadline until)
{
    struct packet *p = link_state(l);
    struct inet_name name;
    int fd = -1;
    int result = inet_parse(a->name, &name);

    if (result == 0 && (flags & ENL_CREATE) != 0 && (flags & ENL_READ) == 0)
        return error_set(-EINVAL, "who creates a udp link receives on it: ENL_READ");
    if (result < 0)
        return result;
    p->named = (flags & ENL_CREATE) != 0;
    result =
        p->named ? inet_serve(&name, false, 0, false, &fd) : inet_connect(&name, false, until, &fd);
    if (result == 0) {
        result = init_link(l, (size_t)address_value(a, "capacity"), fd, true);
        if (result < 0)
            descriptor_close(fd);
    }
    return result;
}

static bool udp_recognise(int fd)
{
    return inet_is(fd, false);
}

static int udp_adopt(struct enl_link *l, const struct address *a, int fd)
{
    struct packet *p = link_state(l);
    char peer[INET_TEXT_MAX];
    int result;

    if (!inet_is(fd, false))
        return error_set(-ENOTSUP, "descriptor %d is not a UDP socket", fd);
    if (l->caps.largest_message > UDP_LARGEST)
        l->caps.largest_message = UDP_LARGEST; /* of an address fd:N */
    p->named = inet_remote(fd, peer) < 0;
    result = descriptor_set_inherited(fd, false);
    return result < 0 ? result : init_link(l, (size_t)address_value(a, "capacity"), fd, false);
}

static int udp_address(const struct enl_link *l, char *ret_text, size_t size)
{
    char text[INET_TEXT_MAX];
    int result = inet_local(l->fd, text);

    if (result == 0)
        (void)snprintf(ret_text, size, "udp:%s", text);
    return result;
}

static const struct link_ops udp_ops = {
    .send = packet_send,
    .send_many = packet_send_many,
    .receive = packet_receive,
    .receive_many = packet_receive_many,
    .pending = packet_pending,
    .address = udp_address,
    .stat = udp_stat,
    .set = udp_set,
    .forgive = udp_forgive,
    .close = udp_close,
};

const struct link_driver udp_driver = {
    .face = {.scheme = "udp",
             .syntax = "udp:HOST:PORT, udp:[V6]:PORT",
             .summary = "datagrams between machines; some may be lost",
             .options = "message capacity",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_POLL | ENL_CAN_EMPTY,
                      .meet = ENL_MEET_OPEN | ENL_MEET_ADOPT,
                      .reach = ENL_REACH_NETWORK,
                      .senders = ENL_MANY,
                      .receivers = 1,
                      .largest_message = UDP_LARGEST,
                      .capacity = 212992}},
    .address = {.scheme = "udp",
                .syntax = "udp:HOST:PORT",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = INET_HOST_MAX + 34,
                .options = udp_options},
    .ops = &udp_ops,
    .state_size = sizeof(struct packet),
    .describe = udp_describe,
    .open = udp_open,
    .recognise = udp_recognise,
    .adopt = udp_adopt,
};
