/* SPDX-License-Identifier: MIT */
/* Batches of a channel: packed or not, a receiver sees the messages that were sent. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define MOST 40u
#define LARGEST 300u

struct batch {
    unsigned char data[MOST][LARGEST];
    struct enl_message messages[MOST];
};

static void meet(struct enl_link *ends[2], const char *address)
{
    test_explain = enl_error_text;
    CHECK_OK(enl_pair(address, ends));
}

static void part(struct enl_link *ends[2])
{
    enl_close(ends[0]);
    enl_close(ends[1]);
}

static void fill(unsigned char *data, size_t size, uint32_t number)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)((size_t)number * 17 + i);
}

static void check_content(const void *data, size_t size, uint32_t number)
{
    unsigned char wanted[LARGEST];

    fill(wanted, size, number);
    CHECK_MEM(data, wanted, size);
}

/* Messages from this number on, of the sizes that size_of gives. */
static ssize_t send_batch(struct enl_link *l, uint32_t number, uint32_t count,
                          uint32_t (*size_of)(uint32_t))
{
    struct batch b;

    memset(b.messages, 0, sizeof b.messages);
    for (uint32_t i = 0; i < count; i++) {
        b.messages[i].data = b.data[i];
        b.messages[i].size = size_of(number + i);
        fill(b.data[i], b.messages[i].size, number + i);
    }
    return enl_send_messages(l, b.messages, count, ENL_NOW);
}

static ssize_t receive_batch(struct enl_link *l, uint32_t number, uint32_t count,
                             uint32_t (*size_of)(uint32_t))
{
    struct batch b;
    ssize_t got;

    memset(b.messages, 0, sizeof b.messages);
    for (uint32_t i = 0; i < count; i++) {
        b.messages[i].data = b.data[i];
        b.messages[i].capacity = LARGEST;
    }
    got = enl_receive_messages(l, b.messages, count, ENL_NOW);
    for (ssize_t i = 0; i < got; i++) {
        CHECK_EQ(b.messages[i].size, size_of(number + (uint32_t)i));
        check_content(b.data[i], b.messages[i].size, number + (uint32_t)i);
    }
    return got;
}

static uint32_t eight(uint32_t number)
{
    (void)number;
    return 8;
}

static uint32_t twenty(uint32_t number)
{
    (void)number;
    return 20;
}

/* Some of one size after the other, empty ones between them. */
static uint32_t in_runs(uint32_t number)
{
    return number / 5 * 37 % LARGEST;
}

TEST(channel_batch_is_received_by_any_call)
{
    struct enl_link *ends[2];
    unsigned char data[LARGEST];
    struct enl_message m = {.data = data, .capacity = 8, .flags = ENL_TRUNCATE};

    meet(ends, "channel:");
    for (uint32_t n = 0; n < 10 * 1000; n += 10) {
        CHECK_EQ(send_batch(ends[0], n, 10, twenty), 10);
        CHECK_EQ(enl_receive(ends[1], data, sizeof data, ENL_NOW), 20);
        check_content(data, 20, n);
        CHECK_EQ(enl_receive(ends[1], data, 19, ENL_NOW), -EMSGSIZE); /* and it is kept */
        CHECK_EQ(receive_batch(ends[1], n + 1, 3, twenty), 3);
        m.flags = ENL_TRUNCATE;
        CHECK_EQ(enl_receive_message(ends[1], NULL, ENL_NOW, &m), 8);
        CHECK_EQ(m.full_size, 20);
        CHECK(m.flags & ENL_TRUNCATED);
        check_content(data, 8, n + 4);
        for (uint32_t i = 5; i < 10; i++) {
            struct enl_message taken;

            CHECK_EQ(enl_take(ends[1], NULL, ENL_NOW, &taken), 20);
            check_content(taken.data, 20, n + i);
            CHECK_OK(enl_release(&taken));
        }
        CHECK_EQ(enl_receive(ends[1], data, sizeof data, ENL_NOW), -EAGAIN);
    }
    part(ends);
}

TEST(channel_batch_of_many_sizes_arrives)
{
    struct enl_link *ends[2];
    uint32_t sent = 0, received = 0;

    meet(ends, "channel:?message=300&depth=64");
    while (received < 20000) {
        uint32_t most = 1 + sent % MOST;
        ssize_t n = sent - received > 200 ? 0 : send_batch(ends[0], sent, most, in_runs);

        CHECK(n >= 0 || n == -EAGAIN);
        sent += n > 0 ? (uint32_t)n : 0;
        n = receive_batch(ends[1], received, 1 + received % MOST, in_runs);
        CHECK(n > 0 || (n == -EAGAIN && sent == received));
        received += n > 0 ? (uint32_t)n : 0;
    }
    part(ends);
}

/* However full: what was sent is all there, and each that is received makes room for others. */
TEST(channel_batch_fills_the_lane_and_no_more)
{
    struct enl_link *ends[2];
    uint32_t sent = 0, received = 0;
    ssize_t n;

    meet(ends, "channel:?message=8&depth=1000");
    for (int round = 0; round < 50; round++) {
        while ((n = send_batch(ends[0], sent, 31, eight)) > 0)
            sent += (uint32_t)n;
        CHECK_EQ(n, -EAGAIN);
        CHECK(sent - received >= 1000);
        for (int i = 0; i < 100 + round; i++, received += (uint32_t)n) {
            n = receive_batch(ends[1], received, 7, eight);
            CHECK(n > 0);
        }
    }
    while ((n = receive_batch(ends[1], received, MOST, eight)) > 0)
        received += (uint32_t)n;
    CHECK_EQ(n, -EAGAIN);
    CHECK_EQ(received, sent);
    part(ends);
}

/* Part of a batch is left: that shows on the descriptor, and is received after the end. */
TEST(channel_batch_shows_what_is_left_of_it)
{
    struct enl_link *ends[2];
    unsigned char data[8];
    struct pollfd item = {.events = POLLIN};

    meet(ends, "channel:");
    item.fd = enl_link_fd(ends[1]);
    CHECK_OK(item.fd);
    CHECK_EQ(send_batch(ends[0], 0, 12, eight), 12);
    for (uint32_t i = 0; i < 6; i++) {
        CHECK_EQ(poll(&item, 1, 5000), 1);
        CHECK(enl_link_events(ends[1]) & ENL_READABLE);
        CHECK_EQ(enl_receive(ends[1], data, sizeof data, ENL_NOW), 8);
        check_content(data, 8, i);
    }
    enl_close(ends[0]);
    for (uint32_t i = 6; i < 12; i++) {
        CHECK_EQ(enl_receive(ends[1], data, sizeof data, test_until()), 8);
        check_content(data, 8, i);
    }
    CHECK_EQ(enl_receive(ends[1], data, sizeof data, test_until()), -ESHUTDOWN);
    enl_close(ends[1]);
}
