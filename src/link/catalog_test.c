/* SPDX-License-Identifier: MIT */
/* Proof of the catalog: each row says the same to programs as to the parser. */
#include "link/catalog.h"

#include "link/link.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct link_driver *driver_of(const char *scheme)
{
    static struct address a;
    const struct link_driver *driver = NULL;
    char text[64];

    (void)snprintf(text, sizeof text, "%s:", scheme);
    if (catalog_find(text, &a, &driver) < 0) {
        (void)snprintf(text, sizeof text, "%s:/1", scheme);
        CHECK_OK(catalog_find(text, &a, &driver));
    }
    return driver;
}

TEST(each_mechanism_lists_the_options_that_it_takes)
{
    const struct enl_mechanism *row;

    for (size_t i = 0; (row = enl_mechanism(i)) != NULL; i++) {
        const struct address_option *option = driver_of(row->scheme)->address.options;
        char list[256] = "";

        for (; option->name != NULL; option++) {
            strcat(list, list[0] == '\0' ? "" : " ");
            strcat(list, option->name);
        }
        CHECK_STR(row->options, list);
        CHECK_STR(row->scheme, driver_of(row->scheme)->address.scheme);
        CHECK(strncmp(row->syntax, row->scheme, strlen(row->scheme)) == 0);
    }
}

TEST(each_capability_has_a_name_and_no_other_bit_has)
{
    uint32_t known = 0;

    for (uint32_t bit = 1; bit != 0; bit <<= 1)
        known |= enl_capability_name(bit) != NULL ? bit : 0;
    CHECK_EQ(known & (known + 1), 0); /* from the lowest on, without a gap */
    CHECK_STR(enl_capability_name(ENL_CAN_BOUNDARIES), "boundaries");
    CHECK_STR(enl_capability_name(ENL_CAN_BATCH), "batching");
    CHECK_STR(enl_capability_name(ENL_CAN_MERGE), "merging");
    CHECK(enl_capability_name(3) == NULL);
    CHECK(enl_capability_name(0) == NULL);
}

TEST(an_address_says_what_its_options_change)
{
    struct enl_caps caps;

    CHECK_OK(enl_address_caps("unix:", &caps));
    CHECK(caps.can & ENL_CAN_BOUNDARIES);
    CHECK_OK(enl_address_caps("unix:?frame=raw", &caps));
    CHECK(!(caps.can & ENL_CAN_BOUNDARIES));
    CHECK_OK(enl_address_caps("pipe:?writers=one&message=8M", &caps));
    CHECK_EQ(caps.largest_message, 8 << 20);
    CHECK_EQ(enl_address_caps("pipe:?message=8M", &caps), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "writers=one");
    CHECK_EQ(enl_address_caps("unix:?type=datagram&frame=raw", NULL), -EINVAL);
    CHECK_EQ(enl_address_caps("smoke:signals", NULL), -EINVAL);
}
