/* SPDX-License-Identifier: MIT */
/* A buffer that grows, and what is written in hexadecimal or base64 into and out of one. */
#ifndef TOOL_BYTES_H
#define TOOL_BYTES_H

#include <stddef.h>

struct bytes {
    unsigned char *data;
    size_t size;
    size_t room;
};

/* Makes room for so many more bytes behind size. 0, or -ENOMEM. */
int bytes_reserve(struct bytes *b, size_t more);

void bytes_free(struct bytes *b);

/* Appends what the text stands for. 0, -ENOMEM, or -EINVAL if it is no such text. Between the digits of
 * hexadecimal, blanks may stand. */
int bytes_from_hex(struct bytes *b, const char *text, size_t size);
int bytes_from_base64(struct bytes *b, const char *text, size_t size);

/* Appends the text of the data. 0 or -ENOMEM. */
int bytes_to_hex(struct bytes *b, const void *data, size_t size);
int bytes_to_base64(struct bytes *b, const void *data, size_t size);

#endif
