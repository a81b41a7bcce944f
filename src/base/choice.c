/* SPDX-License-Identifier: MIT */
/* What would have been right instead of a wrong word: the list of right ones, and the nearest. */
#include "base/choice.h"

#include <stdio.h>
#include <string.h>

#define WORD_MOST 23 /* longer words are compared with none, and suggest nothing */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be put in, left out, replaced or swapped with the next one; case is no matter.
 * Both words are at most WORD_MOST long. */
static size_t distance_of(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t table[WORD_MOST + 1][WORD_MOST + 1];

    for (size_t i = 0; i <= a_size; i++)
        table[i][0] = i;
    for (size_t j = 0; j <= b_size; j++)
        table[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        for (size_t j = 1; j <= b_size; j++) {
            char x = lower(a[i - 1]);
            char y = lower(b[j - 1]);
            size_t d = table[i - 1][j - 1] + (x != y);

            d = least(d, least(table[i - 1][j], table[i][j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
                d = least(d, table[i - 2][j - 2] + 1);
            table[i][j] = d;
        }
    }
    return table[a_size][b_size];
}

void choice_init(struct choice *c, const char *word, size_t size)
{
    *c = (struct choice){.word = word, .size = size};
    /* A slip or two is a near miss; half of another word is not. */
    c->distance = 2 + size / 4;
}

static void append(struct choice *c, const char *right)
{
    static const char more[] = ", ...";
    const char *comma = c->used > 0 ? ", " : "";
    size_t size = strlen(comma) + strlen(right);

    if (c->used + size + sizeof more <= sizeof c->list) {
        (void)snprintf(c->list + c->used, sizeof c->list - c->used, "%s%s", comma, right);
        c->used += size;
    } else if (c->used + sizeof more <= sizeof c->list) {
        memcpy(c->list + c->used, more, sizeof more);
        c->used = sizeof c->list; /* full: nothing may follow */
    }
}

void choice_add(struct choice *c, const char *right)
{
    size_t size = strlen(right);
    size_t distance;

    append(c, right);
    if (c->size > WORD_MOST || size > WORD_MOST)
        return;
    distance = distance_of(c->word, c->size, right, size);
    if (distance < c->distance && distance < size) {
        c->distance = distance;
        c->nearest = right;
    }
}

const char *choice_hint(struct choice *c)
{
    if (c->nearest)
        (void)snprintf(c->hint, sizeof c->hint, " (did you mean \"%s\"?)", c->nearest);
    return c->hint;
}
