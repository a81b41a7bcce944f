/* SPDX-License-Identifier: MIT */
#include "shm/lane.h"

#include "kernel/sealed.h"
#include "runner/test.h"
#include "shm/segment.h"

#include <errno.h>
#include <stdlib.h>

#define LARGEST 2000u /* so that every other message is a large one */

struct ends {
    struct segment segment, other;
    struct lane_writer w;
    struct lane_reader r;
    uint32_t ring_bytes;
};

/* One process is both ends; the reader's header lies in a segment of its own. */
static void meet_for(struct ends *e, uint32_t largest, uint32_t depth)
{
    e->ring_bytes = lane_ring_bytes(largest, depth, (uint32_t)sealed_page_size());
    CHECK(e->ring_bytes > 0);
    CHECK_EQ(segment_create(sizeof(struct channel_header), e->ring_bytes, &e->segment), 0);
    CHECK_EQ(segment_create(sizeof(struct channel_header), e->ring_bytes, &e->other), 0);
    lane_writer_init(&e->w, e->segment.header, e->segment.ring, e->ring_bytes);
    e->r.own = e->other.header;
    lane_reader_init(&e->r, e->segment.header, e->segment.ring, e->ring_bytes, largest);
    e->w.peer = e->other.header;
}

static void meet(struct ends *e, uint32_t depth)
{
    meet_for(e, LARGEST, depth);
}

static void part(struct ends *e)
{
    segment_unmap(&e->segment);
    segment_unmap(&e->other);
}

static void fill(unsigned char *data, uint32_t size, uint32_t number)
{
    for (uint32_t i = 0; i < size; i++)
        data[i] = (unsigned char)(number * 31 + i);
}

static uint32_t size_of(uint32_t number)
{
    return number * 7919 % (LARGEST + 1);
}

static int append(struct ends *e, uint32_t number)
{
    unsigned char data[LARGEST];
    int result;

    fill(data, size_of(number), number);
    result = lane_append(&e->w, data, size_of(number), number);
    lane_publish(&e->w);
    lane_prepare(&e->w, size_of(number + number % 3)); /* of the next one, of others, of this one */
    return result;
}

/* The next message must be this one. */
static void check_next(struct ends *e, uint32_t number)
{
    unsigned char data[LARGEST];
    struct lane_record record;

    CHECK_EQ(lane_extend(&e->r), 1);
    CHECK_EQ(lane_next(&e->r, &record), 1);
    CHECK_EQ(record.extra, number);
    CHECK_EQ(record.size, size_of(number));
    fill(data, record.size, number);
    CHECK_EQ(memcmp(record.data, data, record.size), 0);
    lane_consume(&e->r, record.end);
}

static void check_empty(struct ends *e)
{
    struct lane_record record;

    CHECK_OK(lane_extend(&e->r));
    CHECK_EQ(lane_next(&e->r, &record), 0);
    CHECK_EQ(lane_look(&e->r), 0);
}

static void *loan(struct ends *e, uint32_t number)
{
    void *data = NULL;

    CHECK_EQ(lane_loan(&e->w, size_of(number), &data), 0);
    fill(data, size_of(number), number);
    CHECK(lane_is_loan(&e->w, data));
    return data;
}

static void commit(struct ends *e, void *data, uint32_t number)
{
    lane_commit(&e->w, data, size_of(number), number);
    CHECK(!lane_is_loan(&e->w, data));
}

TEST(lane_carries_messages_round_and_round)
{
    struct ends e = {.ring_bytes = 0};
    uint32_t sent = 0, received = 0;

    meet(&e, 4);
    while (sent < 20000) {
        while (append(&e, sent) == 0)
            sent++;
        CHECK(sent - received >= 4);
        while (received < sent)
            check_next(&e, received++);
        check_empty(&e);
    }
    part(&e);
}

/* Of the largest alone, or every other one a size of the caller's. */
static void hold(uint32_t largest, uint32_t depth, uint32_t other)
{
    static unsigned char data[LARGEST];
    struct ends e = {.ring_bytes = 0};

    meet_for(&e, largest, depth);
    for (uint32_t before = 0; before < 200; before++) {
        struct lane_record record;
        uint32_t count = 0;

        CHECK_EQ(lane_append(&e.w, data, before % (largest + 1), 0), 0);
        lane_publish(&e.w);
        while (count < depth && lane_append(&e.w, data, count % 2 == 0 ? largest : other, 0) == 0)
            count++;
        CHECK(count >= depth - 1); /* and the one before */
        lane_publish(&e.w);
        CHECK_EQ(lane_extend(&e.r), 1);
        while (lane_next(&e.r, &record) == 1)
            lane_consume(&e.r, record.end);
    }
    part(&e);
}

TEST(lane_holds_what_its_depth_says_whatever_was_told)
{
    static const uint32_t largest[] = {40,   600,  LANE_LARGE - 1, LANE_LARGE, LANE_LARGE + 1,
                                       1080, 1081, 1088,           LARGEST};

    for (size_t i = 0; i < sizeof largest / sizeof largest[0]; i++)
        for (uint32_t depth = 1; depth < 60; depth += 13) {
            hold(largest[i], depth, largest[i]);
            hold(largest[i], depth, largest[i] - 8);
            hold(largest[i], depth, largest[i] < LANE_LARGE ? 0 : LANE_LARGE - 1);
        }
}

static bool begins_a_line(const void *data)
{
    return (uintptr_t)data % LANE_LINE == 0;
}

/* Sent, loaned and overtaken, behind records of every length. */
TEST(lane_begins_large_messages_with_a_line)
{
    struct ends e = {.ring_bytes = 0};
    struct lane_record record;

    meet(&e, 8);
    for (uint32_t i = 0; i < 4000; i++) {
        uint32_t small = i % 90, large = LANE_LARGE + i % 97;
        static unsigned char data[LARGEST];
        uint32_t sizes[] = {small, large, large, small, large};
        void *overtaken, *last;

        CHECK_EQ(lane_append(&e.w, data, small, 0), 0);
        CHECK_EQ(lane_append(&e.w, data, large, 0), 0);
        CHECK_EQ(lane_loan(&e.w, large, &overtaken), 0);
        CHECK_EQ(lane_loan(&e.w, large, &last), 0);
        CHECK(begins_a_line(overtaken));
        CHECK(begins_a_line(last));
        lane_commit(&e.w, last, large, 0);
        CHECK_EQ(lane_append(&e.w, data, small, 0), 0);
        lane_commit(&e.w, overtaken, large, 0);
        CHECK_EQ(lane_extend(&e.r), 1);
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            CHECK_EQ(lane_next(&e.r, &record), 1);
            CHECK_EQ(record.size, sizes[k]);
            CHECK(sizes[k] < LANE_LARGE || begins_a_line(record.data));
            CHECK(k != 2 || record.data == (e.r.ring + ((unsigned char *)last - e.w.ring)));
            CHECK(k != 4 || record.data == (e.r.ring + ((unsigned char *)overtaken - e.w.ring)));
            lane_consume(&e.r, record.end);
        }
        check_empty(&e);
    }
    part(&e);
}

/* What was set to 0 ahead is no longer so when a loan that was there has been given up. */
TEST(lane_ends_behind_a_record_that_follows_a_cancelled_loan)
{
    struct ends e = {.ring_bytes = 0};
    struct lane_record record;
    void *data;

    meet(&e, 4);
    for (uint32_t i = 0; i < 1000; i++) {
        CHECK_EQ(lane_append(&e.w, "12345678", 8, i), 0);
        lane_publish(&e.w);
        lane_prepare(&e.w, 8);
        CHECK_EQ(lane_loan(&e.w, 40, &data), 0);
        memset(data, 0xff, 40);
        lane_cancel(&e.w, data);
        CHECK_EQ(lane_append(&e.w, "12345678", 8, i), 0);
        lane_publish(&e.w);
        for (int k = 0; k < 2; k++) {
            CHECK_EQ(lane_look(&e.r), 1);
            CHECK_EQ(lane_next(&e.r, &record), 1);
            CHECK_EQ(record.extra, i);
            lane_consume(&e.r, record.end);
        }
        CHECK_EQ(lane_look(&e.r), 0);
        CHECK(!lane_glimpse(&e.r));
    }
    part(&e);
}

/* It counts for the next message alone: the same position comes again, when all positions have passed. */
TEST(lane_forgets_what_it_set_to_0_ahead)
{
    struct ends e = {.ring_bytes = 0};
    struct lane_record record;
    unsigned char *packed;
    void *data;

    meet(&e, 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(lane_append(&e.w, "12345678", 8, 0), 0);
        CHECK_EQ(e.w.clean, e.w.next);
        lane_prepare(&e.w, 24);
        CHECK_EQ(e.w.clean, e.w.next + 4);
        if (i == 0) {
            CHECK_EQ(lane_append(&e.w, "1", 1, 0), 0);
        } else if (i == 1) {
            CHECK_EQ(lane_pack(&e.w, 8, 3, &packed), 0);
            lane_pack_commit(&e.w, 8, 3);
        } else {
            CHECK_EQ(lane_loan(&e.w, 8, &data), 0);
            CHECK_EQ(e.w.clean, e.w.next);
            if (i == 2)
                lane_cancel(&e.w, data);
            else
                CHECK_EQ(lane_append(&e.w, "1", 1, 0), 0);
            if (i == 3)
                lane_prepare(&e.w, 24);
            if (i == 3)
                lane_commit(&e.w, data, 8, 0);
        }
        CHECK_EQ(e.w.clean, e.w.next);
        lane_publish(&e.w);
        CHECK_EQ(lane_extend(&e.r), 1);
        while (CHECK_OK(lane_next(&e.r, &record)) == 1)
            lane_consume(&e.r, record.end);
    }
    part(&e);
}

/* What was set to 0 ahead is no longer so when all positions have been used since. */
TEST(lane_ends_behind_its_last_record_however_often_it_went_round)
{
    struct ends e = {.ring_bytes = 0};
    uint64_t left = 1ULL << 32; /* units, until positions begin again */
    struct lane_record record;
    unsigned char *data;

    meet(&e, 64);
    lane_prepare(&e.w, 8);
    while (left > 0) {
        uint32_t units = left < 4001 ? (uint32_t)left : 4001;

        CHECK_EQ(lane_pack(&e.w, 8, units - 1, &data), 0);
        if (left < 40010)
            memset(data, 0xff, (size_t)(units - 1) * LANE_UNIT);
        lane_pack_commit(&e.w, 8, units - 1);
        lane_publish(&e.w);
        CHECK_EQ(lane_extend(&e.r), 1);
        atomic_store_explicit(&e.r.cursor, e.r.known, memory_order_relaxed);
        lane_publish_head(&e.r);
        left -= units;
    }
    CHECK_EQ(lane_append(&e.w, "12345678", 8, 0), 0);
    lane_publish(&e.w);
    CHECK_EQ(lane_extend(&e.r), 1);
    CHECK_EQ(lane_next(&e.r, &record), 1);
    lane_consume(&e.r, record.end);
    CHECK_EQ(lane_look(&e.r), 0);
    part(&e);
}

TEST(lane_shows_a_record_before_its_tail)
{
    struct ends e = {.ring_bytes = 0};
    struct lane_record record;

    meet(&e, 4);
    for (uint32_t i = 0; i < 1000; i++) {
        CHECK_EQ(lane_look(&e.r), 0);
        CHECK_EQ(lane_append(&e.w, "12345678", i % 9, i), 0);
        CHECK_EQ(lane_look(&e.r), 1);
        CHECK_EQ(lane_next(&e.r, &record), 1);
        CHECK_EQ(record.extra, i);
        lane_consume(&e.r, record.end);
        CHECK_EQ(lane_extend(&e.r), 0); /* the tail lags */
        if (i % 3 == 0)
            lane_publish(&e.w);
        CHECK_EQ(lane_extend(&e.r), 0);
    }
    part(&e);
}

TEST(lane_keeps_the_order_of_commits)
{
    struct ends e = {.ring_bytes = 0};
    void *first, *second, *third;

    meet(&e, 20);
    for (uint32_t i = 0; i < 3000; i += 10) {
        first = loan(&e, i + 2);
        second = loan(&e, i);
        CHECK_EQ(append(&e, i), 0); /* overtakes both */
        third = loan(&e, i + 1);
        lane_cancel(&e.w, second);
        commit(&e, third, i + 1);
        check_next(&e, i);
        check_next(&e, i + 1);
        check_empty(&e);
        commit(&e, first, i + 2);
        check_next(&e, i + 2);
        first = loan(&e, i + 4);
        second = loan(&e, i + 3);
        third = loan(&e, i + 5);
        commit(&e, second, i + 3); /* overtakes the first */
        commit(&e, first, i + 4);
        commit(&e, third, i + 5);
        for (uint32_t n = 3; n < 6; n++)
            check_next(&e, i + n);
        check_empty(&e);
        CHECK_EQ(e.w.open_count, 0);
    }
    part(&e);
}

TEST(lane_takes_loans_back)
{
    struct ends e = {.ring_bytes = 0};
    void *data[3];

    meet(&e, 20);
    for (uint32_t i = 0; i < 3000; i++) {
        for (uint32_t n = 0; n < 3; n++)
            data[n] = loan(&e, n);
        /* in every order */
        lane_cancel(&e.w, data[i % 3]);
        lane_cancel(&e.w, data[(i + 1 + i / 3 % 2) % 3]);
        lane_cancel(&e.w, data[(i + 2 - i / 3 % 2) % 3]);
        CHECK_EQ(e.w.pin_count, 0);
        CHECK_EQ(e.w.tail, e.w.next);
        check_empty(&e);
    }
    part(&e);
}

/* A large one may become a small one, whose place in its record is another one; also one that was overtaken. */
static void lower(struct ends *e, uint32_t from, uint32_t size, bool overtaken)
{
    unsigned char content[LARGEST];
    struct lane_record record;
    void *data;

    fill(content, size, size);
    CHECK_EQ(lane_loan(&e->w, from, &data), 0);
    memset(data, 0xee, from);
    memcpy(data, content, size);
    if (overtaken)
        CHECK_EQ(append(e, 5), 0);
    lane_commit(&e->w, data, size, 0);
    CHECK(!lane_is_loan(&e->w, data));
    if (overtaken)
        check_next(e, 5);
    CHECK_EQ(append(e, 6), 0);
    CHECK_EQ(lane_extend(&e->r), 1);
    CHECK_EQ(lane_next(&e->r, &record), 1);
    CHECK_EQ(record.size, size);
    CHECK_MEM(record.data, content, size);
    lane_consume(&e->r, record.end);
    check_next(e, 6);
    check_empty(e);
}

TEST(lane_lowers_the_size_of_a_loan)
{
    struct ends e = {.ring_bytes = 0};

    meet(&e, 4);
    for (uint32_t size = 0; size <= 64; size++)
        lower(&e, 64, size, size % 3 == 0);
    for (uint32_t size = 0; size <= LARGEST; size++) {
        lower(&e, LARGEST, size, false);
        lower(&e, LARGEST, size, true);
        if (size <= LANE_LARGE)
            lower(&e, LANE_LARGE, size, size % 3 == 0);
    }
    part(&e);
}

/* Who took it may not come again. */
TEST(lane_has_read_a_message_with_what_its_loan_did_not_need)
{
    struct ends e = {.ring_bytes = 0};
    struct lane_record record;
    void *data;

    meet(&e, 4);
    for (uint32_t i = 0; i < 1000; i++) {
        CHECK_EQ(lane_loan(&e.w, 64, &data), 0);
        lane_commit(&e.w, data, 1, 0);
        CHECK_EQ(i % 2 == 0 ? lane_extend(&e.r) : lane_look(&e.r), 1);
        CHECK_EQ(lane_next(&e.r, &record), 1);
        CHECK_EQ(record.size, 1);
        lane_consume(&e.r, record.end);
        CHECK_EQ(lane_cursor(&e.r), e.w.next);
        check_empty(&e);
    }
    part(&e);
}

TEST(lane_has_room_for_every_open_loan)
{
    struct ends e = {.ring_bytes = 0};
    void *data[LANE_LOANS];
    uint32_t count = 0, sent = 100;

    meet(&e, 100);
    for (uint32_t again = 0; again < 50; again++) {
        for (count = 0; count < LANE_LOANS; count++)
            data[count] = loan(&e, count);
        CHECK_EQ(lane_loan(&e.w, 1, &data[0]), -EBUSY);
        for (sent = 100; append(&e, sent) == 0; sent++)
            ;
        for (uint32_t n = 100; n < sent; n++)
            check_next(&e, n);
        check_empty(&e);
        while (append(&e, 7) == 0) /* the loans hold what lies behind them */
            check_next(&e, 7);
        for (uint32_t n = count; n > 0; n--)
            commit(&e, data[n - 1], n - 1);
        for (uint32_t n = count; n > 0; n--)
            check_next(&e, n - 1);
        check_empty(&e);
    }
    part(&e);
}

/* Loans, sends, commits, cancels and receives at random, against a list of what must come. */
TEST(lane_does_what_a_list_does, .stress = true)
{
    enum { ROUNDS = 200000, OPEN = 8, LIST = 4096 };
    struct ends e = {.ring_bytes = 0};
    void *data[OPEN] = {NULL};
    uint32_t numbers[OPEN] = {0}, list[LIST];
    uint32_t first = 0, last = 0, next = 0, seed = 1;

    meet(&e, 12);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t slot, choice;

        seed = seed * 1664525 + 1013904223;
        choice = seed >> 24;
        slot = choice % OPEN;
        if (choice < 100) {
            if (append(&e, next) == 0)
                list[last++ % LIST] = next++;
        } else if (choice < 140 && data[slot] == NULL) {
            if (lane_loan(&e.w, size_of(next), &data[slot]) == 0) {
                fill(data[slot], size_of(next), next);
                numbers[slot] = next++;
            }
        } else if (choice < 170 && data[slot] != NULL) {
            commit(&e, data[slot], numbers[slot]);
            list[last++ % LIST] = numbers[slot];
            data[slot] = NULL;
        } else if (choice < 180 && data[slot] != NULL) {
            lane_cancel(&e.w, data[slot]);
            data[slot] = NULL;
        } else if (choice >= 180 && first != last) {
            check_next(&e, list[first++ % LIST]);
        }
        if (first == last)
            check_empty(&e);
    }
    CHECK(first > ROUNDS / 8);
    part(&e);
}

static void fill_pack(unsigned char *data, uint32_t size, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        fill(data + (size_t)i * lane_stride(size), size, number + i);
}

/* Of any size and number, between other messages and beside an open loan; head stays before a pack until its last one. */
TEST(lane_carries_packs)
{
    struct ends e = {.ring_bytes = 0};
    unsigned char *packed, data[LARGEST];
    struct lane_record record;
    uint32_t number = 0;
    void *loan = NULL;

    meet(&e, 8);
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t size = 1 + round * 31 % LARGEST, count = 1 + round % 7, head;

        CHECK_EQ(append(&e, round), 0);
        if (round % 5 == 0)
            CHECK_EQ(lane_loan(&e.w, 40, &loan), 0);
        CHECK_EQ(lane_pack(&e.w, size, count, &packed), 0);
        fill_pack(packed, size, count, number);
        CHECK_EQ(lane_look(&e.r), 1);
        check_next(&e, round);
        CHECK_EQ(lane_next(&e.r, &record), 0); /* nothing of it is there */
        lane_pack_commit(&e.w, size, count);
        lane_publish(&e.w);
        lane_prepare(&e.w, count * lane_stride(size));
        if (loan != NULL)
            lane_cancel(&e.w, loan);
        loan = NULL;
        CHECK_EQ(lane_extend(&e.r), 1);
        for (uint32_t i = 0; i < count; i++, number++) {
            CHECK_EQ(lane_next(&e.r, &record), 1);
            head = lane_cursor(&e.r);
            CHECK_EQ(record.size, size);
            CHECK_EQ(record.extra, 0);
            fill(data, size, number);
            CHECK_MEM(record.data, data, size);
            lane_consume(&e.r, record.end);
            CHECK(i + 1 == count ? lane_cursor(&e.r) == record.end : lane_cursor(&e.r) == head);
        }
        check_empty(&e);
        CHECK_EQ(e.r.received, e.w.sent);
    }
    part(&e);
}

TEST(lane_calls_packs_that_do_not_add_up_nonsense)
{
    static const struct {
        uint32_t bytes, size;
    } packs[] = {{16, 0}, {0, 8}, {24, 9}, {8, 9}, {16, LARGEST + 1}, {16, ~0u}, {1, 1}, {12, 8}};
    struct ends e = {.ring_bytes = 0};
    struct lane_record record;

    meet(&e, 4);
    atomic_store(&((struct channel_header *)e.segment.header)->tail, 10);
    CHECK_EQ(lane_extend(&e.r), 1);
    for (size_t i = 0; i < sizeof packs / sizeof packs[0]; i++) {
        lane_header(&e.w, 0)->extra = packs[i].size;
        lane_header(&e.w, 0)->word = RECORD_THERE | RECORD_PACK | packs[i].bytes;
        CHECK_EQ(lane_next(&e.r, &record), -EBADMSG);
    }
    lane_header(&e.w, 0)->extra = 5;
    lane_header(&e.w, 0)->word = RECORD_THERE | RECORD_PACK | 72;
    CHECK_EQ(lane_next(&e.r, &record), 1);
    CHECK_EQ(record.size, 5);
    lane_header(&e.w, 0)->extra = ~0u; /* what was read once counts */
    lane_header(&e.w, 0)->word = 1;
    for (int i = 0; i < 9; i++) {
        CHECK_EQ(lane_next(&e.r, &record), 1);
        CHECK_EQ(record.size, 5);
        lane_consume(&e.r, record.end);
    }
    CHECK_EQ(lane_cursor(&e.r), 10);
    part(&e);
}

TEST(lane_calls_nonsense_what_it_is)
{
    struct ends e = {.ring_bytes = 0};
    struct channel_header *peer, *own;
    struct lane_record record;

    meet(&e, 4);
    peer = e.segment.header;
    own = e.other.header;
    atomic_store(&peer->tail, e.r.units + 1);
    CHECK_EQ(lane_extend(&e.r), -EBADMSG);
    atomic_store(&peer->tail, 0x80000000u);
    CHECK_EQ(lane_extend(&e.r), -EBADMSG);
    atomic_store(&peer->tail, 10);
    CHECK_EQ(lane_extend(&e.r), 1);
    CHECK_EQ(lane_next(&e.r, &record), -EBADMSG); /* no record is there */
    for (uint32_t kind = 0; kind < 4; kind++) {
        lane_header(&e.w, 0)->word = RECORD_THERE | kind << 29 | 80;
        CHECK_EQ(lane_next(&e.r, &record), -EBADMSG); /* beyond the tail */
    }
    /* large ones that their own padding puts beyond the tail, and beyond the ring */
    atomic_store(&peer->tail, 10 + lane_units(LANE_LARGE));
    e.r.cursor = 10;
    CHECK_EQ(lane_extend(&e.r), 1);
    lane_header(&e.w, 10)->word = RECORD_THERE | RECORD_MESSAGE | LANE_LARGE;
    CHECK_EQ(lane_next(&e.r, &record), -EBADMSG);
    e.r.cursor = e.r.known = 16;
    lane_header(&e.w, 16)->word = RECORD_THERE | RECORD_MESSAGE | (e.ring_bytes - LANE_UNIT);
    CHECK_EQ(lane_look(&e.r), -EBADMSG);
    lane_header(&e.w, 16)->word = RECORD_THERE | RECORD_MESSAGE | RECORD_SIZE;
    CHECK_EQ(lane_look(&e.r), -EBADMSG);
    e.r.cursor = 0;
    e.r.known = 10;
    lane_header(&e.w, 0)->word = RECORD_THERE | 0x60000000u | 8;
    CHECK_EQ(lane_next(&e.r, &record), -EBADMSG);
    lane_header(&e.w, 0)->word = RECORD_THERE | RECORD_REFERENCE | 16;
    CHECK_EQ(lane_next(&e.r, &record), -EBADMSG);
    lane_header(&e.w, 0)->word = RECORD_THERE | RECORD_REFERENCE | 8;
    memcpy(e.segment.ring + 8, &(struct lane_reference){~0u, LARGEST + 1}, 8);
    CHECK_EQ(lane_next(&e.r, &record), -EBADMSG);
    memcpy(e.segment.ring + 8, &(struct lane_reference){~0u, LARGEST}, 8);
    CHECK_EQ(lane_next(&e.r, &record), 1); /* what it names is inside */
    CHECK(record.data >= e.segment.ring);
    CHECK(record.data + record.size <= e.segment.ring + 2 * (size_t)e.ring_bytes);
    atomic_store(&own->head, 1);
    CHECK_EQ(lane_refresh(&e.w, 1), -EBADMSG); /* nothing was sent */
    part(&e);
}
