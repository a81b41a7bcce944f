/* SPDX-License-Identifier: MIT */
/* A table of text: columns as wide as they need to be, numbers to the right. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 12

struct column {
    const char *title;
    bool right;
};

struct table {
    const struct column *columns;
    size_t column_count, line_count, room;
    char *(*lines)[TABLE_COLUMNS_MAX];
};

/* The columns are borrowed. All calls end the program if there is no memory. */
void table_init(struct table *t, const struct column columns[], size_t count);
void table_line(struct table *t);
/* Fills a cell of the last line; those not filled stay empty. */
void table_cell(struct table *t, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Prints it to stdout, unless it has no lines, and ends it. */
void table_print(struct table *t);

#endif
