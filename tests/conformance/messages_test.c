/* SPDX-License-Identifier: MIT */
/* Messages arrive whole, once, in order, of every size that fits, and what does not fit costs
 * nothing. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- order and boundaries -------------------------------------------------------------------- */

struct stream {
    struct rig *r;
    const size_t *sizes;
    unsigned size_count;
    unsigned count;
};

static size_t stream_size(const struct stream *s, unsigned number)
{
    return size_near(s->r, s->sizes[number % s->size_count]);
}

static void send_stream(void *argument)
{
    const struct stream *s = argument;

    for (unsigned i = 0; i < s->count; i++)
        send_numbered(s->r->sender, stream_size(s, i), 1, i);
    CHECK_OK(enl_flush(s->r->sender, test_until()));
}

/* All at once where nothing can be lost, else one by one. */
static void exchange(struct stream *s)
{
    struct task sender;

    if (!rig_can(s->r, ENL_CAN_LOSSLESS)) {
        for (unsigned i = 0; i < s->count; i++) {
            send_numbered(s->r->sender, stream_size(s, i), 1, i);
            receive_numbered(s->r->receiver, stream_size(s, i), 1, i);
        }
        return;
    }
    task_start(&sender, send_stream, s);
    for (unsigned i = 0; i < s->count; i++)
        receive_numbered(s->r->receiver, stream_size(s, i), 1, i);
    task_join(&sender);
}

static void keeps_one_senders_order(struct rig *r)
{
    static const size_t sizes[] = {8, 9, 64, 8, 200, 1, 33, 512, 8, 100, 7};
    struct stream s = {r, sizes, 11, rounds(3000)};

    exchange(&s);
}

static const size_t boundary_sizes[] = {
    1,    0,    2,    7,    8,     9,     63,    64,    65,   127,   128,    255,     256,
    4000, 4091, 4092, 4093, 4095,  4096,  4097,  8191,  8192, 8193,  16383,  16384,   65531,
    3,    5000, 1,    1000, 65532, 65535, 65536, 65537, 12,   70000, 131072, 1048575, 5,
};

static void keeps_content_of_every_size(struct rig *r)
{
    struct stream s = {r, boundary_sizes, sizeof(boundary_sizes) / sizeof(boundary_sizes[0]), 0};

    s.count = s.size_count;
    exchange(&s);
}

static void passes_largest_message(struct rig *r)
{
    size_t sizes[] = {size_largest(r), size_near(r, 8), size_largest(r), size_largest(r) - 1};
    struct stream s = {r, sizes, 4, 4};

    exchange(&s);
}

static void passes_empty_messages(struct rig *r)
{
    char buffer[8];

    send_numbered(r->sender, 0, 0, 0);
    send_numbered(r->sender, size_near(r, 64), 0, 1);
    send_numbered(r->sender, 0, 0, 2);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), test_until()), 0);
    receive_numbered(r->receiver, size_near(r, 64), 0, 1);
    CHECK_EQ(enl_receive(r->receiver, NULL, 0, test_until()), 0);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
}

static void refuses_empty_messages(struct rig *r)
{
    char buffer[8];
    struct enl_message m = {.data = buffer, .size = 0};

    CHECK_LACKS(enl_send(r->sender, buffer, 0, ENL_NOW), ENL_CAN_EMPTY);
    CHECK_LACKS(enl_send_message(r->sender, &m, ENL_NOW), ENL_CAN_EMPTY);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

/* The second one has no room, or becomes one with the first. */
static void messages_that_wait_become_one(struct rig *r)
{
    size_t size = size_near(r, 64);
    unsigned char buffer[512];

    for (unsigned again = 0; again < 3; again++) {
        send_numbered(r->sender, size, 0, 0);
        ssize_t sent = try_send(r->sender, size, 1, ENL_NOW);
        CHECK(sent == (ssize_t)size || sent == -EAGAIN);
        CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), test_until()), size);
        CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
        check_works(r, 2);
    }
}

/* A message that the mechanism gives a name to can be answered: the name says whom to send to. */
static void named_message_is_answered_by_name(struct rig *r)
{
    unsigned char buffer[128];
    struct enl_message m = {.data = buffer, .capacity = sizeof(buffer)};
    struct enl_link *asker;

    if (enl_open(r->address, ENL_READ | ENL_WRITE | ENL_CREATE, &r->receiver) < 0)
        return; /* who receives here does not send */
    CHECK_OK(enl_open(r->sender_address, ENL_READ | ENL_WRITE, &asker));
    send_numbered(asker, size_near(r, 64), 0, 1);
    CHECK_OK(enl_receive_message(r->receiver, NULL, test_until(), &m));
    check_filled(buffer, m.size, 0, 1);
    if (m.name_size > 0) {
        struct enl_message answer = {.data = buffer, .size = size_near(r, 48)};
        CHECK(m.name_size <= ENL_PEER_NAME_SIZE);
        answer.name_size = m.name_size;
        memcpy(answer.name, m.name, m.name_size);
        fill(buffer, answer.size, 0, 2);
        CHECK_EQ(enl_send_message(r->receiver, &answer, test_until()), answer.size);
        receive_numbered(asker, size_near(r, 48), 0, 2);
    }
    enl_close(asker);
}

/* What a receive asked for decides, not what a send sent. */
static void bytes_come_in_any_pieces(struct rig *r)
{
    unsigned char wanted[64], got[64];

    fill(wanted, sizeof(wanted), 0, 0);
    CHECK_EQ(enl_send(r->sender, wanted, 40, test_until()), 40);
    CHECK_EQ(enl_send(r->sender, wanted + 40, 24, test_until()), 24);
    for (size_t have = 0; have < sizeof(got);) {
        size_t room = sizeof(got) - have < 7 ? sizeof(got) - have : 7;
        ssize_t count = enl_receive(r->receiver, got + have, room, test_until());
        CHECK(count > 0 && count <= (ssize_t)room);
        have += (size_t)count;
    }
    CHECK_MEM(got, wanted, sizeof(got));
    CHECK_EQ(enl_receive(r->receiver, got, sizeof(got), ENL_NOW), -EAGAIN);
}

/* More than there is room for, and nobody receives: some of it is lost, but nothing torn or doubled. */
static void what_arrives_of_too_much_is_whole(struct rig *r)
{
    size_t size = size_near(r, 1000);
    unsigned char buffer[2048];
    unsigned count = 0, last = 0, came = 0, sender, number;
    int64_t late_ms = rig_is_network(r) ? 100 : 0;

    while (count < 2000) {
        ssize_t sent = try_send(r->sender, size, ++count, ENL_NOW);
        CHECK(sent == (ssize_t)size || sent == -EAGAIN);
    }
    for (;; came++) {
        ssize_t got = enl_receive(r->receiver, buffer, sizeof(buffer),
                                  late_ms > 0 ? enl_in_ms(late_ms) : ENL_NOW);
        if (got < 0)
            break;
        check_whole(buffer, (size_t)got, &sender, &number);
        CHECK(number <= count);
        CHECK(number > last || !rig_can(r, ENL_CAN_ORDER));
        last = number;
    }
    CHECK(came > 0 && came < count);
    check_works(r, 3);
}

static void carries_every_byte_or_refuses_it(struct rig *r)
{
    size_t size = size_near(r, 16);
    unsigned char *sent = malloc(size), *received = malloc(size + 1);

    CHECK(sent != NULL && received != NULL);
    for (unsigned value = 0; value < 256; value++) {
        memset(sent, (int)value, size);
        ssize_t result = enl_send(r->sender, sent, size, test_until());
        if (result == -EINVAL) {
            CHECK(enl_error_text()[0] != '\0');
            CHECK_EQ(enl_receive(r->receiver, received, size + 1, ENL_NOW), -EAGAIN);
            continue;
        }
        CHECK_EQ(result, size);
        CHECK_OK(enl_flush(r->sender, test_until()));
        CHECK_EQ(enl_receive(r->receiver, received, size + 1, test_until()), size);
        CHECK_MEM(received, sent, size);
    }
    free(sent);
    free(received);
}

/* ---- what does not fit ----------------------------------------------------------------------- */

static void refuses_one_byte_too_large(struct rig *r)
{
    size_t size = size_largest(r) + 1;
    struct enl_message loan;

    if (r->caps.largest_message != size_largest(r))
        return; /* more than any test can hold, or no bound at all */
    unsigned char *buffer = calloc(1, size);
    CHECK(buffer != NULL);
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_EQ(enl_send(r->sender, buffer, size, test_until()), -EMSGSIZE);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(enl_send(r->sender, buffer, size, ENL_NOW), -EMSGSIZE);
    CHECK_EQ(enl_send(r->sender, buffer, SIZE_MAX / 2, test_until()), -EMSGSIZE);
    CHECK_EQ(enl_loan(r->sender, size, test_until(), &loan), -EMSGSIZE);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK_EQ(enl_receive(r->receiver, buffer, size, ENL_NOW), -EAGAIN);
    free(buffer);
    check_works(r, 1);
}

static void refuses_other_sizes_where_one_is_fixed(struct rig *r)
{
    size_t size = size_largest(r);
    unsigned char *buffer = calloc(1, size + 1);

    CHECK(buffer != NULL);
    for (size_t wrong = 0; wrong <= size + 1; wrong++)
        if (wrong != size)
            CHECK_EQ(enl_send(r->sender, buffer, wrong, ENL_NOW), -EMSGSIZE);
    free(buffer);
    check_works(r, 0);
}

static void keeps_message_that_buffer_cannot_hold(struct rig *r)
{
    bool merges = rig_can(r, ENL_CAN_MERGE);
    size_t size = size_near(r, 300);
    unsigned char small[512];
    char number[24];

    send_numbered(r->sender, size, 0, 0);
    if (!merges)
        send_numbered(r->sender, size_near(r, 8), 0, 1);
    CHECK_OK(enl_flush(r->sender, test_until()));
    for (int again = 0; again < 3; again++) {
        CHECK_EQ(enl_receive(r->receiver, small, size - 1, test_until()), -EMSGSIZE);
        snprintf(number, sizeof(number), "%zu", size);
        CHECK_CONTAINS(enl_error_text(), number);
        CHECK_EQ(enl_receive(r->receiver, small, 1, ENL_NOW), -EMSGSIZE);
    }
    CHECK_EQ(enl_receive(r->receiver, small, size, test_until()), size);
    check_filled(small, size, 0, 0);
    if (!merges)
        receive_numbered(r->receiver, size_near(r, 8), 0, 1);
    check_works(r, 2);
}

static void cuts_message_when_asked_to(struct rig *r)
{
    bool merges = rig_can(r, ENL_CAN_MERGE);
    size_t size = size_near(r, 300);
    unsigned char small[8], wanted[512];
    size_t room = size < 8 ? size - 1 : 7;
    struct enl_message m = {.data = small, .capacity = room, .flags = ENL_TRUNCATE};

    fill(wanted, size, 0, 0);
    send_numbered(r->sender, size, 0, 0);
    if (!merges)
        send_numbered(r->sender, size_near(r, 64), 0, 1);
    CHECK_OK(enl_flush(r->sender, test_until()));
    small[7] = 'k';
    CHECK_EQ(enl_receive_message(r->receiver, NULL, test_until(), &m), room);
    CHECK_EQ(m.size, room);
    CHECK_EQ(m.full_size, size);
    CHECK_EQ(m.flags & ENL_TRUNCATED, ENL_TRUNCATED);
    CHECK_MEM(small, wanted, room);
    CHECK_EQ(small[7], 'k');
    if (!merges)
        receive_numbered(r->receiver, size_near(r, 64), 0, 1);
    check_works(r, 2);
}

/* ---- one struct, several at once ------------------------------------------------------------- */

static void describes_message(struct rig *r)
{
    size_t size = size_near(r, 100);
    unsigned char sent[512], received[512];
    struct enl_message out = {.data = sent, .size = size};
    struct enl_message in = {.data = received, .capacity = sizeof(received)};

    fill(sent, size, 0, 0);
    in.full_size = 99;
    in.missed = 99;
    in.flags = ENL_TRUNCATE;
    in.deliveries = in.fd_count = 99;
    CHECK_EQ(enl_send_message(r->sender, &out, test_until()), size);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_EQ(enl_receive_message(r->receiver, NULL, test_until(), &in), size);
    CHECK_EQ(in.size, size);
    CHECK_EQ(in.full_size, size);
    CHECK_EQ(in.flags & (ENL_TRUNCATED | ENL_REDELIVERED | ENL_OVERWRITTEN | ENL_FDS_LOST), 0);
    CHECK_EQ(in.deliveries, 1);
    CHECK_EQ(in.fd_count, 0);
    CHECK_EQ(in.missed, 0);
    check_filled(received, size, 0, 0);
}

enum { SEVERAL = 9, SEVERAL_SIZE = 64 };

struct several {
    struct enl_message messages[SEVERAL];
    unsigned char bytes[SEVERAL][SEVERAL_SIZE];
};

static void several_init(struct several *s, const struct rig *r, unsigned first)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < SEVERAL; i++) {
        size_t size = size_near(r, 8 + i * 6);
        CHECK(size <= SEVERAL_SIZE);
        s->messages[i] = (struct enl_message){.data = s->bytes[i], .size = size};
        s->messages[i].capacity = SEVERAL_SIZE;
        fill(s->bytes[i], size, 0, first + i);
    }
}

static void sends_and_receives_several_at_once(struct rig *r)
{
    struct several out, in;
    unsigned received = 0;

    several_init(&out, r, 0);
    ssize_t sent = enl_send_messages(r->sender, out.messages, SEVERAL, ENL_NOW);
    CHECK(sent > 0 && sent <= SEVERAL);
    if (sent < SEVERAL)
        CHECK_EQ(enl_send(r->sender, out.bytes[sent], out.messages[sent].size, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_flush(r->sender, test_until()));
    while (received < (size_t)sent) {
        several_init(&in, r, 1000);
        ssize_t got = enl_receive_messages(r->receiver, in.messages, SEVERAL, test_until());
        CHECK(got > 0);
        for (ssize_t i = 0; i < got; i++, received++) {
            CHECK(received < (size_t)sent);
            CHECK_EQ(in.messages[i].size, out.messages[received].size);
            CHECK_EQ(in.messages[i].flags & ENL_TRUNCATED, 0);
            check_filled(in.bytes[i], in.messages[i].size, 0, received);
        }
    }
    CHECK_EQ(enl_receive_messages(r->receiver, in.messages, SEVERAL, ENL_NOW), -EAGAIN);
}

static void send_several(void *argument)
{
    struct rig *r = argument;
    struct several out;

    for (unsigned i = 0; i < rounds(100); i++) {
        several_init(&out, r, i * SEVERAL);
        CHECK_EQ(enl_send_messages(r->sender, out.messages, SEVERAL, test_until()), SEVERAL);
    }
    CHECK_OK(enl_flush(r->sender, test_until()));
}

static void sends_all_of_several_before_it_returns(struct rig *r)
{
    struct task sender;

    task_start(&sender, send_several, r);
    for (unsigned i = 0; i < rounds(100) * SEVERAL; i++)
        receive_numbered(r->receiver, size_near(r, 8 + i % SEVERAL * 6), 0, i);
    task_join(&sender);
}

/* The first message is too large for its buffer: it is kept, and those after it come after it. */
static void keeps_order_when_several_do_not_fit(struct rig *r)
{
    struct several in;

    for (unsigned i = 0; i < 3; i++)
        send_numbered(r->sender, 60, 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    several_init(&in, r, 1000);
    in.messages[1].capacity = 10;
    ssize_t got = enl_receive_messages(r->receiver, in.messages, 3, test_until());
    CHECK_EQ(got, 1);
    check_filled(in.bytes[0], in.messages[0].size, 0, 0);
    CHECK_EQ(enl_receive_messages(r->receiver, &in.messages[1], 2, test_until()), -EMSGSIZE);
    receive_numbered(r->receiver, 60, 0, 1);
    receive_numbered(r->receiver, 60, 0, 2);
}

/* ---- counters and mistakes ------------------------------------------------------------------- */

static void counts_what_went_through(struct rig *r)
{
    size_t size = size_near(r, 50);
    struct enl_stat stat;

    for (unsigned i = 0; i < 3; i++)
        send_numbered(r->sender, size, 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_OK(enl_link_stat(r->sender, &stat));
    CHECK_EQ(stat.sent_messages, 3);
    CHECK_EQ(stat.sent_bytes, 3 * size);
    CHECK_EQ(stat.received_messages, 0);
    CHECK_EQ(stat.unsent_bytes, 0);
    rig_await_message(r);
    CHECK_OK(enl_link_stat(r->receiver, &stat));
    CHECK(stat.queued_messages == 3 || stat.queued_messages == ENL_UNKNOWN);
    CHECK(stat.queued_bytes >= 3 * size ||
          (stat.queued_bytes >= size && stat.queued_messages == ENL_UNKNOWN));
    CHECK_EQ(stat.sent_messages, 0);
    for (unsigned i = 0; i < 3; i++)
        receive_numbered(r->receiver, size, 0, i);
    CHECK_OK(enl_link_stat(r->receiver, &stat));
    CHECK_EQ(stat.received_bytes, 3 * size);
    if (rig_can(r, ENL_CAN_BOUNDARIES))
        CHECK_EQ(stat.received_messages, 3);
    CHECK(stat.queued_messages == 0 || stat.queued_messages == ENL_UNKNOWN);
    CHECK(stat.queued_bytes == 0 || stat.queued_bytes == ENL_UNKNOWN);
}

static void knows_what_waits_in_read_ahead(struct rig *r)
{
    size_t size = size_near(r, 50);
    struct enl_stat before, after;

    for (unsigned i = 0; i < 3; i++)
        send_numbered(r->sender, size, 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_OK(enl_link_stat(r->receiver, &before));
    receive_numbered(r->receiver, size, 0, 0);
    rig_await_message(r);
    CHECK_OK(enl_link_stat(r->receiver, &after));
    CHECK(after.queued_messages == ENL_UNKNOWN || after.queued_messages == 2);
    CHECK(after.queued_bytes >= size);
    CHECK(after.queued_bytes == ENL_UNKNOWN || after.queued_bytes <= before.queued_bytes ||
          rig_is_network(r)); /* there they may come in between */
    receive_numbered(r->receiver, size, 0, 1);
    receive_numbered(r->receiver, size, 0, 2);
}

static void answers_mistakes_with_einval(struct rig *r)
{
    struct enl_message m = {.data = NULL, .size = 8, .capacity = 8};
    struct enl_message loan = {.data = NULL};
    struct enl_stat stat;
    char byte = 0;

    CHECK_EQ(enl_send(NULL, &byte, 1, ENL_NOW), -EINVAL);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(enl_send(r->sender, NULL, 8, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_send_message(r->sender, NULL, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_send_message(r->sender, &m, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_receive(NULL, &byte, 1, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_receive(r->receiver, NULL, 8, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_receive_message(r->receiver, NULL, ENL_NOW, NULL), -EINVAL);
    CHECK_EQ(enl_receive_message(r->receiver, NULL, ENL_NOW, &m), -EINVAL);
    CHECK_EQ(enl_commit(&loan), -EINVAL);
    CHECK_EQ(enl_release(&loan), -EINVAL);
    CHECK_EQ(enl_link_stat(r->receiver, NULL), -EINVAL);
    CHECK_EQ(enl_link_stat(NULL, &stat), -EINVAL);
    CHECK_EQ(enl_link_set(r->sender, NULL), -EINVAL);
    enl_close(NULL);
    check_works(r, 0);
}

static const struct suite_case cases[] = {
    CASE(keeps_one_senders_order, .needs = ENL_CAN_ORDER, .stress = true),
    CASE(keeps_content_of_every_size),
    CASE(passes_largest_message, .needs = ENL_CAN_BOUNDARIES),
    CASE(passes_empty_messages, .needs = ENL_CAN_EMPTY | ENL_CAN_BOUNDARIES),
    CASE(refuses_empty_messages, .needs = ENL_CAN_BOUNDARIES,
         .lacks = ENL_CAN_EMPTY | ENL_CAN_FIXED_SIZE),
    CASE(messages_that_wait_become_one, .needs = ENL_CAN_MERGE),
    CASE(named_message_is_answered_by_name, .meet = ENL_MEET_OPEN, .bare = true),
    CASE(bytes_come_in_any_pieces, .lacks = ENL_CAN_BOUNDARIES | ENL_CAN_FIXED_SIZE),
    CASE(what_arrives_of_too_much_is_whole, .needs = ENL_CAN_BOUNDARIES,
         .lacks = ENL_CAN_LOSSLESS | ENL_CAN_FIXED_SIZE),
    CASE(carries_every_byte_or_refuses_it),
    CASE(refuses_one_byte_too_large),
    CASE(refuses_other_sizes_where_one_is_fixed, .needs = ENL_CAN_FIXED_SIZE),
    CASE(keeps_message_that_buffer_cannot_hold, .needs = ENL_CAN_BOUNDARIES),
    CASE(cuts_message_when_asked_to, .needs = ENL_CAN_BOUNDARIES),
    CASE(describes_message),
    CASE(sends_and_receives_several_at_once, .needs = ENL_CAN_BOUNDARIES, .lacks = ENL_CAN_MERGE),
    CASE(sends_all_of_several_before_it_returns, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(keeps_order_when_several_do_not_fit, .needs = ENL_CAN_BOUNDARIES,
         .lacks = ENL_CAN_FIXED_SIZE),
    CASE(counts_what_went_through, .lacks = ENL_CAN_MERGE),
    CASE(knows_what_waits_in_read_ahead, .lacks = ENL_CAN_MERGE),
    CASE(answers_mistakes_with_einval),
};
SUITE(cases)
