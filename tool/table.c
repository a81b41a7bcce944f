/* SPDX-License-Identifier: MIT */
/* Tables on standard output, by libsmartcols. */
#include "table.h"

#include "terminal.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
    struct libscols_table *cells;
    struct libscols_line *row;
    bool broken; /* memory ran out on the way */
};

struct table *table_new(void)
{
    struct table *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->cells = scols_new_table();
    if (t->cells == NULL) {
        free(t);
        return NULL;
    }
    (void)scols_table_enable_colors(t->cells, terminal_colours());
    (void)scols_table_set_column_separator(t->cells, "  ");
    return t;
}

static void add_column(struct table *t, const char *heading, int flags)
{
    struct libscols_column *column;

    if (t == NULL)
        return;
    column = scols_table_new_column(t->cells, heading, 0, flags);
    if (column == NULL)
        t->broken = true;
    else
        (void)scols_cell_set_color(scols_column_get_header(column), "bold");
}

void table_column(struct table *t, const char *heading)
{
    add_column(t, heading, 0);
}

void table_column_right(struct table *t, const char *heading)
{
    add_column(t, heading, SCOLS_FL_RIGHT);
}

void table_row(struct table *t)
{
    if (t == NULL)
        return;
    t->row = scols_table_new_line(t->cells, NULL);
    if (t->row == NULL)
        t->broken = true;
}

void table_cell(struct table *t, size_t column, const char *text, const char *colour)
{
    if (t == NULL || t->broken)
        return;
    if (scols_line_set_data(t->row, column, text) != 0)
        t->broken = true;
    else if (colour != NULL)
        (void)scols_cell_set_color(scols_line_get_cell(t->row, column), colour);
}

/* Columns are padded, the last one too; blanks at the end of lines are of no use to anybody. */
static void print_lines(const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        size_t used = size;

        while (used > 0 && text[used - 1] == ' ')
            used--;
        printf("%.*s\n", (int)used, text);
        text += size + (text[size] == '\n');
    }
}

int table_print(struct table *t)
{
    char *text = NULL;
    bool done;

    if (t == NULL)
        return -ENOMEM;
    /* Through stdio like all other output, so that its errors are seen in one place. */
    done = !t->broken && scols_print_table_to_string(t->cells, &text) == 0 && text != NULL;
    if (done)
        print_lines(text);
    free(text);
    scols_unref_table(t->cells);
    free(t);
    return done ? 0 : -ENOMEM;
}
