/* SPDX-License-Identifier: MIT */
/* Fuzz target: any packets from a peer, of any size and with descriptors or without, to a link on a socket that keeps
 * boundaries. What comes out is compared with what went in, packet by packet. */
#include "fuzz/fuzz.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The first byte of an input says how the packets are sent and received, the second how large they are; the rest is
 * their content. */
#define HOW_DATAGRAM 1u
#define HOW_TAKE 2u
#define HOW_MANY 4u
#define HOW_SHORT_MESSAGES 8u
#define HOW_TRUNCATE 16u
#define HOW_SHORT_BUFFER 32u
#define HOW_DESCRIPTORS 64u

#define LARGEST_LONG 1000u
#define LARGEST_SHORT 16u
#define PACKET_MOST 1200u
#define WAITING_MOST 4u
#define LOOKS_MOST 32u

struct packet {
    const uint8_t *data;
    size_t size;
    bool with_fd;
};

struct peer {
    unsigned how;
    size_t largest;
    uint32_t sizes; /* the state of the choice */
    const uint8_t *bytes;
    size_t size, sent; /* of bytes */
    struct packet waiting[WAITING_MOST];
    size_t waits;
    unsigned looks;
    int fd;
    struct enl_link *l;
};

static void open_peer(struct peer *p)
{
    bool datagram = p->how & HOW_DATAGRAM;
    char address[64];
    int ends[2];

    REQUIRE(socketpair(AF_UNIX, (datagram ? SOCK_DGRAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, ends) ==
            0);
    p->fd = ends[1];
    (void)snprintf(address, sizeof address, "unix:?type=%s&message=%zu%s",
                   datagram ? "datagram" : "seqpacket", p->largest,
                   (p->how & HOW_DESCRIPTORS) ? "&fds=1" : "");
    REQUIRE(enl_adopt(ends[0], address, &p->l) == 0);
}

/* Empty, small, or around the largest and above. */
static size_t next_size(struct peer *p)
{
    size_t size;

    p->sizes = p->sizes * 1664525u + 1013904223u; /* Numerical Recipes' generator */
    switch (p->sizes >> 30) {
    case 0:
        size = (p->sizes >> 16) % 3;
        break;
    case 1:
        size = (p->sizes >> 16) % 40;
        break;
    case 2:
        size = p->largest - 2 + (p->sizes >> 16) % 5;
        break;
    default:
        size = (p->sizes >> 16) % PACKET_MOST;
    }
    return size < p->size - p->sent ? size : p->size - p->sent;
}

static void send_packet(struct peer *p)
{
    const int any = STDERR_FILENO;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct packet packet = {.data = p->bytes + p->sent, .size = next_size(p)};
    struct iovec v = {.iov_base = (void *)(uintptr_t)packet.data, .iov_len = packet.size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    packet.with_fd = (p->sizes >> 13 & 3) == 1;
    if (packet.with_fd) { /* also where the link has not asked for any: then the kernel drops it */
        m.msg_control = &control;
        m.msg_controllen = sizeof control.bytes;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &any, sizeof any);
    }
    REQUIRE(sendmsg(p->fd, &m, MSG_NOSIGNAL) == (ssize_t)packet.size);
    p->sent += packet.size > 0 ? packet.size
                               : 1; /* an empty one uses a byte up, so that there is an end */
    p->waiting[p->waits++] = packet;
}

static void forget_first(struct peer *p)
{
    p->waits--;
    memmove(p->waiting, p->waiting + 1, sizeof p->waiting[0] * p->waits);
}

/* A link with something to receive is readable. Looked at so many times a run: it costs more than the rest. */
static void check_ready(struct peer *p)
{
    struct pollfd fd = {.fd = enl_link_fd(p->l), .events = POLLIN};

    if (p->looks++ < LOOKS_MOST)
        REQUIRE(poll(&fd, 1, 0) == (p->waits > 0));
}

/* A message that came is the first that waits; whole, or cut and told so. */
static void check_message(struct peer *p, const struct enl_message *m, size_t room)
{
    struct packet first = p->waiting[0];
    bool wants_fds = p->how & HOW_DESCRIPTORS;

    REQUIRE(p->waits > 0);
    REQUIRE(m->size == (first.size < room ? first.size : room));
    REQUIRE(m->full_size == first.size);
    REQUIRE(m->size == 0 || memcmp(m->data, first.data, m->size) == 0);
    REQUIRE(!(m->flags & ENL_TRUNCATED) == (m->size == first.size));
    REQUIRE(m->fd_count + !!(m->flags & ENL_FDS_LOST) <=
            (wants_fds && first.with_fd ? 1u : first.with_fd));
    REQUIRE(!wants_fds || !first.with_fd || m->fd_count == 1 || (m->flags & ENL_FDS_LOST));
    for (uint32_t i = 0; i < m->fd_count; i++)
        REQUIRE(close(m->fds[i]) == 0);
    forget_first(p);
}

static ssize_t take(struct peer *p)
{
    struct enl_message m;
    ssize_t result = enl_take(p->l, NULL, ENL_NOW, &m);

    if (result < 0)
        return result;
    REQUIRE(m.size == (size_t)result);
    check_message(p, &m, p->largest);
    REQUIRE(enl_release(&m) == 0);
    return result;
}

static ssize_t receive(struct peer *p, size_t capacity)
{
    uint8_t *buffer = malloc(capacity); /* of just its size, for the sanitizer */
    int fds[1];
    struct enl_message m = {.data = buffer,
                            .capacity = capacity,
                            .fds = fds,
                            .fd_capacity = p->how & HOW_SHORT_BUFFER ? 0 : 1,
                            .flags = p->how & HOW_TRUNCATE ? ENL_TRUNCATE : 0};
    ssize_t result;

    REQUIRE(buffer);
    result = enl_receive_message(p->l, NULL, ENL_NOW, &m);
    if (result >= 0) {
        REQUIRE(m.size == (size_t)result);
        check_message(p, &m, capacity < p->largest ? capacity : p->largest);
    }
    free(buffer);
    return result;
}

/* Several at once: only their first is refused or kept, the others are cut. */
static ssize_t receive_many(struct peer *p)
{
    struct enl_message m[WAITING_MOST];
    uint8_t *buffers = malloc(WAITING_MOST * p->largest);
    int fds[WAITING_MOST];
    ssize_t count;

    REQUIRE(buffers);
    for (size_t i = 0; i < WAITING_MOST; i++)
        m[i] = (struct enl_message){.data = buffers + i * p->largest,
                                    .capacity = p->largest,
                                    .fds = &fds[i],
                                    .fd_capacity = 1};
    count = enl_receive_messages(p->l, m, WAITING_MOST, ENL_NOW);
    for (ssize_t i = 0; i < count; i++) {
        if (i > 0 && (m[i].flags & ENL_TRUNCATED)) /* how large it was is not told here */
            m[i].full_size = p->waiting[0].size;
        check_message(p, &m[i], p->largest);
    }
    free(buffers);
    return count;
}

/* Receives what comes first and checks it; false when nothing waits. */
static bool receive_one(struct peer *p)
{
    bool cuts = (p->how & HOW_TRUNCATE) && !(p->how & (HOW_TAKE | HOW_MANY));
    size_t first = p->waits > 0 ? p->waiting[0].size : 0;
    bool waits = p->waits > 0,
         short_buffer = !(p->how & (HOW_TAKE | HOW_MANY)) && (p->how & HOW_SHORT_BUFFER);
    ssize_t result;

    check_ready(p);
    if (p->how & HOW_TAKE)
        result = take(p);
    else if (p->how & HOW_MANY)
        result = receive_many(p);
    else
        result = receive(p, short_buffer ? 5 : LARGEST_LONG);
    if (!waits) {
        REQUIRE(result == -EAGAIN);
    } else if (first > p->largest && !cuts) {
        REQUIRE(result == -EBADMSG);
        forget_first(p);
    } else if (short_buffer && first > 5 && !cuts) {
        REQUIRE(result == -EMSGSIZE);
        REQUIRE(receive(p, LARGEST_LONG) == (ssize_t)first); /* it was kept */
    } else {
        REQUIRE(result >= 0);
    }
    return waits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer p = {.sent = 0};
    uint64_t before = open_descriptors();
    struct enl_message m = {.capacity = 0};

    if (size < 2)
        return 0;
    p.how = data[0];
    p.largest = p.how & HOW_SHORT_MESSAGES ? LARGEST_SHORT : LARGEST_LONG;
    p.sizes = data[1] * 2654435761u;
    p.bytes = data + 2;
    p.size = size - 2;
    open_peer(&p);
    while (p.sent < p.size) {
        for (uint32_t count = 1 + p.sizes % WAITING_MOST; count > 0 && p.sent < p.size; count--)
            send_packet(&p);
        while (receive_one(&p))
            ;
    }
    REQUIRE(close(p.fd) == 0);
    if (!(p.how & HOW_DATAGRAM))
        REQUIRE(enl_receive_message(p.l, NULL, ENL_NOW, &m) == -ESHUTDOWN);
    enl_close(p.l);
    REQUIRE(open_descriptors() == before);
    return 0;
}
