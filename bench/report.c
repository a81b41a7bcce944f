/* SPDX-License-Identifier: MIT */
/* The report for people. */
#include "report.h"

#include "table.h"
#include "verdict.h"

#include <stdio.h>

static void cell_time(struct table *t, size_t column, double ns)
{
    if (ns <= 0)
        table_cell(t, column, "-");
    else if (ns < 1000)
        table_cell(t, column, "%.*f ns", ns < 100 ? 1 : 0, ns);
    else if (ns < 1e6)
        table_cell(t, column, "%.*f µs", ns < 1e4 ? 2 : 1, ns / 1e3);
    else
        table_cell(t, column, "%.2f ms", ns / 1e6);
}

static void cell_rate(struct table *t, size_t column, double each_second)
{
    if (each_second >= 1e6)
        table_cell(t, column, "%.2f M", each_second / 1e6);
    else if (each_second >= 1e3)
        table_cell(t, column, "%.1f k", each_second / 1e3);
    else
        table_cell(t, column, "%.0f", each_second);
}

void report_machine(const struct report *r)
{
    const struct machine *m = &r->machine;

    (void)printf("%s%s, %d CPUs, Linux %s, %s\n", m->cpu, m->virtual_cpus ? " (virtual)" : "",
                 m->cores, m->kernel, m->date);
    (void)printf("split: CPUs %d and %d; same: CPU %d. %s\n\n", m->cpus[0], m->cpus[1], m->cpus[1],
                 m->raised ? "The run's session is raised above others."
                           : "The run's session competes with others as an equal.");
}

static void floor_cell(struct table *t, size_t column, const struct floor *f, double value)
{
    if (f->unit == FLOOR_NS)
        cell_time(t, column, value);
    else
        table_cell(t, column, f->unit == FLOOR_GB_S ? "%.1f GB/s" : "%.2f", value);
}

void report_floors(const struct report *r)
{
    static const struct column columns[] = {
        {"FLOOR", 0}, {"MEDIAN", 1}, {"P10", 1}, {"P90", 1}, {"PROBES", 1},
    };
    struct table t;

    table_init(&t, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < r->floors.count; i++) {
        const struct floor *f = &r->floors.list[i];

        table_line(&t);
        table_cell(&t, 0, "%s", f->name);
        floor_cell(&t, 1, f, f->median);
        floor_cell(&t, 2, f, f->p10);
        floor_cell(&t, 3, f, f->p90);
        table_cell(&t, 4, "%zu", f->probes);
    }
    table_print(&t);
    if (r->floors.error[0] != '\0')
        (void)printf("Floors are missing: %s\n\n", r->floors.error);
    if (r->floors.ring_held < 0)
        (void)printf("The reference ring was not held against the cache line: one CPU.\n\n");
    else if (r->floors.ring_held == 0)
        (void)printf("VOID: the reference ring takes %.2f times the cache line, more than %.2f. "
                     "Do not use this run.\n\n",
                     r->floors.ring_ratio, RING_BAR);
}

/* One side of a row at one distance. */
static void row_line(struct table *t, const struct row *row, int entry, enum distance distance)
{
    const struct duel_result *result = row->result;
    const struct tally *tally = &result->tallies[entry][distance];
    const struct entry *e = entry == 0 ? &row->duel.subject : &row->duel.reference;
    double mean = verdict_mean(tally);
    size_t pairs;

    table_line(t);
    if (entry == 0)
        table_cell(t, 0, "%s%s", row->duel.name, distance == DISTANCE_FAR ? " far" : "");
    table_cell(t, 1, "%s", e->way->name);
    cell_time(t, 2, mean);
    cell_time(t, 3, histogram_quantile(&tally->times, 0.5));
    cell_time(t, 4, histogram_quantile(&tally->times, 0.99));
    cell_time(t, 5, histogram_quantile(&tally->times, 0.999));
    cell_rate(t, 6, 1e9 / mean);
    cell_time(t, 7, (double)tally->cpu_ns / (double)tally->messages);
    if (entry != 0)
        return;
    table_cell(t, 8, "%.3f", verdict_ratio(row, &distance, 0.5, &pairs));
    table_cell(t, 9, "%zu", pairs);
    table_cell(t, 10, "%u", result->dropped);
}

static void row_lines(struct table *t, const struct row *row)
{
    const struct duel_result *result = row->result;

    if (result == NULL || result->error < 0)
        return;
    for (enum distance d = DISTANCE_NEAR; d <= DISTANCE_FAR; d++)
        for (int entry = 0; entry < 2; entry++)
            if (result->tallies[entry][d].messages > 0)
                row_line(t, row, entry, d);
}

/* Rows that are not in the table, with the reason. */
static void report_missing(const struct rows *rows)
{
    for (size_t i = 0; i < rows->row_count; i++) {
        const struct row *row = &rows->rows[i];

        if (row->result == NULL)
            continue;
        if (row->result->error < 0)
            (void)printf("no row %s: %s\n", row->duel.name, row->result->text);
        else if (row->result->mismatches > 0)
            (void)printf("VOID row %s: checksums differ in %u slices\n", row->duel.name,
                         row->result->mismatches);
        else if (row->result->pair_count == 0)
            (void)printf("no row %s: the floor moved in all of its %u slices\n", row->duel.name,
                         row->result->dropped);
    }
    for (size_t i = 0; i < rows->call_count; i++)
        for (int k = 0; k < 2; k++)
            if (rows->calls[i].calls[k].error < 0)
                (void)printf("no row %s: %s\n", rows->calls[i].name, rows->calls[i].calls[k].text);
}

static void report_calls(const struct rows *rows)
{
    static const struct column columns[] = {
        {"SYSTEM CALLS", 0},
        {"WAY", 0},
        {"A MESSAGE", 1},
        {"WHICH", 0},
    };
    struct table t;

    if (rows->call_count == 0)
        return;
    table_init(&t, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < rows->call_count; i++) {
        const struct call_row *row = &rows->calls[i];

        for (int k = 0; k < 2 && row->done; k++) {
            char text[200];

            calls_text(&row->calls[k], text, sizeof text);
            table_line(&t);
            if (k == 0)
                table_cell(&t, 0, "%s", row->name);
            table_cell(&t, 1, "%s", (k == 0 ? row->subject : row->reference).way->name);
            table_cell(&t, 2, "%.2f", row->calls[k].each);
            table_cell(&t, 3, "%s", text);
        }
    }
    table_print(&t);
}

void report_rows(const struct report *r)
{
    static const struct column columns[] = {
        {"ROW", 0},  {"WAY", 0}, {"MEAN", 1},  {"P50", 1},   {"P99", 1},     {"P99.9", 1},
        {"RATE", 1}, {"CPU", 1}, {"RATIO", 1}, {"PAIRS", 1}, {"DROPPED", 1},
    };
    struct table t;

    table_init(&t, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < r->rows.row_count; i++)
        row_lines(&t, &r->rows.rows[i]);
    table_print(&t);
    report_calls(&r->rows);
    report_missing(&r->rows);
}

static void verdict_cells(struct table *t, const struct bar *bar, const struct verdict *v,
                          bool times)
{
    if (times) {
        cell_time(t, 1, v->subject);
        cell_time(t, 2, v->reference);
    } else {
        table_cell(t, 1, "%.2f calls", v->subject);
        table_cell(t, 2, "%.2f calls", v->reference);
    }
    table_cell(t, 3, "%.3f", v->ratio);
    table_cell(t, 4, "%.3f", v->p10);
    table_cell(t, 5, "%.3f", v->p90);
    table_cell(t, 6, "%s %.2f", bar->better == BETTER_LOWER ? "<=" : ">=", v->bar);
}

void report_bars(const struct report *r)
{
    static const struct column columns[] = {
        {"BAR", 0}, {"SUBJECT", 1}, {"REFERENCE", 1}, {"RATIO", 1},
        {"P10", 1}, {"P90", 1},     {"BAR", 1},       {"", 0},
    };
    struct table t;

    table_init(&t, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < r->rows.bar_count; i++) {
        const struct bar *bar = r->rows.bars[i];
        struct verdict v;

        verdict_reach(&r->rows, bar, &v);
        table_line(&t);
        table_cell(&t, 0, "%s", bar->name);
        if (v.judged)
            verdict_cells(&t, bar, &v, rows_find(&r->rows, bar->row) != NULL);
        table_cell(&t, 7, "%s", !v.judged ? "not measured" : v.held ? "held" : "SHORT");
    }
    table_print(&t);
    (void)printf("Meanwhile other processes used %.0f %% of the CPUs, other virtual machines %.0f "
                 "%%.\n",
                 r->machine.others, r->machine.stolen);
    if (r->floors.ring_held == 0)
        (void)printf("VOID: the reference itself is slow (see the floors).\n");
}

void report_list(const struct rows *rows)
{
    for (size_t i = 0; i < rows->row_count; i++)
        (void)printf("%s\n", rows->rows[i].duel.name);
    for (size_t i = 0; i < rows->call_count; i++)
        (void)printf("%s\n", rows->calls[i].name);
    for (size_t i = 0; i < rows->bar_count; i++)
        (void)printf("bar: %s, %s %s %.2f\n", rows->bars[i]->name, rows->bars[i]->row,
                     rows->bars[i]->better == BETTER_LOWER ? "<=" : ">=", rows->bars[i]->bar);
}
