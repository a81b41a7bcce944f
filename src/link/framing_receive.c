/* SPDX-License-Identifier: MIT */
/* Receiving from byte streams: reading ahead, finding frames, giving them out. The in buffer belongs to the
 * receiving thread. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "link/framing.h"
#include "link/framing_buffer.h"
#include "link/link.h"

#include <errno.h>
#include <string.h>

struct frame_place {
    size_t at;    /* of the message's first byte */
    size_t size;  /* of the message */
    size_t total; /* of the frame */
    size_t need;  /* of an incomplete one: bytes of it that must be there to know more */
    bool cut;     /* a line whose newline is missing */
};

enum found { FOUND, INCOMPLETE, BAD };

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
    *ret = (struct frame_place){.at = from,
                                .size = (size_t)(newline - start),
                                .total = (size_t)(newline - start) + 1};
    return ret->size > f->largest ? BAD : FOUND;
}

/* The frame that begins at `from`, of what is in the buffer. */
static enum found find_frame(const struct framing *f, size_t from, struct frame_place *ret)
{
    size_t have = f->in == NULL ? 0 : f->in->end - from;

    *ret = (struct frame_place){.need = f->frame == FRAME_U32 ? FRAMING_HEAD : 1};
    if (have < ret->need)
        return INCOMPLETE;
    if (f->frame == FRAME_LINE)
        return find_line(f, from, ret);
    if (f->frame == FRAME_RAW) {
        *ret = (struct frame_place){.at = from,
                                    .size = have < f->largest ? have : f->largest,
                                    .total = 0};
        ret->total = ret->size;
        return FOUND;
    }
    ret->size = read_u32(f->in->bytes + from);
    if (ret->size > f->largest)
        return BAD;
    ret->at = from + FRAMING_HEAD;
    ret->total = ret->need = FRAMING_HEAD + ret->size;
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
    size_t have = framing_waiting(in);
    size_t room;
    ssize_t count;

    if (have == 0 || in->begin + need > f->in_size ||
        f->in_size - in->end < FRAMING_READ_AHEAD / 2) {
        memmove(in->bytes, in->bytes + in->begin, have);
        f->fds.at -= f->fds.placed ? in->begin : 0;
        in->begin = 0;
        in->end = have;
    }
    room = f->in_size - in->end;
    if (room > FRAMING_READ_AHEAD && room > need - have)
        room = need - have > FRAMING_READ_AHEAD ? need - have : FRAMING_READ_AHEAD;
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
    size_t have = framing_waiting(f->in);

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
            f, error_set(-EBADMSG,
                         "a line of more than %zu bytes came: raise message=, or the peer "
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
                                     : "the peer broke off");
}

/* The next whole frame, read if need be. */
static int next_frame(struct enl_link *l, bool may_block, struct frame_place *ret)
{
    struct framing *f = &l->framing;
    int result = f->failed != 0 ? failed_before(f) : framing_buffer_make(&f->in, f->in_size);

    while (result == 0) {
        enum found found = find_frame(f, f->in->begin, ret);
        ssize_t count;

        if (found == FOUND)
            return 0;
        if (found == BAD)
            return bad_frame(f);
        f->scanned = framing_waiting(f->in);
        count = fill(l, ret->need, may_block);
        if (count == 0)
            return ended(f, ret);
        if (count < 0)
            result =
                count == -EAGAIN || count == -EINTR ? (int)count : fail_for_good(f, (int)count);
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
    f->in->begin += total < framing_waiting(f->in) ? total : framing_waiting(f->in);
    f->scanned = 0;
}

static ssize_t receive_raw(struct enl_link *l, struct enl_message *m, bool may_block)
{
    struct framing *f = &l->framing;
    size_t have = framing_waiting(f->in);
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

static ssize_t receive_any(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
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

/* Fills the empty buffer; 1 if something is in it now, else what the receive returns. */
static inline ssize_t fill_plain(struct enl_link *l, bool may_block)
{
    struct framing *f = &l->framing;
    ssize_t count = f->bytes->read(l, f->in->bytes, FRAMING_READ_AHEAD, may_block);

    f->in->begin = 0;
    f->in->end = count > 0 ? (size_t)count : 0;
    if (count > 0)
        return 1;
    if (count == 0)
        return link_ended();
    return count == -EAGAIN || count == -EINTR ? count : fail_for_good(f, (int)count);
}

/* The size of the message at the buffer's begin, if it is whole and fits; 0: receive_any() sees to it. */
static inline size_t plain_size(const struct framing *f, const struct enl_message *m)
{
    size_t have = f->in->end - f->in->begin;
    size_t size = have > FRAMING_HEAD ? read_u32(f->in->bytes + f->in->begin) : 0;

    return size <= m->capacity && size <= f->largest && FRAMING_HEAD + size <= have ? size : 0;
}

/* The common case, for which few steps count: frame=u32 without descriptors, and the message is there
 * whole after at most one read. */
ssize_t framing_receive(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                        bool may_block)
{
    struct framing *f = &l->framing;
    struct framing_buffer *in = f->in;
    ssize_t filled = 1;
    size_t size;

    if (f->frame != FRAME_U32 || in == NULL || f->fds.fds != NULL || f->failed != 0)
        return receive_any(l, match, m, may_block);
    if (in->begin == in->end)
        filled = fill_plain(l, may_block);
    if (filled <= 0)
        return filled;
    size = plain_size(f, m);
    if (size == 0)
        return receive_any(l, match, m, may_block);
    memcpy(m->data, in->bytes + in->begin + FRAMING_HEAD, size);
    in->begin += FRAMING_HEAD + size;
    m->size = m->full_size = size;
    return (ssize_t)size;
}

ssize_t framing_take(struct enl_link *l, const struct enl_match *match, struct enl_message *ret_m,
                     bool may_block)
{
    struct framing *f = &l->framing;
    struct frame_place place = {0};
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
        stat->queued_bytes += framing_waiting(f->in);
}
