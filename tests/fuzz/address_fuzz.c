/* SPDX-License-Identifier: MIT */
/* Any text as an address: it is taken apart whole, or refused with a text that says why. */
#include "base/address.h"

#include <enlace/error.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const frames[] = {"raw", "line", "u32", NULL};
static const struct address_option options[] = {
    {.name = "mode", .kind = ADDRESS_MODE, .most = 0777, .preset = 0600},
    {.name = "message", .kind = ADDRESS_SIZE, .least = 1, .most = 1U << 30, .preset = 65536},
    {.name = "depth", .kind = ADDRESS_NUMBER, .least = 1, .most = UINT64_MAX, .preset = 16},
    {.name = "frame", .kind = ADDRESS_WORD, .words = frames},
    {.name = "keep", .kind = ADDRESS_FLAG},
    {.name = "text", .kind = ADDRESS_TEXT},
    {.name = NULL},
};
static const struct address_scheme pair = {
    .scheme = "pipe", .syntax = "pipe:", .name = ADDRESS_NAME_NONE, .options = options};
static const struct address_scheme path = {.scheme = "fifo",
                                           .syntax = "fifo:PATH",
                                           .name = ADDRESS_NAME_NEEDED,
                                           .name_most = ADDRESS_NAME_MAX,
                                           .options = options};
static const struct address_scheme both = {.scheme = "unix",
                                           .syntax = "unix:PATH",
                                           .name = ADDRESS_NAME_OPTIONAL,
                                           .name_most = 100,
                                           .options = options};
static const struct address_scheme *const schemes[] = {&pair, &path, &both, NULL};

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_accepted(const struct address *a)
{
    require(a->name_size <= a->scheme->name_most || a->scheme == &pair);
    require(strlen(a->name) == a->name_size);
    require(a->scheme != &path || a->name_size > 0);
    require(address_value(a, "mode") <= 0777);
    require(address_value(a, "message") >= 1 && address_value(a, "message") <= 1U << 30);
    require(address_value(a, "depth") >= 1);
    require(address_value(a, "frame") < 3);
    require(address_value(a, "keep") <= 1);
    require(!address_given(a, "text") || strlen(a->text) == address_value(a, "text"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address a;
    char *text = malloc(size + 1);

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';

    int result = address_parse(text, schemes, &a);
    free(text); /* the result keeps no pointer into it */
    if (result == 0) {
        check_accepted(&a);
    } else {
        require(result == -EINVAL);
        require(enl_error_text()[0] != '\0');
    }
    return 0;
}
