/* SPDX-License-Identifier: MIT */
/* channel: a duplex link through shared memory in which no word is written by two processes. Addresses, and how links
 * come to be; docs/design/channel.md tells how it works. */
#include "link/channel.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/path.h"
#include "kernel/runtime.h"
#include "kernel/sealed.h"
#include "kernel/socket.h"
#include "kernel/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_PRESET 16384u
#define DEPTH_PRESET 2u
#define RING_LEAST 65536u
#define PATH_SIZE 4200

/* ---- addresses --------------------------------------------------------------------------------------------- */

static const char *const wait_words[] = {[CHANNEL_ADAPTIVE] = "adaptive",
                                         [CHANNEL_SLEEP] = "sleep",
                                         [CHANNEL_SPIN] = "spin",
                                         [CHANNEL_SPIN + 1] = NULL};

static const struct address_option channel_options[] = {
    {.name = "message",
     .kind = ADDRESS_SIZE,
     .least = 1,
     .most = 1u << 28,
     .preset = MESSAGE_PRESET},
    {.name = "depth", .kind = ADDRESS_NUMBER, .least = 1, .most = 1u << 20, .preset = DEPTH_PRESET},
    {.name = "wait", .kind = ADDRESS_WORD, .words = wait_words, .preset = CHANNEL_ADAPTIVE},
    {.name = "fds", .kind = ADDRESS_NUMBER, .least = 0, .most = SOCKET_FDS_MAX, .preset = 0},
    {.name = "mode", .kind = ADDRESS_MODE, .least = 0, .most = 0777, .preset = 0600},
    {.name = "backlog", .kind = ADDRESS_NUMBER, .least = 0, .most = 65535, .preset = 128},
    {.name = NULL},
};

static int terms_of(const struct address *a, struct channel_terms *ret)
{
    uint64_t largest = address_value(a, "message"), depth = address_value(a, "depth");
    uint32_t page = (uint32_t)sealed_page_size();
    uint32_t ring = lane_ring_bytes(largest, depth, page > RING_LEAST ? page : RING_LEAST);

    if (ring == 0)
        return error_set(-EINVAL,
                         "message=%llu and depth=%llu need a ring above 1 GiB: lower one of them",
                         (unsigned long long)largest, (unsigned long long)depth);
    *ret = (struct channel_terms){
        .largest = (uint32_t)largest,
        .depth = (uint32_t)depth,
        .ring_bytes = ring,
        .fds_most = (uint32_t)address_value(a, "fds"),
        .wait_mode = (uint32_t)address_value(a, "wait"),
    };
    return 0;
}

static void describe_terms(const struct channel_terms *terms, struct enl_caps *caps)
{
    caps->largest_message = terms->largest;
    caps->capacity = terms->ring_bytes;
    if (terms->fds_most > 0)
        caps->can |= ENL_CAN_PASS_FDS;
}

static int channel_describe(const struct address *a, struct enl_caps *caps)
{
    struct channel_terms terms;
    int result;

    if (!address_has_option(a, "depth"))
        return 0; /* of fd:N, whose terms come with the descriptor */
    result = terms_of(a, &terms);
    if (result < 0)
        return result;
    describe_terms(&terms, caps);
    if (a->name_size > 0) {
        caps->meet &= ~(ENL_MEET_PAIR | ENL_MEET_ADOPT);
        return 0;
    }
    if (address_given(a, "mode") || address_given(a, "backlog"))
        return error_set(-EINVAL, "mode= and backlog= are for a NAME: pairs have none");
    caps->meet &= ENL_MEET_PAIR | ENL_MEET_ADOPT;
    caps->reach = ENL_REACH_RELATIVES;
    return 0;
}

static int path_of(const struct address *a, bool make, char path[PATH_SIZE])
{
    if (a->name_size == 0)
        return error_set(-EINVAL, "channel: needs a NAME here; without one it is for enl_pair");
    return runtime_path(a->name, make, path, PATH_SIZE);
}

/* ---- asking and ending ------------------------------------------------------------------------------------- */

static const struct channel_header *their_header(const struct channel *c)
{
    return c->theirs.header;
}

static int channel_stat(struct enl_link *l, struct enl_stat *stat)
{
    struct channel *c = channel_of(l);
    struct path_facts facts;

    stat->capacity_bytes = c->terms.ring_bytes;
    if (c->path != NULL && path_facts(c->path, &facts) == 0) {
        stat->mode = facts.mode;
        stat->uid = facts.uid;
        stat->gid = facts.gid;
    }
    if (l->listens || c->process == NO_PROCESS || !process_word_is(c->process))
        return 0;
    (void)channel_prepare_receive(l);
    stat->queued_bytes = 0;
    if (atomic_load_explicit(&c->met, memory_order_acquire) != 0)
        stat->queued_bytes = (uint64_t)LANE_UNIT *
                             (atomic_load_explicit(&their_header(c)->tail, memory_order_relaxed) -
                              lane_cursor(&c->in));
    return 0;
}

static int channel_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings)
{
    struct channel *c = channel_of(l);
    int result;

    if (c->path == NULL || (which != ENL_SET_MODE && which != ENL_SET_OWNER))
        return -ENOTSUP;
    result = which == ENL_SET_MODE ? path_set_mode(c->path, settings->mode)
                                   : path_set_owner(c->path, settings->uid, settings->gid);
    return result < 0 ? error_set(result, "%s: its mode or owner cannot be changed: %s", c->path,
                                  strerror(-result))
                      : 0;
}

static int channel_peer(struct enl_link *l, struct enl_peer *ret_peer)
{
    return socket_peer(channel_of(l)->socket_fd, ret_peer);
}

/* Only an end that nobody uses yet is whole in its one descriptor. */
static int channel_give(struct enl_link *l, int *ret_fd)
{
    struct channel *c = channel_of(l);

    if (c->process != NO_PROCESS || c->named)
        return error_set(-EBUSY,
                         "only an end of a channel's pair can be given away, and before it is used "
                         "here: it belongs to the first that sends or receives");
    c->given = true;
    *ret_fd = c->socket_fd;
    return 0;
}

static void remove_name(const struct channel *c)
{
    struct path_facts facts;

    if (c->path == NULL || c->owner != thread_process())
        return;
    if (path_facts(c->path, &facts) == 0 && facts.inode == c->inode && facts.device == c->device)
        (void)path_remove(c->path);
}

static void channel_close(struct enl_link *l)
{
    struct channel *c = channel_of(l);

    if (l->listens) {
        remove_name(c);
        descriptor_close(l->fd);
    } else if (l->fd >= 0) {
        channel_end(c);
    }
    l->fd = -1;
    free(c->path);
    free(c->fd_room);
    c->path = NULL;
    c->fd_room = NULL;
}

static int channel_accept(struct enl_link *listener, const struct address *a, struct enl_link *l);

static const struct link_ops channel_ops = {
    .send = channel_send,
    .send_many = channel_send_many,
    .receive = channel_receive,
    .receive_many = channel_receive_many,
    .take = channel_take,
    .release = channel_release,
    .loan = channel_loan,
    .commit = channel_commit,
    .cancel = channel_cancel,
    .pending = channel_pending,
    .unreceived = channel_unreceived,
    .end_sending = channel_end_sending,
    .event_fd = channel_event_fd,
    .want = channel_want,
    .events = channel_events,
    .give = channel_give,
    .stat = channel_stat,
    .set = channel_set,
    .peer = channel_peer,
    .wait = channel_wait,
    .full = "the channel is full",
    .close = channel_close,
};

static const struct link_ops listener_ops = {
    .accept = channel_accept,
    .stat = channel_stat,
    .set = channel_set,
    .close = channel_close,
};

/* ---- making links ------------------------------------------------------------------------------------------ */

static int init(struct enl_link *l, const struct channel_terms *terms, const char *name)
{
    struct channel *c = channel_of(l);

    channel_init(c, terms);
    (void)snprintf(c->name, sizeof c->name, "%.*s", (int)sizeof c->name - 1, name);
    if (terms->fds_most > 0) {
        c->fd_room = calloc(terms->fds_most, sizeof c->fd_room[0]);
        if (c->fd_room == NULL)
            return error_set(-ENOMEM, "no memory for a link");
        l->take_fds = c->fd_room;
        l->take_fd_capacity = terms->fds_most;
    }
    return 0;
}

/* Its socket, and nothing more until it is used. Fails without memory alone, at a process's first link. */
static int init_socket(struct enl_link *l, int fd)
{
    int result = channel_await_first(channel_of(l));

    if (result == 0)
        channel_of(l)->socket_fd = l->fd = fd;
    return result;
}

static int channel_pair(struct enl_link *ends[2], const struct address *a)
{
    struct channel_terms terms;
    int fds[2];
    int result = terms_of(a, &terms);

    if (result == 0 && a->name_size > 0)
        result = error_set(-EINVAL, "enl_pair makes unnamed ends: leave the name out");
    for (int i = 0; i < 2 && result == 0; i++)
        result = init(ends[i], &terms, "");
    if (result == 0)
        result = socket_create_pair(SOCKET_SEQPACKET, fds);
    if (result < 0)
        return result;
    /* what one end sends lies at the other */
    for (int i = 0; i < 2 && result == 0; i++)
        result = channel_put_claim(fds[i], &terms);
    for (int i = 0; i < 2 && result == 0; i++)
        result = socket_want_sender(fds[i]);
    for (int i = 0; i < 2 && result == 0; i++)
        result = init_socket(ends[i], fds[i]);
    if (result < 0) {
        if (ends[0]->fd < 0)
            descriptor_close(fds[0]);
        descriptor_close(fds[1]);
        return result;
    }
    return 0;
}

/* Remembers the path that this link made, to be removed by its close. */
static int own_name(struct channel *c, const char *path)
{
    struct path_facts facts;

    if (path_facts(path, &facts) < 0)
        return 0;
    c->path = strdup(path);
    if (c->path == NULL) {
        (void)path_remove(path);
        return error_set(-ENOMEM, "no memory for a link");
    }
    c->inode = facts.inode;
    c->device = facts.device;
    c->owner = thread_process();
    return 0;
}

static int channel_listen(struct enl_link *l, const struct address *a)
{
    struct channel_terms terms;
    char path[PATH_SIZE];
    int backlog = link_backlog(a);
    int result = backlog < 0 ? backlog : terms_of(a, &terms);
    int fd = -1;

    l->ops = &listener_ops;
    if (result == 0)
        result = path_of(a, true, path);
    if (result == 0)
        result = socket_serve(SOCKET_SEQPACKET,
                              &(struct socket_name){.bytes = path, .size = strlen(path)},
                              (uint32_t)address_value(a, "mode"), backlog, &fd);
    if (result < 0)
        return result;
    (void)socket_want_sender(fd); /* what it accepts does, too */
    channel_init(channel_of(l), &terms);
    result = own_name(channel_of(l), path);
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    l->fd = fd;
    return 0;
}

/* Before the connection, which would be lost if there were no memory for the rest. */
static int init_named(struct enl_link *l, const struct address *a,
                      const struct channel_terms *terms)
{
    struct channel *c = channel_of(l);
    int result;

    if (c->named)
        return 0; /* of an earlier try */
    result = init(l, terms, a->name);
    c->named = result == 0;
    return result;
}

static int init_named_socket(struct enl_link *l, int fd)
{
    int result = init_socket(l, fd);

    if (result < 0)
        descriptor_close(fd);
    return result;
}

static int channel_accept(struct enl_link *listener, const struct address *a, struct enl_link *l)
{
    struct channel_terms terms;
    int result = terms_of(a, &terms);
    int fd = -1;

    if (result == 0)
        result = init_named(l, a, &terms);
    if (result == 0)
        result = socket_accept(listener->fd, &fd);
    if (result < 0)
        return result;
    return init_named_socket(l, fd);
}

static int channel_open(struct enl_link *l, const struct address *a, unsigned flags,
                        enl_deadline until)
{
    struct channel_terms terms;
    char path[PATH_SIZE];
    int fd = -1;
    int result = terms_of(a, &terms);

    (void)until; /* whether a peer is there is known at once */
    if (result == 0 && (flags & ENL_CREATE) != 0)
        result = error_set(-EINVAL, "enl_listen creates a channel, enl_open connects to it");
    if (result == 0)
        result = path_of(a, false, path);
    if (result == 0)
        result = init_named(l, a, &terms);
    if (result == 0)
        result = socket_connect(SOCKET_SEQPACKET,
                                &(struct socket_name){.bytes = path, .size = strlen(path)}, &fd);
    if (result == -EPROTOTYPE)
        return error_set(result, "%s is a socket of another type than a channel's", path);
    if (result < 0)
        return result;
    (void)socket_want_sender(fd); /* without it the peer's bells go over the socket, no more */
    return init_named_socket(l, fd);
}

static bool channel_recognise(int fd)
{
    struct channel_terms terms;
    struct socket_facts facts;

    return socket_facts(fd, &facts) == 0 && facts.family == AF_UNIX &&
           facts.type == SOCKET_SEQPACKET && !facts.listens && channel_is_unclaimed(fd, &terms);
}

static int channel_adopt(struct enl_link *l, const struct address *a, int fd)
{
    struct channel_terms terms;
    int result;

    (void)a;
    if (!channel_recognise(fd) || !channel_is_unclaimed(fd, &terms))
        return error_set(-ENOTSUP, "descriptor %d is no end of a channel that nobody uses", fd);
    result = descriptor_set_inherited(fd, false);
    if (result == 0)
        result = init(l, &terms, "");
    if (result < 0)
        return result;
    describe_terms(&terms, &l->caps);
    return init_socket(l, fd);
}

static int channel_unlink(const struct address *a)
{
    struct path_facts facts;
    char path[PATH_SIZE];
    int result = path_of(a, false, path);

    if (result == 0)
        result = path_facts(path, &facts);
    if (result == 0 && facts.kind != PATH_SOCKET)
        return error_set(-EINVAL, "%s is not a socket: it is left as it is", path);
    return result < 0 ? result : path_remove(path);
}

/* A name in the runtime directory is looked for again every so often, a path is watched. */
static const char *channel_path(const struct address *a)
{
    return a->name[0] == '/' ? a->name : NULL;
}

const struct link_driver channel_driver = {
    .face = {.scheme = "channel",
             .syntax = "channel:NAME, channel:",
             .summary = "shared memory of this machine, both ways, at memory's speed",
             .options = "message depth wait fds mode backlog",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_LOSSLESS |
                             ENL_CAN_DUPLEX | ENL_CAN_CREDENTIALS | ENL_CAN_POLL |
                             ENL_CAN_ZERO_COPY | ENL_CAN_EMPTY | ENL_CAN_END | ENL_CAN_BROKEN,
                      .meet = ENL_MEET_PAIR | ENL_MEET_LISTEN | ENL_MEET_ADOPT,
                      .reach = ENL_REACH_MACHINE,
                      .senders = 1,
                      .receivers = 1,
                      .largest_message = MESSAGE_PRESET,
                      .capacity = RING_LEAST}},
    .address = {.scheme = "channel",
                .syntax = "channel:NAME or channel:",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = ADDRESS_NAME_MAX,
                .options = channel_options},
    .ops = &channel_ops,
    .state_size = sizeof(struct channel),
    .describe = channel_describe,
    .open = channel_open,
    .pair = channel_pair,
    .listen = channel_listen,
    .recognise = channel_recognise,
    .adopt = channel_adopt,
    .unlink = channel_unlink,
    .path = channel_path,
};
