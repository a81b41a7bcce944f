/* SPDX-License-Identifier: MIT */
/* Fuzz target: a peer that writes anything into its own segment, to the end of a channel that reads it and tells by it
 * what it may overwrite. Until the first lie, what comes out is compared with what was sent. */
#include "fuzz/fuzz.h"

#include "kernel/sealed.h"
#include "shm/channel_layout.h"
#include "shm/lane.h"
#include "shm/segment.h"

#include <errno.h>
#include <string.h>

/* An input is a row of steps: a byte that says which, and its operands. What is missing at the end is 0. */
enum step {
    PEER_SENDS,
    PEER_LOANS,
    PEER_COMMITS,
    PEER_CANCELS,
    PEER_READS,
    LIE_IN_HEADER,
    LIE_IN_RING,
    LIE_IN_NEXT_RECORD,
    LIE_OF_TAIL,
    LIE_OF_HEAD,
    VICTIM_READS,
    VICTIM_LOOKS,
    VICTIM_SENDS,
    VICTIM_LOANS,
    PEER_PACKS,
    VICTIM_COMMITS,
    VICTIM_CANCELS,
    PEER_SENDS_LARGE,
    PEER_LOANS_LARGE,
    PEER_LOWERS,
    VICTIM_SENDS_LARGE,
    VICTIM_LOANS_LARGE,
    VICTIM_LOWERS,
    STEPS
};

#define SMALL 300u
#define LARGEST (LANE_LARGE + 255u)
#define LOANS 8u

struct side {
    struct segment own, seen; /* its segment, and as the other one sees it */
    struct lane_writer writer;
    struct lane_reader reader;
    void *loans[LOANS];
    uint32_t loan_sizes[LOANS];
    uint32_t sends, receives; /* what each message says first */
};

static struct side peer, victim;
static const uint8_t *input;
static size_t left;
static bool lied;

static uint32_t next_byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

static uint32_t next_word(void)
{
    uint32_t word = next_byte();

    word |= next_byte() << 8;
    word |= next_byte() << 16;
    return word | next_byte() << 24;
}

/* Numbers near one that would be right, and any. */
static uint32_t near(uint32_t right)
{
    uint32_t how = next_byte();

    return how < 224 ? right + how - 112 : how < 240 ? right ^ 1u << how % 32 : next_word();
}

static _Atomic(uint32_t) *word_at(void *memory, size_t size, uint32_t which)
{
    return (_Atomic(uint32_t) *)memory + which % (size / sizeof(uint32_t));
}

static void lie(_Atomic(uint32_t) *word, uint32_t value)
{
    if (atomic_load_explicit(word, memory_order_relaxed) != value)
        lied = true;
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static void make(struct side *s)
{
    size_t page = sealed_page_size();

    REQUIRE(segment_create(sizeof(struct channel_header), page, &s->own) == 0);
    REQUIRE(segment_map(s->own.fd, sizeof(struct channel_header), page, &s->seen) == 0);
}

static void begin(struct side *s, const struct side *other)
{
    uint32_t ring = (uint32_t)s->own.ring_size;

    memset(s->own.header, 0, s->own.header_size);
    memset(s->own.ring, 0, ring);
    memset(s->loans, 0, sizeof s->loans);
    s->sends = s->receives = 0;
    lane_writer_init(&s->writer, s->own.header, s->own.ring, ring);
    s->writer.peer = other->seen.header;
    s->reader.own = s->own.header;
    lane_reader_init(&s->reader, other->seen.header, other->seen.ring, ring, LARGEST);
}

/* What an honest one would have written. */
static void mark(struct side *s, void *data, uint32_t size)
{
    memset(data, (int)s->sends, size);
    if (size >= sizeof s->sends)
        memcpy(data, &s->sends, sizeof s->sends);
    s->sends++;
}

/* Whatever the other one says: no more than the ring holds. */
static void require_sane(const struct side *s)
{
    const struct lane_writer *w = &s->writer;

    REQUIRE(w->next - w->head <= w->units);
    REQUIRE(w->limit - w->next <= w->units);
    if (s == &victim) /* which lies to nobody: nothing is behind its last record */
        REQUIRE(lane_header(w, w->next)->word == 0);
}

static void sends(struct side *s, bool large)
{
    uint32_t size = large ? LANE_LARGE + next_byte() : next_byte() * 2 % (SMALL + 1);
    unsigned char data[LARGEST];
    uint32_t before = s->sends;

    mark(s, data, size);
    if (lane_append(&s->writer, data, size, 0) == 0) {
        lane_publish(&s->writer);
        lane_prepare(&s->writer, size);
    } else {
        s->sends = before;
    }
    require_sane(s);
}

static void packs(struct side *s)
{
    uint32_t size = next_byte() * 2 % SMALL + 1, count = next_byte() % 9 + 1;
    unsigned char *data;

    if (lane_pack(&s->writer, size, count, &data) < 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        mark(s, data + i * lane_stride(size), size);
    lane_pack_commit(&s->writer, size, count);
    lane_publish(&s->writer);
    lane_prepare(&s->writer, count * lane_stride(size));
    require_sane(s);
}

static void loans(struct side *s, bool large)
{
    uint32_t which = next_byte() % LOANS, size = next_byte();

    if (large)
        size += LANE_LARGE;
    if (s->loans[which] != NULL || lane_loan(&s->writer, size, &s->loans[which]) < 0)
        return;
    s->loan_sizes[which] = size;
    REQUIRE(lane_is_loan(&s->writer, s->loans[which]));
    memset(s->loans[which], 0xee, size);
    require_sane(s);
}

enum loan_end { COMMITTED, LOWERED, CANCELLED };

static void ends_loan(struct side *s, enum loan_end how)
{
    uint32_t which = next_byte() % LOANS, size = s->loan_sizes[which];

    if (s->loans[which] == NULL)
        return;
    if (how == LOWERED)
        size = size * next_byte() / 255;
    if (how == CANCELLED) {
        lane_cancel(&s->writer, s->loans[which]);
    } else {
        mark(s, s->loans[which], size);
        lane_commit(&s->writer, s->loans[which], size, 0);
    }
    s->loans[which] = NULL;
    require_sane(s);
}

/* False: the other one is found out. */
static bool reads(struct side *s, bool looks)
{
    struct lane_record record;
    const unsigned char *ring = s->reader.ring;
    uint32_t first, sum = 0;
    int result = looks ? lane_look(&s->reader) : lane_extend(&s->reader);

    if (result >= 0)
        result = lane_next(&s->reader, &record);
    REQUIRE(result == 0 || result == 1 || result == -EBADMSG);
    REQUIRE(lied || result >= 0);
    REQUIRE(s->reader.known - lane_cursor(&s->reader) <= s->reader.units);
    if (result <= 0)
        return result == 0;
    REQUIRE(record.size <= LARGEST);
    REQUIRE(record.data >= ring && record.data + record.size <= ring + 2 * s->own.ring_size);
    REQUIRE(record.end - lane_cursor(&s->reader) <= s->reader.units);
    for (uint32_t i = 0; i < record.size; i++)
        sum += record.data[i];
    if (!lied && record.size >= sizeof first) {
        memcpy(&first, record.data, sizeof first);
        REQUIRE(first == s->receives);
        REQUIRE(record.size == sizeof first ||
                record.data[record.size - 1] == (unsigned char)first);
    }
    s->receives++;
    lane_consume(&s->reader, record.end);
    return sum < UINT32_MAX; /* so that the bytes are really read */
}

static enum loan_end end_of(enum step step)
{
    return step == PEER_CANCELS || step == VICTIM_CANCELS ? CANCELLED
           : step == PEER_LOWERS || step == VICTIM_LOWERS ? LOWERED
                                                          : COMMITTED;
}

static void tell_lie(enum step step)
{
    struct channel_header *header = peer.own.header;
    uint32_t which;

    switch (step) {
    case LIE_IN_HEADER:
        which = next_byte();
        lie(word_at(header, sizeof *header, which), next_word());
        break;
    case LIE_IN_RING:
        which = next_word();
        lie(word_at(peer.own.ring, peer.own.ring_size, which), next_word());
        break;
    case LIE_IN_NEXT_RECORD:
        which = lane_cursor(&victim.reader) * 2 + next_byte() % 4;
        lie(word_at(peer.own.ring, peer.own.ring_size, which),
            next_byte() << 24 | (next_byte() % 2 ? next_word() : next_byte()));
        break;
    case LIE_OF_TAIL:
        lie(&header->tail, near(peer.writer.tail));
        break;
    default: /* LIE_OF_HEAD */
        lie(&header->head, near(lane_cursor(&peer.reader)));
        break;
    }
}

/* Returns whether the victim still believes its peer. */
static bool take_step(enum step step)
{
    switch (step) {
    case PEER_SENDS:
    case PEER_SENDS_LARGE:
        sends(&peer, step == PEER_SENDS_LARGE);
        return true;
    case PEER_LOANS:
    case PEER_LOANS_LARGE:
        loans(&peer, step == PEER_LOANS_LARGE);
        return true;
    case PEER_PACKS:
        packs(&peer);
        return true;
    case PEER_COMMITS:
    case PEER_LOWERS:
    case PEER_CANCELS:
        ends_loan(&peer, end_of(step));
        return true;
    case PEER_READS:
        return reads(&peer, false); /* of an honest victim: always true */
    case LIE_IN_HEADER:
    case LIE_IN_RING:
    case LIE_IN_NEXT_RECORD:
    case LIE_OF_TAIL:
    case LIE_OF_HEAD:
        tell_lie(step);
        return true;
    case VICTIM_READS:
    case VICTIM_LOOKS:
        return reads(&victim, step == VICTIM_LOOKS);
    case VICTIM_SENDS:
    case VICTIM_SENDS_LARGE:
        sends(&victim, step == VICTIM_SENDS_LARGE);
        return true;
    case VICTIM_LOANS:
    case VICTIM_LOANS_LARGE:
        loans(&victim, step == VICTIM_LOANS_LARGE);
        return true;
    case VICTIM_COMMITS:
    case VICTIM_LOWERS:
    case VICTIM_CANCELS:
        ends_loan(&victim, end_of(step));
        return true;
    case STEPS:
        break;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool believes = true;

    if (peer.own.header == NULL) {
        make(&peer);
        make(&victim);
    }
    begin(&peer, &victim);
    begin(&victim, &peer);
    input = data;
    left = size;
    lied = false;
    while (left > 0 && believes)
        believes = take_step((enum step)(next_byte() % STEPS));
    return 0;
}
