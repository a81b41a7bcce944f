/* SPDX-License-Identifier: MIT */
/* Sockets that keep boundaries: UNIX seqpacket and datagram, and UDP.
 *
 * A receive reads into the program's buffer and, behind it, into a buffer of the link: what did not fit is kept
 * there whole and given by the next call.
 *
 * The end of a connection reads as zero bytes, as an empty message does. But a message comes from a socket, and
 * ours have names (of the kernel's choice, if need be), while the end comes from nobody. Of a peer whose
 * socket has none, an empty message just before its end is taken for the end. */
#include "link/packet.h"
#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/memory.h"
#include "kernel/socket.h"
#include "link/link.h"

#include <errno.h>
#include <string.h>

#define COPY_BELOW                                                                                 \
    8192u /* bytes; a message that lies in the link's buffer is copied to the program's */

/* ---- receiving ------------------------------------------------------------------------------------------ */

static void fill_message(struct enl_message *m, const struct socket_message *from, size_t size)
{
    m->size = m->full_size = size;
    m->flags |= (from->fds_lost ? ENL_FDS_LOST : 0u) | (from->cut ? ENL_TRUNCATED : 0u);
    m->sender = from->has_sender ? from->sender : (struct enl_peer){0};
    m->name_size = from->name_size;
    m->fd_count = 0;
}

/* The descriptors go to the program, as many as it has room for. */
static void give_fds(struct enl_message *m, const int fds[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (m->fds != NULL && i < m->fd_capacity)
            m->fds[m->fd_count++] = fds[i];
        else {
            descriptor_close(fds[i]);
            m->flags |= ENL_FDS_LOST;
        }
    }
}

/* Not in a forked child, where the buffer is empty again. */
static bool holds(const struct packet *p)
{
    return p->has_kept && p->kept[p->kept_room] != 0;
}

static void drop_kept(struct packet *p)
{
    for (unsigned i = 0; p->has_kept && i < p->kept_message.fd_count; i++)
        descriptor_close(p->fd_room[i]);
    p->has_kept = false;
}

/* A message that did not fit: `head` bytes lie in the program's buffer, the rest at `kept + head`. */
static int keep(struct packet *p, const struct enl_message *m, const struct socket_message *from,
                size_t size, size_t head)
{
    drop_kept(p);
    if (head > 0)
        memcpy(p->kept, m->data, head);
    p->kept[p->kept_room] = 1;
    p->kept_message.flags = 0; /* those of the one that was kept before */
    fill_message(&p->kept_message, from, size);
    memcpy(p->kept_message.name, m->name, from->name_size);
    if (from->fd_count > 0)
        memcpy(p->fd_room, from->fds, sizeof from->fds[0] * from->fd_count);
    p->kept_message.fd_count = from->fd_count;
    p->has_kept = true;
    return link_too_large(size, m->capacity);
}

static ssize_t give_kept(struct packet *p, struct enl_message *m)
{
    const struct enl_message *kept = &p->kept_message;
    size_t size = kept->size;

    if (size > m->capacity) {
        if ((m->flags & ENL_TRUNCATE) == 0)
            return link_too_large(size, m->capacity);
        size = m->capacity;
        m->flags |= ENL_TRUNCATED;
    }
    if (size > 0)
        memcpy(m->data, p->kept, size);
    m->size = size;
    m->full_size = kept->full_size;
    m->flags |= kept->flags & (ENL_FDS_LOST | ENL_TRUNCATED);
    m->sender = kept->sender;
    m->name_size = kept->name_size;
    memcpy(m->name, kept->name, kept->name_size);
    m->fd_count = 0;
    give_fds(m, p->fd_room, kept->fd_count);
    p->has_kept = false;
    return (ssize_t)size;
}

static ssize_t receive_failed(struct packet *p, ssize_t result)
{
    if (result == -ECONNRESET && p->ends) {
        p->reset = true; /* the kernel says so before what was sent; we say it after */
        return -EINTR;
    }
    if (result == -EAGAIN || result == -EINTR)
        return result;
    if (result == -ECONNREFUSED && p->loose)
        return -EINTR; /* told once; nothing that came is lost */
    if (result == -ECONNRESET || result == -ECONNREFUSED)
        return link_reset("the peer closed or died");
    return error_set((int)result, "the socket does not receive: %s", strerror((int)-result));
}

/* Whether what read as zero bytes, from nobody, was the end. */
static bool has_ended(const struct enl_link *l)
{
    struct pollfd item = {.fd = l->fd, .events = POLLRDHUP};

    return wait_look(&item, 1) > 0 && (item.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static int tell_end(const struct packet *p)
{
    return p->reset ? link_reset("the peer broke off with messages unread") : link_ended();
}

static int too_large_to_keep(const struct packet *p, ssize_t size)
{
    return error_set(-EBADMSG,
                     "a message of %zd bytes came, above message=%zu, and is lost: raise it", size,
                     p->kept_room);
}

/* The plain call, where a message is bytes alone: a vector and its header cost a tenth of a round trip more. */
static ssize_t receive_plain(struct enl_link *l, struct enl_message *m, bool may_block)
{
    struct packet *p = link_state(l);
    bool direct = m->capacity >= p->kept_room;
    size_t room = p->kept_room; /* more than message= is refused, whatever the buffer takes */
    size_t limit = m->capacity < room ? m->capacity : room;
    bool named;
    ssize_t size =
        socket_receive_packet(l->fd, direct ? m->data : p->kept, room, &named, may_block);
    struct socket_message from;

    if (size < 0)
        return receive_failed(p, size);
    if (size == 0 && !named && has_ended(l))
        return tell_end(p);
    from.cut = (size_t)size > room;
    if (from.cut && (m->flags & ENL_TRUNCATE) == 0)
        return too_large_to_keep(p, size);
    p->large = (size_t)size > COPY_BELOW;
    from.has_sender = from.fds_lost = false;
    from.name_size = from.fd_count = 0;
    if ((size_t)size > limit && (m->flags & ENL_TRUNCATE) == 0)
        return keep(p, m, &from, (size_t)size, 0);
    fill_message(m, &from, (size_t)size);
    if ((size_t)size > limit) {
        m->size = limit;
        m->flags |= ENL_TRUNCATED;
    }
    if (!direct && m->size > 0)
        memcpy(m->data, p->kept, m->size);
    return (ssize_t)m->size;
}

ssize_t packet_receive(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                       bool may_block)
{
    struct packet *p = link_state(l);
    size_t head = m->capacity < p->kept_room ? m->capacity : p->kept_room;
    unsigned char name[ENL_PEER_NAME_SIZE];
    struct socket_message from;
    ssize_t size;

    (void)match;
    if (holds(p))
        return give_kept(p, m);
    if (p->ends && p->fds_most == 0 && !p->large)
        return receive_plain(l, m, may_block);
    from.parts[0] = (struct iovec){.iov_base = m->data, .iov_len = head};
    from.parts[1] = (struct iovec){.iov_base = p->kept + head, .iov_len = p->kept_room - head};
    from.part_count = 2;
    from.packets = true;
    from.fd_capacity = p->fds_most;
    from.name = p->named ? m->name : p->ends ? name : NULL;
    size = socket_receive_message(l->fd, &from, may_block);
    if (size < 0)
        return receive_failed(p, size);
    if (size == 0 && p->ends && from.name_size == 0 && has_ended(l))
        return tell_end(p);
    from.name_size = p->named ? from.name_size : 0;
    p->large = (size_t)size > COPY_BELOW;
    if (from.cut && (m->flags & ENL_TRUNCATE) == 0) {
        for (unsigned i = 0; i < from.fd_count; i++)
            descriptor_close(from.fds[i]);
        return too_large_to_keep(p, size);
    }
    if ((size_t)size > head && (m->flags & ENL_TRUNCATE) == 0)
        return keep(p, m, &from, (size_t)size, head);
    fill_message(m, &from, (size_t)size);
    if ((size_t)size > head) {
        m->size = head;
        m->flags |= ENL_TRUNCATED;
    }
    give_fds(m, from.fds, from.fd_count);
    return (ssize_t)m->size;
}

/* The others of several: they went into their own buffers, and what was larger was cut by the kernel. So only
 * as many are read at once as have room for the largest message. */
ssize_t packet_receive_many(struct enl_link *l, struct enl_message m[], size_t count)
{
    struct packet *p = link_state(l);
    struct socket_item items[SOCKET_BATCH];
    ssize_t received;
    size_t fit = 0;

    if (holds(p) || p->fds_most > 0 || p->named)
        return 0; /* what comes with more than bytes is received one by one */
    while (fit < count && fit < SOCKET_BATCH && m[fit].capacity >= l->largest) {
        items[fit] = (struct socket_item){.data = m[fit].data, .size = m[fit].capacity};
        fit++;
    }
    received = fit == 0 ? 0 : socket_receive_many(l->fd, items, fit);
    for (ssize_t i = 0; i < received; i++) {
        if (p->ends && items[i].size == 0 && !items[i].named && has_ended(l))
            return i; /* the end; the next receive says so */
        m[i].size = m[i].full_size = items[i].size;
        m[i].sender = items[i].sender;
        m[i].flags |= items[i].cut ? ENL_TRUNCATED : 0;
    }
    if (received == -ECONNRESET)
        p->reset = true;
    return received;
}

bool packet_pending(const struct enl_link *l)
{
    const struct packet *p = link_state((struct enl_link *)(uintptr_t)l);

    return holds(p);
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

static ssize_t send_result(const struct packet *p, ssize_t result)
{
    if (result == -ECONNREFUSED && p->loose)
        return -EINTR; /* of an earlier message: this one goes with the next call */
    return link_send_result(result);
}

ssize_t packet_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    struct packet *p = link_state(l);
    struct socket_message to;
    int result;

    if (m->fd_count == 0 && m->name_size == 0) {
        if (p->named)
            return error_set(-ENOTCONN,
                             "this datagram link has no peer: send to the name of a message "
                             "that came (enl_message.name)");
        return send_result(p, socket_send(l->fd, m->data, m->size, may_block));
    }
    result = packet_check_fds(p, m);
    if (result == 0 && m->name_size > 0 && p->ends)
        result = link_cannot(l, "send to a name: only datagrams can");
    if (result < 0)
        return result;
    to.parts[0] = (struct iovec){.iov_base = m->data, .iov_len = m->size};
    to.part_count = 1;
    to.name = m->name_size > 0 ? (void *)(uintptr_t)m->name : NULL;
    to.name_size = m->name_size;
    to.fd_count = m->fd_count;
    if (m->fd_count > 0)
        memcpy(to.fds, m->fds, sizeof to.fds[0] * m->fd_count);
    return send_result(p, socket_send_message(l->fd, &to, may_block));
}

ssize_t packet_send_many(struct enl_link *l, const struct enl_message m[], size_t count,
                         bool may_block)
{
    struct packet *p = link_state(l);
    struct socket_item items[SOCKET_BATCH];
    size_t plain = 0;

    while (plain < count && plain < SOCKET_BATCH && m[plain].fd_count == 0 &&
           m[plain].name_size == 0 && !p->named) {
        items[plain] = (struct socket_item){.data = m[plain].data, .size = m[plain].size};
        plain++;
    }
    if (plain == 0) {
        ssize_t sent = packet_send(l, m, may_block);

        return sent < 0 ? sent : 1;
    }
    return send_result(p, socket_send_many(l->fd, items, plain, may_block));
}

/* ---- the rest ----------------------------------------------------------------------------------------- */

int packet_check_fds(const struct packet *p, const struct enl_message *m)
{
    if (m->fd_count <= p->fds_most)
        return 0;
    return error_set(-EMSGSIZE, "%u descriptors in a message, this link declared fds=%u",
                     m->fd_count, p->fds_most);
}

size_t packet_kept(const struct enl_link *l)
{
    const struct packet *p = link_state((struct enl_link *)(uintptr_t)l);

    return holds(p) ? p->kept_message.size : 0;
}

int packet_init(struct enl_link *l)
{
    struct packet *p = link_state(l);
    void *memory;
    int result;

    p->kept_room = (size_t)l->caps.largest_message;
    result = memory_create(p->kept_room + 1, &memory);
    if (result == 0)
        p->kept = memory;
    return result;
}

void packet_fini(struct enl_link *l)
{
    struct packet *p = link_state(l);

    drop_kept(p);
    memory_close(p->kept, p->kept_room + 1);
    p->kept = NULL;
}
