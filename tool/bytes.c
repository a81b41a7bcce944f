/* SPDX-License-Identifier: MIT */
/* A buffer that grows, hexadecimal and base64. */
#include "bytes.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int bytes_reserve(struct bytes *b, size_t more)
{
    size_t room = b->room == 0 ? 4096 : b->room;
    unsigned char *data;

    if (b->room - b->size >= more)
        return 0;
    while (room - b->size < more) {
        if (room > SIZE_MAX / 2)
            return -ENOMEM;
        room *= 2;
    }
    data = realloc(b->data, room);
    if (data == NULL)
        return -ENOMEM;
    b->data = data;
    b->room = room;
    return 0;
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = memchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c, 16);

    return at == NULL ? -1 : (int)(at - digits);
}

int bytes_from_hex(struct bytes *b, const char *text, size_t size)
{
    int high = -1;

    if (bytes_reserve(b, size / 2 + 1) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < size; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0 && high < 0 && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
            continue;
        if (digit < 0)
            return -EINVAL;
        if (high >= 0)
            b->data[b->size++] = (unsigned char)(high << 4 | digit);
        high = high >= 0 ? -1 : digit;
    }
    return high >= 0 ? -EINVAL : 0;
}

int bytes_to_hex(struct bytes *b, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = data;

    if (bytes_reserve(b, 2 * size + 1) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < size; i++) {
        b->data[b->size++] = (unsigned char)digits[from[i] >> 4];
        b->data[b->size++] = (unsigned char)digits[from[i] & 15];
    }
    return 0;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int bytes_to_base64(struct bytes *b, const void *data, size_t size)
{
    const unsigned char *from = data;

    if (bytes_reserve(b, size / 3 * 4 + 5) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                         (left > 2 ? from[i + 2] : 0);

        for (size_t k = 0; k < 4; k++)
            b->data[b->size++] =
                (unsigned char)(k <= left ? base64_digits[three >> (18 - 6 * k) & 63] : '=');
    }
    return 0;
}

int bytes_from_base64(struct bytes *b, const char *text, size_t size)
{
    uint32_t bits = 0;
    unsigned filled = 0;
    size_t padding = 0;

    if (size % 4 != 0)
        return -EINVAL;
    if (bytes_reserve(b, size / 4 * 3 + 1) < 0)
        return -ENOMEM;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < size - padding; i++) {
        const char *at = text[i] == '\0' ? NULL : strchr(base64_digits, text[i]);

        if (at == NULL)
            return -EINVAL;
        bits = (bits << 6 | (uint32_t)(at - base64_digits)) & 0xffffff;
        filled += 6;
        if (filled >= 8) {
            filled -= 8;
            b->data[b->size++] = (unsigned char)(bits >> filled);
        }
    }
    return 0;
}
