/* SPDX-License-Identifier: MIT */
/* Sending on byte streams: framing, batches, what is left of a message, files.
 *
 * The out buffer belongs to whoever holds out_busy: the sending thread, or a receiving one that is about to sleep
 * and goes on with what is left to be sent. With several threads no holder sleeps in the kernel, so the other
 * waits for it: an answer that all is sent must be true. The end of a link alone does not wait, for in a forked
 * child the holder may be a thread of the parent. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/pipe.h"
#include "kernel/thread.h"
#include "link/framing.h"
#include "link/framing_buffer.h"
#include "link/link.h"

#include <errno.h>
#include <string.h>

#define COPY_BELOW 4096u /* up to here one copied piece is cheaper than a vector of two */
#define SEND_MANY 65536u /* the batch of framing_send_many */

/* With one thread there is nobody to exclude. */
static bool lock_out(struct framing *f)
{
    if (thread_is_alone())
        return false;
    while (atomic_flag_test_and_set_explicit(&f->out_busy, memory_order_acquire))
        thread_yield();
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

    while (framing_waiting(out) > 0) {
        struct iovec v = {.iov_base = out->bytes + out->begin, .iov_len = framing_waiting(out)};
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
    bool locked = lock_out(&l->framing);
    int result = flush_locked(l, may_block);

    unlock_out(&l->framing, locked);
    return result;
}

void framing_last_flush(struct enl_link *l)
{
    bool locked;

    if (!try_lock_out(&l->framing, &locked))
        return;
    (void)flush_locked(l, false);
    unlock_out(&l->framing, locked);
}

size_t framing_unsent(const struct enl_link *l)
{
    struct framing *f = (struct framing *)(uintptr_t)&l->framing; /* the flag alone is written */
    bool locked = lock_out(f);
    size_t size = framing_waiting(f->out);

    unlock_out(f, locked);
    return size;
}

static size_t write_head(enum frame frame, size_t size, unsigned char head[FRAMING_HEAD])
{
    if (frame != FRAME_U32)
        return 0;
    head[0] = (unsigned char)(size >> 24);
    head[1] = (unsigned char)(size >> 16);
    head[2] = (unsigned char)(size >> 8);
    head[3] = (unsigned char)size;
    return FRAMING_HEAD;
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
    unsigned char head[FRAMING_HEAD];
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
    size_t total = m->size + framing_overhead(f->frame);
    int result = 0;

    if (framing_waiting(f->out) + total > batch)
        result = flush_locked(l, may_block);
    if (result < 0)
        return result;
    if (f->out->begin > 0 && f->out->end + total > f->out_size) {
        memmove(f->out->bytes, f->out->bytes + f->out->begin, framing_waiting(f->out));
        f->out->end -= f->out->begin;
        f->out->begin = 0;
    }
    append(f, m);
    if (framing_waiting(f->out) >= batch)
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
    return error_set(-EINVAL,
                     "a message of frame=line cannot hold a newline (at byte %zu): use "
                     "frame=u32",
                     (size_t)(newline - (const char *)m->data));
}

static ssize_t send_locked(struct enl_link *l, const struct enl_message *m, size_t batch,
                           bool may_block)
{
    struct framing *f = &l->framing;
    size_t total = m->size + framing_overhead(f->frame);
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
    result = framing_waiting(f->out) > 0 ? flush_locked(l, may_block) : 0;
    return result == 0 || result == -EAGAIN || result == -EINTR ? (ssize_t)m->size : result;
}

static ssize_t send_any(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    struct framing *f = &l->framing;
    int result = check_content(f, m);
    ssize_t sent;
    bool locked;

    if (f->send_failed)
        return error_note(-EIO, "a file could not be sent whole before: close the link");
    if (result < 0)
        return result;
    locked = lock_out(f);
    result = framing_buffer_make(&f->out, f->out_size);
    sent = result < 0 ? result : send_locked(l, m, f->batch, may_block);
    unlock_out(f, locked);
    return sent;
}

/* The common case, for which few steps count: a small message, nothing before it, one thread. */
static inline bool is_plain(const struct framing *f, const struct enl_message *m)
{
    return f->frame == FRAME_U32 && f->batch == 0 && m->fd_count == 0 && m->size > 0 &&
           m->size <= COPY_BELOW - FRAMING_HEAD && f->out != NULL && f->out->end == 0 &&
           !f->send_failed && thread_is_alone();
}

static ssize_t send_plain(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    struct framing_buffer *out = l->framing.out;
    size_t total = write_head(FRAME_U32, m->size, out->bytes) + m->size;
    ssize_t count;
    int result;

    memcpy(out->bytes + FRAMING_HEAD, m->data, m->size);
    count = l->framing.bytes->write(l, &(struct iovec){.iov_base = out->bytes, .iov_len = total}, 1,
                                    NULL, may_block);
    if (count < 0)
        return count;
    if ((size_t)count == total)
        return (ssize_t)m->size;
    out->begin = (size_t)count;
    out->end = total;
    result = flush_locked(l, may_block);
    return result == 0 || result == -EAGAIN || result == -EINTR ? (ssize_t)m->size : result;
}

ssize_t framing_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    return is_plain(&l->framing, m) ? send_plain(l, m, may_block) : send_any(l, m, may_block);
}

/* What the kernel has not begun to take of several messages was not sent: it is taken back, frame by frame.
 * Returns how many remain. */
static size_t take_back(struct framing *f, const struct enl_message m[], size_t sent)
{
    while (sent > 0) {
        size_t total = m[sent - 1].size + framing_overhead(f->frame);

        if (framing_waiting(f->out) < total)
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
    int result = 0;
    ssize_t last = 0;
    size_t sent = 0;
    bool locked;

    if (f->frame == FRAME_RAW)
        batch = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = check_content(f, &m[i]);
    if (result < 0)
        return result;
    locked = lock_out(f);
    result = framing_buffer_make(&f->out, f->out_size);
    while (result == 0 && sent < count && last >= 0) {
        last = send_locked(l, &m[sent], batch, may_block);
        sent += last >= 0;
    }
    if (result == 0 && f->batch == 0)
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
    /* sendfile has no switch per call; a FIFO's own description never blocks */
    bool blocks = atomic_load_explicit(&l->interrupt.blocking_fd, memory_order_relaxed) == l->fd;
    size_t done = 0;
    ssize_t count = 0;

    if (!may_block && blocks)
        (void)descriptor_set_blocking(l->fd, false);
    while (done < size && (count = descriptor_send_file(l->fd, fd, offset + done, size - done)) > 0)
        done += (size_t)count;
    if (!may_block && blocks)
        (void)descriptor_set_blocking(l->fd, true);
    return done > 0 || size == 0 ? (ssize_t)done : count;
}

/* The file behind its header. Once the header is out the frame must be finished, now or later. */
static ssize_t send_file_framed(struct enl_link *l, int fd, uint64_t offset, size_t size,
                                bool may_block)
{
    struct framing *f = &l->framing;
    unsigned char head[FRAMING_HEAD];
    struct iovec v = {.iov_base = head, .iov_len = write_head(f->frame, size, head)};
    ssize_t count = f->bytes->write(l, &v, 1, NULL, may_block);
    size_t done = 0;

    if (count < 0)
        return count;
    keep_rest(f, &v, 1, (size_t)count);
    if (framing_waiting(f->out) == 0) {
        count = move_file(l, fd, offset, size, may_block);
        if (count == -EPIPE || count == -ECONNRESET)
            return link_broken();
        done = count > 0 ? (size_t)count : 0;
    }
    if (keep_file(f, fd, offset + done, size - done) < 0) {
        f->send_failed = true;
        return error_set(-EIO,
                         "the file shrank or cannot be read while it was sent; the peer has a "
                         "part of the message: close the link");
    }
    return (ssize_t)size;
}

ssize_t framing_send_file(struct enl_link *l, int fd, uint64_t offset, size_t size, bool may_block)
{
    struct framing *f = &l->framing;
    bool raw = f->frame == FRAME_RAW;
    ssize_t result;
    bool locked;

    /* small ones are cheaper in one write; the calls would block on a description that others share */
    if (f->atomic || f->frame == FRAME_LINE || size <= COPY_BELOW || !l->lone_calls)
        return -ENOTSUP;
    locked = lock_out(f);
    result = framing_buffer_make(&f->out, f->out_size);
    if (result == 0)
        result = flush_locked(l, may_block);
    if (result == 0)
        result = raw ? move_file(l, fd, offset, size, may_block)
                     : send_file_framed(l, fd, offset, size, may_block);
    unlock_out(f, locked);
    return result;
}
