/* SPDX-License-Identifier: MIT */
/* Messages on byte streams: framed once for all. A stream gives two calls that move bytes, and uses the
 * framing_ functions as its link_ops.
 *
 *   u32   four bytes of size, the most significant first, then the message
 *   line  the message, then a newline; it holds none itself
 *   raw   bytes as they come: no boundaries
 *
 * What was read ahead, and what is left to be written, lie in two buffers of the link; in a forked child
 * both are empty (kernel/memory.h). */
#ifndef LINK_FRAMING_H
#define LINK_FRAMING_H

#include "base/address.h"

#include <enlace/link.h>
#include <enlace/message.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum frame { FRAME_U32, FRAME_LINE, FRAME_RAW };

#define FRAMING_LARGEST 1048576u /* the preset of message= */
#define FRAMING_MOST (1u << 30)  /* its limit */
#define FRAMING_BATCH_MOST (1u << 20)
#define FRAMING_READ_AHEAD                                                                         \
    65536u /* a read asks for so much: half of a core's second cache stays free */

/* How bytes move. Both answer -EAGAIN or what could be moved; 0 of read is the end. */
struct framing_bytes {
    ssize_t (*read)(struct enl_link *l, void *buffer, size_t size, bool may_block);
    /* fds_of: descriptors to go with the first byte, or NULL */
    ssize_t (*write)(struct enl_link *l, const struct iovec v[], int count,
                     const struct enl_message *fds_of, bool may_block);
};

struct framing_buffer {
    size_t begin, end; /* of what waits in bytes */
    unsigned char bytes[];
};

/* Descriptors that came with bytes: they belong to the frame that starts last in what was read. */
struct framing_fds {
    int *fds; /* the mechanism's, of room for them; NULL: it passes none */
    unsigned count;
    bool lost;
    bool placed; /* `at` is known */
    size_t at;   /* where in the buffer their frame begins */
};

struct framing {
    const struct framing_bytes *bytes;
    enum frame frame;
    size_t largest; /* message */
    size_t batch;   /* 0: none */
    bool atomic;    /* several writers: each write is whole frames, of at most PIPE_ATOMIC bytes */
    bool send_failed; /* a part of a frame is out and the rest cannot be had */
    struct framing_buffer *in, *out;
    size_t in_size, out_size; /* of their bytes */
    size_t scanned;           /* of a line: so many bytes hold no newline */
    size_t taken;             /* bytes of the frame that is taken, to be skipped at its release */
    int failed;               /* -EBADMSG and the like: it stays so */
    atomic_flag out_busy;     /* a receiver that is about to sleep flushes too */
    struct framing_fds fds;
};

/* The options of every byte stream, to be part of a scheme's list: frame, message, batch. */
#define FRAMING_OPTIONS                                                                            \
    {.name = "frame", .kind = ADDRESS_WORD, .words = framing_words, .preset = FRAME_U32},          \
        {.name = "message",                                                                        \
         .kind = ADDRESS_SIZE,                                                                     \
         .least = 1,                                                                               \
         .most = FRAMING_MOST,                                                                     \
         .preset = FRAMING_LARGEST},                                                               \
    {                                                                                              \
        .name = "batch", .kind = ADDRESS_SIZE, .least = 0, .most = FRAMING_BATCH_MOST, .preset = 0 \
    }

extern const char *const framing_words[];

/* Adjusts the capabilities of a stream to frame= and message=. atomic: see struct framing. -EINVAL with a text
 * for options that contradict each other. */
int framing_describe(const struct address *a, bool atomic, struct enl_caps *caps);
/* Makes a link's framing from its address; the buffers come at their first use. */
void framing_init(struct enl_link *l, const struct framing_bytes *bytes, const struct address *a,
                  bool atomic);
void framing_fini(struct enl_link *l); /* sends what is left if that needs no waiting */

/* The slots of struct link_ops. */
ssize_t framing_send(struct enl_link *l, const struct enl_message *m, bool may_block);
ssize_t framing_send_many(struct enl_link *l, const struct enl_message m[], size_t count,
                          bool may_block);
ssize_t framing_receive(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                        bool may_block);
ssize_t framing_send_file(struct enl_link *l, int fd, uint64_t offset, size_t size, bool may_block);
ssize_t framing_take(struct enl_link *l, const struct enl_match *match, struct enl_message *ret_m,
                     bool may_block);
int framing_release(struct enl_link *l, struct enl_message *m);
int framing_flush(struct enl_link *l, bool may_block);
size_t framing_unsent(const struct enl_link *l);
bool framing_pending(const struct enl_link *l);
/* All of them but send, to be part of a link_ops. */
#define FRAMING_SLOTS                                                                              \
    .send_many = framing_send_many, .send_file = framing_send_file, .receive = framing_receive,    \
    .take = framing_take, .release = framing_release, .flush = framing_flush,                      \
    .unsent = framing_unsent, .pending = framing_pending

/* Adds what was read ahead to the counts of a stat. */
void framing_stat(const struct enl_link *l, struct enl_stat *stat);

#endif
