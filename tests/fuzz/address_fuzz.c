/* SPDX-License-Identifier: MIT */
/* Fuzz target: any text as an address, against a made-up table with options of every kind. */
#include "base/address.h"
#include "fuzz/fuzz.h"

#include <enlace/error.h>
#include <errno.h>
#include <string.h>

#define OPTIONS_LONGEST 65536 /* of those that check_escapes() goes through */

static const char *const words[] = {"raw", "line", "u32", NULL};

static const struct address_option options[] = {
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "message",
     .kind = ADDRESS_SIZE,
     .least = 1,
     .most = UINT64_C(1) << 32,
     .preset = 65536},
    {.name = "depth", .kind = ADDRESS_NUMBER, .least = 2, .most = UINT64_MAX, .preset = 8},
    {.name = "frame", .kind = ADDRESS_WORD, .preset = 2, .words = words},
    {.name = "keep", .kind = ADDRESS_FLAG},
    {.name = "label", .kind = ADDRESS_TEXT},
    {.name = NULL},
};

static const struct address_scheme pipe_scheme = {
    .scheme = "pipe", .syntax = "pipe:", .name = ADDRESS_NAME_NONE, .options = options};
static const struct address_scheme fifo_scheme = {.scheme = "fifo",
                                                  .syntax = "fifo:PATH",
                                                  .name = ADDRESS_NAME_NEEDED,
                                                  .name_most = ADDRESS_NAME_MAX,
                                                  .options = options};
static const struct address_scheme unix_scheme = {.scheme = "unix",
                                                  .syntax = "unix:PATH",
                                                  .name = ADDRESS_NAME_OPTIONAL,
                                                  .name_most = 107,
                                                  .options = options};
static const struct address_scheme *const schemes[] = {&pipe_scheme, &fifo_scheme, &unix_scheme,
                                                       NULL};

/* The text is one printable line, and points into the address. */
static void check_refusal(const char *address)
{
    const char *text = enl_error_text();
    const char *place = NULL;
    unsigned long character;

    REQUIRE(strlen(text) < 511); /* the end, where the advice is, was not cut */
    for (const char *c = text; *c; c++)
        REQUIRE(*c >= ' ' && *c <= '~');
    if (*address == '\0') {
        REQUIRE(strstr(text, "is empty"));
        return;
    }
    REQUIRE(!strncmp(text, "address \"", 9));
    for (const char *c = text; (c = strstr(c, " at character ")) != NULL;) {
        c += strlen(" at character ");
        place = c; /* the last: what is quoted, before it, may hold the same words */
    }
    REQUIRE(place);
    character = strtoul(place, NULL, 10);
    REQUIRE(character >= 1 && character <= strlen(address) + 1);
}

/* The same address with every byte of its name escaped says the same. */
static void check_escapes(const char *address, const struct address *a)
{
    static char text[sizeof "unix:" + (size_t)3 * ADDRESS_NAME_MAX + OPTIONS_LONGEST];
    static struct address again;
    const char *rest = strchr(address, '?');
    char *end = text + sprintf(text, "%s:", a->scheme->scheme);

    if (rest && strlen(rest) >= OPTIONS_LONGEST)
        return;
    for (size_t i = 0; i < a->name_size; i++)
        end += sprintf(end, "%%%02X", (unsigned char)a->name[i]);
    if (rest)
        memcpy(end, rest, strlen(rest) + 1);
    REQUIRE(address_parse(text, schemes, &again) == 0);
    REQUIRE(again.scheme == a->scheme);
    REQUIRE(again.given == a->given);
    REQUIRE(again.name_size == a->name_size);
    REQUIRE(!strcmp(again.name, a->name));
    REQUIRE(!strcmp(again.text, a->text));
    for (size_t i = 0; options[i].name; i++)
        REQUIRE(again.values[i] == a->values[i]);
}

static void check_values(const struct address *a)
{
    REQUIRE(strlen(a->name) == a->name_size);
    REQUIRE(a->name_size <= a->scheme->name_most);
    REQUIRE(a->name_size > 0 || a->scheme->name != ADDRESS_NAME_NEEDED);
    REQUIRE(strlen(a->text) == address_value(a, "label"));
    REQUIRE(address_given(a, "label") == (a->text[0] != '\0'));
    REQUIRE(address_value(a, "mode") <= 0777);
    REQUIRE(address_value(a, "message") >= 1 && address_value(a, "message") <= UINT64_C(1) << 32);
    REQUIRE(address_value(a, "depth") >= 2);
    REQUIRE(address_value(a, "frame") <= 2);
    REQUIRE(address_value(a, "keep") <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct address a;
    char *text = malloc(size + 1); /* of just its size, for the sanitizer */
    int result;

    REQUIRE(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    result = address_parse(text, schemes, &a);
    REQUIRE(result == 0 || result == -EINVAL);
    if (result < 0) {
        check_refusal(text);
    } else {
        check_values(&a);
        check_escapes(text, &a);
    }
    free(text);
    return 0;
}
