/* SPDX-License-Identifier: MIT */
/* unix: UNIX sockets: stream, seqpacket and datagram; a path, an abstract name, or a pair. Messages of the
 * two types that keep boundaries are in packet.c. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/path.h"
#include "kernel/socket.h"
#include "kernel/thread.h"
#include "link/link.h"
#include "link/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_LARGEST 131072u /* fits the kernel's preset send buffer */

struct unix_link {
    struct packet packet; /* first: see packet.h; of streams, the descriptors' part alone */
    char *path;           /* that this link made, or NULL */
    uint64_t device, inode;
    int owner; /* the process that made it */
};

/* ---- addresses ------------------------------------------------------------------------------------------ */

static const char *const type_words[] = {[SOCKET_STREAM] = "stream",
                                         [SOCKET_SEQPACKET] = "seqpacket",
                                         [SOCKET_DATAGRAM] = "datagram",
                                         [SOCKET_DATAGRAM + 1] = NULL};

static const struct address_option unix_options[] = {
    {.name = "type", .kind = ADDRESS_WORD, .words = type_words, .preset = SOCKET_STREAM},
    FRAMING_OPTIONS,
    {.name = "fds", .kind = ADDRESS_NUMBER, .least = 0, .most = SOCKET_FDS_MAX, .preset = 0},
    {.name = "capacity", .kind = ADDRESS_SIZE, .least = 4096, .most = 1u << 30, .preset = 0},
    {.name = "mode", .kind = ADDRESS_MODE, .least = 0, .most = 0777, .preset = 0600},
    {.name = "backlog", .kind = ADDRESS_NUMBER, .least = 0, .most = 65535, .preset = 128},
    {.name = NULL},
};

static enum socket_type type_of(const struct address *a)
{
    return address_has_option(a, "type") ? (enum socket_type)address_value(a, "type")
                                         : SOCKET_STREAM;
}

static struct socket_name name_of(const struct address *a)
{
    bool abstract = a->name[0] == '@';

    return (struct socket_name){.bytes = a->name + abstract,
                                .size = a->name_size - abstract,
                                .abstract = abstract};
}

static int check_name(const struct address *a)
{
    if (a->name_size == 0 || (a->name_size == 1 && a->name[0] == '@'))
        return error_set(-EINVAL,
                         "unix: needs a PATH or @NAME here; without one it is for enl_pair");
    return 0;
}

/* Stream frames mean nothing to the types that have boundaries of their own. */
static int check_packet_options(const struct address *a)
{
    if (address_given(a, "frame") || address_given(a, "batch"))
        return error_set(-EINVAL,
                         "frame= and batch= are for type=stream: %s has boundaries of its own",
                         type_words[type_of(a)]);
    return 0;
}

static void describe_packet(enum socket_type type, const struct address *a, struct enl_caps *caps)
{
    caps->can &= ~(ENL_CAN_BATCH | ENL_CAN_SEND_FILE);
    caps->largest_message =
        address_given(a, "message") ? address_value(a, "message") : PACKET_LARGEST;
    if (type == SOCKET_DATAGRAM) {
        caps->can &= ~(ENL_CAN_DUPLEX | ENL_CAN_END | ENL_CAN_CREDENTIALS);
        caps->can |= ENL_CAN_SENDER;
        caps->meet = ENL_MEET_PAIR | ENL_MEET_OPEN | ENL_MEET_ADOPT;
        caps->senders = ENL_MANY;
    }
}

/* A name is for those that do not know each other, none for a pair of relatives. */
static int describe_name(const struct address *a, struct enl_caps *caps)
{
    bool path = a->name_size > 0 && a->name[0] != '@';

    if (address_given(a, "mode") && !path)
        return error_set(-EINVAL, "mode= is for a PATH: %s have none",
                         a->name_size > 0 ? "abstract names" : "pairs");
    if (a->name_size > 0) {
        caps->meet &= ~(ENL_MEET_PAIR | ENL_MEET_ADOPT);
    } else {
        caps->meet &= ENL_MEET_PAIR | ENL_MEET_ADOPT;
        caps->reach = ENL_REACH_RELATIVES;
        caps->can |= ENL_CAN_DUPLEX; /* also of datagrams: both ends have a peer */
    }
    return 0;
}

static int unix_describe(const struct address *a, struct enl_caps *caps)
{
    int result;

    if (address_value(a, "fds") > 0)
        caps->can |= ENL_CAN_PASS_FDS;
    if (type_of(a) == SOCKET_STREAM) {
        result = framing_describe(a, false, caps);
    } else {
        result = check_packet_options(a);
        describe_packet(type_of(a), a, caps);
    }
    return result < 0 ? result : describe_name(a, caps);
}

/* ---- what all types share --------------------------------------------------------------------------------- */

/* What the peer left unread when it closed is out of the count, but the kernel remembers that it was there. */
static int unix_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    struct pollfd item = {.fd = l->fd};
    int result = socket_unreceived(l->fd, ret_bytes);

    if (result == 0 && *ret_bytes == 0 && wait_look(&item, 1) > 0 && (item.revents & POLLERR) != 0)
        return link_broken();
    return result;
}

static int unix_end_sending(struct enl_link *l)
{
    if ((l->caps.can & ENL_CAN_END) == 0)
        return -ENOTSUP; /* datagrams come from nobody's end */
    return socket_end_sending(l->fd) < 0 ? link_broken() : 0;
}

static int unix_peer(struct enl_link *l, struct enl_peer *ret_peer)
{
    return socket_peer(l->fd, ret_peer);
}

static int unix_stat(struct enl_link *l, struct enl_stat *stat)
{
    struct unix_link *u = link_state(l);
    struct path_facts facts;
    size_t bytes;

    if (socket_capacity(l->fd, &bytes) == 0)
        stat->capacity_bytes = bytes;
    if (!l->listens && descriptor_queued(l->fd, &bytes) == 0)
        stat->queued_bytes = bytes;
    if (u->path != NULL && path_facts(u->path, &facts) == 0) {
        stat->mode = facts.mode;
        stat->uid = facts.uid;
        stat->gid = facts.gid;
    }
    return 0;
}

static int set_name(const struct unix_link *u, uint32_t which, const struct enl_settings *settings)
{
    int result;

    if (u->path == NULL)
        return -ENOTSUP;
    result = which == ENL_SET_MODE ? path_set_mode(u->path, settings->mode)
                                   : path_set_owner(u->path, settings->uid, settings->gid);
    return result < 0 ? error_set(result, "%s: its mode or owner cannot be changed: %s", u->path,
                                  strerror(-result))
                      : 0;
}

static int unix_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings)
{
    return which == ENL_SET_CAPACITY ? socket_set_capacity(l->fd, (size_t)settings->capacity)
                                     : set_name(link_state(l), which, settings);
}

/* Removes the socket that this process made, if it is still the one at its path. */
static void remove_name(const struct unix_link *u)
{
    struct path_facts facts;

    if (u->path == NULL || u->owner != thread_process())
        return;
    if (path_facts(u->path, &facts) == 0 && facts.inode == u->inode && facts.device == u->device)
        (void)path_remove(u->path);
}

static void unix_close(struct enl_link *l)
{
    struct unix_link *u = link_state(l);

    if (l->fd >= 0) {
        framing_fini(l);
        packet_fini(l);
        remove_name(u);
        descriptor_close(l->fd);
        l->fd = -1;
    }
    free(u->path);
    free(u->packet.fd_room);
    u->path = NULL;
    u->packet.fd_room = NULL;
}

/* ---- byte streams ------------------------------------------------------------------------------------- */

/* With fds= the bytes come with their descriptors, else the plain call is cheaper, and the kernel drops what a
 * peer sends all the same. */
static ssize_t stream_read(struct enl_link *l, void *buffer, size_t size, bool may_block)
{
    struct unix_link *u = link_state(l);
    struct framing_fds *fds = &l->framing.fds;
    struct socket_message m;
    ssize_t count;

    if (u->packet.fds_most == 0) {
        count = socket_receive(l->fd, buffer, size, may_block);
        return count == -ECONNRESET ? link_reset("the peer broke off with messages unread") : count;
    }
    m.parts[0] = (struct iovec){.iov_base = buffer, .iov_len = size};
    m.part_count = 1;
    m.packets = false;
    m.fd_capacity =
        fds->count == 0 ? u->packet.fds_most : 0; /* one set at a time: see place_fds() */
    m.name = NULL;
    count = socket_receive_message(l->fd, &m, may_block);
    if (count < 0)
        return count == -ECONNRESET ? link_reset("the peer broke off with messages unread") : count;
    if (m.fd_count > 0) {
        memcpy(fds->fds, m.fds, m.fd_count * sizeof m.fds[0]);
        fds->count = m.fd_count;
    }
    fds->lost = fds->lost || m.fds_lost;
    return count;
}

static ssize_t stream_write(struct enl_link *l, const struct iovec v[], int count,
                            const struct enl_message *fds_of, bool may_block)
{
    struct socket_message m;
    ssize_t written;

    if (count == 1 && fds_of == NULL) {
        written = socket_send(l->fd, v[0].iov_base, v[0].iov_len, may_block);
    } else {
        memcpy(m.parts, v, sizeof v[0] * (size_t)count);
        m.part_count = count;
        m.name = NULL;
        m.name_size = 0;
        m.fd_count = fds_of == NULL ? 0 : fds_of->fd_count;
        if (fds_of != NULL)
            memcpy(m.fds, fds_of->fds, sizeof m.fds[0] * m.fd_count);
        written = socket_send_message(l->fd, &m, may_block);
    }
    return link_send_result(written);
}

static const struct framing_bytes stream_bytes = {.read = stream_read, .write = stream_write};

static ssize_t stream_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    int result = packet_check_fds(link_state(l), m);

    return result < 0 ? result : framing_send(l, m, may_block);
}

static int stream_stat(struct enl_link *l, struct enl_stat *stat)
{
    int result = unix_stat(l, stat);

    if (result == 0 && !l->listens)
        framing_stat(l, stat);
    return result;
}

static int unix_accept(struct enl_link *listener, const struct address *a, struct enl_link *l);

static const struct link_ops stream_ops = {
    .send = stream_send,
    FRAMING_SLOTS,
    .unreceived = unix_unreceived,
    .end_sending = unix_end_sending,
    .accept = unix_accept,
    .stat = stream_stat,
    .set = unix_set,
    .peer = unix_peer,
    .close = unix_close,
};

static int packet_stat(struct enl_link *l, struct enl_stat *stat)
{
    int result = unix_stat(l, stat);
    struct socket_facts facts;

    if (stat->queued_bytes != 0 && socket_facts(l->fd, &facts) == 0 &&
        facts.type == SOCKET_DATAGRAM)
        stat->queued_bytes = ENL_UNKNOWN; /* the kernel tells the next message's size alone */
    else
        stat->queued_bytes += packet_kept(l);
    return result;
}

static const struct link_ops packet_ops = {
    .send = packet_send,
    .send_many = packet_send_many,
    .receive = packet_receive,
    .receive_many = packet_receive_many,
    .pending = packet_pending,
    .unreceived = unix_unreceived,
    .end_sending = unix_end_sending,
    .accept = unix_accept,
    .stat = packet_stat,
    .set = unix_set,
    .peer = unix_peer,
    .close = unix_close,
};

/* ---- making links ------------------------------------------------------------------------------------------ */

static int init_packet(struct enl_link *l, int fd, bool ours)
{
    const struct unix_link *u = link_state(l);
    int result;

    l->ops = &packet_ops;
    if (l->listens)
        return 0;
    result = socket_set_message_size(fd, (size_t)l->caps.largest_message);
    if (result == 0 && !u->packet.ends)
        result = socket_want_sender(fd);
    /* our messages come from a name, see packet.c; one that has a name already keeps it */
    if (result == 0 && u->packet.ends && ours)
        (void)socket_bind_any(fd);
    return result < 0 ? result : packet_init(l);
}

/* Makes the link of a socket; on success it owns fd. ours: nobody else uses this description. */
static int init_link(struct enl_link *l, const struct address *a, enum socket_type type, int fd,
                     bool ours)
{
    struct unix_link *u = link_state(l);
    uint64_t capacity = address_value(a, "capacity");
    int result = capacity == 0 ? 0 : socket_set_capacity(fd, (size_t)capacity);

    u->packet.ends = type == SOCKET_SEQPACKET;
    u->packet.fds_most = (unsigned)address_value(a, "fds");
    if (result == 0 && u->packet.fds_most > 0) {
        /* one set that came with bytes, and one that is handed out with a taken message */
        u->packet.fd_room = calloc((size_t)u->packet.fds_most * 2, sizeof u->packet.fd_room[0]);
        if (u->packet.fd_room == NULL)
            return error_set(-ENOMEM, "no memory for a link");
        l->take_fds = u->packet.fd_room + u->packet.fds_most;
        l->take_fd_capacity = u->packet.fds_most;
    }
    if (result < 0)
        return result;
    if (type == SOCKET_STREAM) {
        l->ops = &stream_ops;
        framing_init(l, &stream_bytes, a, false);
        l->framing.fds.fds = u->packet.fd_room;
    } else {
        result = init_packet(l, fd, ours);
    }
    if (result < 0)
        return result;
    l->fd = fd;
    if (ours)
        link_allow_blocking(l, fd);
    return 0;
}

static int unix_pair(struct enl_link *ends[2], const struct address *a)
{
    int fds[2];
    int result;

    if (a->name_size > 0)
        return error_set(-EINVAL, "enl_pair makes unnamed ends: leave the name out");
    result = socket_create_pair(type_of(a), fds);
    for (int i = 0; i < 2 && result == 0; i++) {
        result = init_link(ends[i], a, type_of(a), fds[i], true);
        if (result == 0)
            fds[i] = -1;
        if (result < 0) {
            descriptor_close(fds[0]);
            descriptor_close(fds[1]);
        }
    }
    return result;
}

/* Remembers the path that this link made, to be removed by its close. */
static int own_name(struct enl_link *l, const struct address *a)
{
    struct unix_link *u = link_state(l);
    struct path_facts facts;

    if (a->name[0] == '@' || path_facts(a->name, &facts) < 0)
        return 0;
    u->path = strdup(a->name);
    if (u->path == NULL) {
        (void)path_remove(a->name);
        return error_set(-ENOMEM, "no memory for a link");
    }
    u->inode = facts.inode;
    u->device = facts.device;
    u->owner = thread_process();
    return 0;
}

static int serve(struct enl_link *l, const struct address *a)
{
    struct socket_name name = name_of(a);
    int result = check_name(a);
    int backlog = link_backlog(a);
    int fd;

    if (result < 0 || backlog < 0)
        return result < 0 ? result : backlog;
    result = socket_serve(type_of(a), &name, (uint32_t)address_value(a, "mode"), backlog, &fd);
    if (result < 0)
        return result;
    ((struct unix_link *)link_state(l))->packet.named = !l->listens;
    result = own_name(l, a);
    if (result == 0)
        result = init_link(l, a, type_of(a), fd, !l->listens);
    if (result < 0)
        descriptor_close(fd);
    return result;
}

static int unix_listen(struct enl_link *l, const struct address *a)
{
    if (type_of(a) == SOCKET_DATAGRAM)
        return error_set(-ENOTSUP, "datagram sockets have no connections to accept: receive with "
                                   "enl_open and ENL_READ | ENL_CREATE");
    return serve(l, a);
}

static int unix_accept(struct enl_link *listener, const struct address *a, struct enl_link *l)
{
    int fd;
    int result = socket_accept(listener->fd, &fd);

    if (result == 0) {
        result = init_link(l, a, type_of(a), fd, true);
        if (result < 0)
            descriptor_close(fd);
    }
    return result;
}

static int connect_link(struct enl_link *l, const struct address *a)
{
    struct socket_name name = name_of(a);
    int result = check_name(a);
    int fd;

    if (result == 0)
        result = socket_connect(type_of(a), &name, &fd);
    if (result == -EPROTOTYPE)
        return error_set(result, "%s is a socket of another type than %s", a->name,
                         type_words[type_of(a)]);
    if (result < 0)
        return result;
    /* a datagram's receiver answers to a name */
    if (type_of(a) == SOCKET_DATAGRAM && (l->access & ENL_READ) != 0)
        result = socket_bind_any(fd);
    if (result == 0)
        result = init_link(l, a, type_of(a), fd, true);
    if (result < 0)
        descriptor_close(fd);
    return result;
}

static int unix_open(struct enl_link *l, const struct address *a, unsigned flags,
                     enl_deadline until)
{
    int result;

    (void)until; /* whether a peer is there is known at once */
    if (type_of(a) == SOCKET_DATAGRAM && (flags & ENL_CREATE) != 0) {
        if ((flags & ENL_READ) == 0)
            return error_set(-EINVAL, "who creates a datagram socket receives from it: ENL_READ");
        result = serve(l, a);
        return result == -EADDRINUSE && (flags & ENL_EXCLUSIVE) != 0 ? -EEXIST : result;
    }
    if ((flags & ENL_CREATE) != 0)
        return error_set(-EINVAL, "enl_listen creates a %s socket, enl_open connects to it",
                         type_words[type_of(a)]);
    return connect_link(l, a);
}

static bool unix_recognise(int fd)
{
    struct socket_facts facts;

    return socket_facts(fd, &facts) == 0 && facts.family == AF_UNIX;
}

static int unix_adopt(struct enl_link *l, const struct address *a, int fd)
{
    struct socket_facts facts;
    int result = a->name_size > 0 && address_has_option(a, "type")
                     ? error_set(-EINVAL, "enl_adopt takes a descriptor: leave the name out")
                     : 0;

    if (result == 0 && (socket_facts(fd, &facts) < 0 || facts.family != AF_UNIX))
        result = error_set(-ENOTSUP, "descriptor %d is not a UNIX socket", fd);
    if (result == 0 && address_given(a, "type") && facts.type != type_of(a))
        result = error_set(-EINVAL, "descriptor %d is of type %s, not %s", fd,
                           type_words[facts.type], type_words[type_of(a)]);
    if (result == 0)
        result = descriptor_set_inherited(fd, false);
    if (result < 0)
        return result;
    if (facts.type != SOCKET_STREAM)
        describe_packet(facts.type, a, &l->caps);
    l->listens = facts.listens;
    return init_link(l, a, facts.type, fd, false);
}

static int unix_unlink(const struct address *a)
{
    struct path_facts facts;
    int result = check_name(a);

    if (result == 0 && a->name[0] == '@')
        return error_set(-ENOTSUP, "an abstract name vanishes with its socket");
    if (result == 0)
        result = path_facts(a->name, &facts);
    if (result == 0 && facts.kind != PATH_SOCKET)
        return error_set(-EINVAL, "%s is not a socket: it is left as it is", a->name);
    return result < 0 ? result : path_remove(a->name);
}

static const char *unix_path(const struct address *a)
{
    return a->name_size == 0 || a->name[0] == '@' ? NULL : a->name;
}

const struct link_driver unix_driver = {
    .face = {.scheme = "unix",
             .syntax = "unix:PATH, unix:@ABSTRACT, unix:",
             .summary = "UNIX sockets of this machine: stream, seqpacket, datagram",
             .options = "type frame message batch fds capacity mode backlog",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_LOSSLESS |
                             ENL_CAN_DUPLEX | ENL_CAN_CREDENTIALS | ENL_CAN_SEND_FILE |
                             ENL_CAN_POLL | ENL_CAN_EMPTY | ENL_CAN_END | ENL_CAN_BROKEN |
                             ENL_CAN_BATCH,
                      .meet = ENL_MEET_PAIR | ENL_MEET_LISTEN | ENL_MEET_ADOPT,
                      .reach = ENL_REACH_MACHINE,
                      .senders = 1,
                      .receivers = 1,
                      .largest_message = FRAMING_LARGEST,
                      .capacity = 212992}},
    .address = {.scheme = "unix",
                .syntax = "unix:PATH, unix:@ABSTRACT or unix:",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = ADDRESS_NAME_MAX,
                .options = unix_options},
    .ops = &stream_ops,
    .state_size = sizeof(struct unix_link),
    .describe = unix_describe,
    .open = unix_open,
    .pair = unix_pair,
    .listen = unix_listen,
    .recognise = unix_recognise,
    .adopt = unix_adopt,
    .unlink = unix_unlink,
    .path = unix_path,
};
