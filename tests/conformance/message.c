/* SPDX-License-Identifier: MIT */
/* Messages that say what they are, so that a lost, doubled, torn or mixed one is seen for what it
 * is.
 *
 *   byte 0        sender, 7 bits
 *   bytes 1 to 4  number, 28 bits
 *   bytes 5 to 7  size, 21 bits: 2 MiB
 *   the rest      a pattern of all three
 *
 * Messages under 8 bytes are pattern alone. The highest bit of each byte is set: no byte is a
 * newline, which ?frame=line could not carry, or a zero, which a fresh buffer has. */
#include "suite.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { HEAD_SIZE = 8, LARGEST_TRIED = 2 * 1024 * 1024 - 1 };
enum { SETTLE_MS = 60 };
enum { SIOCOUTQ_ = 0x5411, SIOCOUTQNSD_ = 0x894b }; /* of a header that musl systems lack */

static unsigned char seven_bits(size_t value, unsigned shift)
{
    return (unsigned char)(0x80 | ((value >> shift) & 0x7f));
}

static unsigned char pattern_at(size_t i, size_t size, unsigned sender, unsigned number)
{
    return (unsigned char)(0x80 |
                           ((sender * 31 + number * 7 + size + i * 73 + (i >> 7) * 11) & 0x7f));
}

size_t size_near(const struct rig *r, size_t wanted)
{
    size_t largest = size_largest(r);

    if (rig_can(r, ENL_CAN_FIXED_SIZE) || wanted > largest)
        return largest;
    if (wanted == 0 && !rig_can(r, ENL_CAN_EMPTY))
        return 1;
    return wanted;
}

size_t size_largest(const struct rig *r)
{
    if (r->caps.largest_message > LARGEST_TRIED)
        return LARGEST_TRIED;
    return (size_t)r->caps.largest_message;
}

static void fill_head(unsigned char head[HEAD_SIZE], size_t size, unsigned sender, unsigned number)
{
    size_t i = 0;

    head[i++] = seven_bits(sender, 0);
    for (unsigned shift = 0; shift < 28; shift += 7)
        head[i++] = seven_bits(number, shift);
    for (unsigned shift = 0; shift < 21; shift += 7)
        head[i++] = seven_bits(size, shift);
}

void fill(void *buffer, size_t size, unsigned sender, unsigned number)
{
    unsigned char *bytes = buffer;
    size_t i = 0;

    if (size >= HEAD_SIZE) {
        fill_head(bytes, size, sender, number);
        i = HEAD_SIZE;
    }
    for (; i < size; i++)
        bytes[i] = pattern_at(i, size, sender, number);
}

static size_t collect(const unsigned char *bytes, size_t count)
{
    size_t value = 0;

    for (size_t i = 0; i < count; i++)
        value |= (size_t)(bytes[i] & 0x7f) << (7 * i);
    return value;
}

void check_whole(const void *buffer, size_t size, unsigned *ret_sender, unsigned *ret_number)
{
    const unsigned char *bytes = buffer;

    CHECK(size >= HEAD_SIZE);
    unsigned sender = (unsigned)collect(bytes, 1);
    unsigned number = (unsigned)collect(bytes + 1, 4);
    size_t own_size = collect(bytes + 5, 3);
    if (own_size != size)
        FAIL("message %u of sender %u was sent with %zu bytes and came with %zu", number, sender,
             own_size, size);
    check_filled(buffer, size, sender, number);
    *ret_sender = sender;
    *ret_number = number;
}

void check_filled(const void *buffer, size_t size, unsigned sender, unsigned number)
{
    const unsigned char *bytes = buffer;
    unsigned char head[HEAD_SIZE];
    size_t i = 0;

    if (size >= HEAD_SIZE) {
        fill_head(head, size, sender, number);
        if (memcmp(bytes, head, HEAD_SIZE) != 0)
            FAIL("message %u of sender %u, %zu bytes, was to come; message %zu of sender %zu, "
                 "%zu bytes, came",
                 number, sender, size, collect(bytes + 1, 4), collect(bytes, 1),
                 collect(bytes + 5, 3));
        i = HEAD_SIZE;
    }
    for (; i < size; i++)
        if (bytes[i] != pattern_at(i, size, sender, number))
            FAIL("message %u of sender %u: byte %zu of %zu is 0x%02x, not 0x%02x", number, sender,
                 i, size, bytes[i], pattern_at(i, size, sender, number));
}

ssize_t try_send(struct enl_link *l, size_t size, unsigned number, enl_deadline until)
{
    unsigned char *buffer = malloc(size + 1);

    CHECK(buffer != NULL);
    fill(buffer, size, 0, number);
    ssize_t sent = enl_send(l, buffer, size, until);
    free(buffer);
    return sent;
}

void send_numbered(struct enl_link *l, size_t size, unsigned sender, unsigned number)
{
    unsigned char *buffer = malloc(size + 1);

    CHECK(buffer != NULL);
    fill(buffer, size, sender, number);
    CHECK_EQ(enl_send(l, buffer, size, test_until()), size);
    free(buffer);
}

void receive_numbered(struct enl_link *l, size_t size, unsigned sender, unsigned number)
{
    bool whole = (enl_link_caps(l)->can & ENL_CAN_BOUNDARIES) != 0;
    unsigned char *buffer = malloc(size + HEAD_SIZE);
    size_t have = 0;

    CHECK(buffer != NULL);
    do {
        size_t room = whole ? size + HEAD_SIZE : size - have;
        ssize_t got = enl_receive(l, buffer + have, room, test_until());
        CHECK_OK(got);
        have += (size_t)got;
    } while (!whole && have < size);
    CHECK_EQ(have, size);
    check_filled(buffer, size, sender, number);
    free(buffer);
}

void check_works(struct rig *r, unsigned number)
{
    send_numbered(r->sender, size_near(r, 64), 0, number);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, number);
}

/* Whether the other kernel has not yet said that it has all it was sent; a link's own descriptor need not be its socket,
 * so all that are open are asked. */
static bool is_under_way(void)
{
    for (int fd = 0; fd < 64; fd++) {
        int unread, unsent;

        if (ioctl(fd, SIOCOUTQ_, &unread) == 0 && ioctl(fd, SIOCOUTQNSD_, &unsent) == 0 &&
            unread != unsent)
            return true;
    }
    return false;
}

/* Over a network both kernels go on moving bytes and making room for a while after the link was
 * full, and tell of a little room only when asked. */
static ssize_t try_until_full(const struct rig *r, const void *buffer, size_t size)
{
    ssize_t sent = enl_send(r->sender, buffer, size, ENL_NOW);

    if (sent != -EAGAIN || r->caps.reach < ENL_REACH_NETWORK)
        return sent;
    while (is_under_way() && now_ns() < test_until())
        sched_yield();
    sent = enl_send(r->sender, buffer, size, enl_in_ms((int64_t)SETTLE_MS * test_time_scale()));
    return sent == -ETIMEDOUT ? enl_send(r->sender, buffer, size, ENL_NOW) : sent;
}

unsigned fill_up(struct rig *r, size_t size)
{
    unsigned char *buffer = malloc(size + 1);
    unsigned number = 0;

    CHECK(buffer != NULL);
    for (;; number++) {
        fill(buffer, size, 0, number);
        ssize_t sent = try_until_full(r, buffer, size);
        if (sent == -EAGAIN)
            break;
        CHECK_EQ(sent, size);
        if (number > 10 * 1000 * 1000)
            FAIL("ten million messages, and never full");
    }
    free(buffer);
    return number;
}

void empty_out(struct rig *r, size_t size, unsigned first, unsigned last)
{
    bool whole = rig_can(r, ENL_CAN_BOUNDARIES);
    unsigned char *buffer = malloc(size + HEAD_SIZE);
    unsigned number = first;
    size_t have = 0;

    CHECK(buffer != NULL);
    while (number < last) {
        size_t room = whole ? size + HEAD_SIZE : size - have;
        ssize_t got = enl_receive(r->receiver, buffer + have, room, ENL_NOW);
        if (got == -EAGAIN) {
            int result = enl_flush(r->sender, ENL_NOW);
            CHECK(result == 0 || result == -EAGAIN);
            CHECK(now_ns() < test_until());
            sched_yield();
            continue;
        }
        CHECK_OK(got);
        have += (size_t)got;
        if (!whole && have < size)
            continue;
        CHECK_EQ(have, size);
        check_filled(buffer, size, 0, number++);
        have = 0;
    }
    free(buffer);
}
