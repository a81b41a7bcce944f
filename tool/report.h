/* SPDX-License-Identifier: MIT */
/* What the command says when something fails: one line on standard error, "enlace: VERB: ...". */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include <stddef.h>

/* The verb that speaks from now on; NULL for the command itself. */
void report_as(const char *verb);

/* Something failed: prints it and returns EXIT_FAILURE. */
int report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Something that the user must know now, and no failure. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The command was called wrongly: prints it and returns EXIT_MISUSE. */
int report_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How far two words are apart: letters put in, left out, replaced, or swapped with their neighbour. */
size_t report_distance(const char *a, const char *b);

/* Whether a word is so near to what was typed that it is worth suggesting. */
int report_near(const char *typed, const char *word);

#endif
