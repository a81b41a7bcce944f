/* SPDX-License-Identifier: MIT */
/* How the two ends of a channel meet.
 *
 * Between them is a socket that keeps boundaries. Each end that is used says one hello over it: what it is, on which
 * terms, and by descriptors its segment, its process, its bell (to a peer of the same user) and, where messages
 * carry descriptors, a socket of its own for those. Each says it when it is used first, the opener's may
 * come before it is accepted. From then on the socket carries bells to other users, a refusal, and the news of the end.
 *
 * An end is nobody's until it is used first, by the process that made it or one that inherited it: see
 * channel_first.c.
 *
 * Crash. Whatever a side dies of, its peer has a hello that is whole, or none, and its socket or process ends. A
 * goodbye tells a peer that never had a hello of an orderly end. */
#include "base/error.h"
#include "kernel/bell.h"
#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "kernel/membarrier.h"
#include "kernel/pidfd.h"
#include "kernel/sealed.h"
#include "kernel/socket.h"
#include "kernel/thread.h"
#include "link/channel_hello.h"
#include "shm/channel_facts.h"

#include <enlace/error.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HAS_BELL 1u
#define CAN_FENCE 2u
#define HAS_FDS 4u
#define HELLO_FDS_MOST 4
#define DATAGRAMS_A_CALL 64

struct hello hello_of(uint32_t kind, const struct channel_terms *terms)
{
    struct hello h;

    memset(&h, 0, sizeof h);
    h.magic = CHANNEL_MAGIC;
    h.version = CHANNEL_VERSION;
    h.layout = CHANNEL_LAYOUT;
    h.kind = kind;
    h.terms = *terms;
    return h;
}

int hello_send(int fd, struct hello *h, const int fds[], unsigned fd_count)
{
    struct socket_message m;
    ssize_t sent;

    m.parts[0] = (struct iovec){.iov_base = h, .iov_len = sizeof *h};
    m.part_count = 1;
    m.name = NULL;
    m.name_size = 0;
    m.fd_count = fd_count;
    if (fd_count > 0)
        memcpy(m.fds, fds, fd_count * sizeof fds[0]);
    sent = socket_send_message(fd, &m, false);
    return sent < 0 ? (int)sent : 0;
}

static void lock(struct channel *c)
{
    while (atomic_flag_test_and_set_explicit(&c->busy, memory_order_acquire))
        thread_yield();
}

static void unlock(struct channel *c)
{
    atomic_flag_clear_explicit(&c->busy, memory_order_release); /* pairs with the next lock() */
}

/* ---- making ------------------------------------------------------------------------------------------------ */

void channel_init(struct channel *c, const struct channel_terms *terms)
{
    c->terms = *terms;
    atomic_flag_clear_explicit(&c->settling, memory_order_relaxed);
    c->maker = c->first = NO_PROCESS;
    c->holder = (struct holder)HOLDER_NONE;
    atomic_init(&c->process, NO_PROCESS);
    atomic_init(&c->send_process, NO_PROCESS);
    atomic_init(&c->receive_process, NO_PROCESS);
    c->socket_fd = c->set_fd = c->bell_fd = c->fds_fd = -1;
    atomic_init(&c->space_fd, -1);
    c->peer_bell_fd = c->peer_process_fd = c->peer_fds_fd = -1;
    c->own.fd = c->theirs.fd = -1;
    atomic_flag_clear_explicit(&c->busy, memory_order_relaxed);
}

int channel_no_descriptor(int result)
{
    return error_set(result,
                     "no descriptor left for a channel, whose end needs %s: close some, or raise "
                     "RLIMIT_NOFILE",
                     "six");
}

static void unmake(struct channel *c)
{
    descriptor_close(c->set_fd);
    descriptor_close(c->space_fd);
    descriptor_close(c->bell_fd);
    descriptor_close(c->fds_fd);
    c->set_fd = c->bell_fd = c->fds_fd = -1;
    c->space_fd = -1;
    segment_unmap(&c->own);
}

static void fill_header(struct channel *c)
{
    struct channel_header *own = channel_header_of(c);

    own->magic = CHANNEL_MAGIC;
    own->version = CHANNEL_VERSION;
    own->layout = CHANNEL_LAYOUT;
    own->ring_bytes = c->terms.ring_bytes;
    own->largest = c->terms.largest;
    channel_facts_write(own, c->name);
    lane_writer_init(&c->out, own, c->own.ring, c->terms.ring_bytes);
    c->in.own = own;
}

/* Whether this process is registered and can fence others: asked once, as a fence that meets running processes takes
 * longer than all the rest. A global, because it is the process's; fork keeps a registration, exec drops it and this. */
static bool fences_others(void)
{
    enum { UNKNOWN, CAN, CANNOT };
    static atomic_int answer;
    int known = atomic_load_explicit(&answer, memory_order_relaxed);

    if (known == UNKNOWN) {
        known = membarrier_register() == 0 && membarrier_fence() == 0 ? CAN : CANNOT;
        atomic_store_explicit(&answer, known, memory_order_relaxed);
    }
    return known == CAN;
}

/* Everything of this end's own but the socket; leaves nothing if it fails. */
static int make(struct channel *c)
{
    uint32_t process;
    int result = process_word_get(&process);

    if (result == 0)
        result = segment_create(sizeof(struct channel_header), c->terms.ring_bytes, &c->own);
    if (result < 0)
        return result;
    result = bell_create(&c->bell_fd);
    if (result == 0)
        result = bell_set_create(&c->set_fd);
    if (result == 0)
        result = bell_set_add(c->set_fd, c->bell_fd, BELL_RUNG);
    if (result < 0) {
        unmake(c);
        return result == -EMFILE || result == -ENFILE
                   ? channel_no_descriptor(result)
                   : error_set(result, "cannot make a channel's bell");
    }
    (void)bell_set_empty(c->set_fd);
    c->membarrier = fences_others();
    fill_header(c);
    return 0;
}

static bool peer_is_of_this_user(int fd)
{
    struct enl_peer peer;

    return socket_peer(fd, &peer) == 0 && peer.uid == thread_user();
}

/* The hello's descriptors; those made for it alone are closed by the caller: fds[1], and fds[*ret_away]. */
static int gather(struct channel *c, int fd, struct hello *h, int fds[HELLO_FDS_MOST],
                  unsigned *ret_count, int *ret_away)
{
    int pair[2];
    int result;

    *ret_count = 0;
    *ret_away = -1;
    fds[0] = c->own.fd;
    fds[1] = pidfd_open_self();
    if (fds[1] < 0)
        return fds[1];
    *ret_count = 2;
    if (peer_is_of_this_user(fd)) {
        h->flags |= HAS_BELL;
        fds[(*ret_count)++] = c->bell_fd;
    }
    if (c->terms.fds_most > 0) {
        result = socket_create_pair(SOCKET_SEQPACKET, pair);
        if (result < 0)
            return result;
        h->flags |= HAS_FDS;
        c->fds_fd = pair[0];
        *ret_away = fds[(*ret_count)++] = pair[1];
    }
    return 0;
}

/* Says hello over the socket. */
static int greet(struct channel *c, int fd)
{
    struct hello h = hello_of(KIND_HELLO, &c->terms);
    int fds[HELLO_FDS_MOST] = {-1, -1, -1, -1};
    unsigned count;
    int away;
    int result = gather(c, fd, &h, fds, &count, &away);

    if (c->membarrier)
        h.flags |= CAN_FENCE;
    if (result == 0)
        result = bell_set_add(c->set_fd, fd, BELL_SOCKET);
    if (result == 0) {
        result = hello_send(fd, &h, fds, count);
        if (result == -EPIPE || result == -ECONNRESET)
            result = 0; /* what it had sent can still be read */
        if (result < 0)
            bell_set_remove(c->set_fd, fd);
    }
    if (fds[1] >= 0)
        descriptor_close(fds[1]);
    descriptor_close(away);
    if (result < 0) {
        descriptor_close(c->fds_fd);
        c->fds_fd = -1;
        return result == -EMFILE || result == -ENFILE
                   ? channel_no_descriptor(result)
                   : error_set(result, "cannot greet a channel's peer: %s", strerror(-result));
    }
    c->greeted = true;
    return 0;
}

void hello_take_out(int fd)
{
    char byte;
    ssize_t size;

    do
        size = socket_receive(fd, &byte, 1, false);
    while (size == -ECONNRESET || size == -EINTR);
}

static int claim(struct channel *c)
{
    int result = make(c);

    if (result < 0)
        return result;
    result = channel_take_first(c);
    if (result < 0) {
        unmake(c);
        return result;
    }
    c->process = c->first;
    return 0;
}

static bool is_of_parent(const struct channel *c)
{
    return c->process != NO_PROCESS && !process_word_is(c->process);
}

static int refuse_child(void)
{
    return error_set(-EBADF,
                     "the channel is used by the process that this one was forked from; this one "
                     "may only close it");
}

int channel_claim(struct enl_link *l, bool greets)
{
    struct channel *c = channel_of(l);
    int result = 0;

    if (is_of_parent(c)) /* a thread that is not here may have had the lock */
        return refuse_child();
    fork_gate_enter(); /* a child has an end that is used or one that is not, and a lock that somebody gives back */
    lock(c);
    if (c->process == NO_PROCESS)
        result = claim(c);
    if (result == 0 && greets && !c->greeted)
        result = greet(c, c->socket_fd);
    unlock(c);
    fork_gate_leave();
    return result;
}

/* ---- the peer's hello -------------------------------------------------------------------------------------- */

static int refuse(struct channel *c, const char *text)
{
    struct hello h = hello_of(KIND_REFUSAL, &c->terms);

    (void)snprintf(h.text, sizeof h.text, "%s", text);
    (void)hello_send(c->socket_fd, &h, NULL, 0);
    (void)snprintf(c->text, sizeof c->text, "%s", text);
    atomic_store_explicit(&c->gone, CHANNEL_REFUSED, memory_order_release);
    return 0;
}

int channel_break(struct channel *c, const char *what)
{
    unsigned here = CHANNEL_HERE;

    lock(c);
    if (atomic_compare_exchange_strong(&c->gone, &here, CHANNEL_BAD))
        (void)snprintf(c->text, sizeof c->text, "%s", what);
    unlock(c);
    return error_set(-EBADMSG, "the channel's peer makes no sense: %s", what);
}

static void break_locked(struct channel *c, const char *what)
{
    (void)snprintf(c->text, sizeof c->text, "%s", what);
    atomic_store_explicit(&c->gone, CHANNEL_BAD, memory_order_release);
}

/* What the two differ in, in words; nothing if they agree. */
static bool differ(const struct channel *c, const struct hello *h, char text[CHANNEL_TEXT_SIZE])
{
    const struct channel_terms *a = &c->terms, *b = &h->terms;

    if (h->version != CHANNEL_VERSION)
        (void)snprintf(text, CHANNEL_TEXT_SIZE,
                       "channels of version %u and %u do not understand each other",
                       CHANNEL_VERSION, h->version);
    else if (h->layout != CHANNEL_LAYOUT)
        (void)snprintf(text, CHANNEL_TEXT_SIZE, "the channels' layouts differ: %#x and %#x",
                       CHANNEL_LAYOUT, h->layout);
    else if (a->largest != b->largest)
        (void)snprintf(text, CHANNEL_TEXT_SIZE, "one end says message=%u, the other message=%u",
                       a->largest, b->largest);
    else if (a->depth != b->depth || a->ring_bytes != b->ring_bytes)
        (void)snprintf(text, CHANNEL_TEXT_SIZE,
                       "one end says depth=%u (%u bytes), the other depth=%u (%u bytes)", a->depth,
                       a->ring_bytes, b->depth, b->ring_bytes);
    else if (a->fds_most != b->fds_most)
        (void)snprintf(text, CHANNEL_TEXT_SIZE, "one end says fds=%u, the other fds=%u",
                       a->fds_most, b->fds_most);
    else
        return false;
    return true;
}

/* What comes as a socket must be one before anything else is asked of it. */
static bool is_packet_socket(int fd)
{
    struct socket_facts facts;

    return socket_facts(fd, &facts) == 0 && facts.family == AF_UNIX &&
           facts.type == SOCKET_SEQPACKET;
}

/* Of the descriptors, what belongs to this end from now on is set to -1 in m->fds. */
static int adopt_peer(struct channel *c, const struct hello *h, struct socket_message *m)
{
    bool same_user = m->has_sender && m->sender.uid == thread_user();
    unsigned at = 2;
    int result;

    if (m->fd_count != 2u + ((h->flags & HAS_BELL) != 0) + ((h->flags & HAS_FDS) != 0))
        return error_set(-EBADMSG, "its hello has %u descriptors", m->fd_count);
    if (!pidfd_is(m->fds[1]))
        return error_set(-EBADMSG, "its hello brings no process");
    if (((h->flags & HAS_BELL) != 0 && !event_counter_is(m->fds[at++])) ||
        ((h->flags & HAS_FDS) != 0 && !is_packet_socket(m->fds[at++])))
        return error_set(-EBADMSG, "its hello brings other descriptors than it says");
    result = segment_map(m->fds[0], sizeof(struct channel_header), c->terms.ring_bytes, &c->theirs);
    if (result == 0)
        result = bell_set_add(c->set_fd, m->fds[1], BELL_ENDED);
    if (result == -EPERM)
        result = error_set(-EBADMSG, "its hello brings a directory for a process");
    if (result == 0 && c->space_fd >= 0)
        (void)bell_set_add(c->space_fd, m->fds[1], BELL_ENDED);
    if (result < 0) {
        segment_unmap(&c->theirs);
        return result;
    }
    channel_facts_write_peer(channel_header_of(c), (uint32_t)m->sender.pid, c->theirs.inode);
    c->peer_process_fd = m->fds[1];
    m->fds[1] = -1;
    at = 2;
    if ((h->flags & HAS_BELL) != 0) {
        if (same_user) {
            c->peer_bell_fd = m->fds[at];
            m->fds[at] = -1;
        }
        at++;
    }
    if ((h->flags & HAS_FDS) != 0) {
        c->peer_fds_fd = m->fds[at];
        m->fds[at] = -1;
    }
    c->membarrier_agreed = (h->flags & CAN_FENCE) != 0 && c->membarrier;
    atomic_store_explicit(&c->met, 1, memory_order_release);
    return 0;
}

static int hear(struct channel *c, const struct hello *h, struct socket_message *m)
{
    char text[CHANNEL_TEXT_SIZE];
    int result;

    if (h->kind == KIND_REFUSAL) {
        (void)snprintf(c->text, sizeof c->text, "%.*s", CHANNEL_TEXT_SIZE - 1, h->text);
        atomic_store_explicit(&c->gone, CHANNEL_REFUSED, memory_order_release);
        return 0;
    }
    if (h->kind == KIND_GOODBYE && atomic_load_explicit(&c->met, memory_order_relaxed) == 0) {
        atomic_store_explicit(&c->gone, CHANNEL_ENDED, memory_order_release);
        return 0;
    }
    if (h->kind != KIND_HELLO || atomic_load_explicit(&c->met, memory_order_relaxed) != 0) {
        break_locked(c, "it sends what nobody asked for");
        return 0;
    }
    if (differ(c, h, text))
        return refuse(c, text);
    result = adopt_peer(c, h, m);
    if (result == -EBADMSG)
        break_locked(c, enl_error_text());
    return result == -EBADMSG ? 0 : result;
}

/* One datagram. 1: there may be more; 0; -EMFILE, -ENOMEM: it stays there for a later try. */
static int serve_one(struct channel *c)
{
    struct socket_message m;
    struct hello h;
    ssize_t size;
    int result;

    memset(&h, 0, sizeof h);
    m.parts[0] = (struct iovec){.iov_base = &h, .iov_len = sizeof h};
    m.part_count = 1;
    m.packets = true;
    m.fd_capacity = HELLO_FDS_MOST;
    m.name = NULL;
    size = socket_peek_message(c->socket_fd, &m);
    if (size == -EINTR || size == -ECONNRESET)
        return 1; /* told once that the other end was closed; what it sent is here */
    if (size == -EAGAIN)
        return 0;
    if (size <= 0) {
        atomic_store_explicit(&c->hung, true, memory_order_release);
        for (unsigned i = 0; size == 0 && i < m.fd_count; i++)
            descriptor_close(m.fds[i]); /* of an empty message, which is no better than an end */
        return 0;
    }
    result = 0;
    if (m.fds_lost && m.fd_count < HELLO_FDS_MOST)
        result = channel_no_descriptor(-EMFILE);
    else if (size == sizeof h && h.magic == CHANNEL_MAGIC)
        result = hear(c, &h, &m);
    else if (size != 1) /* a bell */
        break_locked(c, "it sends something else than channels do");
    for (unsigned i = 0; i < m.fd_count; i++)
        descriptor_close(m.fds[i]);
    if (result < 0)
        return result;
    hello_take_out(c->socket_fd);
    return atomic_load_explicit(&c->gone, memory_order_relaxed) == CHANNEL_HERE;
}

/* Another thread may sleep for what was just taken out of the socket, whose event is gone with it. */
static void wake_others(struct channel *c)
{
    if (thread_is_alone())
        return;
    bell_set_rearm(c->set_fd, c->bell_fd, BELL_RUNG);
    if (c->space_fd >= 0)
        bell_set_rearm(c->space_fd, c->bell_fd, BELL_RUNG);
}

int channel_serve_socket(struct channel *c)
{
    unsigned count = 0;
    int result = 1;

    lock(c);
    while (!atomic_load_explicit(&c->hung, memory_order_relaxed) && count < DATAGRAMS_A_CALL) {
        result = serve_one(c);
        if (result <= 0)
            break;
        count++;
    }
    if (count > 0)
        wake_others(c);
    if (count == DATAGRAMS_A_CALL) /* a peer may send bells for ever, but not keep this call */
        bell_set_rearm(c->set_fd, c->socket_fd, BELL_SOCKET);
    unlock(c);
    return result < 0 ? result : 0;
}

int channel_make_space_set(struct channel *c)
{
    int result = 0, fd;

    if (c->space_fd >= 0)
        return 0;
    lock(c);
    result = bell_set_create(&fd);
    if (result == 0) {
        result = bell_set_add(fd, c->bell_fd, BELL_RUNG);
        if (result == 0)
            result = bell_set_add(fd, c->socket_fd, BELL_SOCKET);
        if (result == 0 && atomic_load_explicit(&c->met, memory_order_relaxed) != 0)
            result = bell_set_add(fd, c->peer_process_fd, BELL_ENDED);
        if (result < 0)
            descriptor_close(fd);
        else
            c->space_fd = fd;
    }
    unlock(c);
    return result < 0
               ? error_set(result, "no descriptor for a sender to sleep on: close some, or raise "
                                   "RLIMIT_NOFILE")
               : 0;
}

/* ---- the end ----------------------------------------------------------------------------------------------- */

static void say_goodbye(struct channel *c)
{
    struct channel_header *own = channel_header_of(c);
    struct hello h = hello_of(KIND_GOODBYE, &c->terms);

    if (!c->greeted)
        (void)hello_send(c->socket_fd, &h, NULL, 0);
    /* pairs with the acquire in channel_end_of_receive(): what was committed is there */
    atomic_store_explicit(&own->ended, CHANNEL_SENDS_NO_MORE | CHANNEL_CLOSED,
                          memory_order_release);
    atomic_fetch_or_explicit(&own->sleep, CHANNEL_DEAF, memory_order_release);
    socket_shut_down(c->socket_fd);
}

void channel_end(struct channel *c)
{
    fork_gate_enter(); /* a child has an end that is whole, or one that is closed */
    if (c->process == NO_PROCESS)
        channel_leave_unused(c);
    if (c->process != NO_PROCESS && process_word_is(c->process)) {
        say_goodbye(c);
        segment_unmap(&c->own);
        segment_unmap(&c->theirs);
        c->own.fd = -1;
    }
    /* in a forked child the mappings are not there, and nothing is taken out of a set that is the parent's, too */
    descriptor_close(c->own.fd);
    descriptor_close(c->set_fd);
    descriptor_close(c->space_fd);
    descriptor_close(c->bell_fd);
    descriptor_close(c->fds_fd);
    descriptor_close(c->peer_bell_fd);
    descriptor_close(c->peer_process_fd);
    descriptor_close(c->peer_fds_fd);
    descriptor_close(c->socket_fd);
    c->socket_fd = -1;
    fork_gate_leave();
}
