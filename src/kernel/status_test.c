/* SPDX-License-Identifier: MIT */
/* Proof that lines are found wherever they stand, and however long the others are. */
#include "kernel/status.h"

#include "kernel/descriptor.h"
#include "runner/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(const char *text)
{
    int fd = memfd_create("status", MFD_CLOEXEC);

    CHECK_OK(fd);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static uint64_t bits_in(const char *text, const char *key, int result)
{
    uint64_t bits = 77;
    int fd = file_of(text);

    CHECK_EQ(status_bits(fd, key, &bits), result);
    descriptor_close(fd);
    return bits;
}

TEST(a_line_is_found_by_its_key)
{
    static const char text[] = "Name:\tx\nSigPnd:\t0000000000000001\nSigBlk:\tfedcba9876543210\n";
    int64_t number = 0;
    int fd = file_of("pos:\t0\nPid:\t-1\nNSpid:\t5\n");

    CHECK(bits_in(text, "SigBlk:", 0) == 0xfedcba9876543210);
    CHECK(bits_in(text, "SigPnd:", 0) == 1);
    CHECK(bits_in(text, "SigCgt:", -ENOENT) == 77);
    CHECK(bits_in(text, "Name:", -ENOENT) == 77);
    CHECK(bits_in("", "Name:", -ENOENT) == 77);
    CHECK_OK(status_number(fd, "Pid:", &number));
    CHECK_EQ(number, -1);
    descriptor_close(fd);
}

TEST(a_key_stands_at_the_beginning_of_its_line)
{
    CHECK(bits_in("XSigBlk:\t1\nSigBlk:\t2\n", "SigBlk:", 0) == 2);
    CHECK(bits_in("Name:\tSigBlk:\t1\nSigBlk:\t2\n", "SigBlk:", 0) == 2);
}

TEST(long_lines_hide_nothing)
{
    static char text[20000];

    memset(text, '7', sizeof text - 40);
    memcpy(text, "Groups:\t", 8);
    memcpy(text + sizeof text - 40, "\nSigBlk:\t000000000000000a\n", 27);
    CHECK(bits_in(text, "SigBlk:", 0) == 10);
}

TEST(what_cannot_be_read_has_no_lines)
{
    uint64_t bits;

    CHECK_EQ(status_bits(-1, "SigBlk:", &bits), -ENOENT);
}
