/* SPDX-License-Identifier: MIT */
/* Numbers with units. */
#include "quantity.h"

#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    double ns;
};

static const struct unit units[] = {
    {"", 1e9},   {"ns", 1},  {"us", 1e3}, {"\xc2\xb5s", 1e3},
    {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool quantity_parse_count(const char *text, uint64_t most, uint64_t *ret_count)
{
    unsigned long long count;
    char *end;

    /* strtoull would take blanks and signs. */
    if (!is_digit(*text))
        return false;
    errno = 0;
    count = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0 || count > most)
        return false;
    *ret_count = count;
    return true;
}

bool quantity_parse_size(const char *text, uint64_t *ret_bytes)
{
    static const char letters[] = "kMG";
    char number[24];
    size_t size = strlen(text);
    const char *letter = size > 0 ? strchr(letters, text[size - 1]) : NULL;
    unsigned shift = letter == NULL ? 0 : 10 * (unsigned)(letter - letters + 1);
    uint64_t count;

    if (letter != NULL)
        size--;
    if (size >= sizeof number)
        return false;
    memcpy(number, text, size);
    number[size] = '\0';
    if (!quantity_parse_count(number, UINT64_MAX >> shift, &count))
        return false;
    *ret_bytes = count << shift;
    return true;
}

bool quantity_parse_integer(const char *text, int64_t *ret_integer)
{
    long long integer;
    char *end;

    if (!is_digit(text[*text == '-']))
        return false;
    errno = 0;
    integer = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0)
        return false;
    *ret_integer = integer;
    return true;
}

bool quantity_parse_duration(const char *text, int64_t *ret_ns)
{
    size_t size = strspn(text, "0123456789.");
    char *end;
    double number;

    /* Of all that strtod understands, digits and a point alone. */
    if (!is_digit(*text) || size > 20)
        return false;
    number = strtod(text, &end);
    if (end != text + size)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        number *= units[i].ns;
        *ret_ns = number < (double)INT64_MAX ? (int64_t)number : INT64_MAX;
        return true;
    }
    return false;
}

const char *quantity_bytes(char *out, uint64_t bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t i = 0;

    while (bytes >= 1024 && bytes % 1024 == 0 && i + 1 < sizeof names / sizeof names[0]) {
        bytes /= 1024;
        i++;
    }
    (void)snprintf(out, QUANTITY_SIZE, "%" PRIu64 " %s", bytes, names[i]);
    return out;
}

/* Three digits, whatever the number. */
static const char *scaled(char *out, double number, const char *const names[], size_t count)
{
    size_t i = 0;
    int places;

    while (number >= 999.5 && i + 1 < count) {
        number /= 1000;
        i++;
    }
    places = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
    (void)snprintf(out, QUANTITY_SIZE, "%.*f %s", places, number, names[i]);
    return out;
}

const char *quantity_duration(char *out, double ns)
{
    const char *const names[] = {"ns", terminal_text("\xc2\xb5s", "us"), "ms", "s"};

    return scaled(out, ns, names, 4);
}

const char *quantity_rate(char *out, double a_second)
{
    static const char *const names[] = {"/s", "k/s", "M/s", "G/s"};

    return scaled(out, a_second, names, 4);
}

const char *quantity_throughput(char *out, double bytes_a_second)
{
    static const char *const names[] = {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"};

    return scaled(out, bytes_a_second, names, 5);
}
