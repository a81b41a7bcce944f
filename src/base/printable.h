/* SPDX-License-Identifier: MIT */
/* Bytes from outside, made fit for a text that people read: printable, escaped, cut. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

/* Copies size bytes into buffer as printable ASCII, every other byte as \xHH, terminated. If room (at
 * least 4) is too small for all, the middle is left out: "begin...end". Gives buffer back. Pure; any
 * thread. */
const char *printable(char *buffer, size_t room, const char *bytes, size_t size);

#endif
