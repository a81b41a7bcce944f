/* SPDX-License-Identifier: MIT */
/* What would have been right instead of a wrong word: the list of right ones, and the nearest. */
#ifndef BASE_CHOICE_H
#define BASE_CHOICE_H

#include <stddef.h>

struct choice {
    const char *word; /* borrowed */
    size_t size;
    size_t distance; /* of the nearest */
    const char *nearest;
    size_t used;
    char list[160]; /* "raw, line, u32"; cut with "..." when it is full */
    char hint[48];  /* " (did you mean \"raw\"?)" */
};

/* Begins with the wrong word; then each right one is added, in the order in which it shall be listed. */
void choice_init(struct choice *c, const char *word, size_t size);
void choice_add(struct choice *c, const char *right);

/* The suggestion, with a blank before it, to stand behind a text; "" if none is near. */
const char *choice_hint(struct choice *c);

#endif
