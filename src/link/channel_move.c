/* SPDX-License-Identifier: MIT */
/* Messages of a channel: sent, received, loaned and taken in the two lanes.
 *
 * The short path is one test (this process uses the end, and has met its peer), the lane, and a look at whether the
 * peer sleeps. All else is behind channel_prepare_send() and channel_prepare_receive(). */
#include "base/error.h"
#include "kernel/bell.h"
#include "kernel/descriptor.h"
#include "kernel/socket.h"
#include "link/channel.h"

#include <errno.h>
#include <string.h>

#define LOOK_AFTER_IDLE 1024 /* empty receives: then whether the peer died is asked of the kernel */
#define LOOKS_A_CALL 64      /* at the next word, of a program that calls again and again */
#define LOOKING_CALLS 8      /* that find nothing: then it does not call for an answer */
#define LOOK_AFTER_FULL 64   /* sends without room: likewise */

static unsigned gone(struct channel *c)
{
    /* pairs with the releases in channel_meet.c: the text is there */
    return atomic_load_explicit(&c->gone, memory_order_acquire);
}

static bool has_met(struct channel *c)
{
    return atomic_load_explicit(&c->met, memory_order_acquire) != 0;
}

static bool has_hung(struct channel *c)
{
    return atomic_load_explicit(&c->hung, memory_order_acquire);
}

static uint32_t peer_ended(struct channel *c)
{
    const struct channel_header *peer = channel_peer_of(c);

    /* pairs with the release in say_goodbye(): what it committed before is there */
    return peer != NULL ? atomic_load_explicit(&peer->ended, memory_order_acquire) : 0;
}

/* ---- taking over ------------------------------------------------------------------------------------------- */

/* Both sides: this process uses the end, and has read what the socket brought. */
static int prepare(struct enl_link *l, struct channel *c, bool greets)
{
    if (!process_word_is(c->process) || (greets && !c->greeted)) {
        int result = channel_claim(l, greets);

        if (result < 0)
            return result;
    }
    return has_met(c) ? 0 : channel_serve_socket(c);
}

int channel_end_of_send(struct channel *c)
{
    switch (gone(c)) {
    case CHANNEL_REFUSED:
        return error_set(-EPROTO, "the two ends of the channel do not agree: %s", c->text);
    case CHANNEL_BAD:
        return error_set(-EBADMSG, "the channel's peer makes no sense: %s", c->text);
    case CHANNEL_ENDED:
        return link_broken();
    default:
        break;
    }
    return has_hung(c) || (peer_ended(c) & CHANNEL_CLOSED) != 0 ? link_broken() : 0;
}

int channel_prepare_send(struct enl_link *l, bool greets)
{
    struct channel *c = channel_of(l);
    int result = prepare(l, c, greets);

    if (result == 0)
        result = channel_end_of_send(c);
    if (result < 0)
        return result;
    if (has_met(c) && c->greeted) {
        c->peer_of_out = c->out.peer = c->theirs.header;
        c->send_process = atomic_load(&c->process);
    }
    return 0;
}

int channel_prepare_receive(struct enl_link *l)
{
    struct channel *c = channel_of(l);
    int result = prepare(l, c, true);

    if (result < 0)
        return result;
    if (has_met(c) && c->peer_of_in == NULL) {
        lane_reader_init(&c->in, c->theirs.header, c->theirs.ring, c->terms.ring_bytes,
                         c->terms.largest);
        c->peer_of_in = c->theirs.header;
        c->receive_process = atomic_load(&c->process);
        /* what the socket told is taken out: the set may say nothing any more */
        channel_settle(l, c);
    }
    return 0;
}

static int broken_lane(struct channel *c)
{
    c->send_process = NO_PROCESS;
    c->receive_process = NO_PROCESS;
    return channel_break(c, "its words in shared memory are out of range");
}

/* The order matters: that it ended is seen first, then what it had committed. */
int channel_end_of_receive(struct channel *c)
{
    unsigned why = gone(c);
    uint32_t ended = peer_ended(c);
    bool hung = has_hung(c);

    if (why == CHANNEL_REFUSED)
        return error_set(-EPROTO, "the two ends of the channel do not agree: %s", c->text);
    if (why == CHANNEL_BAD)
        return error_set(-EBADMSG, "the channel's peer makes no sense: %s", c->text);
    if (why == CHANNEL_ENDED)
        return link_ended();
    if (ended == 0 && !hung)
        return 0;
    if (c->peer_of_in != NULL) {
        int more = lane_extend(&c->in);

        if (more == 0)
            more = lane_look(&c->in);
        if (more < 0)
            return broken_lane(c);
        if (more > 0)
            return -EAGAIN; /* first what is there */
    }
    if (ended != 0)
        return link_ended();
    return link_reset("the peer of the channel died");
}

/* ---- sending ----------------------------------------------------------------------------------------------- */

/* A lane that has no room: whoever waits for it wants so much. */
static int refuse_room(struct channel *c, int result, uint32_t units)
{
    if (result == -EBADMSG)
        return broken_lane(c);
    c->wanted_units = units;
    result = 0;
    if (++c->full % LOOK_AFTER_FULL == 0 && !c->event_mode)
        result = channel_ask_kernel(c);
    if (result == 0)
        result = channel_end_of_send(c);
    return result < 0 ? result : -EAGAIN;
}

/* The descriptors go before their message: it says how many. By a socket that comes with the hello. */
static int send_fds(struct enl_link *l, struct channel *c, const struct enl_message *m)
{
    int result = c->greeted ? 0 : channel_prepare_send(l, true);
    struct socket_message out;
    unsigned char byte = 1;
    ssize_t sent;

    if (result < 0)
        return result;
    if (m->fd_count > c->terms.fds_most)
        return error_set(-EMSGSIZE, "%u descriptors in a message, this link declared fds=%u",
                         m->fd_count, c->terms.fds_most);
    out.parts[0] = (struct iovec){.iov_base = &byte, .iov_len = 1};
    out.part_count = 1;
    out.name = NULL;
    out.name_size = 0;
    out.fd_count = m->fd_count;
    memcpy(out.fds, m->fds, m->fd_count * sizeof m->fds[0]);
    sent = socket_send_message(c->fds_fd, &out, false);
    return sent < 0 ? (int)link_send_result(sent) : 0;
}

static ssize_t append_plain(struct channel *c, const struct enl_message *m)
{
    int result = lane_append(&c->out, m->data, (uint32_t)m->size, m->fd_count);

    if (result < 0)
        return refuse_room(c, result, lane_span(c->out.next, (uint32_t)m->size));
    return (ssize_t)m->size;
}

static ssize_t append_with_fds(struct enl_link *l, struct channel *c, const struct enl_message *m)
{
    uint32_t units = lane_span(c->out.next, (uint32_t)m->size);
    int result = lane_room(&c->out, units);

    if (result < 0)
        return refuse_room(c, result, units);
    result = send_fds(l, c, m);
    if (result == -EAGAIN)
        c->wanted_units = c->out.units / 2; /* when much was read, descriptors were, too */
    return result < 0 ? result : append_plain(c, m);
}

ssize_t channel_append(struct enl_link *l, struct channel *c, const struct enl_message *m)
{
    return m->fd_count == 0 ? append_plain(c, m) : append_with_fds(l, c, m);
}

/* The first message comes before the own hello, so that who is woken by that finds it: no bell is needed, and none must
 * come late. After the hello the peer may still be one that has not said its own: if it does so just now, it may have
 * looked before the commit. */
static int tell_newcomer(struct enl_link *l, struct channel *c)
{
    bool greets = !c->greeted;
    int result = channel_prepare_send(l, true);

    return result < 0 || greets ? 0 : channel_tell(c); /* a failure is the next call's */
}

/* After commits: the peer's sleep. */
int channel_tell_all(struct enl_link *l, struct channel *c)
{
    int result = c->peer_of_out != NULL ? channel_tell(c) : tell_newcomer(l, c);

    channel_settle(l, c);
    return result;
}

/* In event mode, after the settling: what came before it made no edge. */
bool channel_room_came(struct channel *c)
{
    return c->event_mode && has_met(c) && channel_free_units(c) > c->wanted_units;
}

/* As channel_send(), with all that it leaves out. */
static __attribute__((noinline)) ssize_t send_slowly(struct enl_link *l,
                                                     const struct enl_message *m)
{
    struct channel *c = channel_of(l);
    ssize_t sent;
    int result;

    if (!channel_may(c->send_process)) {
        result = channel_prepare_send(l, false);
        if (result < 0)
            return result;
    }
    do {
        sent = channel_append(l, c, m);
        if (sent < 0)
            channel_settle_empty(l, c);
    } while (sent == -EAGAIN && channel_room_came(c));
    if (sent < 0)
        return sent;
    lane_publish(&c->out);
    result = channel_tell_all(l, c);
    lane_prepare(&c->out, (uint32_t)sent);
    return result < 0 ? result : sent;
}

ssize_t channel_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    struct channel *c = channel_of(l);
    uint32_t size = (uint32_t)m->size;
    int result;

    (void)may_block;
    if (!channel_may(c->send_process) || m->fd_count > 0 ||
        lane_append(&c->out, m->data, size, 0) < 0)
        return send_slowly(l, m);
    lane_publish(&c->out);
    result = channel_tell(c); /* who may go the short path has met its peer */
    lane_prepare(&c->out, size);
    channel_settle(l, c);
    return result < 0 ? result : (ssize_t)size;
}

int channel_loan(struct enl_link *l, size_t size, void **ret_data)
{
    struct channel *c = channel_of(l);
    int result;

    if (!channel_may(c->send_process)) {
        result = channel_prepare_send(l, false);
        if (result < 0)
            return result;
    }
    result = lane_loan(&c->out, (uint32_t)size, ret_data);
    if (result == -EBUSY)
        return error_set(-EBUSY,
                         "%d loans of this link are open: enl_commit or enl_cancel one first",
                         LANE_LOANS);
    if (result < 0)
        result = refuse_room(c, result, lane_span(c->out.next, (uint32_t)size) + 2);
    if (result < 0)
        channel_settle_empty(l, c);
    else
        channel_settle(l, c);
    return result;
}

int channel_commit(struct enl_link *l, struct enl_message *m)
{
    struct channel *c = channel_of(l);
    int result;

    if (!channel_may(c->send_process)) {
        result = channel_prepare_send(l, false);
        if (result < 0)
            return result;
    }
    if (!lane_is_loan(&c->out, m->data))
        return -EINVAL;
    if (m->fd_count > 0) {
        result = send_fds(l, c, m);
        if (result < 0)
            return result;
    }
    lane_commit(&c->out, m->data, (uint32_t)m->size, m->fd_count);
    return channel_tell_all(l, c);
}

void channel_cancel(struct enl_link *l, struct enl_message *m)
{
    struct channel *c = channel_of(l);

    if (!process_word_is(c->process) || !lane_is_loan(&c->out, m->data))
        return;
    lane_cancel(&c->out, m->data);
    (void)channel_tell_all(l, c);
}

/* ---- receiving --------------------------------------------------------------------------------------------- */

/* Who asks again and again hears of a message sooner if the call looks again and again, too. */
static bool look_shortly(struct channel *c)
{
    if (c->looks == 0)
        return false;
    for (unsigned i = 0; i < LOOKS_A_CALL; i++)
        if (lane_glimpse(&c->in)) {
            c->looks = LOOKING_CALLS;
            return true;
        }
    c->looks--;
    return false;
}

/* Nothing is in the lane; -EINTR: or just now. Now and then the kernel is asked whether the peer has died meanwhile. */
static int nothing(struct enl_link *l, struct channel *c)
{
    int result;

    if (++c->idle % LOOK_AFTER_IDLE == 0 && !c->event_mode) {
        result = channel_ask_kernel(c);
        if (result < 0)
            return result;
    }
    if (!c->event_mode && gone(c) == CHANNEL_HERE && !has_hung(c) && peer_ended(c) == 0)
        return -EAGAIN;
    result = channel_end_of_receive(c);
    channel_settle_empty(l, c);
    /* what came before the settling made no edge: an edge-triggered program must not be told that nothing is there */
    if (result == 0 && c->event_mode && channel_has_data(c))
        return -EINTR;
    return result == 0 ? -EAGAIN : result == -EAGAIN ? -EINTR : result;
}

/* As lane_next(), and whoever waits for the space of what was skipped is told. */
static int next_known(struct channel *c, struct lane_record *ret)
{
    uint32_t cursor = lane_cursor(&c->in);
    int found = lane_next(&c->in, ret);

    if (lane_cursor(&c->in) != cursor)
        channel_tell_space(c);
    return found;
}

/* As next(), with all that it leaves out. */
static __attribute__((noinline)) int next_slowly(struct enl_link *l, struct channel *c,
                                                 struct lane_record *ret)
{
    uint32_t skipped = 0;
    int found;

    if (!channel_may(c->receive_process)) {
        int result = channel_prepare_receive(l);

        if (result < 0)
            return result;
        if (c->peer_of_in == NULL)
            return nothing(l, c);
    }
    while ((found = next_known(c, ret)) == 0) {
        uint32_t known = c->in.known;

        /* who is behind reads how much there is; who waits looks where the next record will be */
        found = c->idle == 0 && c->looks == 0 ? lane_extend(&c->in) : lane_look(&c->in);
        if (found == 0 && look_shortly(c))
            found = lane_look(&c->in);
        if (found == 0) {
            int result = nothing(l, c);

            if (result != -EINTR)
                return result;
        }
        if (found < 0)
            break;
        skipped += c->in.known - known + 1;
        if (skipped > c->in.units)
            return -EAGAIN; /* a peer that skips for ever keeps nobody from a deadline */
    }
    if (found < 0)
        return broken_lane(c);
    return 1;
}

/* The next message of the lane: 1, or why there is none. */
static inline __attribute__((always_inline)) int next(struct enl_link *l, struct channel *c,
                                                      struct lane_record *ret)
{
    if (channel_may(c->receive_process)) {
        if (c->looks > 0 && lane_cursor(&c->in) == c->in.known && lane_glimpse(&c->in))
            (void)lane_look(&c->in);
        if (lane_next_plain(&c->in, ret))
            return 1;
    }
    return next_slowly(l, c, ret);
}

/* The descriptors of the next message, into fds, of which there is room for `room`; others are closed. */
static int receive_fds(struct channel *c, uint32_t count, int fds[], uint32_t room,
                       struct enl_message *m)
{
    struct socket_message in;
    unsigned char byte;
    ssize_t size;

    in.parts[0] = (struct iovec){.iov_base = &byte, .iov_len = 1};
    in.part_count = 1;
    in.packets = true;
    in.fd_capacity = count;
    in.name = NULL;
    if (count > c->terms.fds_most || c->peer_fds_fd < 0)
        return channel_break(c, "a message has more descriptors than fds= allows");
    size = socket_receive_message(c->peer_fds_fd, &in, false);
    if (size <= 0)
        return channel_break(c, "the descriptors of a message did not come");
    for (uint32_t i = 0; i < in.fd_count; i++) {
        if (i < room)
            fds[i] = in.fds[i];
        else
            descriptor_close(in.fds[i]);
    }
    if (in.fds_lost || in.fd_count > room)
        m->flags |= ENL_FDS_LOST;
    m->fd_count = in.fd_count < room ? in.fd_count : room;
    return 0;
}

static inline void consumed(struct channel *c, uint32_t end)
{
    lane_consume(&c->in, end);
    /* it does not sleep, so it looked when the message came */
    if (c->idle > 1 && c->terms.wait_mode != CHANNEL_SLEEP)
        c->looks = LOOKING_CALLS;
    c->idle = 0;
    channel_tell_space(c);
}

ssize_t channel_receive(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                        bool may_block)
{
    struct channel *c = channel_of(l);
    struct lane_record record = {.data = NULL};
    size_t size;
    int result = next(l, c, &record);

    (void)match;
    (void)may_block;
    if (result < 0)
        return result;
    size = record.size;
    if (size > m->capacity) {
        if ((m->flags & ENL_TRUNCATE) == 0) {
            channel_settle(l, c);
            return link_too_large(size, m->capacity);
        }
        size = m->capacity;
        m->flags |= ENL_TRUNCATED;
    }
    if (size > 0)
        lane_copy_out(m->data, record.data, size);
    m->size = size;
    m->full_size = record.size;
    if (record.extra > 0) {
        result = receive_fds(c, record.extra, m->fds, m->fds == NULL ? 0 : m->fd_capacity, m);
        if (result < 0)
            return result;
    }
    consumed(c, record.end);
    channel_settle(l, c);
    return (ssize_t)size;
}

ssize_t channel_take(struct enl_link *l, const struct enl_match *match, struct enl_message *ret_m,
                     bool may_block)
{
    struct channel *c = channel_of(l);
    struct lane_record record = {.data = NULL};
    int result = next(l, c, &record);

    (void)match;
    (void)may_block;
    if (result < 0)
        return result;
    if (record.extra > 0) {
        result = receive_fds(c, record.extra, c->fd_room, c->terms.fds_most, ret_m);
        if (result < 0)
            return result;
        ret_m->fds = c->fd_room;
    }
    /* in place, where the peer could still change it: the manual says so */
    ret_m->data = (void *)(uintptr_t)record.data;
    ret_m->size = ret_m->full_size = record.size;
    c->taken_end = record.end;
    atomic_store_explicit(&c->holds_taken, true, memory_order_relaxed);
    channel_settle(l, c);
    return (ssize_t)record.size;
}

int channel_release(struct enl_link *l, struct enl_message *m)
{
    struct channel *c = channel_of(l);

    (void)m;
    if (!process_word_is(c->process))
        return channel_claim(l, false); /* which says why not */
    consumed(c, c->taken_end);
    atomic_store_explicit(&c->holds_taken, false, memory_order_relaxed);
    channel_settle(l, c);
    return 0;
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

bool channel_has_data(struct channel *c)
{
    const unsigned char *place;

    if (!has_met(c))
        return false;
    place = c->theirs.ring + (lane_cursor(&c->in) * LANE_UNIT & (c->terms.ring_bytes - 1));
    /* of the record alone: whoever receives reads it again, with an acquire */
    return atomic_load_explicit((_Atomic(uint32_t) *)(uintptr_t)place, memory_order_relaxed) != 0;
}

uint32_t channel_free_units(struct channel *c)
{
    const struct channel_header *own = channel_header_of(c), *peer = channel_peer_of(c);
    uint32_t head = peer != NULL ? atomic_load_explicit(&peer->head, memory_order_relaxed) : 0;
    uint32_t tail = atomic_load_explicit(&own->tail, memory_order_relaxed);
    uint32_t oldest = atomic_load_explicit(&c->out.oldest, memory_order_relaxed);
    uint32_t used;

    if (atomic_load_explicit(&c->out.pinned, memory_order_relaxed) &&
        (int32_t)(tail - oldest) > (int32_t)(tail - head))
        head = oldest;
    used = tail - head + atomic_load_explicit(&c->out.held, memory_order_relaxed) + 1;

    return used < c->out.units ? c->out.units - used : 0;
}

bool channel_pending(const struct enl_link *l)
{
    struct channel *c = channel_of(l);

    return process_word_is(c->process) && channel_has_data(c);
}

int channel_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    struct channel *c = channel_of(l);
    const struct channel_header *own = channel_header_of(c), *peer;
    uint32_t tail, head;
    int result;

    *ret_bytes = 0;
    if (c->process == NO_PROCESS)
        return 0; /* nothing was ever sent */
    result = channel_prepare_send(l, false);
    peer = channel_peer_of(c);
    tail = atomic_load_explicit(&own->tail, memory_order_relaxed);
    head = peer != NULL ? atomic_load_explicit(&peer->head, memory_order_acquire) : 0;
    if (tail == head)
        return 0;
    if (result == 0) {
        result = channel_ask_kernel(c);
        if (result == 0)
            result = channel_end_of_send(c);
        channel_settle(l, c);
    }
    /* a peer that has gone meanwhile may have received the rest before */
    if (result < 0 && peer != NULL)
        head = atomic_load_explicit(&peer->head, memory_order_acquire);
    *ret_bytes = (size_t)(tail - head) * LANE_UNIT;
    return tail == head ? 0 : result;
}

int channel_end_sending(struct enl_link *l)
{
    struct channel *c = channel_of(l);
    int result = channel_prepare_send(l, true);

    if (result < 0)
        return result;
    /* pairs with the acquire in peer_ended(): what was committed before is there */
    atomic_store_explicit(&channel_header_of(c)->ended, CHANNEL_SENDS_NO_MORE,
                          memory_order_release);
    return channel_tell_all(l, c);
}
