/* SPDX-License-Identifier: MIT */
/* The parser of addresses. It stops at the first mistake, and tells it with its place and what is right. */
#include "base/address.h"

#include "base/checked.h"
#include "base/choice.h"
#include "base/error.h"
#include "base/printable.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GRAMMAR "an address is mechanism:name?option=value&option=value"

/* Together below the size of an error text, so that its end, where the advice is, is never lost. */
#define SHOWN_ADDRESS 100
#define SHOWN_REASON 380
#define SHOWN_TOKEN 48
#define SHOWN_RANGE 210

struct parser {
    const char *text;
    const struct address_scheme *const *schemes;
    struct address *a;
};

/* One option as it stands in the address, its value decoded. */
struct value {
    const struct address_option *option;
    const char *place;
    size_t size;
    char bytes[ADDRESS_TEXT_MAX + 1];
};

static const char *const flag_words[] = {"no", "yes", NULL};

static int refuse(const struct parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

static int refuse(const struct parser *p, const char *format, ...)
{
    char address[SHOWN_ADDRESS];
    char reason[SHOWN_REASON];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return error_set(-EINVAL, "address \"%s\": %s",
                     printable(address, sizeof address, p->text, strlen(p->text)), reason);
}

/* Which character of the address place is, counted from 1 as people and editors do. */
static size_t at(const struct parser *p, const char *place)
{
    size_t count = 1;

    for (const char *c = p->text; c < place; c++)
        count += ((unsigned char)*c & 0xc0) != 0x80; /* not the inside of a UTF-8 character */
    return count;
}

/* Blanks and control bytes are slips of a shell or an editor; one that is meant is written escaped. */
static int check_bytes(const struct parser *p)
{
    char token[SHOWN_TOKEN];

    for (const char *c = p->text; *c; c++) {
        unsigned byte = (unsigned char)*c;

        if (byte <= ' ' || byte == 0x7f)
            return refuse(p,
                          "\"%s\" at character %zu is not allowed; in a name it is written %%%02X",
                          printable(token, sizeof token, c, 1), at(p, c), byte);
    }
    return 0;
}

static int parse_scheme(struct parser *p, const char **ret_rest)
{
    size_t size = strcspn(p->text, ":?");
    struct choice known;
    char token[SHOWN_TOKEN];

    for (size_t i = 0; p->schemes[i]; i++) {
        const char *scheme = p->schemes[i]->scheme;

        if (p->text[size] == ':' && strlen(scheme) == size && !memcmp(scheme, p->text, size)) {
            p->a->scheme = p->schemes[i];
            *ret_rest = p->text + size + 1;
            return 0;
        }
    }
    choice_init(&known, p->text, size);
    for (size_t i = 0; p->schemes[i]; i++)
        choice_add(&known, p->schemes[i]->scheme);
    if (p->text[size] != ':')
        return refuse(p, "no \":\" at character %zu; " GRAMMAR "; known mechanisms are %s",
                      at(p, p->text + size), known.list);
    if (size == 0)
        return refuse(p, "no mechanism before \":\" at character 1; known are %s", known.list);
    return refuse(p, "unknown mechanism \"%s\" at character 1; known are %s%s",
                  printable(token, sizeof token, p->text, size), known.list, choice_hint(&known));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes [from, end) into out, which has room for most bytes and a zero. The size that is returned counts
 * on beyond most, for the caller to refuse. */
static int decode(const struct parser *p, const char *from, const char *end, size_t most, char *out,
                  size_t *ret_size)
{
    size_t size = 0;

    for (const char *c = from; c < end; c++, size++) {
        char byte = *c;

        if (byte == '%') {
            char token[SHOWN_TOKEN];
            int high = hex_digit(c[1]); /* what ends the part, and the text, is no digit */
            int low = high < 0 ? -1 : hex_digit(c[2]);

            if (high < 0 || low < 0)
                return refuse(p,
                              "\"%s\" at character %zu is no escape; an escape is %%XX with two"
                              " hexadecimal digits, and \"%%\" itself is written %%25",
                              printable(token, sizeof token, c,
                                        (size_t)(end - c) < 3 ? (size_t)(end - c) : 3),
                              at(p, c));
            byte = (char)(high << 4 | low);
            if (byte == '\0')
                return refuse(p, "%%00 at character %zu; a zero byte cannot be part of an address",
                              at(p, c));
            c += 2;
        }
        if (size < most)
            out[size] = byte;
    }
    out[size < most ? size : most] = '\0';
    *ret_size = size;
    return 0;
}

static int parse_name(struct parser *p, const char *from, const char *end)
{
    const struct address_scheme *s = p->a->scheme;
    size_t most = s->name_most;
    char token[SHOWN_TOKEN];
    int r;

    assert(most <= ADDRESS_NAME_MAX);
    if (from == end && s->name == ADDRESS_NAME_NEEDED)
        return refuse(p, "no name at character %zu; write %s", at(p, from), s->syntax);
    if (from != end && s->name == ADDRESS_NAME_NONE)
        return refuse(p, "name \"%s\" at character %zu, but %s: takes none",
                      printable(token, sizeof token, from, (size_t)(end - from)), at(p, from),
                      s->scheme);
    r = decode(p, from, end, most, p->a->name, &p->a->name_size);
    if (r < 0)
        return r;
    if (p->a->name_size > most)
        return refuse(p, "name of %zu bytes at character %zu is too long; %s: takes at most %zu",
                      p->a->name_size, at(p, from), s->scheme, most);
    return 0;
}

static const char *show_size(char *buffer, size_t room, uint64_t size)
{
    static const char suffixes[] = {'\0', 'k', 'M', 'G'};
    size_t i = 0;

    while (size != 0 && size % 1024 == 0 && i < 3) {
        size /= 1024;
        i++;
    }
    (void)snprintf(buffer, room, "%" PRIu64 "%.1s", size, suffixes + i);
    return buffer;
}

static const char *const *words_of(const struct address_option *o)
{
    return o->kind == ADDRESS_FLAG ? flag_words : o->words;
}

/* What the option takes, as advice behind a refusal. */
static const char *takes(const struct address_option *o, char buffer[SHOWN_RANGE])
{
    struct choice right;
    char least[24];
    char most[24];

    switch (o->kind) {
    case ADDRESS_NUMBER:
        (void)snprintf(buffer, SHOWN_RANGE, "%s takes %" PRIu64 " to %" PRIu64, o->name, o->least,
                       o->most);
        break;
    case ADDRESS_SIZE:
        (void)snprintf(buffer, SHOWN_RANGE, "%s takes %s to %s, in bytes or with k, M or G",
                       o->name, show_size(least, sizeof least, o->least),
                       show_size(most, sizeof most, o->most));
        break;
    case ADDRESS_MODE:
        (void)snprintf(buffer, SHOWN_RANGE, "%s takes octal 0 to 0777", o->name);
        break;
    case ADDRESS_WORD:
    case ADDRESS_FLAG:
        choice_init(&right, "", 0);
        for (const char *const *word = words_of(o); *word; word++)
            choice_add(&right, *word);
        (void)snprintf(buffer, SHOWN_RANGE, "%s takes %s", o->name, right.list);
        break;
    case ADDRESS_TEXT:
        (void)snprintf(buffer, SHOWN_RANGE, "%s takes a text of 1 to %d bytes", o->name,
                       ADDRESS_TEXT_MAX);
        break;
    }
    return buffer;
}

/* The place in the address of a byte of the decoded value. */
static const char *place_of(const struct value *v, size_t offset)
{
    const char *c = v->place;

    while (offset-- > 0)
        c += *c == '%' ? 3 : 1;
    return c;
}

static int parse_word(struct parser *p, const struct value *v, uint64_t *ret)
{
    const char *const *words = words_of(v->option);
    struct choice right;
    char token[SHOWN_TOKEN];

    for (size_t i = 0; words[i]; i++) {
        if (!strcmp(words[i], v->bytes)) {
            *ret = i;
            return 0;
        }
    }
    choice_init(&right, v->bytes, v->size);
    for (size_t i = 0; words[i]; i++)
        choice_add(&right, words[i]);
    return refuse(p, "unknown value \"%s\" at character %zu; %s takes %s%s",
                  printable(token, sizeof token, v->bytes, v->size), at(p, v->place),
                  v->option->name, right.list, choice_hint(&right));
}

/* The digits at the start of bytes; returns how many there are. Past the range, ret_fits is false. */
static size_t parse_digits(const char *bytes, unsigned base, uint64_t *ret, bool *ret_fits)
{
    uint64_t number = 0;
    bool fits = true;
    size_t i;

    for (i = 0; bytes[i] >= '0' && bytes[i] < (char)('0' + base); i++)
        fits = fits && checked_multiply_u64(number, base, &number) &&
               checked_add_u64(number, (uint64_t)(bytes[i] - '0'), &number);
    *ret = number;
    *ret_fits = fits;
    return i;
}

/* The factor of the suffix that is all of text, or 0. */
static uint64_t suffix_factor(const char *text)
{
    static const char suffixes[] = "kMG";
    const char *found = text[0] != '\0' && text[1] == '\0' ? strchr(suffixes, text[0]) : NULL;

    return found ? UINT64_C(1024) << 10 * (found - suffixes) : 0;
}

static int parse_number(struct parser *p, const struct value *v, uint64_t *ret)
{
    const struct address_option *o = v->option;
    bool octal = o->kind == ADDRESS_MODE;
    uint64_t least = octal ? 0 : o->least;
    uint64_t most = octal ? 0777 : o->most;
    char range[SHOWN_RANGE];
    char token[SHOWN_TOKEN];
    uint64_t number;
    bool fits;
    size_t digits = parse_digits(v->bytes, octal ? 8 : 10, &number, &fits);
    const char *rest = v->bytes + digits;

    if (digits == 0)
        return refuse(p, "\"%s\" at character %zu is %s; %s",
                      printable(token, sizeof token, v->bytes, v->size), at(p, v->place),
                      v->bytes[0] == '-' ? "negative" : "no number", takes(o, range));
    if (o->kind == ADDRESS_SIZE && suffix_factor(rest) != 0) {
        fits = fits && checked_multiply_u64(number, suffix_factor(rest), &number);
        rest++;
    }
    if (*rest)
        return refuse(p, "\"%s\" after the number at character %zu; %s",
                      printable(token, sizeof token, rest, strlen(rest)),
                      at(p, place_of(v, digits)), takes(o, range));
    if (!fits || number < least || number > most)
        return refuse(p, "\"%s\" at character %zu is out of range; %s",
                      printable(token, sizeof token, v->bytes, v->size), at(p, v->place),
                      takes(o, range));
    *ret = number;
    return 0;
}

static int parse_value(struct parser *p, const struct value *v, uint64_t *ret)
{
    switch (v->option->kind) {
    case ADDRESS_NUMBER:
    case ADDRESS_SIZE:
    case ADDRESS_MODE:
        return parse_number(p, v, ret);
    case ADDRESS_WORD:
    case ADDRESS_FLAG:
        return parse_word(p, v, ret);
    case ADDRESS_TEXT:
        memcpy(p->a->text, v->bytes, v->size + 1);
        *ret = v->size;
        return 0;
    }
    return 0;
}

/* The index of the option of that name. */
static int find_option(const struct parser *p, const char *name, size_t size, size_t *ret_index)
{
    const struct address_option *options = p->a->scheme->options;
    struct choice known;
    char token[SHOWN_TOKEN];

    for (size_t i = 0; options[i].name; i++) {
        if (strlen(options[i].name) == size && !memcmp(options[i].name, name, size)) {
            *ret_index = i;
            return 0;
        }
    }
    choice_init(&known, name, size);
    for (size_t i = 0; options[i].name; i++)
        choice_add(&known, options[i].name);
    return refuse(p, "unknown option \"%s\" at character %zu; %s: takes %s%s",
                  printable(token, sizeof token, name, size), at(p, name), p->a->scheme->scheme,
                  known.used > 0 ? known.list : "none", choice_hint(&known));
}

/* One option, [from, end) of the address, where end is a "&" or the end. */
static int parse_option(struct parser *p, const char *from, const char *end)
{
    size_t name_size = strcspn(from, "=&");
    bool bare = from + name_size >= end;
    char range[SHOWN_RANGE];
    struct value v = {.size = 0};
    size_t index = 0;
    int r;

    if (from == end)
        return refuse(p, "empty option at character %zu; " GRAMMAR, at(p, from));
    if (name_size == 0)
        return refuse(p, "option without a name at character %zu; " GRAMMAR, at(p, from));
    r = find_option(p, from, name_size, &index);
    if (r < 0)
        return r;
    v.option = &p->a->scheme->options[index];
    if (p->a->given & UINT32_C(1) << index)
        return refuse(p, "option \"%s\" again at character %zu; it may be given once",
                      v.option->name, at(p, from));
    p->a->given |= UINT32_C(1) << index;
    if (bare && v.option->kind == ADDRESS_FLAG) {
        p->a->values[index] = 1;
        return 0;
    }
    v.place = bare ? end : from + name_size + 1;
    if (v.place == end)
        return refuse(p, "no value of option \"%s\" at character %zu; %s", v.option->name,
                      at(p, end), takes(v.option, range));
    r = decode(p, v.place, end, ADDRESS_TEXT_MAX, v.bytes, &v.size);
    if (r < 0)
        return r;
    if (v.size > ADDRESS_TEXT_MAX)
        return refuse(p, "value of %zu bytes at character %zu is too long; %s", v.size,
                      at(p, v.place), takes(v.option, range));
    return parse_value(p, &v, &p->a->values[index]);
}

/* The options behind the "?" at mark, or their presets if there is none. */
static int parse_options(struct parser *p, const char *mark)
{
    const struct address_option *options = p->a->scheme->options;

    for (size_t i = 0; options[i].name; i++) {
        assert(i < ADDRESS_OPTIONS_MAX);
        p->a->values[i] = options[i].preset;
    }
    while (mark) {
        const char *from = mark + 1;
        size_t size = strcspn(from, "&?");
        int r;

        if (from[size] == '?')
            return refuse(p,
                          "second \"?\" at character %zu; options are separated by \"&\", and"
                          " \"?\" in a name or value is written %%3F",
                          at(p, from + size));
        r = parse_option(p, from, from + size);
        if (r < 0)
            return r;
        mark = from[size] == '&' ? from + size : NULL;
    }
    return 0;
}

int address_parse(const char *text, const struct address_scheme *const schemes[],
                  struct address *ret_address)
{
    struct address a = {.given = 0};
    struct parser p = {.text = text, .schemes = schemes, .a = &a};
    const char *name = "";
    const char *mark;
    int r;

    if (!text)
        return error_set(-EINVAL, "the address is NULL; " GRAMMAR);
    if (*text == '\0')
        return error_set(-EINVAL, "the address is empty; " GRAMMAR);
    r = check_bytes(&p);
    if (r < 0)
        return r;
    r = parse_scheme(&p, &name);
    if (r < 0)
        return r;
    mark = strchr(name, '?');
    r = parse_name(&p, name, mark ? mark : name + strlen(name));
    if (r < 0)
        return r;
    r = parse_options(&p, mark);
    if (r < 0)
        return r;
    *ret_address = a;
    return 0;
}

/* The index of an option in the address's scheme, or ADDRESS_OPTIONS_MAX. */
static size_t index_of(const struct address *a, const char *option)
{
    const struct address_option *options = a->scheme->options;

    for (size_t i = 0; options[i].name; i++)
        if (!strcmp(options[i].name, option))
            return i;
    return ADDRESS_OPTIONS_MAX;
}

uint64_t address_value(const struct address *a, const char *option)
{
    size_t index = index_of(a, option);

    assert(index < ADDRESS_OPTIONS_MAX);
    return a->values[index];
}

bool address_given(const struct address *a, const char *option)
{
    size_t index = index_of(a, option);

    return index < ADDRESS_OPTIONS_MAX && (a->given & UINT32_C(1) << index);
}

bool address_has_option(const struct address *a, const char *option)
{
    return index_of(a, option) < ADDRESS_OPTIONS_MAX;
}
