/* SPDX-License-Identifier: MIT */
/* Proof of svname.c. */
#include "base/svname.h"

#include "base/error.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <string.h>

static const struct address_option no_options[] = {{.name = NULL}};
static const struct address_scheme scheme = {.scheme = "svthing",
                                             .syntax = "svthing:KEY",
                                             .name = ADDRESS_NAME_NEEDED,
                                             .name_most = SVNAME_MOST,
                                             .options = no_options};
static const struct address_scheme *const schemes[] = {&scheme, NULL};

static int parse(const char *text, struct svname *ret_name)
{
    struct address a;

    CHECK_OK(address_parse(text, schemes, &a));
    return svname_parse(&a, "thing", ret_name);
}

TEST(a_number_is_a_key)
{
    struct svname name;

    CHECK_OK(parse("svthing:1", &name));
    CHECK_EQ(name.key, 1);
    CHECK_STR(name.path, "");
    CHECK_OK(parse("svthing:0xfFffffff", &name));
    CHECK_EQ(name.key, -1);
}

TEST(a_path_and_a_number_are_told_apart_at_the_last_mark)
{
    struct svname name;

    CHECK_OK(parse("svthing:/a#b#255", &name));
    CHECK_STR(name.path, "/a#b");
    CHECK_EQ(name.number, 255);
}

TEST(what_is_no_name_is_refused_with_the_right_form)
{
    static const char *const bad[] = {"jobs",
                                      "0",
                                      "0x0",
                                      "0x",
                                      "12a",
                                      "0x12g",
                                      "-1",
                                      "/tmp",
                                      "#1",
                                      "/tmp#",
                                      "/tmp#0",
                                      "/tmp#256",
                                      "/tmp#x",
                                      "/a#1x",
                                      "4294967296",
                                      "/tmp#99999999999",
                                      "99999999999999999999"};
    struct svname name;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64] = "svthing:";

        strcat(text, bad[i]);
        if (parse(text, &name) != -EINVAL)
            FAIL("%s was taken for a name", bad[i]);
        CHECK_CONTAINS(enl_error_text(), "A thing is named by a number (svthing:0x1234)");
    }
}
