/* SPDX-License-Identifier: MIT */
/* What is measured, and what it must reach: two tables. To add a mechanism or a bar, add a line
 * in rows.c. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "calls.h"
#include "duel.h"
#include "options.h"

#include <stdbool.h>
#include <stddef.h>

#define ROWS_MAX 512
#define BARS_MAX 128

/* One comparison with its result. */
struct row {
    struct duel duel;
    struct duel_result *result; /* NULL: not run */
};

/* The system calls of one mechanism in one wait mode, through enlace and bare. */
struct call_row {
    char name[96];
    struct entry subject, reference;
    struct calls_plan plan;
    double allowed; /* calls per message more than bare, for SIGPIPE */
    bool done;
    struct calls calls[2];
};

enum better { BETTER_LOWER, BETTER_HIGHER };

/* What the ratio of a row must reach. Ratios are of times or of counts of system calls (lower is
 * better), or of rates (higher is better). */
struct bar {
    const char *name;
    const char *row; /* of which row or call row */
    enum better better;
    double bar;
};

struct rows {
    struct row *rows;
    size_t row_count;
    struct call_row *calls;
    size_t call_count;
    const struct bar *bars[BARS_MAX];
    size_t bar_count;
};

/* A comparison that is not of one mechanism: the name gets pattern, size, place and wait appended. */
struct extra {
    const char *name;
    struct entry subject, reference;
    enum pattern pattern;
    size_t size;
    enum wait wait;
    enum place place;
};

/* Of other libraries; if there are any, they are all that is measured. */
const struct extra *rows_of_peers(size_t *ret_count);

/* Makes the list that the options ask for. Ends the program if there is no memory. */
void rows_make(const struct options *o, struct rows *ret_rows);

/* Measures one after the other; tells progress at stderr if that is a terminal. */
void rows_measure(struct rows *rows, const struct options *o);

/* The row or call row of a name, or NULL. */
const struct row *rows_find(const struct rows *rows, const char *name);
const struct call_row *rows_find_calls(const struct rows *rows, const char *name);

const char *pattern_name(enum pattern pattern);
const char *wait_name(enum wait wait);

#endif
