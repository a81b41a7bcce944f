/* SPDX-License-Identifier: MIT */
/* The report: tables for people, and the same as JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "floor.h"
#include "machine.h"
#include "rows.h"

struct report {
    struct machine machine;
    struct floors floors;
    struct rows rows;
};

/* Print to stdout: before the rows, and after them. */
void report_machine(const struct report *r);
void report_floors(const struct report *r);
void report_rows(const struct report *r);
void report_bars(const struct report *r);

/* The names alone, of rows and bars. */
void report_list(const struct rows *rows);

/* Writes the JSON file, whole or not at all. 0 or a negative errno. */
int report_json(const struct report *r, const char *path);

#endif
