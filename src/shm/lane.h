/* SPDX-License-Identifier: MIT */
/* A lane: a log of records in a ring that one process writes and another one reads.
 *
 * Layout. channel_layout.h. The writer's end is `tail` and the records' words in its own segment, the reader's
 * is `head` in its own.
 *
 * Ordering. Before a record's word is stored, the word behind the record is 0 and the payload is there; the store
 * is a release and pairs with the reader's acquire of the word, or of `tail`, which is stored (release) after the
 * words that it covers. The reader stores `head` (release) when it is done with what lies before; that pairs with
 * the writer's acquire in lane_refresh(), after which it overwrites.
 *
 * Crash. A writer that dies before it stored a record's word has written nothing that is read. One that dies
 * between word and tail has committed: the reader looks at the word before it calls the lane ended. A reader
 * that dies leaves `head` where it was.
 *
 * Loans lie in the lane, behind the published end. One that is committed in its turn becomes a record there.
 * One that is overtaken (by a send, or the commit of a later loan) becomes a SKIP and stays the writer's; its
 * commit appends a REFERENCE, for which each open loan keeps two units free, so that a commit never waits. */
#ifndef SHM_LANE_H
#define SHM_LANE_H

#include "shm/channel_layout.h"

#include <stdbool.h>
#include <string.h>

#define LANE_LOANS 64
#define LANE_SHORT 128u /* bytes */

enum lane_pin_state { PIN_FREE, PIN_ATTACHED, PIN_SKIPPED, PIN_DETACHED, PIN_REFERENCED };

struct lane_pin {
    uint32_t position;
    uint32_t units;
    uint32_t lead; /* before what was loaned */
    uint32_t reference_end;
    enum lane_pin_state state;
};

struct lane_writer {
    unsigned char *ring;
    uint32_t byte_mask;
    uint32_t units; /* of the ring */
    uint32_t tail;  /* the published end; between it and `next` lie open loans alone */
    uint32_t next;
    uint32_t limit; /* what may be written without another look at the reader's head */
    /* A unit behind `next` that is 0 already and that nobody has written since, for one message alone: whatever moves `next`
     * sets this to it, which means none. (Else it would come true again 2^32 units later.) */
    uint32_t clean;
    uint32_t head;                     /* the reader's, as seen last */
    uint32_t sent;                     /* messages */
    struct channel_header *own;        /* NULL: not there yet */
    const struct channel_header *peer; /* NULL: nobody has read anything yet */
    unsigned pin_count, open_count;
    /* for others, who may look: what open loans hold behind the tail, and the oldest of them if there is one */
    _Atomic(uint32_t) held, oldest;
    atomic_bool pinned;
    struct lane_pin pins[LANE_LOANS];
};

struct lane_reader {
    const unsigned char *ring;
    uint32_t byte_mask;
    uint32_t units;
    uint32_t largest;
    _Atomic(uint32_t) cursor; /* of the receiving thread; others may look */
    uint32_t known;           /* records up to here are there */
    uint32_t
        pack_left; /* messages of the pack at the cursor, which stays there until the last one; 0: none is open */
    uint32_t pack_size, pack_at,
        pack_end; /* of each; the next one, and the position behind the pack */
    uint32_t received;
    uint32_t ahead; /* bytes behind the next word: what is asked for with it */
    const struct channel_header *peer;
    struct channel_header *own;
};

struct lane_record {
    const unsigned char *data;
    uint32_t size;
    uint32_t extra;
    uint32_t end; /* the position behind it */
};

/* A ring for so many messages of that size, or 0 if there is none. */
uint32_t lane_ring_bytes(uint64_t largest, uint64_t depth, uint32_t least);

void lane_writer_init(struct lane_writer *w, struct channel_header *own, unsigned char *ring,
                      uint32_t ring_bytes);
/* Of a reader whose own header is set. */
void lane_reader_init(struct lane_reader *r, const struct channel_header *peer,
                      const unsigned char *ring, uint32_t ring_bytes, uint32_t largest);

/* ---- writing ----------------------------------------------------------------------------------------------- */

/* The units of a record whose payload follows its word. */
static inline uint32_t lane_units(uint32_t size)
{
    return 1 + (size + LANE_UNIT - 1) / LANE_UNIT;
}

/* Of a message's record: the units before its payload. A large one's begins a line, so that what is done to it in registers
 * longer than a unit goes to one line at a time. */
static inline uint32_t lane_lead(uint32_t position, uint32_t size)
{
    return size < LANE_LARGE ? 1 : LANE_LINE / LANE_UNIT - position % (LANE_LINE / LANE_UNIT);
}

/* All its units. */
static inline uint32_t lane_span(uint32_t position, uint32_t size)
{
    return lane_lead(position, size) + lane_units(size) - 1;
}

/* The most that they are, wherever it lies. */
static inline uint32_t lane_span_most(uint32_t size)
{
    return lane_span(0, size);
}

/* Of any record, by its word. */
static inline uint32_t lane_record_units(uint32_t position, uint32_t word)
{
    uint32_t size = word & RECORD_SIZE;

    return (word & RECORD_KIND) == RECORD_MESSAGE ? lane_span(position, size) : lane_units(size);
}

static inline unsigned char *lane_at(const struct lane_writer *w, uint32_t position)
{
    return w->ring + (position * LANE_UNIT & w->byte_mask);
}

static inline struct lane_record_header *lane_header(const struct lane_writer *w, uint32_t position)
{
    return (struct lane_record_header *)(void *)lane_at(w, position);
}

/* Looks at the reader's head. 0: there is room for so many units; -EAGAIN; -EBADMSG: the head is nonsense. */
int lane_refresh(struct lane_writer *w, uint32_t units);

static inline int lane_room(struct lane_writer *w, uint32_t units)
{
    return w->limit - w->next > units ? 0 : lane_refresh(w, units);
}

/* Short messages are copied here, as a call costs as much as they do: in words of 8 bytes, for what the caller has just
 * stored in such words is not stored as a longer one yet, and from behind, so that the line with the record's word, at
 * which the reader looks, is the last one that is written. */
static inline void lane_copy_in(unsigned char *to, const unsigned char *from, size_t size)
{
    if (size < LANE_UNIT || size > LANE_SHORT) {
        memcpy(to, from, size);
        return;
    }
    memcpy(to + size - LANE_UNIT, from + size - LANE_UNIT, LANE_UNIT);
    for (size_t at = (size - 1) / LANE_UNIT * LANE_UNIT; at > 0; at -= LANE_UNIT)
        memcpy(to + at - LANE_UNIT, from + at - LANE_UNIT, LANE_UNIT);
}

static inline void lane_copy_out(unsigned char *to, const unsigned char *from, size_t size)
{
    size_t at = 0;

    if (size < LANE_UNIT || size > LANE_SHORT) {
        memcpy(to, from, size);
        return;
    }
    for (; size - at > (size_t)2 * LANE_UNIT; at += (size_t)2 * LANE_UNIT)
        memcpy(to + at, from + at, (size_t)2 * LANE_UNIT);
    memcpy(to + at, from + at, LANE_UNIT);
    memcpy(to + size - LANE_UNIT, from + size - LANE_UNIT, LANE_UNIT);
}

/* Overtakes the loans that are open: they become skips. */
void lane_detach(struct lane_writer *w);

/* Puts a record behind the others; the reader may see it at once. lane_publish() tells how far all of them go. */
static inline int lane_append(struct lane_writer *w, const void *data, uint32_t size,
                              uint32_t extra)
{
    uint32_t lead = lane_lead(w->next, size), units = lane_span(w->next, size);
    struct lane_record_header *header;
    unsigned char *payload;
    int result = lane_room(w, units);

    if (result < 0)
        return result;
    if (w->tail != w->next)
        lane_detach(w);
    header = lane_header(w, w->next);
    payload = (unsigned char *)header + (size_t)lead * LANE_UNIT;
    w->next += units;
    w->tail = w->next;
    w->sent++;
    if (w->next != w->clean)
        atomic_store_explicit(&lane_header(w, w->next)->word, 0, memory_order_relaxed);
    w->clean = w->next;
    lane_copy_in(payload, data, size);
    header->extra = extra;
    /* pairs with the acquire in lane_look() */
    atomic_store_explicit(&header->word, RECORD_THERE | RECORD_MESSAGE | size,
                          memory_order_release);
    return 0;
}

static inline void lane_publish(struct lane_writer *w)
{
    atomic_store_explicit(&w->own->sent, w->sent, memory_order_relaxed);
    /* pairs with the acquire in lane_extend() */
    atomic_store_explicit(&w->own->tail, w->tail, memory_order_release);
}

static inline uint32_t lane_stride(uint32_t size)
{
    return (size + LANE_UNIT - 1) / LANE_UNIT * LANE_UNIT;
}

/* Room for so many messages of one size (not 0), behind one word; each begins lane_stride() behind the one before it.
 * Nothing is there before lane_pack_commit(), then all of them are. As lane_room(). */
int lane_pack(struct lane_writer *w, uint32_t size, uint32_t count, unsigned char **ret_data);
void lane_pack_commit(struct lane_writer *w, uint32_t size, uint32_t count);

/* After a message has been told: sets the word behind a next one of the same size to 0 ahead. Its line, which the
 * reader does not look at, so comes here while nobody waits for it. */
static inline void lane_prepare(struct lane_writer *w, uint32_t size)
{
    uint32_t units = lane_span(w->next, size);

    if (w->limit - w->next <= units)
        return;
    w->clean = w->next + units;
    atomic_store_explicit(&lane_header(w, w->clean)->word, 0, memory_order_relaxed);
}

/* -EAGAIN, -EBADMSG; -EBUSY: LANE_LOANS are open. */
int lane_loan(struct lane_writer *w, uint32_t size, void **ret_data);
bool lane_is_loan(const struct lane_writer *w, const void *data);
/* Of a loan of at least so many bytes; published. Neither fails nor waits. */
void lane_commit(struct lane_writer *w, void *data, uint32_t size, uint32_t extra);
void lane_cancel(struct lane_writer *w, void *data);

/* ---- reading ----------------------------------------------------------------------------------------------- */

/* Reads the tail. 1: more is known; 0: nothing new; -EBADMSG. */
int lane_extend(struct lane_reader *r);
/* Looks at the next record's word, which may be there before the tail. As lane_extend(). */
int lane_look(struct lane_reader *r);
/* The next message: 1; 0: none is known; -EBADMSG. It stays next until it is consumed. */
int lane_next(struct lane_reader *r, struct lane_record *ret);
/* Behind a message: passes what its loan did not need, for its reader may not come again. */
void lane_pass_skips(struct lane_reader *r);

static inline uint32_t lane_cursor(const struct lane_reader *r)
{
    return atomic_load_explicit(&r->cursor, memory_order_relaxed);
}

/* The next message, if it is known and lies where its record does: as most do. */
static inline bool lane_next_plain(const struct lane_reader *r, struct lane_record *ret)
{
    uint32_t cursor = lane_cursor(r), known = r->known - cursor;
    const unsigned char *place = r->ring + (cursor * LANE_UNIT & r->byte_mask);
    uint32_t word, size, units;

    if (r->pack_left > 0) {
        ret->data = r->ring + (r->pack_at * LANE_UNIT & r->byte_mask);
        ret->size = r->pack_size;
        ret->extra = 0;
        ret->end = r->pack_end;
        return true;
    }
    if (known == 0)
        return false;
    word = atomic_load_explicit((_Atomic(uint32_t) *)(uintptr_t)place, memory_order_acquire);
    size = word & RECORD_SIZE;
    units = lane_span(cursor, size);
    if ((word & ~RECORD_SIZE) != (RECORD_THERE | RECORD_MESSAGE) || size > r->largest ||
        units > known)
        return false;
    memcpy(&ret->extra, place + offsetof(struct lane_record_header, extra), sizeof ret->extra);
    ret->data = place + (size_t)lane_lead(cursor, size) * LANE_UNIT;
    ret->size = size;
    ret->end = cursor + units;
    return true;
}

/* The word of the next record. */
static inline const _Atomic(uint32_t) *lane_next_word(const struct lane_reader *r)
{
    const struct lane_record_header *header =
        (const void *)(r->ring + (lane_cursor(r) * LANE_UNIT & r->byte_mask));

    return &header->word;
}

/* For who looks again and again: whether lane_look() would say anything but 0. What is longer than a line of memory comes
 * with it; but behind a large message not the line that the writer begins to fill with the next one. */
static inline bool lane_glimpse(const struct lane_reader *r)
{
    const unsigned char *place = r->ring + (lane_cursor(r) * LANE_UNIT & r->byte_mask);

    if (atomic_load_explicit((_Atomic(uint32_t) *)(uintptr_t)place, memory_order_relaxed) != 0)
        return true;
    __builtin_prefetch(place + r->ahead);
    return false;
}

static inline void lane_publish_head(struct lane_reader *r)
{
    atomic_store_explicit(&r->own->received, r->received, memory_order_relaxed);
    /* pairs with the acquire in lane_refresh() */
    atomic_store_explicit(&r->own->head, lane_cursor(r), memory_order_release);
}

/* Done with the message that ends there; lane_publish_head() tells the writer. */
static inline void lane_advance(struct lane_reader *r, uint32_t end)
{
    r->received++;
    if (r->pack_left > 1) {
        r->pack_left--;
        r->pack_at += lane_stride(r->pack_size) / LANE_UNIT;
        return;
    }
    r->pack_left = 0;
    r->ahead = end - lane_cursor(r) < LANE_LARGE / LANE_UNIT ? LANE_LINE : 0;
    atomic_store_explicit(&r->cursor, end, memory_order_relaxed);
}

static inline void lane_consume(struct lane_reader *r, uint32_t end)
{
    uint32_t word;

    lane_advance(r, end);
    word = atomic_load_explicit((_Atomic(uint32_t) *)(uintptr_t)lane_next_word(r),
                                memory_order_relaxed);
    if ((word & RECORD_KIND) == RECORD_SKIP)
        lane_pass_skips(r);
    lane_publish_head(r);
}

#endif
