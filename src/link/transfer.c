/* SPDX-License-Identifier: MIT */
/* Sending and receiving: arguments, access, deadlines and interrupts, once for all mechanisms. */
#include "base/error.h"
#include "base/probe.h"
#include "kernel/memory.h"
#include "kernel/thread.h"
#include "link/file_copy.h"
#include "link/link.h"
#include "link/sleep.h"

#include <errno.h>
#include <string.h>

/* ---- what every call looks at -------------------------------------------------------------------------- */

static int refuse_access(const struct enl_link *l, unsigned access)
{
    if (l == NULL)
        return error_set(-EINVAL, "the link is NULL");
    if (link_is_foreign(l)) {
        (void)link_check(l); /* the text */
        return -EBADF;
    }
    if (l->listens)
        return error_set(-EINVAL, "a listener carries no messages: enl_accept gives links");
    if ((l->caps.can & ENL_CAN_DUPLEX) == 0)
        return link_cannot(l, access == ENL_WRITE ? "send at the end that receives (duplex)"
                                                  : "receive at the end that sends (duplex)");
    return error_set(-EINVAL, "this link was not opened for %s",
                     access == ENL_WRITE ? "sending: ENL_WRITE" : "receiving: ENL_READ");
}

static inline bool may_use(const struct enl_link *l, unsigned access)
{
    return l != NULL && (l->access & access) != 0 && !l->listens && !link_is_foreign(l);
}

static inline int canceled_now(const struct enl_link *l)
{
    return interrupt_raised(&l->interrupt) ? link_canceled(l) : 0;
}

static int refuse_size(const struct enl_link *l, size_t size)
{
    if ((l->caps.can & ENL_CAN_FIXED_SIZE) != 0)
        return error_set(-EMSGSIZE, "%s: a message has %zu bytes, not %zu", l->driver->face.scheme,
                         l->largest, size);
    if (size == 0)
        return error_set(-ENOTSUP, "%s: links cannot send empty messages", l->driver->face.scheme);
    return error_set(-EMSGSIZE, "a message of %zu bytes is above this link's largest, %zu%s", size,
                     l->largest,
                     l->framing.atomic ? ": several writers would tear it; writers=one allows more"
                                       : ": raise message=");
}

static inline bool size_fits(const struct enl_link *l, size_t size)
{
    if (size > l->largest)
        return false;
    if ((l->caps.can & (ENL_CAN_FIXED_SIZE | ENL_CAN_EMPTY)) == ENL_CAN_EMPTY)
        return true;
    if ((l->caps.can & ENL_CAN_FIXED_SIZE) != 0)
        return size == l->largest;
    return size > 0 || (l->caps.can & ENL_CAN_BOUNDARIES) == 0;
}

/* What this mechanism does not carry is refused, never dropped. */
static int check_metadata(const struct enl_link *l, const struct enl_message *m)
{
    uint32_t can = l->caps.can;

    if (m->type != 0 && (can & ENL_CAN_TYPES) == 0)
        return link_cannot(l, "carry a type (types)");
    if (m->priority != 0 && (can & ENL_CAN_PRIORITY) == 0)
        return link_cannot(l, "carry a priority (priority)");
    if (m->fd_count != 0 && (can & ENL_CAN_PASS_FDS) == 0)
        return link_cannot(l, "pass descriptors (fd passing)");
    if (m->fd_count != 0 && m->fds == NULL)
        return error_set(-EINVAL, "fd_count is %u and fds is NULL", m->fd_count);
    if (m->name_size > ENL_PEER_NAME_SIZE)
        return error_set(-EINVAL, "name_size is %u, above ENL_PEER_NAME_SIZE", m->name_size);
    return 0;
}

static int check_match(const struct enl_link *l, const struct enl_match *match)
{
    if (match == NULL || match->kind == ENL_MATCH_ANY)
        return 0;
    if ((l->caps.can & ENL_CAN_TYPES) == 0)
        return link_cannot(l, "match a type (types)");
    if (match->kind < ENL_MATCH_ANY || match->kind > ENL_MATCH_ALL_BUT)
        return error_set(-EINVAL, "enl_match has no kind %d", (int)match->kind);
    return 0;
}

/* A plain blocking call in the kernel is allowed: nobody but a signal handler could interrupt it, and nothing
 * must be sent meanwhile. */
static inline bool lone_call(const struct enl_link *l, enl_deadline until)
{
    return until == ENL_FOREVER && l->lone_calls && thread_is_alone();
}

/* What to do after a slot said r < 0: 0 is "call it again". */
static __attribute__((noinline)) int after_failure(struct enl_link *l, ssize_t r, unsigned events,
                                                   enl_deadline until)
{
    int canceled = r == -EAGAIN || r == -EINTR ? canceled_now(l) : 0;

    if (canceled < 0)
        return canceled;
    if (r == -EINTR)
        return 0;
    if (r != -EAGAIN)
        return (int)r;
    if (until == ENL_NOW)
        return error_note(-EAGAIN, events == ENL_READABLE ? "no message waits now"
                                   : l->ops->full != NULL ? l->ops->full
                                                          : "there is no space now");
    return link_sleep(l, events, until);
}

/* ---- sending ----------------------------------------------------------------------------------------- */

/* Of a stream, the rest of a message whose first part is out. That it was not all gone at the deadline is no
 * failure: later calls go on. */
static inline ssize_t finish_send(struct enl_link *l, ssize_t sent, enl_deadline until)
{
    int result;

    if (l->ops->unsent == NULL || l->batches || until == ENL_NOW || l->ops->unsent(l) == 0)
        return sent;
    result = enl_flush(l, until);
    return result == -EPIPE || result == -ECONNRESET ? result : sent;
}

static inline __attribute__((always_inline)) ssize_t send_one(struct enl_link *l,
                                                              const struct enl_message *m,
                                                              enl_deadline until)
{
    bool lone = lone_call(l, until);
    ssize_t r = canceled_now(l);

    if (r < 0)
        return r;
    while ((r = l->ops->send(l, m, lone)) < 0) {
        int result = after_failure(l, r, ENL_WRITABLE, until);

        if (result < 0)
            return result;
    }
    l->sent_messages++;
    l->sent_bytes += (uint64_t)r;
    r = finish_send(l, r, until);
    ready_sent(l, &l->ready);
    PROBE2(send, l, r);
    return r;
}

ssize_t enl_send(struct enl_link *l, const void *data, size_t size, enl_deadline until)
{
    struct enl_message
        m; /* drivers read these fields alone, and zeroing the rest costs more than a send */

    if (!may_use(l, ENL_WRITE))
        return refuse_access(l, ENL_WRITE);
    if (data == NULL && size > 0)
        return error_set(-EINVAL, "the data is NULL");
    if (!size_fits(l, size))
        return refuse_size(l, size);
    m.data = (void *)(uintptr_t)data;
    m.size = size;
    m.type = 0;
    m.priority = m.fd_count = m.name_size = 0;
    m.fds = NULL;
    return send_one(l, &m, until);
}

static int check_send(const struct enl_link *l, const struct enl_message *m)
{
    if (!may_use(l, ENL_WRITE))
        return refuse_access(l, ENL_WRITE);
    if (m == NULL || (m->data == NULL && m->size > 0))
        return error_set(-EINVAL, "the message or its data is NULL");
    if (!size_fits(l, m->size))
        return refuse_size(l, m->size);
    return check_metadata(l, m);
}

/* What check_send() would find nothing in, of a link that may send. */
static inline bool is_plain(const struct enl_link *l, const struct enl_message *m)
{
    return m->data != NULL && size_fits(l, m->size) && m->type == 0 && m->priority == 0 &&
           m->fd_count == 0 && m->name_size == 0;
}

ssize_t enl_send_message(struct enl_link *l, const struct enl_message *m, enl_deadline until)
{
    int result = check_send(l, m);

    return result < 0 ? result : send_one(l, m, until);
}

static ssize_t send_some(struct enl_link *l, const struct enl_message m[], size_t count,
                         enl_deadline until)
{
    bool lone = lone_call(l, until);
    ssize_t r;

    if (l->ops->send_many == NULL) {
        r = send_one(l, m, until);
        return r < 0 ? r : 1;
    }
    while ((r = l->ops->send_many(l, m, count, lone)) < 0) {
        int result = after_failure(l, r, ENL_WRITABLE, until);

        if (result < 0)
            return result;
    }
    for (ssize_t i = 0; i < r; i++)
        l->sent_bytes += m[i].size;
    l->sent_messages += (uint64_t)r;
    (void)finish_send(l, r, until);
    ready_sent(l, &l->ready);
    return r;
}

ssize_t enl_send_messages(struct enl_link *l, const struct enl_message messages[], size_t count,
                          enl_deadline until)
{
    bool usable = may_use(l, ENL_WRITE);
    size_t sent = 0;
    ssize_t r = 0;

    for (size_t i = 0; i < count && r == 0; i++)
        if (!usable || messages == NULL || !is_plain(l, &messages[i]))
            r = check_send(l, &messages[i]);
    if (r == 0 && l == NULL)
        r = refuse_access(l, ENL_WRITE);
    if (r < 0)
        return r;
    while (sent < count) {
        r = link_canceled(l);
        if (r == 0)
            r = send_some(l, messages + sent, count - sent, until);
        if (r < 0)
            break;
        sent += (size_t)r;
    }
    return sent > 0 ? (ssize_t)sent : r;
}

/* ---- receiving --------------------------------------------------------------------------------------- */

static int check_receive(const struct enl_link *l, const struct enl_match *match)
{
    if (!may_use(l, ENL_READ))
        return refuse_access(l, ENL_READ);
    if (l->taken)
        return error_set(-EBUSY, "a message of this link is taken: enl_release it first");
    return check_match(l, match);
}

typedef ssize_t receive_slot(struct enl_link *l, const struct enl_match *match,
                             struct enl_message *m, bool may_block);

static inline __attribute__((always_inline)) ssize_t receive_one(struct enl_link *l,
                                                                 receive_slot *slot,
                                                                 const struct enl_match *match,
                                                                 struct enl_message *m,
                                                                 enl_deadline until)
{
    bool lone = lone_call(l, until);
    ssize_t r = canceled_now(l);

    if (r < 0)
        return r;
    /* who has something left to send must not sleep before it is sent: link_sleep() does both */
    while ((r = slot(l, match, m, lone && (l->ops->unsent == NULL || l->ops->unsent(l) == 0))) <
           0) {
        int result = after_failure(l, r, ENL_READABLE, until);

        if (result < 0) {
            ready_received(l, &l->ready);
            return result;
        }
    }
    l->received_messages++;
    l->received_bytes += (uint64_t)r;
    ready_received(l, &l->ready);
    PROBE2(receive, l, r);
    return r;
}

ssize_t enl_receive(struct enl_link *l, void *buffer, size_t size, enl_deadline until)
{
    struct enl_message m; /* as in enl_send(): what drivers read, and what they change by parts */
    int result = may_use(l, ENL_READ) && !l->taken ? 0 : check_receive(l, NULL);

    if (result == 0 && buffer == NULL && size > 0)
        result = error_set(-EINVAL, "the buffer is NULL");
    if (result < 0)
        return result;
    m.data = buffer;
    m.capacity = size;
    m.fds = NULL;
    m.fd_capacity = 0;
    m.flags = 0;
    return receive_one(l, l->ops->receive, NULL, &m, until);
}

/* Everything that the library writes, but for what the caller has said in it; field by field, for to clear the whole
 * struct costs more than to receive a small message from memory. The bytes of the name say nothing without its size. */
static void clear_results(struct enl_message *m)
{
    m->size = 0;
    m->full_size = 0;
    m->type = 0;
    m->priority = 0;
    m->flags &= ENL_TRUNCATE;
    m->deliveries = 1;
    m->fd_count = 0;
    m->name_size = 0;
    m->missed = 0;
    m->sender = (struct enl_peer){0};
    m->link = NULL;
    m->token[0] = 0;
    m->token[1] = 0;
}

ssize_t enl_receive_message(struct enl_link *l, const struct enl_match *match, enl_deadline until,
                            struct enl_message *m)
{
    int result = check_receive(l, match);

    if (result == 0 && (m == NULL || (m->data == NULL && m->capacity > 0)))
        result = error_set(-EINVAL, "the message or its data is NULL");
    if (result < 0)
        return result;
    clear_results(m);
    return receive_one(l, l->ops->receive, match, m, until);
}

/* What else is there already, without waiting and, where only the kernel knows, in one call. */
static ssize_t receive_more(struct enl_link *l, struct enl_message m[], size_t count)
{
    size_t received = 0;
    ssize_t r;

    if (l->ops->receive_many != NULL) {
        r = l->ops->receive_many(l, m, count);
        for (ssize_t i = 0; i < r; i++)
            l->received_bytes += m[i].size;
        l->received_messages += r > 0 ? (uint64_t)r : 0;
        return r;
    }
    while (received < count && l->ops->pending != NULL && l->ops->pending(l)) {
        r = receive_one(l, l->ops->receive, NULL, &m[received], ENL_NOW);
        if (r < 0)
            break;
        received++;
    }
    return (ssize_t)received;
}

ssize_t enl_receive_messages(struct enl_link *l, struct enl_message messages[], size_t count,
                             enl_deadline until)
{
    ssize_t more;
    ssize_t r;

    if (count == 0 || messages == NULL)
        return error_set(-EINVAL, "enl_receive_messages needs at least one message");
    r = enl_receive_message(l, NULL, until, &messages[0]);
    if (r < 0)
        return r;
    for (size_t i = 1; i < count; i++)
        clear_results(&messages[i]);
    more = count > 1 ? receive_more(l, messages + 1, count - 1) : 0;
    ready_received(l, &l->ready);
    return more > 0 ? more + 1 : 1;
}

/* ---- looking --------------------------------------------------------------------------------------------- */

ssize_t enl_peek(struct enl_link *l, size_t index, struct enl_message *m)
{
    ssize_t r;

    if (!may_use(l, ENL_READ))
        return refuse_access(l, ENL_READ);
    if (l->ops->peek == NULL)
        return link_cannot(l, "look at messages and leave them (peek)");
    if (m == NULL || (m->data == NULL && m->capacity > 0))
        return error_set(-EINVAL, "the message or its data is NULL");
    clear_results(m);
    do
        r = l->ops->peek(l, index, m);
    while (r == -EINTR);
    return r == -EAGAIN ? error_note(-EAGAIN, "fewer messages wait") : r;
}

/* ---- in place ---------------------------------------------------------------------------------------- */

static int make_buffer(struct enl_link *l, void **buffer)
{
    return *buffer != NULL ? 0 : memory_create(l->largest > 0 ? l->largest : 1, buffer);
}

/* In the mechanism's own memory. */
static int loan_in_place(struct enl_link *l, size_t size, enl_deadline until,
                         struct enl_message *ret_m)
{
    int result = link_canceled(l);
    void *data = NULL;

    if (result < 0)
        return result;
    while ((result = l->ops->loan(l, size, &data)) < 0) {
        result = after_failure(l, result, ENL_WRITABLE, until);
        if (result < 0)
            return result;
    }
    *ret_m = (struct enl_message){.data = data, .size = size, .link = l};
    ret_m->token[0] = (uint64_t)until;
    ret_m->token[1] = size;
    return 0;
}

int enl_loan(struct enl_link *l, size_t size, enl_deadline until, struct enl_message *ret_m)
{
    int result;

    if (!may_use(l, ENL_WRITE))
        return refuse_access(l, ENL_WRITE);
    if (ret_m == NULL)
        return error_set(-EINVAL, "ret_m is NULL");
    if (!size_fits(l, size))
        return refuse_size(l, size);
    if (l->ops->loan != NULL)
        return loan_in_place(l, size, until, ret_m);
    if (l->loaned)
        return error_set(-EBUSY, "a loan of this link is open: enl_commit or enl_cancel it first");
    result = make_buffer(l, &l->loan_buffer);
    if (result == 0)
        result = link_wait_for_space(l, until);
    if (result < 0)
        return result;
    *ret_m = (struct enl_message){.data = l->loan_buffer, .size = size, .link = l};
    ret_m->token[0] = (uint64_t)until;
    ret_m->token[1] = size;
    l->loaned = true;
    return 0;
}

static struct enl_link *owner_of_loan(const struct enl_message *m)
{
    return m != NULL && m->link != NULL && m->link->loaned && m->data == m->link->loan_buffer
               ? m->link
               : NULL;
}

static int refuse_loan(void)
{
    return error_set(-EINVAL, "enl_commit needs a message from enl_loan that is still open");
}

static int check_commit(const struct enl_link *l, const struct enl_message *m)
{
    if (m->size > m->token[1])
        return error_set(-EINVAL,
                         "the loan is of %llu bytes, the message has %zu: it may be lowered only",
                         (unsigned long long)m->token[1], m->size);
    return check_send(l, m);
}

static int commit_in_place(struct enl_link *l, struct enl_message *m)
{
    int result = check_commit(l, m);

    if (result == 0)
        result = link_canceled(l);
    if (result < 0)
        return result;
    while ((result = l->ops->commit(l, m)) < 0) {
        if (result == -EINVAL)
            return refuse_loan();
        result = after_failure(l, result, ENL_WRITABLE, (enl_deadline)m->token[0]);
        if (result < 0)
            return result;
    }
    l->sent_messages++;
    l->sent_bytes += m->size;
    m->link = NULL;
    PROBE2(send, l, m->size);
    return 0;
}

int enl_commit(struct enl_message *m)
{
    struct enl_link *l = owner_of_loan(m);
    ssize_t r;

    if (m != NULL && m->link != NULL && m->link->ops->commit != NULL)
        return commit_in_place(m->link, m);
    if (l == NULL)
        return refuse_loan();
    if (m->size > m->token[1])
        return check_commit(l, m);
    r = enl_send_message(l, m, (enl_deadline)m->token[0]);
    if (r < 0)
        return (int)r;
    enl_cancel(m);
    return 0;
}

void enl_cancel(struct enl_message *m)
{
    struct enl_link *l = owner_of_loan(m);

    if (m != NULL && m->link != NULL && m->link->ops->cancel != NULL) {
        if (!link_is_foreign(m->link))
            m->link->ops->cancel(m->link, m);
        m->link = NULL;
        return;
    }
    if (l == NULL)
        return;
    l->loaned = false;
    m->link = NULL;
}

static ssize_t take_by_copy(struct enl_link *l, const struct enl_match *match,
                            struct enl_message *m, bool may_block)
{
    m->data = l->take_buffer;
    m->capacity = l->largest;
    return l->ops->receive(l, match, m, may_block);
}

ssize_t enl_take(struct enl_link *l, const struct enl_match *match, enl_deadline until,
                 struct enl_message *ret_m)
{
    bool in_place = l != NULL && l->ops->take != NULL;
    int result = check_receive(l, match);
    ssize_t r;

    if (result == 0 && ret_m == NULL)
        result = error_set(-EINVAL, "ret_m is NULL");
    if (result == 0 && !in_place)
        result = make_buffer(l, &l->take_buffer);
    if (result < 0)
        return result;
    *ret_m = (struct enl_message){.deliveries = 1};
    ret_m->fds = l->take_fds;
    ret_m->fd_capacity = l->take_fd_capacity;
    r = receive_one(l, in_place ? l->ops->take : take_by_copy, match, ret_m, until);
    if (r >= 0) {
        ret_m->link = l;
        l->taken = true;
    }
    return r;
}

int enl_release(struct enl_message *m)
{
    struct enl_link *l = m != NULL ? m->link : NULL;
    int result = 0;

    if (l == NULL || !l->taken)
        return error_set(-EINVAL, "enl_release needs a message from enl_take that is still open");
    if (link_is_foreign(l))
        return link_check(l);
    if (l->ops->release != NULL)
        result = l->ops->release(l, m);
    l->taken = false;
    m->link = NULL;
    ready_received(l, &l->ready);
    return result;
}

int enl_return(struct enl_message *m, unsigned delay_ms)
{
    struct enl_link *l = m != NULL ? m->link : NULL;

    (void)delay_ms;
    if (l == NULL || !l->taken)
        return error_set(-EINVAL, "enl_return needs a message from enl_take that is still open");
    return link_cannot(l, "deliver a message again (acknowledge): enl_release it");
}

/* ---- files --------------------------------------------------------------------------------------------- */

static ssize_t send_piece(struct enl_link *l, int fd, uint64_t offset, size_t size,
                          enl_deadline until)
{
    bool lone = lone_call(l, until);
    ssize_t r = link_canceled(l);

    while (r == 0) {
        r = l->ops->send_file == NULL ? -ENOTSUP : l->ops->send_file(l, fd, offset, size, lone);
        if (r == -ENOTSUP)
            return link_copy_file(l, fd, offset, size < l->largest ? size : l->largest, until);
        if (r >= 0)
            break;
        r = after_failure(l, r, ENL_WRITABLE, until);
    }
    if (r < 0)
        return r;
    l->sent_messages++;
    l->sent_bytes += (uint64_t)r;
    r = finish_send(l, r, until);
    ready_sent(l, &l->ready);
    return r;
}

ssize_t enl_send_file(struct enl_link *l, int fd, off_t offset, size_t size, enl_deadline until)
{
    size_t done = 0;
    ssize_t r;

    if (!may_use(l, ENL_WRITE))
        return refuse_access(l, ENL_WRITE);
    if (offset < 0)
        return error_set(-EINVAL, "offset is negative");
    r = link_check_file(fd, (uint64_t)offset, size);
    if (r == 0 && (l->caps.can & ENL_CAN_BOUNDARIES) != 0 && !size_fits(l, size))
        r = refuse_size(l, size);
    if (r < 0)
        return r;
    do {
        r = send_piece(l, fd, (uint64_t)offset + done, size - done, until);
        done += r > 0 ? (size_t)r : 0;
    } while (r > 0 && done < size); /* of frame=raw, piece by piece */
    return done > 0 ? (ssize_t)done : r;
}
