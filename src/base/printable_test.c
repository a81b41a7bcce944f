/* SPDX-License-Identifier: MIT */
/* Proof that foreign bytes come out printable, escaped and cut. */
#include "base/printable.h"
#include "runner/test.h"

#include <string.h>

TEST(printable_bytes_stay_as_they_are)
{
    char buffer[16];

    CHECK_STR(printable(buffer, sizeof buffer, "a \"~\\%s", 7), "a \"~\\%s");
    CHECK_STR(printable(buffer, sizeof buffer, "abc", 0), "");
    CHECK_STR(printable(buffer, sizeof buffer, "abc", 2), "ab");
}

TEST(other_bytes_are_escaped)
{
    char buffer[32];

    CHECK_STR(printable(buffer, sizeof buffer, "\0\n\033\177\200\377", 6),
              "\\x00\\x0a\\x1b\\x7f\\x80\\xff");
}

TEST(what_does_not_fit_lacks_its_middle_and_says_so)
{
    char buffer[12];

    CHECK_STR(printable(buffer, sizeof buffer, "12345678901", 11), "12345678901");
    CHECK_STR(printable(buffer, sizeof buffer, "123456789012", 12), "1234...9012");
    CHECK_STR(printable(buffer, sizeof buffer, "1234567890123456789", 19), "1234...6789");
    CHECK_STR(printable(buffer, sizeof buffer,
                        "\1\2"
                        "345",
                        5),
              "\\x01\\x02345");
    CHECK_STR(printable(buffer, sizeof buffer, "\1\2\3", 3), "\\x01...\\x03");
    CHECK_STR(printable(buffer, sizeof buffer, "a\2\3\4", 4), "a...\\x04");
    CHECK_STR(printable(buffer, 4, "1234", 4), "...");
    CHECK_STR(printable(buffer, 4, "\1", 1), "...");
    CHECK_STR(printable(buffer, 4, "123", 3), "123");
}

TEST(no_room_is_overrun)
{
    char bytes[64];
    char buffer[80];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 11);
    for (size_t room = 4; room < 64; room++) {
        for (size_t size = 0; size < sizeof bytes; size++) {
            memset(buffer, '#', sizeof buffer);
            (void)printable(buffer, room, bytes, size);
            CHECK(strlen(buffer) < room);
            CHECK_EQ(buffer[room], '#');
        }
    }
}
