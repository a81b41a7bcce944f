/* SPDX-License-Identifier: MIT */
/* Tables on standard output: columns that fit their contents, headings, colours on a terminal. */
#ifndef TOOL_TABLE_H
#define TOOL_TABLE_H

#include <stddef.h>

struct table;

/* NULL when there is no memory. The functions below then do nothing, and table_print says so. */
struct table *table_new(void);

/* Columns first, from left to right. */
void table_column(struct table *t, const char *heading);
void table_column_right(struct table *t, const char *heading);

/* A row, then its cells: text is copied; colour is a name such as "green", or NULL. */
void table_row(struct table *t);
void table_cell(struct table *t, size_t column, const char *text, const char *colour);

/* Prints it and frees it. 0, or -ENOMEM. */
int table_print(struct table *t);

#endif
