/* SPDX-License-Identifier: MIT */
/* A table of text. */
#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2

static void *checked(void *memory)
{
    if (memory == NULL) {
        perror("bench: table");
        exit(2);
    }
    return memory;
}

void table_init(struct table *t, const struct column columns[], size_t count)
{
    assert(count <= TABLE_COLUMNS_MAX);
    *t = (struct table){.columns = columns, .column_count = count};
}

void table_line(struct table *t)
{
    if (t->line_count == t->room) {
        t->room = t->room * 2 + 16;
        t->lines = checked(realloc(t->lines, t->room * sizeof t->lines[0]));
    }
    memset(t->lines[t->line_count++], 0, sizeof t->lines[0]);
}

void table_cell(struct table *t, size_t column, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    t->lines[t->line_count - 1][column] = checked(strdup(text));
}

/* In characters of UTF-8: every byte but those that continue one. */
static int width(const char *text)
{
    int n = 0;

    for (; text != NULL && *text != '\0'; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

static void print_cell(const char *text, int wide, bool right, bool last)
{
    int fill = wide - width(text);

    (void)printf("%*s%s%*s", right ? fill : 0, "", text != NULL ? text : "",
                 right || last ? 0 : fill, "");
    (void)printf("%*s", last ? 0 : GAP, "");
}

void table_print(struct table *t)
{
    int wide[TABLE_COLUMNS_MAX];

    if (t->line_count == 0)
        return;
    for (size_t k = 0; k < t->column_count; k++) {
        wide[k] = width(t->columns[k].title);
        for (size_t i = 0; i < t->line_count; i++)
            if (width(t->lines[i][k]) > wide[k])
                wide[k] = width(t->lines[i][k]);
    }
    for (size_t k = 0; k < t->column_count; k++)
        print_cell(t->columns[k].title, wide[k], t->columns[k].right, k + 1 == t->column_count);
    (void)putchar('\n');
    for (size_t i = 0; i < t->line_count; i++) {
        for (size_t k = 0; k < t->column_count; k++) {
            print_cell(t->lines[i][k], wide[k], t->columns[k].right, k + 1 == t->column_count);
            free(t->lines[i][k]);
        }
        (void)putchar('\n');
    }
    (void)putchar('\n');
    free(t->lines);
}
