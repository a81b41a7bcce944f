/* SPDX-License-Identifier: MIT */
/* Proof of buffer.c: what is in a buffer stays there while it grows, by little and by much. */
#include "kernel/buffer.h"

#include "runner/test.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static void fill(struct buffer *b, size_t from)
{
    for (size_t i = from; i < b->room; i += 1021)
        b->bytes[i] = (char)(i % 127);
}

static void check(const struct buffer *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (i % 1021 == 0)
            CHECK_EQ(b->bytes[i], i % 127);
}

TEST(buffer_keeps_what_is_in_it)
{
    struct buffer b = {NULL, 0};
    size_t before = 0;

    while (b.room < (size_t)40 << 20) {
        CHECK_EQ(buffer_grow(&b, before + 1), 0);
        CHECK(b.room > before);
        check(&b, before);
        fill(&b, (before + 1020) / 1021 * 1021);
        before = b.room;
    }
    CHECK_EQ(buffer_grow(&b, 5), 0);
    CHECK_EQ(b.room, before);
    buffer_trim(&b, ((size_t)5 << 20) + 1);
    CHECK_EQ(b.room, (size_t)6 << 20);
    check(&b, ((size_t)5 << 20) + 1);
    buffer_trim(&b, 1);
    check(&b, 1);
    CHECK_EQ(buffer_grow(&b, (size_t)9 << 20), 0);
    check(&b, 1);
    buffer_free(&b);
    CHECK(b.bytes == NULL);
    buffer_free(&b);
}

TEST(buffer_grows_at_once_to_what_is_asked_for)
{
    struct buffer b = {NULL, 0};

    CHECK_EQ(buffer_grow(&b, 100), 0);
    CHECK(b.room >= 100);
    memset(b.bytes, 'x', b.room);
    CHECK_EQ(buffer_grow(&b, ((size_t)3 << 20) + 1), 0);
    CHECK(b.room > (size_t)3 << 20);
    CHECK_EQ(b.bytes[99], 'x');
    buffer_free(&b);
}

TEST(memory_that_is_not_there_is_told_and_nothing_is_lost)
{
    struct buffer b = {NULL, 0};

    for (int large = 0; large < 2; large++) {
        CHECK_EQ(buffer_grow(&b, large == 0 ? 5000 : (size_t)3 << 20), 0);
        b.bytes[4999] = 'x';
        CHECK_EQ(buffer_grow(&b, SIZE_MAX), -ENOMEM);
        CHECK_EQ(buffer_grow(&b, SIZE_MAX / 2 + 1), -ENOMEM);
        if (sizeof(void *) == 8) /* on 32 bit there may be so much */
            CHECK_EQ(buffer_grow(&b, SIZE_MAX / 4), -ENOMEM);
        CHECK_EQ(b.bytes[4999], 'x');
    }
    buffer_free(&b);
}
