/* SPDX-License-Identifier: MIT */
/* Bytes from outside, made fit for a text that people read: printable, escaped, cut. */
#include "base/printable.h"

#include <assert.h>
#include <string.h>

#define DOTS 3 /* "..." */

/* Writes one byte as it is shown, at most 4 characters, and returns how many. */
static size_t show(char out[4], unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";

    if (byte >= ' ' && byte <= '~') {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

const char *printable(char *buffer, size_t room, const char *bytes, size_t size)
{
    size_t used = 0;
    size_t cut = 0; /* up to where the dots would still fit behind */

    assert(room > DOTS);
    for (size_t i = 0; i < size; i++) {
        char shown[4];
        size_t width = show(shown, (unsigned char)bytes[i]);

        if (width >= room - used) {
            memcpy(buffer + cut, "...", DOTS);
            used = cut + DOTS;
            break;
        }
        memcpy(buffer + used, shown, width);
        used += width;
        if (used + DOTS < room)
            cut = used;
    }
    buffer[used] = '\0';
    return buffer;
}
