/* SPDX-License-Identifier: MIT */
/* tcp: byte streams between machines, framed. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/inet.h"
#include "kernel/socket.h"
#include "link/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct address_option tcp_options[] = {
    FRAMING_OPTIONS,
    {.name = "capacity", .kind = ADDRESS_SIZE, .least = 4096, .most = 1u << 30, .preset = 0},
    {.name = "backlog", .kind = ADDRESS_NUMBER, .least = 0, .most = 65535, .preset = 128},
    {.name = "nodelay", .kind = ADDRESS_FLAG, .preset = 1},
    {.name = "keepalive", .kind = ADDRESS_NUMBER, .least = 0, .most = 32767, .preset = 0},
    {.name = "reuse", .kind = ADDRESS_FLAG, .preset = 1},
    {.name = NULL},
};

static int tcp_describe(const struct address *a, struct enl_caps *caps)
{
    return framing_describe(a, false, caps);
}

/* ---- bytes ------------------------------------------------------------------------------------------ */

static ssize_t tcp_read(struct enl_link *l, void *buffer, size_t size, bool may_block)
{
    ssize_t count = socket_receive(l->fd, buffer, size, may_block);

    if (count >= 0 || count == -EAGAIN || count == -EINTR)
        return count;
    if (count == -ETIMEDOUT)
        return link_reset("the peer's machine no longer answers");
    if (count == -ECONNRESET || count == -EPIPE)
        return link_reset("the peer broke off");
    return error_set(-ECONNRESET, "the connection is lost: %s", strerror((int)-count));
}

static ssize_t tcp_write(struct enl_link *l, const struct iovec v[], int count,
                         const struct enl_message *fds_of, bool may_block)
{
    struct socket_message m;

    (void)fds_of; /* link.c has refused them */
    if (count == 1)
        return link_send_result(socket_send(l->fd, v[0].iov_base, v[0].iov_len, may_block));
    memcpy(m.parts, v, sizeof v[0] * (size_t)count);
    m.part_count = count;
    m.name = NULL;
    m.name_size = m.fd_count = 0;
    return link_send_result(socket_send_message(l->fd, &m, may_block));
}

static const struct framing_bytes tcp_bytes = {.read = tcp_read, .write = tcp_write};

static int tcp_end_sending(struct enl_link *l)
{
    return socket_end_sending(l->fd) < 0 ? link_broken() : 0;
}

static int tcp_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    return socket_unreceived(l->fd, ret_bytes);
}

static int tcp_stat(struct enl_link *l, struct enl_stat *stat)
{
    size_t bytes;

    if (socket_capacity(l->fd, &bytes) == 0)
        stat->capacity_bytes = bytes;
    if (l->listens || descriptor_queued(l->fd, &bytes) < 0)
        return 0;
    stat->queued_bytes = bytes;
    framing_stat(l, stat);
    return 0;
}

static int tcp_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings)
{
    return which == ENL_SET_CAPACITY ? socket_set_capacity(l->fd, (size_t)settings->capacity)
                                     : -ENOTSUP;
}

static void tcp_close(struct enl_link *l)
{
    if (l->fd < 0)
        return;
    framing_fini(l);
    descriptor_close(l->fd);
    l->fd = -1;
}

/* ---- making links ----------------------------------------------------------------------------------- */

static int init_link(struct enl_link *l, const struct address *a, int fd, bool ours)
{
    size_t capacity = (size_t)address_value(a, "capacity");
    bool is_tcp = address_has_option(a, "nodelay"); /* not of an address fd:N */
    int result = capacity == 0 ? 0 : socket_set_capacity(fd, capacity);

    if (result == 0 && !l->listens)
        result = inet_set_nodelay(fd, !is_tcp || address_value(a, "nodelay") != 0);
    if (result == 0 && is_tcp && address_value(a, "keepalive") > 0)
        result = inet_set_keepalive(fd, (unsigned)address_value(a, "keepalive"));
    if (result < 0)
        return result;
    framing_init(l, &tcp_bytes, a, false);
    l->fd = fd;
    if (ours && !l->listens)
        link_allow_blocking(l, fd);
    return 0;
}

static int made(int result, struct enl_link *l, const struct address *a, int fd)
{
    if (result == 0) {
        result = init_link(l, a, fd, true);
        if (result < 0)
            descriptor_close(fd);
    }
    return result;
}

static int tcp_open(struct enl_link *l, const struct address *a, unsigned flags, enl_deadline until)
{
    struct inet_name name;
    int fd = -1;
    int result = (flags & ENL_CREATE) != 0
                     ? error_set(-EINVAL, "enl_listen makes a listener, enl_open connects to it")
                     : inet_parse(a->name, &name);

    if (result == 0)
        result = inet_connect(&name, true, until, &fd);
    return made(result, l, a, fd);
}

static int tcp_listen(struct enl_link *l, const struct address *a)
{
    struct inet_name name;
    int fd = -1;
    int backlog = link_backlog(a);
    int result = backlog < 0 ? backlog : inet_parse(a->name, &name);

    if (result == 0)
        result = inet_serve(&name, true, backlog, address_value(a, "reuse") != 0, &fd);
    return made(result, l, a, fd);
}

static int tcp_accept(struct enl_link *listener, const struct address *a, struct enl_link *l)
{
    int fd = -1;
    int result = socket_accept(listener->fd, &fd);

    return made(result, l, a, fd);
}

static bool tcp_recognise(int fd)
{
    return inet_is(fd, true);
}

static int tcp_adopt(struct enl_link *l, const struct address *a, int fd)
{
    struct socket_facts facts;
    int result;

    if (!inet_is(fd, true))
        return error_set(-ENOTSUP, "descriptor %d is not a TCP socket", fd);
    result = socket_facts(fd, &facts);
    if (result == 0)
        result = descriptor_set_inherited(fd, false);
    if (result < 0)
        return result;
    l->listens = facts.listens;
    return init_link(l, a, fd, false);
}

static int tcp_address(const struct enl_link *l, char *ret_text, size_t size)
{
    char text[INET_TEXT_MAX];
    int result = inet_local(l->fd, text);

    if (result == 0)
        (void)snprintf(ret_text, size, "tcp:%s", text);
    return result;
}

static const struct link_ops tcp_ops = {
    .send = framing_send,
    FRAMING_SLOTS,
    .unreceived = tcp_unreceived,
    .end_sending = tcp_end_sending,
    .accept = tcp_accept,
    .address = tcp_address,
    .stat = tcp_stat,
    .set = tcp_set,
    .close = tcp_close,
};

const struct link_driver tcp_driver = {
    .face = {.scheme = "tcp",
             .syntax = "tcp:HOST:PORT, tcp:[V6]:PORT",
             .summary = "streams between machines, over IPv4 and IPv6",
             .options = "frame message batch capacity backlog nodelay keepalive reuse",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_LOSSLESS |
                             ENL_CAN_DUPLEX | ENL_CAN_SEND_FILE | ENL_CAN_POLL | ENL_CAN_EMPTY |
                             ENL_CAN_END | ENL_CAN_BROKEN | ENL_CAN_BATCH,
                      .meet = ENL_MEET_LISTEN | ENL_MEET_ADOPT,
                      .reach = ENL_REACH_NETWORK,
                      .senders = 1,
                      .receivers = 1,
                      .largest_message = FRAMING_LARGEST,
                      .capacity = ENL_UNKNOWN}},
    .address = {.scheme = "tcp",
                .syntax = "tcp:HOST:PORT",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = INET_HOST_MAX + 34,
                .options = tcp_options},
    .ops = &tcp_ops,
    .describe = tcp_describe,
    .open = tcp_open,
    .listen = tcp_listen,
    .recognise = tcp_recognise,
    .adopt = tcp_adopt,
};
