/* SPDX-License-Identifier: MIT */
/* Proof that what a receiver reads tells whether it is what the sender wrote. */
#include "payload.h"
#include "runner/test.h"

#include <string.h>

#define LARGEST 4096

static const size_t sizes[] = {8, 16, 24, 32, 40, 64, 72, 1024, LARGEST};

TEST(reader_finds_the_head_and_the_checksum)
{
    unsigned char data[LARGEST];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t written, read, head = 0;

        memset(data, 0xee, sizeof data);
        written = payload_write(data, sizes[i], 12345 + i);
        read = payload_read(data, sizes[i], &head);
        CHECK(written == read);
        CHECK_EQ(head, 12345 + i);
    }
}

TEST(every_byte_counts)
{
    unsigned char data[LARGEST];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t written = payload_write(data, sizes[i], 7), head;

        for (size_t at = 0; at < sizes[i]; at++) {
            data[at] ^= 0x10;
            CHECK(payload_read(data, sizes[i], &head) != written);
            data[at] ^= 0x10;
        }
    }
}

TEST(nothing_is_written_behind_the_end)
{
    unsigned char data[LARGEST + 1];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        data[sizes[i]] = 0x5a;
        (void)payload_write(data, sizes[i], i);
        CHECK_EQ(data[sizes[i]], 0x5a);
    }
}

TEST(total_shows_loss_doubling_and_order)
{
    uint64_t right = payload_total(payload_total(0, 11), 22);

    CHECK(payload_total(payload_total(0, 22), 11) != right);
    CHECK(payload_total(0, 11) != right);
    CHECK(payload_total(right, 22) != right);
}
