/* SPDX-License-Identifier: MIT */
/* The report for programs. */
#include "report.h"
#include "verdict.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

/* Three digits behind the point are more than any figure here deserves. */
static json_t *number(double value)
{
    return json_real(round(value * 1000) / 1000);
}

static json_t *machine_json(const struct report *r)
{
    const struct machine *m = &r->machine;

    return json_pack("{s:s, s:s, s:i, s:[i,i], s:s, s:b, s:b, s:o, s:o}", "cpu", m->cpu, "kernel",
                     m->kernel, "cores", m->cores, "split_cpus", m->cpus[0], m->cpus[1], "date",
                     m->date, "virtual", m->virtual_cpus, "raised", m->raised, "others_percent",
                     number(m->others), "stolen_percent", number(m->stolen));
}

static json_t *floors_json(const struct report *r)
{
    static const char *const units[] = {"ns", "GB/s", "ratio"};
    json_t *list = json_array();

    for (size_t i = 0; i < r->floors.count; i++) {
        const struct floor *f = &r->floors.list[i];

        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "name", f->name,
                                              "unit", units[f->unit], "median", number(f->median),
                                              "p10", number(f->p10), "p90", number(f->p90),
                                              "probes", (json_int_t)f->probes));
    }
    return list;
}

static void add_bar(json_t *list, const struct report *r, const struct bar *bar)
{
    bool times = rows_find(&r->rows, bar->row) != NULL;
    char subject[160], reference[160];
    struct verdict v;
    json_t *o;

    verdict_reach(&r->rows, bar, &v);
    (void)snprintf(subject, sizeof subject, "%s/subject", bar->row);
    (void)snprintf(reference, sizeof reference, "%s/reference", bar->row);
    o = json_pack("{s:s, s:s, s:s, s:o, s:s, s:b, s:b}", "name", bar->name, "subject", subject,
                  "reference", reference, "bar", number(v.bar), "better",
                  bar->better == BETTER_LOWER ? "lower" : "higher", "held", v.held, "measured",
                  v.judged);
    (void)json_object_set_new(o, "ratio", v.judged ? number(v.ratio) : json_null());
    (void)json_object_set_new(o, "p10", v.judged ? number(v.p10) : json_null());
    (void)json_object_set_new(o, "p90", v.judged ? number(v.p90) : json_null());
    (void)json_object_set_new(o, times ? "subject_ns" : "subject_calls", number(v.subject));
    (void)json_object_set_new(o, times ? "reference_ns" : "reference_calls", number(v.reference));
    (void)json_array_append_new(list, o);
}

static json_t *tally_json(const struct row *row, int entry, enum distance distance)
{
    const struct duel *d = &row->duel;
    const struct tally *t = &row->result->tallies[entry][distance];
    const struct entry *e = entry == 0 ? &d->subject : &d->reference;
    char name[160];
    size_t pairs;
    json_t *o;

    (void)snprintf(name, sizeof name, "%s/%s", d->name, entry == 0 ? "subject" : "reference");
    o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "name", name, "way", e->way->name,
                  "what", e->what, "pattern", pattern_name(d->pattern), "size", (json_int_t)d->size,
                  "place", place_name(d->place), "wait", wait_name(d->wait), "distance",
                  distance == DISTANCE_FAR ? "far" : "near");
    (void)json_object_set_new(o, "mean_ns", number(verdict_mean(t)));
    (void)json_object_set_new(o, "p50_ns", number(histogram_quantile(&t->times, 0.5)));
    (void)json_object_set_new(o, "p99_ns", number(histogram_quantile(&t->times, 0.99)));
    (void)json_object_set_new(o, "p999_ns", number(histogram_quantile(&t->times, 0.999)));
    (void)json_object_set_new(o, "sample_messages", json_integer(row->result->samples[entry]));
    (void)json_object_set_new(o, "messages", json_integer((json_int_t)t->messages));
    (void)json_object_set_new(o, "seconds", number((double)t->elapsed_ns / 1e9));
    (void)json_object_set_new(o, "cpu_seconds", number((double)t->cpu_ns / 1e9));
    (void)json_object_set_new(o, "ratio", number(verdict_ratio(row, &distance, 0.5, &pairs)));
    (void)json_object_set_new(o, "pairs", json_integer((json_int_t)pairs));
    (void)json_object_set_new(o, "dropped", json_integer(row->result->dropped));
    (void)json_object_set_new(o, "void", json_boolean(row->result->mismatches > 0));
    return o;
}

static void add_row(json_t *list, const struct row *row)
{
    if (row->result->error < 0) {
        (void)json_array_append_new(list, json_pack("{s:s, s:s}", "name", row->duel.name, "missing",
                                                    row->result->text));
        return;
    }
    for (enum distance d = DISTANCE_NEAR; d <= DISTANCE_FAR; d++)
        for (int entry = 0; entry < 2; entry++)
            if (row->result->tallies[entry][d].messages > 0)
                (void)json_array_append_new(list, tally_json(row, entry, d));
}

static void add_calls(json_t *list, const struct call_row *row)
{
    for (int i = 0; i < 2; i++) {
        const struct calls *calls = &row->calls[i];
        char name[160], text[200];

        (void)snprintf(name, sizeof name, "%s/%s", row->name, i == 0 ? "subject" : "reference");
        calls_text(calls, text, sizeof text);
        if (calls->error < 0)
            (void)json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "missing",
                                                        calls->text));
        else
            (void)json_array_append_new(list, json_pack("{s:s, s:o, s:s}", "name", name,
                                                        "calls_per_message", number(calls->each),
                                                        "calls", text));
    }
}

static json_t *report_object(const struct report *r)
{
    json_t *bars = json_array(), *rows = json_array(), *o;

    for (size_t i = 0; i < r->rows.bar_count; i++)
        add_bar(bars, r, r->rows.bars[i]);
    for (size_t i = 0; i < r->rows.row_count; i++)
        add_row(rows, &r->rows.rows[i]);
    for (size_t i = 0; i < r->rows.call_count; i++)
        add_calls(rows, &r->rows.calls[i]);
    o = json_pack("{s:o, s:b, s:o, s:o, s:o}", "machine", machine_json(r), "void",
                  r->floors.ring_held == 0, "floors", floors_json(r), "bars", bars, "rows", rows);
    return o;
}

int report_json(const struct report *r, const char *path)
{
    json_t *o = report_object(r);
    int result = 0;

    if (o == NULL)
        return -ENOMEM;
    errno = 0;
    if (json_dump_file(o, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) != 0)
        result = errno != 0 ? -errno : -EIO;
    json_decref(o);
    return result;
}
