/* SPDX-License-Identifier: MIT */
/* A lane: what is not on the short path. Who writes what, and what pairs with what: lane.h. */
#include "shm/lane.h"

#include <errno.h>

#define REFERENCE_UNITS 2u /* what a loan keeps free for its reference */

/* ---- making ------------------------------------------------------------------------------------------------ */

/* A quarter of the ring may be read and not yet told, and a unit behind the last record stays free. */
uint32_t lane_ring_bytes(uint64_t largest, uint64_t depth, uint32_t least)
{
    uint64_t record, needs, ring = least;

    if (largest > RECORD_SIZE || depth > RECORD_SIZE)
        return 0;
    record = (uint64_t)lane_units((uint32_t)largest) * LANE_UNIT;
    if (largest >= LANE_LARGE) /* from one payload to the next, and before the first one */
        record = (record + LANE_LINE - 1) / LANE_LINE * LANE_LINE;
    needs = depth * record;
    needs += needs / 3 + (uint64_t)(REFERENCE_UNITS + 2) * LANE_UNIT + LANE_LINE;
    while (ring < needs && ring <= UINT32_MAX / 4)
        ring *= 2;
    return ring < needs ? 0 : (uint32_t)ring;
}

void lane_writer_init(struct lane_writer *w, struct channel_header *own, unsigned char *ring,
                      uint32_t ring_bytes)
{
    *w = (struct lane_writer){.ring = ring,
                              .byte_mask = ring_bytes - 1,
                              .units = ring_bytes / LANE_UNIT,
                              .limit = ring_bytes / LANE_UNIT,
                              .own = own};
}

void lane_reader_init(struct lane_reader *r, const struct channel_header *peer,
                      const unsigned char *ring, uint32_t ring_bytes, uint32_t largest)
{
    r->ring = ring;
    r->byte_mask = ring_bytes - 1;
    r->units = ring_bytes / LANE_UNIT;
    r->largest = largest;
    r->peer = peer;
    r->known = r->received = r->pack_left = 0;
    r->ahead = LANE_LINE;
    /* others may look at it meanwhile */
    atomic_store_explicit(&r->cursor, 0, memory_order_relaxed);
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

static void drop_pin(struct lane_writer *w, struct lane_pin *pin)
{
    if (pin->state == PIN_ATTACHED || pin->state == PIN_DETACHED)
        w->open_count--;
    pin->state = PIN_FREE;
    w->pin_count--;
}

/* How much is free, of what the reader's head and the open loans allow. */
static void count_room(struct lane_writer *w)
{
    uint32_t base = w->head;
    uint32_t owed, spare;

    for (unsigned i = 0, seen = 0; seen < w->pin_count; i++) {
        struct lane_pin *pin = &w->pins[i];

        if (pin->state == PIN_FREE)
            continue;
        seen++;
        if (w->next - pin->position > w->next - base)
            base = pin->position;
    }
    owed = REFERENCE_UNITS * w->open_count;
    spare = w->units - (w->next - base);
    w->limit = w->next + (spare > owed ? spare - owed : 0);
    atomic_store_explicit(&w->held, w->next - w->tail + owed, memory_order_relaxed);
    atomic_store_explicit(&w->oldest, base, memory_order_relaxed);
    atomic_store_explicit(&w->pinned, base != w->head, memory_order_relaxed);
}

static void drop_read_references(struct lane_writer *w)
{
    for (unsigned i = 0; i < LANE_LOANS && w->pin_count > 0; i++) {
        struct lane_pin *pin = &w->pins[i];

        if (pin->state == PIN_REFERENCED && (int32_t)(w->head - pin->reference_end) >= 0)
            drop_pin(w, pin);
    }
}

int lane_refresh(struct lane_writer *w, uint32_t units)
{
    if (w->peer != NULL) {
        /* pairs with the release in lane_publish_head(): what lies before is no longer read */
        uint32_t head = atomic_load_explicit(&w->peer->head, memory_order_acquire);

        if (head - w->head > w->tail - w->head)
            return -EBADMSG;
        w->head = head;
    }
    if (w->pin_count > 0)
        drop_read_references(w);
    count_room(w);
    return w->limit - w->next > units ? 0 : -EAGAIN;
}

int lane_pack(struct lane_writer *w, uint32_t size, uint32_t count, unsigned char **ret_data)
{
    uint32_t end, units = 1 + count * (lane_stride(size) / LANE_UNIT);
    int result = lane_room(w, units);

    if (result < 0)
        return result;
    if (w->tail != w->next)
        lane_detach(w);
    end = w->next + units;
    if (end != w->clean)
        atomic_store_explicit(&lane_header(w, end)->word, 0, memory_order_relaxed);
    *ret_data = lane_at(w, w->next) + LANE_UNIT;
    return 0;
}

void lane_pack_commit(struct lane_writer *w, uint32_t size, uint32_t count)
{
    struct lane_record_header *header = lane_header(w, w->next);
    uint32_t bytes = count * lane_stride(size);

    w->next += 1 + bytes / LANE_UNIT;
    w->tail = w->clean = w->next;
    w->sent += count;
    header->extra = size;
    /* pairs with the acquire in lane_look() */
    atomic_store_explicit(&header->word, RECORD_THERE | RECORD_PACK | bytes, memory_order_release);
}

static void store_word(struct lane_writer *w, uint32_t position, uint32_t word)
{
    atomic_store_explicit(&lane_header(w, position)->word, word, memory_order_release);
}

static void store_skip(struct lane_writer *w, uint32_t position, uint32_t units)
{
    store_word(w, position, RECORD_THERE | RECORD_SKIP | (units - 1) * LANE_UNIT);
}

static struct lane_pin *pin_at(struct lane_writer *w, uint32_t position)
{
    for (unsigned i = 0; i < LANE_LOANS; i++) {
        struct lane_pin *pin = &w->pins[i];

        if ((pin->state == PIN_ATTACHED || pin->state == PIN_SKIPPED) && pin->position == position)
            return pin;
    }
    return NULL;
}

static struct lane_pin *pin_of(const struct lane_writer *w, const void *data)
{
    for (unsigned i = 0, seen = 0; i < LANE_LOANS && seen < w->pin_count; i++) {
        const struct lane_pin *pin = &w->pins[i];

        seen += pin->state != PIN_FREE;
        if ((pin->state == PIN_ATTACHED || pin->state == PIN_DETACHED) &&
            lane_at(w, pin->position) + (size_t)pin->lead * LANE_UNIT == data)
            return (struct lane_pin *)(uintptr_t)pin;
    }
    return NULL;
}

bool lane_is_loan(const struct lane_writer *w, const void *data)
{
    return data != NULL && pin_of(w, data) != NULL;
}

/* From the published end up to `end`: open loans become skips, and the end moves there. */
static void detach_until(struct lane_writer *w, uint32_t end)
{
    while (w->tail != end) {
        struct lane_pin *pin = pin_at(w, w->tail);
        uint32_t position = w->tail;

        w->tail += pin->units;
        if (pin->state == PIN_SKIPPED) {
            drop_pin(w, pin);
            continue;
        }
        pin->state = PIN_DETACHED;
        store_skip(w, position, pin->units);
    }
}

void lane_detach(struct lane_writer *w)
{
    detach_until(w, w->next);
}

/* What was cancelled while it waited for its turn needs to wait no more. */
static void pass_skipped(struct lane_writer *w)
{
    while (w->tail != w->next) {
        struct lane_pin *pin = pin_at(w, w->tail);

        if (pin->state != PIN_SKIPPED)
            break;
        w->tail += pin->units;
        drop_pin(w, pin);
    }
}

int lane_loan(struct lane_writer *w, uint32_t size, void **ret_data)
{
    uint32_t lead = lane_lead(w->next, size), units = lane_span(w->next, size);
    struct lane_pin *pin = w->pins;
    int result;

    if (w->pin_count == LANE_LOANS) {
        (void)lane_refresh(w, 0);
        if (w->pin_count == LANE_LOANS)
            return -EBUSY;
    }
    result = lane_room(w, units + REFERENCE_UNITS);
    if (result < 0)
        return result;
    while (pin->state != PIN_FREE)
        pin++;
    *pin =
        (struct lane_pin){.position = w->next, .units = units, .lead = lead, .state = PIN_ATTACHED};
    w->next += units; /* its word is 0, as the word behind any record */
    atomic_store_explicit(&lane_header(w, w->next)->word, 0, memory_order_relaxed);
    w->clean = w->next; /* whoever has the loan writes what he likes */
    w->pin_count++;
    w->open_count++;
    count_room(w);
    *ret_data = lane_at(w, pin->position) + (size_t)lead * LANE_UNIT;
    return 0;
}

static void commit_in_turn(struct lane_writer *w, struct lane_pin *pin, uint32_t size,
                           uint32_t extra)
{
    uint32_t position = pin->position, lead = lane_lead(position, size);
    uint32_t units = lane_span(position, size);
    unsigned char *place = lane_at(w, position);

    if (lead < pin->lead) /* it was to be a large one */
        memmove(place + (size_t)lead * LANE_UNIT, place + (size_t)pin->lead * LANE_UNIT, size);
    if (units < pin->units)
        store_skip(w, position + units, pin->units - units);
    lane_header(w, position)->extra = extra;
    w->tail = position + pin->units;
    drop_pin(w, pin);
    store_word(w, position, RECORD_THERE | RECORD_MESSAGE | size);
    pass_skipped(w);
    count_room(w);
}

/* The room was kept by the loan. */
static void commit_by_reference(struct lane_writer *w, struct lane_pin *pin, uint32_t size,
                                uint32_t extra)
{
    struct lane_reference reference = {.position = pin->position + pin->lead - 1, .size = size};
    uint32_t position;

    lane_detach(w);
    position = w->next;
    pin->state = PIN_REFERENCED;
    w->open_count--;
    w->next += REFERENCE_UNITS;
    w->tail = w->clean = w->next;
    pin->reference_end = w->next;
    atomic_store_explicit(&lane_header(w, w->next)->word, 0, memory_order_relaxed);
    memcpy(lane_at(w, position) + LANE_UNIT, &reference, sizeof reference);
    lane_header(w, position)->extra = extra;
    store_word(w, position, RECORD_THERE | RECORD_REFERENCE | sizeof reference);
    count_room(w);
}

void lane_commit(struct lane_writer *w, void *data, uint32_t size, uint32_t extra)
{
    struct lane_pin *pin = pin_of(w, data);

    w->sent++;
    if (pin->state == PIN_DETACHED) {
        commit_by_reference(w, pin, size, extra);
    } else {
        if (pin->position != w->tail)
            detach_until(w, pin->position);
        commit_in_turn(w, pin, size, extra);
    }
    lane_publish(w);
}

void lane_cancel(struct lane_writer *w, void *data)
{
    struct lane_pin *pin = pin_of(w, data);

    if (pin->state == PIN_DETACHED) {
        drop_pin(w, pin);
    } else if (pin->position + pin->units == w->next) {
        w->next = w->clean = pin->position; /* the last: as if it had not been */
        drop_pin(w, pin);
    } else {
        w->open_count--;
        pin->state = PIN_SKIPPED;
        store_skip(w, pin->position, pin->units);
        pass_skipped(w);
        lane_publish(w);
    }
    count_room(w);
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

int lane_extend(struct lane_reader *r)
{
    /* pairs with the release in lane_publish() */
    uint32_t tail = atomic_load_explicit(&r->peer->tail, memory_order_acquire);
    int32_t more = (int32_t)(tail - r->known);

    /* it may lag behind what a word has told */
    if (more > (int32_t)r->units || more < -(int32_t)r->units ||
        (more > 0 && tail - lane_cursor(r) > r->units))
        return -EBADMSG;
    if (more <= 0)
        return r->known != lane_cursor(r);
    r->known = tail;
    return 1;
}

int lane_look(struct lane_reader *r)
{
    uint32_t cursor = lane_cursor(r);
    uint32_t word, units;

    if (r->known != cursor)
        return 1;
    /* pairs with the release in lane_append() and store_word() */
    word = atomic_load_explicit((_Atomic(uint32_t) *)(uintptr_t)lane_next_word(r),
                                memory_order_acquire);
    if (word == 0)
        return 0;
    units = lane_record_units(cursor, word);
    if ((word & RECORD_THERE) == 0 || units > r->units)
        return -EBADMSG;
    r->known = cursor + units;
    return 1;
}

static int resolve(const struct lane_reader *r, struct lane_record *record)
{
    struct lane_reference reference;

    if (record->size != sizeof reference)
        return -EBADMSG;
    memcpy(&reference, record->data, sizeof reference);
    record->data = r->ring + (reference.position * LANE_UNIT & r->byte_mask) + LANE_UNIT;
    record->size = reference.size;
    return 1;
}

static int open_pack(struct lane_reader *r, uint32_t word, struct lane_record *ret)
{
    uint32_t cursor = lane_cursor(r), bytes = word & RECORD_SIZE, size;

    memcpy(&size,
           r->ring + (cursor * LANE_UNIT & r->byte_mask) +
               offsetof(struct lane_record_header, extra),
           sizeof size);
    if (size == 0 || size > r->largest || bytes == 0 || bytes % lane_stride(size) != 0)
        return -EBADMSG;
    r->pack_left = bytes / lane_stride(size);
    r->pack_size = size;
    r->pack_at = cursor + 1;
    r->pack_end = cursor + lane_units(bytes);
    return lane_next_plain(r, ret);
}

int lane_next(struct lane_reader *r, struct lane_record *ret)
{
    if (lane_next_plain(r, ret))
        return 1;
    for (;;) {
        uint32_t cursor = lane_cursor(r);
        const unsigned char *place = r->ring + (cursor * LANE_UNIT & r->byte_mask);
        uint32_t word, units;

        if (cursor == r->known)
            return 0;
        word = atomic_load_explicit((_Atomic(uint32_t) *)(uintptr_t)place, memory_order_acquire);
        units = lane_record_units(cursor, word);
        if ((word & RECORD_THERE) == 0 || units > r->known - cursor)
            return -EBADMSG;
        if ((word & RECORD_KIND) == RECORD_SKIP) {
            atomic_store_explicit(&r->cursor, cursor + units, memory_order_relaxed);
            lane_publish_head(r);
            continue;
        }
        if ((word & RECORD_KIND) == RECORD_PACK)
            return open_pack(r, word, ret);
        memcpy(&ret->extra, place + offsetof(struct lane_record_header, extra), sizeof ret->extra);
        ret->size = word & RECORD_SIZE;
        ret->data = place + LANE_UNIT;
        if ((word & RECORD_KIND) == RECORD_MESSAGE)
            ret->data = place + (size_t)lane_lead(cursor, ret->size) * LANE_UNIT;
        ret->end = cursor + units;
        if ((word & RECORD_KIND) != RECORD_MESSAGE &&
            ((word & RECORD_KIND) != RECORD_REFERENCE || resolve(r, ret) < 0))
            return -EBADMSG;
        return ret->size <= r->largest ? 1 : -EBADMSG;
    }
}

/* Looks no further than a ring: whoever skips for ever keeps nobody. */
void lane_pass_skips(struct lane_reader *r)
{
    uint32_t start = lane_cursor(r);

    if (r->pack_left > 0)
        return; /* of the record there as it was: a liar may call it a skip now */
    while (lane_look(r) == 1) {
        uint32_t cursor = lane_cursor(r);
        const unsigned char *place = r->ring + (cursor * LANE_UNIT & r->byte_mask);
        uint32_t word =
            atomic_load_explicit((_Atomic(uint32_t) *)(uintptr_t)place, memory_order_acquire);
        uint32_t units = lane_units(word & RECORD_SIZE);

        if ((word & (RECORD_THERE | RECORD_KIND)) != (RECORD_THERE | RECORD_SKIP) ||
            units > r->known - cursor || cursor + units - start > r->units)
            return;
        atomic_store_explicit(&r->cursor, cursor + units, memory_order_relaxed);
    }
}
