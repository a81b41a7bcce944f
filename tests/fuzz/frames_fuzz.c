/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes from a peer, in pieces of any size, to a link on a byte stream. What comes out is
 * compared with a second, simpler reading of the same bytes. */
#include "fuzz/fuzz.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The first byte of an input says how the rest is sent and received, the second how it is cut in pieces, and
 * from REPEAT on that it is sent again until GO_ROUND bytes were, to go round the link's buffers. */
#define HOW_FRAME 3u
#define HOW_PIPE 4u
#define HOW_TAKE 8u
#define HOW_SHORT_MESSAGES 16u
#define HOW_TRUNCATE 32u
#define HOW_SHORT_BUFFER 64u
#define HOW_DESCRIPTORS 128u

#define REPEAT 240u
#define GO_ROUND 80000u
#define LOOKS_MOST 32u

#define LARGEST_LONG 1000u
#define LARGEST_SHORT 16u

enum frame { U32, LINE, RAW };

struct peer {
    unsigned how;
    enum frame frame;
    size_t largest;
    uint32_t pieces; /* the state of the cutting */
    const uint8_t *bytes;
    size_t size;
    size_t sent;     /* of bytes */
    size_t received; /* of them: where the next message begins */
    bool closed;     /* nothing more will be sent */
    bool passing;    /* a descriptor was sent and did not come yet */
    size_t with;     /* where the message begins with which it must come */
    unsigned looks;
    int fd;
    struct enl_link *l;
};

/* What the bytes sent so far make of the next message. */
enum found { NOTHING, MESSAGE, LAST_LINE, GARBAGE, BROKEN_OFF, END };

struct next {
    enum found found;
    size_t at, size, total;
};

static struct next next_line(const struct peer *p, size_t there)
{
    const uint8_t *start = p->bytes + p->received;
    const uint8_t *newline = memchr(start, '\n', there);
    size_t size = newline ? (size_t)(newline - start) : there;
    struct next n = {.found = NOTHING, .at = p->received, .size = size, .total = size};

    if (size > p->largest)
        n.found = GARBAGE;
    else if (newline) {
        n.found = MESSAGE;
        n.total++;
    } else if (p->closed) {
        n.found = LAST_LINE;
    }
    return n;
}

static struct next next_u32(const struct peer *p, size_t there)
{
    const uint8_t *b = p->bytes + p->received;
    struct next n = {.found = p->closed ? BROKEN_OFF : NOTHING, .at = p->received + 4};

    if (there < 4)
        return n;
    n.size = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
    n.total = 4 + n.size;
    if (n.size > p->largest)
        n.found = GARBAGE;
    else if (there >= n.total)
        n.found = MESSAGE;
    return n;
}

static struct next next_of(const struct peer *p)
{
    size_t there = p->sent - p->received;

    if (there == 0)
        return (struct next){.found = p->closed ? END : NOTHING};
    if (p->frame == RAW)
        return (struct next){.found = MESSAGE, .at = p->received, .size = there, .total = there};
    return p->frame == LINE ? next_line(p, there) : next_u32(p, there);
}

/* Where the message begins that is the last to begin in what is sent now. */
static size_t last_begin(struct peer p)
{
    struct next n = next_of(&p);

    while (n.found == MESSAGE && p.received + n.total < p.sent) {
        p.received += n.total;
        n = next_of(&p);
    }
    return p.received;
}

static void open_peer(struct peer *p)
{
    static const char *const frames[] = {[U32] = "u32", [LINE] = "line", [RAW] = "raw"};
    bool pipes = p->how & HOW_PIPE;
    char address[64];
    int ends[2];

    if (pipes) {
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    } else {
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    }
    p->fd = ends[1];
    REQUIRE(fcntl(p->fd, F_SETFL, O_NONBLOCK) == 0);
    (void)snprintf(address, sizeof address, "%s:?frame=%s&message=%zu%s", pipes ? "pipe" : "unix",
                   frames[p->frame], p->largest,
                   !pipes && (p->how & HOW_DESCRIPTORS) ? "&fds=1" : "");
    REQUIRE(enl_adopt(ends[0], address, &p->l) == 0);
}

/* Sends the next piece: some bytes, or many, now and then with a descriptor. */
static void send_piece(struct peer *p)
{
    const int any = STDERR_FILENO;
    size_t size;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec v = {.iov_base = (void *)(uintptr_t)(p->bytes + p->sent)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    p->pieces = p->pieces * 1664525u + 1013904223u; /* Numerical Recipes' generator */
    size = 1 + (p->pieces >> 16) % (p->pieces >> 31 ? 7 : 2000);
    if (size > p->size - p->sent)
        size = p->size - p->sent;
    v.iov_len = size;
    if ((p->how & HOW_DESCRIPTORS) && !p->passing && (p->pieces >> 29 & 3) == 1) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control.bytes;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &any, sizeof any); /* p->fd would keep the stream open */
    }
    if (p->how & HOW_PIPE)
        REQUIRE(write(p->fd, v.iov_base, size) == (ssize_t)size);
    else
        REQUIRE(sendmsg(p->fd, &m, MSG_NOSIGNAL) == (ssize_t)size);
    p->sent += size;
    if (m.msg_control && !(p->how & HOW_PIPE)) {
        p->passing = true;
        p->with = last_begin(*p);
    }
}

/* A link with something to receive, be it a failure, is readable. Looked at so many times a run: it costs more
 * than the rest. */
static void check_ready(struct peer *p, enum found found)
{
    struct pollfd fd = {.fd = enl_link_fd(p->l), .events = POLLIN};

    if (found != NOTHING && p->looks++ < LOOKS_MOST) {
        REQUIRE(poll(&fd, 1, 0) == 1);
        REQUIRE(enl_link_events(p->l) & (ENL_READABLE | ENL_GONE));
    }
}

/* A descriptor comes with some message, or with the news that there was no room for it. */
static void collect(struct peer *p, const struct enl_message *m)
{
    REQUIRE(m->fd_count == 0 || p->passing);
    REQUIRE(m->fd_count <= m->fd_capacity);
    for (uint32_t i = 0; i < m->fd_count; i++)
        REQUIRE(close(m->fds[i]) == 0);
    if (m->fd_count > 0 || (m->flags & ENL_FDS_LOST)) {
        REQUIRE(p->frame == RAW || p->received == p->with);
        p->passing = false;
    }
}

static ssize_t take(struct peer *p, const struct next *n)
{
    struct enl_message m;
    ssize_t result = enl_take(p->l, NULL, ENL_NOW, &m);

    if (result < 0)
        return result;
    REQUIRE(m.size == (size_t)result);
    REQUIRE(p->frame == RAW ? m.size <= n->size : m.size == n->size);
    REQUIRE(!memcmp(m.data, p->bytes + n->at, m.size));
    REQUIRE(!(m.flags & ENL_TRUNCATED) == (n->found != LAST_LINE));
    collect(p, &m);
    REQUIRE(enl_release(&m) == 0);
    return result;
}

static ssize_t receive(struct peer *p, const struct next *n, size_t capacity)
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
        size_t expected = n->size < capacity ? n->size : capacity;

        REQUIRE(m.size == (size_t)result);
        REQUIRE(p->frame == RAW ? m.size > 0 && m.size <= expected : m.size == expected);
        REQUIRE(p->frame == RAW || m.full_size == n->size);
        REQUIRE(!memcmp(buffer, p->bytes + n->at, m.size));
        REQUIRE(!(m.flags & ENL_TRUNCATED) ==
                (n->found != LAST_LINE && (p->frame == RAW || n->size <= capacity)));
        collect(p, &m);
    }
    free(buffer);
    return result;
}

/* Receives one message and checks it; false when there is none. */
static bool receive_one(struct peer *p)
{
    struct next n = next_of(p);
    bool whole = n.found == MESSAGE || n.found == LAST_LINE;
    bool too_large;
    ssize_t result;

    check_ready(p, n.found);
    if (p->how & HOW_TAKE) {
        result = take(p, &n);
    } else {
        result = receive(p, &n, p->how & HOW_SHORT_BUFFER ? 5 : LARGEST_LONG);
        too_large = whole && p->frame != RAW && n.size > 5 && (p->how & HOW_SHORT_BUFFER) &&
                    !(p->how & HOW_TRUNCATE);
        REQUIRE((result == -EMSGSIZE) == too_large);
        if (too_large)
            result = receive(p, &n, LARGEST_LONG);
    }
    REQUIRE((result >= 0) == whole);
    if (whole)
        p->received += p->frame == RAW ? (size_t)result : n.total;
    else if (n.found == NOTHING)
        REQUIRE(result == -EAGAIN);
    else if (n.found == GARBAGE)
        REQUIRE(result == -EBADMSG);
    else if (n.found == BROKEN_OFF)
        REQUIRE(result == -ECONNRESET);
    else
        REQUIRE(result == -ESHUTDOWN && !p->passing);
    return whole;
}

static void run(struct peer *p)
{
    open_peer(p);
    while (p->sent < p->size && next_of(p).found == NOTHING) { /* garbage: nothing more is read */
        send_piece(p);
        while (receive_one(p))
            ;
    }
    REQUIRE(close(p->fd) == 0);
    p->closed = true;
    while (receive_one(p))
        ;
    REQUIRE(!receive_one(p)); /* an end stays one */
    enl_close(p->l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer p = {.closed = false};
    uint64_t before = open_descriptors();
    size_t times;
    uint8_t *bytes;

    if (size < 2)
        return 0;
    p.how = data[0];
    p.frame = (p.how & HOW_FRAME) % 3;
    p.largest = p.how & HOW_SHORT_MESSAGES ? LARGEST_SHORT : LARGEST_LONG;
    p.pieces = data[1] * 2654435761u;
    times = data[1] >= REPEAT && size > 1000 ? 1 + GO_ROUND / size : 1;
    p.size = (size - 2) * times;
    p.bytes = bytes = malloc(p.size + 1);
    REQUIRE(bytes);
    for (size_t i = 0; i < times; i++)
        memcpy(bytes + i * (size - 2), data + 2, size - 2);
    run(&p);
    free(bytes);
    REQUIRE(open_descriptors() == before);
    return 0;
}
