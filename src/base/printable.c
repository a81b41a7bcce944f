/* SPDX-License-Identifier: MIT */
/* Bytes from outside, made fit for a text that people read: printable, escaped, cut. */
#include "base/printable.h"

#include <assert.h>
#include <string.h>

#define DOTS 3 /* "..." */

/* Writes one byte as it is shown, at most 4 characters, and returns how many. */
static size_t show(char out[4], char byte)
{
    static const char digits[] = "0123456789abcdef";

    if (byte >= ' ' && byte <= '~') {
        out[0] = byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[(unsigned char)byte >> 4];
    out[3] = digits[(unsigned char)byte & 15];
    return 4;
}

/* How many of the bytes, from the first on, fit into room characters. */
static size_t fit_first(const char *bytes, size_t size, size_t room)
{
    char shown[4];
    size_t count = 0;

    for (size_t used = 0; count < size; count++) {
        used += show(shown, bytes[count]);
        if (used > room)
            break;
    }
    return count;
}

/* The same from the last back. */
static size_t fit_last(const char *bytes, size_t size, size_t room)
{
    char shown[4];
    size_t count = 0;

    for (size_t used = 0; count < size; count++) {
        used += show(shown, bytes[size - 1 - count]);
        if (used > room)
            break;
    }
    return count;
}

static char *copy(char *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char shown[4];
        size_t width = show(shown, bytes[i]);

        memcpy(out, shown, width);
        out += width;
    }
    return out;
}

const char *printable(char *buffer, size_t room, const char *bytes, size_t size)
{
    size_t characters = room - 1;
    char *out = buffer;

    assert(characters >= DOTS);
    if (fit_first(bytes, size, characters) < size) {
        size_t first = fit_first(bytes, size, (characters - DOTS) / 2);

        out = copy(out, bytes, first);
        memcpy(out, "...", DOTS);
        out += DOTS;
        first = size - fit_last(bytes, size, characters - (size_t)(out - buffer));
        bytes += first;
        size -= first;
    }
    *copy(out, bytes, size) = '\0';
    return buffer;
}
