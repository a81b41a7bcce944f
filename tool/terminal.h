/* SPDX-License-Identifier: MIT */
/* What standard output can show: its width, colours and characters; and whether it took what was printed. */
#ifndef TOOL_TERMINAL_H
#define TOOL_TERMINAL_H

#include <stdbool.h>

/* Columns of the terminal, or of $COLUMNS, or 80 where there is no terminal; at least 40. */
int terminal_width(void);

/* Whether standard output is a terminal that shows colours, and NO_COLOR is not set. */
bool terminal_colours(void);

/* The text if the locale's characters are UTF-8, else what stands for it in ASCII. */
const char *terminal_text(const char *utf8, const char *ascii);

/* Terminal sequences, or "" without colours. */
const char *terminal_bold(void);
const char *terminal_faint(void);
const char *terminal_green(void);
const char *terminal_plain(void);

/* Lets stdio gather what is printed until terminal_flush(), or 64 KiB. To be called once, first of all. */
void terminal_start(void);

/* Hands on what was printed so far; after a failed write to be called at once. 0, or -1 after saying why
 * standard output does not take it; of a reader that has left, nothing is said. */
int terminal_flush(void);

#endif
