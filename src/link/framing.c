/* SPDX-License-Identifier: MIT */
/* Messages on byte streams: framed once for all.
 *
 * The in buffer belongs to the receiving thread. The out buffer belongs to whoever holds out_busy: the sending
 * thread, or a receiving one that is about to sleep and goes on with what is left to be sent; it never
 * waits for the flag, for the sender that has it does the same work. */
#include "link/framing.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/memory.h"
#include "kernel/pipe.h"
#include "kernel/thread.h"
#include "link/link.h"

#include <errno.h>
#include <string.h>

#define READ_AHEAD 65536u /* a read asks for so much: half of a core's second cache stays free */
#define COPY_BELOW 4096u  /* up to here one copied piece is cheaper than a vector of two */
#define SEND_MANY 65536u  /* the batch of framing_send_many */
#define HEAD_SIZE 4u

const char *const framing_words[] = {
    [FRAME_U32] = "u32", [FRAME_LINE] = "line", [FRAME_RAW] = "raw", [FRAME_RAW + 1] = NULL};

/* ---- set-up -------------------------------------------------------------------------------- */

static size_t frame_overhead(enum frame frame)
{
    return frame == FRAME_U32 ? HEAD_SIZE : frame == FRAME_LINE ? 1 : 0;
}

int framing_describe(const struct address *a, bool atomic, struct enl_caps *caps)
{
    enum frame frame = (enum frame)address_value(a, "frame");
    uint64_t message = address_value(a, "message");
    uint64_t most = PIPE_ATOMIC - frame_overhead(frame);

    if (frame == FRAME_RAW)
        caps->can &= ~(ENL_CAN_BOUNDARIES | ENL_CAN_EMPTY | ENL_CAN_BATCH);
    if (frame == FRAME_RAW && address_value(a, "batch") > 0)
        return error_set(-EINVAL, "batch= needs messages: not together with frame=raw");
    if (atomic && address_given(a, "message") && message > most)
        return error_set(-EINVAL,
                         "message=%llu: above %llu bytes the writes of several senders are torn; "
                         "writers=one allows it",
                         (unsigned long long)message, (unsigned long long)most);
    if (atomic && address_value(a, "batch") > PIPE_ATOMIC)
        return error_set(-EINVAL, "batch=%llu: above %u bytes the writes of several senders are torn; "
                                  "writers=one allows it",
                         (unsigned long long)address_value(a, "batch"), PIPE_ATOMIC);
    caps->largest_message = atomic && message > most ? most : message;
    return 0;
}

void framing_init(struct enl_link *l, const struct framing_bytes *bytes, const struct address *a,
                  bool atomic)
{
    struct framing *f = &l->framing;
    enum frame frame = (enum frame)address_value(a, "frame");
    size_t largest = (size_t)address_value(a, "message");
    size_t batch = (size_t)address_value(a, "batch");

    *f = (struct framing){
        .bytes = bytes,
        .frame = frame,
        .largest = largest,
        .batch = batch,
        .atomic = atomic,
        .in_size = largest + HEAD_SIZE > READ_AHEAD ? largest + HEAD_SIZE : READ_AHEAD,
        .out_size = largest + HEAD_SIZE + (batch > SEND_MANY ? batch : SEND_MANY),
        .out_busy = ATOMIC_FLAG_INIT,
    };
    l->batches = batch > 0;
}

static int make_buffer(struct framing_buffer **buffer, size_t size)
{
    void *memory;
    int result;

    if (*buffer != NULL)
        return 0;
    result = memory_create(sizeof **buffer + size, &memory);
    if (result == 0)
        *buffer = memory;
    return result;
}

void framing_fini(struct enl_link *l)
{
    struct framing *f = &l->framing;

    if (f->bytes == NULL)
        return;
    (void)framing_flush(l, false);
    for (unsigned i = 0; i < f->fds.count; i++)
        descriptor_close(f->fds.fds[i]);
    memory_close(f->in, sizeof *f->in + f->in_size);
    memory_close(f->out, sizeof *f->out + f->out_size);
    f->in = f->out = NULL;
}

/* ---- receiving ------------------------------------------------------------------------------- */

struct frame_place {
    size_t at;    /* of the message's first byte */
    size_t size;  /* of the message */
    size_t total; /* of the frame */
    size_t need;  /* of an incomplete one: bytes of it that must be there to know more */
    bool cut;     /* a line whose newline is missing */
};

enum found { FOUND, INCOMPLETE, BAD };

static size_t waiting(const struct framing_buffer *buffer)
{
    return buffer == NULL ? 0 : buffer->end - buffer->begin;
}

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum found find_line(const struct framing *f, size_t from, struct frame_place *ret)
{
    const unsigned char *start = f->in->bytes + from;
    size_t have = f->in->end - from;
    size_t skip = from == f->in->begin && f->scanned < have ? f->scanned : 0;
    const unsigned char *newline = memchr(start + skip, '\n', have - skip);

    if (newline == NULL) {
        *ret = (struct frame_place){.need = have + 1};
        return have > f->largest ? BAD : INCOMPLETE;
    }
    *ret = (struct frame_place){
        .at = from, .size = (size_t)(newline - start), .total = (size_t)(newline - start) + 1};
    return ret->size > f->largest ? BAD : FOUND;
}

/* The frame that begins at `from`, of what is in the buffer. */
static enum found find_frame(const struct framing *f, size_t from, struct frame_place *ret)
{
    size_t have = f->in == NULL ? 0 : f->in->end - from;

    *ret = (struct frame_place){.need = f->frame == FRAME_U32 ? HEAD_SIZE : 1};
    if (have < ret->need)
        return INCOMPLETE;
    if (f->frame == FRAME_LINE)
        return find_line(f, from, ret);
    if (f->frame == FRAME_RAW) {
        *ret = (struct frame_place){
            .at = from, .size = have < f->largest ? have : f->largest, .total = 0};
        ret->total = ret->size;
        return FOUND;
    }
    ret->size = read_u32(f->in->bytes + from);
    if (ret->size > f->largest)
        return BAD;
    ret->at = from + HEAD_SIZE;
    ret->total = ret->need = HEAD_SIZE + ret->size;
    return have < ret->total ? INCOMPLETE : FOUND;
}

/* The descriptors that came with the last read go with the frame that starts last in it. */
static void place_fds(struct framing *f)
{
    struct frame_place place;
    size_t at = f->in->begin;

    if (f->fds.count + f->fds.lost == 0 || f->fds.placed)
        return;
    while (find_frame(f, at, &place) == FOUND && at + place.total < f->in->end)
        at += place.total;
    f->fds.at = at;
    f->fds.placed = true;
}

/* Reads until at least `need` bytes from begin on are there, or less came. */
static ssize_t fill(struct enl_link *l, size_t need, bool may_block)
{
    struct framing *f = &l->framing;
    struct framing_buffer *in = f->in;
    size_t have = waiting(in);
    size_t room;
    ssize_t count;

    if (have == 0 || in->begin + need > f->in_size || f->in_size - in->end < READ_AHEAD / 2) {
        memmove(in->bytes, in->bytes + in->begin, have);
        f->fds.at -= f->fds.placed ? in->begin : 0;
        in->begin = 0;
        in->end = have;
    }
    room = f->in_size - in->end;
    if (room > READ_AHEAD && room > need - have)
        room = need - have > READ_AHEAD ? need - have : READ_AHEAD;
    count = f->bytes->read(l, in->bytes + in->end, room, may_block);
    if (count > 0) {
        in->end += (size_t)count;
        place_fds(f);
    }
    return count;
}

static int fail_for_good(struct framing *f, int result)
{
    f->failed = result;
    return result;
}

/* The stream ended: between two messages that is an end, within one the peer broke off. */
static int ended(struct framing *f, struct frame_place *ret)
{
    size_t have = waiting(f->in);

    if (have == 0)
        return link_ended();
    if (f->frame == FRAME_LINE) {
        *ret = (struct frame_place){.at = f->in->begin, .size = have, .total = have, .cut = true};
        return 0;
    }
    return fail_for_good(f, link_reset("the stream ended inside a message"));
}

static int bad_frame(struct framing *f)
{
    if (f->frame == FRAME_LINE)
        return fail_for_good(
            f, error_set(-EBADMSG, "a line of more than %zu bytes came: raise message=, or the peer "
                                   "does not send lines",
                         f->largest));
    return fail_for_good(
        f, error_set(-EBADMSG,
                     "a message of %u bytes is announced, more than message=%zu: raise it, or the "
                     "peer does not use frame=u32",
                     read_u32(f->in->bytes + f->in->begin), f->largest));
}

static int failed_before(const struct framing *f)
{
    return error_note(f->failed, f->failed == -EBADMSG
                                     ? "the peer's bytes made no sense; the link stays broken"
                                     : "the peer broke off inside a message");
}

/* The next whole frame, read if need be. */
static int next_frame(struct enl_link *l, bool may_block, struct frame_place *ret)
{
    struct framing *f = &l->framing;
    int result = f->failed != 0 ? failed_before(f) : make_buffer(&f->in, f->in_size);

    while (result == 0) {
        enum found found = find_frame(f, f->in->begin, ret);
        ssize_t count;

        if (found == FOUND)
            return 0;
        if (found == BAD)
            return bad_frame(f);
        f->scanned = waiting(f->in);
        count = fill(l, ret->need, may_block);
        if (count == 0)
            return ended(f, ret);
        if (count < 0)
            result = count == -EAGAIN || count == -EINTR ? (int)count
                                                         : fail_for_good(f, (int)count);
    }
    return result;
}

/* Hands the descriptors of the frame that begins at `at` over; what has no room is closed, and told. */
static void give_fds(struct framing *f, size_t at, struct enl_message *m)
{
    struct framing_fds *fds = &f->fds;

    if (fds->count + fds->lost == 0 || (f->frame != FRAME_RAW && fds->at != at))
        return;
    if (fds->lost)
        m->flags |= ENL_FDS_LOST;
    m->fd_count = 0;
    for (unsigned i = 0; i < fds->count; i++) {
        if (m->fds != NULL && i < m->fd_capacity)
            m->fds[m->fd_count++] = fds->fds[i];
        else {
            descriptor_close(fds->fds[i]);
            m->flags |= ENL_FDS_LOST;
        }
    }
    fds->count = 0;
    fds->lost = fds->placed = false;
}

static void skip_frame(struct framing *f, size_t total)
{
    /* not below what is there: in a forked child the buffer is empty */
    f->in->begin += total < waiting(f->in) ? total : waiting(f->in);
    f->scanned = 0;
}

static ssize_t receive_raw(struct enl_link *l, struct enl_message *m, bool may_block)
{
    struct framing *f = &l->framing;
    size_t have = waiting(f->in);
    ssize_t count;

    if (m->capacity == 0)
        return link_too_large(1, 0);
    if (have > 0) {
        count = (ssize_t)(have < m->capacity ? have : m->capacity);
        memcpy(m->data, f->in->bytes + f->in->begin, (size_t)count);
        f->in->begin += (size_t)count;
    } else {
        if (f->failed != 0)
            return failed_before(f);
        count = f->bytes->read(l, m->data, m->capacity, may_block);
        if (count == 0)
            return link_ended();
        if (count < 0)
            return count;
    }
    give_fds(f, 0, m);
    m->size = m->full_size = (size_t)count;
    return count;
}

ssize_t framing_receive(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                        bool may_block)
{
    struct framing *f = &l->framing;
    struct frame_place place;
    size_t size;
    int result;

    (void)match; /* link.c let only "any" through */
    if (f->frame == FRAME_RAW)
        return receive_raw(l, m, may_block);
    result = next_frame(l, may_block, &place);
    if (result < 0)
        return result;
    size = place.size;
    if (size > m->capacity) {
        if ((m->flags & ENL_TRUNCATE) == 0)
            return link_too_large(size, m->capacity);
        size = m->capacity;
        m->flags |= ENL_TRUNCATED;
    }
    if (place.cut)
        m->flags |= ENL_TRUNCATED;
    if (size > 0)
        memcpy(m->data, f->in->bytes + place.at, size);
    m->size = size;
    m->full_size = place.size;
    give_fds(f, f->in->begin, m);
    skip_frame(f, place.total);
    return (ssize_t)size;
}

ssize_t framing_take(struct enl_link *l, const struct enl_match *match, struct enl_message *ret_m,
                     bool may_block)
{
    struct framing *f = &l->framing;
    struct frame_place place;
    int result = next_frame(l, may_block, &place);

    (void)match;
    if (result < 0)
        return result;
    ret_m->data = f->in->bytes + place.at;
    ret_m->size = ret_m->full_size = place.size;
    if (place.cut)
        ret_m->flags |= ENL_TRUNCATED;
    give_fds(f, f->in->begin, ret_m);
    f->taken = place.total;
    return (ssize_t)place.size;
}

int framing_release(struct enl_link *l, struct enl_message *m)
{
    (void)m;
    skip_frame(&l->framing, l->framing.taken);
    l->framing.taken = 0;
    return 0;
}

bool framing_pending(const struct enl_link *l)
{
    const struct framing *f = &l->framing;
    struct frame_place place;

    if (f->failed != 0)
        return true;
    return f->in != NULL && find_frame(f, f->in->begin + f->taken, &place) != INCOMPLETE;
}

void framing_stat(const struct enl_link *l, struct enl_stat *stat)
{
    const struct framing *f = &l->framing;
    struct frame_place place;
    size_t at = f->in == NULL ? 0 : f->in->begin;

    if (stat->queued_bytes == 0 && f->frame != FRAME_RAW)
        for (stat->queued_messages = 0; f->in != NULL && find_frame(f, at, &place) == FOUND;
             at += place.total)
            stat->queued_messages++;
    if (stat->queued_bytes != ENL_UNKNOWN)
        stat->queued_bytes += waiting(f->in);
}

/* ---- sending ------------------------------------------------------------------------------------- */

/* With one thread there is nobody to exclude. */
static bool lock_out(struct framing *f)
{
    if (thread_is_alone())
        return false;
    while (atomic_flag_test_and_set_explicit(&f->out_busy, memory_order_acquire))
        thread_yield(); /* a receiver is flushing, which does not wait */
    return true;
}

static bool try_lock_out(struct framing *f, bool *ret_locked)
{
    *ret_locked = false;
    if (thread_is_alone())
        return true;
    *ret_locked = !atomic_flag_test_and_set_explicit(&f->out_busy, memory_order_acquire);
    return *ret_locked;
}

static void unlock_out(struct framing *f, bool locked)
{
    if (locked)
        /* pairs with the acquire of the next holder */
        atomic_flag_clear_explicit(&f->out_busy, memory_order_release);
}

static int drop_out(struct framing *f, int result)
{
    if (result != -EAGAIN && result != -EINTR && f->out != NULL)
        f->out->begin = f->out->end = 0; /* nobody will receive it */
    return result;
}

static int flush_locked(struct enl_link *l, bool may_block)
{
    struct framing *f = &l->framing;
    struct framing_buffer *out = f->out;

    while (waiting(out) > 0) {
        struct iovec v = {.iov_base = out->bytes + out->begin, .iov_len = waiting(out)};
        ssize_t count = f->bytes->write(l, &v, 1, NULL, may_block);

        if (count < 0)
            return drop_out(f, (int)count);
        out->begin += (size_t)count;
    }
    if (out != NULL)
        out->begin = out->end = 0;
    return 0;
}

int framing_flush(struct enl_link *l, bool may_block)
{
    bool locked;
    int result;

    if (!try_lock_out(&l->framing, &locked))
        return 0;
    result = flush_locked(l, may_block);
    unlock_out(&l->framing, locked);
    return result;
}

size_t framing_unsent(const struct enl_link *l)
{
    struct framing *f = (struct framing *)(uintptr_t)&l->framing; /* the flag alone is written */
    size_t size = 0;
    bool locked;

    if (f->out == NULL || !try_lock_out(f, &locked))
        return 0;
    size = waiting(f->out);
    unlock_out(f, locked);
    return size;
}

static size_t write_head(enum frame frame, size_t size, unsigned char head[HEAD_SIZE])
{
    if (frame != FRAME_U32)
        return 0;
    head[0] = (unsigned char)(size >> 24);
    head[1] = (unsigned char)(size >> 16);
    head[2] = (unsigned char)(size >> 8);
    head[3] = (unsigned char)size;
    return HEAD_SIZE;
}

/* Appends a frame to the out buffer, in which there is room for it. */
static void append(struct framing *f, const struct enl_message *m)
{
    struct framing_buffer *out = f->out;

    out->end += write_head(f->frame, m->size, out->bytes + out->end);
    if (m->size > 0)
        memcpy(out->bytes + out->end, m->data, m->size);
    out->end += m->size;
    if (f->frame == FRAME_LINE)
        out->bytes[out->end++] = '\n';
}

/* Keeps what is left of a frame after its first `done` bytes were written. */
static void keep_rest(struct framing *f, const struct iovec v[], int count, size_t done)
{
    struct framing_buffer *out = f->out;

    out->begin = out->end = 0;
    for (int i = 0; i < count; i++) {
        size_t skip = done < v[i].iov_len ? done : v[i].iov_len;

        memcpy(out->bytes + out->end, (const unsigned char *)v[i].iov_base + skip,
               v[i].iov_len - skip);
        out->end += v[i].iov_len - skip;
        done -= skip;
    }
}

/* A small frame: copied into one piece. */
static int send_small(struct enl_link *l, const struct enl_message *m,
                      const struct enl_message *fds_of, bool may_block)
{
    struct framing *f = &l->framing;
    struct framing_buffer *out = f->out;
    ssize_t count;

    out->begin = out->end = 0;
    append(f, m);
    count = f->bytes->write(l, &(struct iovec){.iov_base = out->bytes, .iov_len = out->end}, 1,
                            fds_of, may_block);
    if (count < 0) {
        out->end = 0;
        return (int)count;
    }
    out->begin = (size_t)count;
    return 0;
}

static int send_large(struct enl_link *l, const struct enl_message *m,
                      const struct enl_message *fds_of, bool may_block)
{
    struct framing *f = &l->framing;
    unsigned char head[HEAD_SIZE];
    struct iovec v[2] = {
        {.iov_base = head, .iov_len = write_head(f->frame, m->size, head)},
        {.iov_base = m->data, .iov_len = m->size},
    };
    int first = v[0].iov_len == 0 ? 1 : 0;
    ssize_t count = f->bytes->write(l, v + first, 2 - first, fds_of, may_block);

    if (count < 0)
        return (int)count;
    keep_rest(f, v, 2, (size_t)count);
    if (f->frame == FRAME_LINE)
        f->out->bytes[f->out->end++] = '\n';
    return 0;
}

static ssize_t send_batched(struct enl_link *l, const struct enl_message *m, size_t batch,
                            bool may_block)
{
    struct framing *f = &l->framing;
    size_t total = m->size + frame_overhead(f->frame);
    int result = 0;

    if (waiting(f->out) + total > batch)
        result = flush_locked(l, may_block);
    if (result < 0)
        return result;
    if (f->out->begin > 0 && f->out->end + total > f->out_size) {
        memmove(f->out->bytes, f->out->bytes + f->out->begin, waiting(f->out));
        f->out->end -= f->out->begin;
        f->out->begin = 0;
    }
    append(f, m);
    if (waiting(f->out) >= batch)
        result = flush_locked(l, may_block);
    /* what could not go now goes later; only a peer that has gone is a failure */
    return result == 0 || result == -EAGAIN || result == -EINTR ? (ssize_t)m->size : result;
}

/* Checks what only the frame knows. */
static int check_content(const struct framing *f, const struct enl_message *m)
{
    const char *newline =
        f->frame == FRAME_LINE && m->size > 0 ? memchr(m->data, '\n', m->size) : NULL;

    if (newline == NULL)
        return 0;
    return error_set(-EINVAL, "a message of frame=line cannot hold a newline (at byte %zu): use "
                              "frame=u32",
                     (size_t)(newline - (const char *)m->data));
}

static ssize_t send_locked(struct enl_link *l, const struct enl_message *m, size_t batch,
                           bool may_block)
{
    struct framing *f = &l->framing;
    size_t total = m->size + frame_overhead(f->frame);
    const struct enl_message *fds_of = m->fd_count > 0 ? m : NULL;
    int result;

    if (batch > 0 && total <= batch && fds_of == NULL)
        return send_batched(l, m, batch, may_block);
    if (total == 0)
        return 0;
    result = flush_locked(l, may_block);
    if (result < 0)
        return result;
    result = total <= COPY_BELOW ? send_small(l, m, fds_of, may_block)
                                 : send_large(l, m, fds_of, may_block);
    if (result < 0)
        return result;
    result = waiting(f->out) > 0 ? flush_locked(l, may_block) : 0;
    return result == 0 || result == -EAGAIN || result == -EINTR ? (ssize_t)m->size : result;
}

ssize_t framing_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    struct framing *f = &l->framing;
    int result = make_buffer(&f->out, f->out_size);
    ssize_t sent;
    bool locked;

    if (f->send_failed)
        return error_note(-EIO, "a file could not be sent whole before: close the link");
    if (result == 0)
        result = check_content(f, m);
    if (result < 0)
        return result;
    locked = lock_out(f);
    sent = send_locked(l, m, f->batch, may_block);
    unlock_out(f, locked);
    return sent;
}

/* What the kernel has not begun to take of several messages was not sent: it is taken back, frame by frame.
 * Returns how many remain. */
static size_t take_back(struct framing *f, const struct enl_message m[], size_t sent)
{
    while (sent > 0) {
        size_t total = m[sent - 1].size + frame_overhead(f->frame);

        if (waiting(f->out) < total)
            break;
        f->out->end -= total;
        sent--;
    }
    return sent;
}

ssize_t framing_send_many(struct enl_link *l, const struct enl_message m[], size_t count,
                          bool may_block)
{
    struct framing *f = &l->framing;
    size_t batch = f->batch > 0 ? f->batch : f->atomic ? PIPE_ATOMIC : SEND_MANY;
    int result = make_buffer(&f->out, f->out_size);
    ssize_t last = 0;
    size_t sent = 0;
    bool locked;

    if (result == 0 && f->frame == FRAME_RAW)
        batch = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = check_content(f, &m[i]);
    if (result < 0)
        return result;
    locked = lock_out(f);
    while (sent < count && last >= 0) {
        last = send_locked(l, &m[sent], batch, may_block);
        sent += last >= 0;
    }
    if (f->batch == 0)
        result = flush_locked(l, may_block);
    if (result == -EAGAIN || result == -EINTR) {
        sent = take_back(f, m, sent);
        last = result;
        result = 0;
    }
    unlock_out(f, locked);
    if (result < 0)
        return result;
    return sent > 0 ? (ssize_t)sent : last;
}

/* ---- files --------------------------------------------------------------------------------------- */

/* The rest of a file's frame, into the out buffer: the header has gone out, so the frame must be finished. */
static int keep_file(struct framing *f, int fd, uint64_t offset, size_t size)
{
    struct framing_buffer *out = f->out;
    size_t start = out->end;

    while (out->end - start < size) {
        ssize_t count = descriptor_read_at(fd, out->bytes + out->end, size - (out->end - start),
                                           offset + (out->end - start));

        if (count == -EINTR)
            continue;
        if (count <= 0)
            return -EIO;
        out->end += (size_t)count;
    }
    return 0;
}

/* Moves as much of a file as goes now, on a description that is nobody else's. */
static ssize_t move_file(struct enl_link *l, int fd, uint64_t offset, size_t size, bool may_block)
{
    size_t done = 0;
    ssize_t count = 0;

    if (!may_block)
        (void)descriptor_set_blocking(l->fd, false); /* sendfile has no switch per call */
    while (done < size &&
           (count = descriptor_send_file(l->fd, fd, offset + done, size - done)) > 0)
        done += (size_t)count;
    if (!may_block)
        (void)descriptor_set_blocking(l->fd, true);
    return done > 0 || size == 0 ? (ssize_t)done : count;
}

/* The file behind its header. Once the header is out the frame must be finished, now or later. */
static ssize_t send_file_framed(struct enl_link *l, int fd, uint64_t offset, size_t size,
                                bool may_block)
{
    struct framing *f = &l->framing;
    unsigned char head[HEAD_SIZE];
    struct iovec v = {.iov_base = head, .iov_len = write_head(f->frame, size, head)};
    ssize_t count = f->bytes->write(l, &v, 1, NULL, may_block);
    size_t done = 0;

    if (count < 0)
        return count;
    keep_rest(f, &v, 1, (size_t)count);
    if (waiting(f->out) == 0) {
        count = move_file(l, fd, offset, size, may_block);
        if (count == -EPIPE || count == -ECONNRESET)
            return link_broken();
        done = count > 0 ? (size_t)count : 0;
    }
    if (keep_file(f, fd, offset + done, size - done) < 0) {
        f->send_failed = true;
        return error_set(-EIO, "the file shrank or cannot be read while it was sent; the peer has a "
                               "part of the message: close the link");
    }
    return (ssize_t)size;
}

ssize_t framing_send_file(struct enl_link *l, int fd, uint64_t offset, size_t size, bool may_block)
{
    struct framing *f = &l->framing;
    bool raw = f->frame == FRAME_RAW;
    ssize_t result = make_buffer(&f->out, f->out_size);
    bool locked;

    /* small ones are cheaper in one write; the calls would block on a description that others share */
    if (f->atomic || f->frame == FRAME_LINE || size <= COPY_BELOW || !l->lone_calls)
        return -ENOTSUP;
    locked = lock_out(f);
    if (result == 0)
        result = flush_locked(l, may_block);
    if (result == 0)
        result = raw ? move_file(l, fd, offset, size, may_block)
                     : send_file_framed(l, fd, offset, size, may_block);
    unlock_out(f, locked);
    return result;
}
