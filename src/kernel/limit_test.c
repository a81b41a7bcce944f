/* SPDX-License-Identifier: MIT */
/* Proof of limit.c. */
#include "kernel/limit.h"

#include "runner/test.h"

#include <stdio.h>

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

TEST(a_limit_is_the_number_in_its_file)
{
    write_file("limit", "819200\n");
    CHECK_EQ(limit_read("limit", 7), 819200);
    write_file("limit", "10\t20\n");
    CHECK_EQ(limit_read("limit", 7), 10);
    CHECK_EQ(remove("limit"), 0);
}

TEST(what_cannot_be_read_is_what_the_caller_knows)
{
    write_file("limit", "");
    CHECK_EQ(limit_read("limit", 7), 7);
    write_file("limit", "none\n");
    CHECK_EQ(limit_read("limit", 7), 7);
    CHECK_EQ(remove("limit"), 0);
    CHECK_EQ(limit_read("limit", 7), 7);
    CHECK_EQ(limit_read(".", 7), 7);
}
