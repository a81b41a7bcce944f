/* SPDX-License-Identifier: MIT */
/* What the command says when something fails. */
#include "report.h"

#include "verb.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer words are not compared: nothing that the command knows is as long. */
#define WORD_MOST 40

static const char *speaker;

void report_as(const char *verb)
{
    speaker = verb;
}

/* What was printed so far comes first, where both go to one terminal. */
static void begin(void)
{
    (void)fflush(stdout);
    if (speaker == NULL)
        (void)fputs("enlace: ", stderr);
    else
        (void)fprintf(stderr, "enlace: %s: ", speaker);
}

int report_failure(const char *format, ...)
{
    va_list list;

    begin();
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputc('\n', stderr);
    return EXIT_FAILURE;
}

void report_note(const char *format, ...)
{
    va_list list;

    begin();
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputc('\n', stderr);
}

int report_misuse(const char *format, ...)
{
    va_list list;

    begin();
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputc('\n', stderr);
    return EXIT_MISUSE;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t report_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MOST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t a_size = strlen(a), b_size = strlen(b);

    if (a_size > WORD_MOST || b_size > WORD_MOST)
        return WORD_MOST;
    for (size_t j = 0; j <= b_size; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[b_size];
}

int report_near(const char *typed, const char *word)
{
    size_t size = strlen(typed);

    /* A beginning is meant to be the word; else a third of the letters may be wrong. */
    if (size >= 2 && strncmp(typed, word, size) == 0)
        return 1;
    return report_distance(typed, word) <= size / 3;
}
