/* SPDX-License-Identifier: MIT */
/* enlace demo: the tour. Two processes meet over every mechanism of the catalog. */
#include "quantity.h"
#include "report.h"
#include "stop.h"
#include "table.h"
#include "terminal.h"
#include "tour.h"
#include "verb.h"

#include <enlace/capability.h>
#include <enlace/version.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOPS_MOST 64
#define MEASURES 3
/* Of the whole tour, and of one measure: long enough to show something, short enough not to bore. */
#define TOUR_NS 1500000000
#define SLICE_MOST_NS 100000000

#define BAR_CELLS 7

static const struct option_row options[] = {{0}};

/* Mechanisms whose options make a different thing of them are visited once for each. */
static const struct {
    const char *scheme;
    const char *options[4];
} variants[] = {
    /* One writer may send messages larger than a pipe takes at once. */
    {"pipe", {"?writers=one"}},
    {"fifo", {"?writers=one"}},
    {"unix", {"", "?type=seqpacket", "?type=datagram"}},
};

struct tour {
    struct tour_visit visits[STOPS_MOST];
    enum tour_outcome outcomes[STOPS_MOST];
    size_t count;
    char folder[128];
};

static void plan_visit(struct tour *t, const struct enl_mechanism *m, const char *address_options)
{
    if (t->count < STOPS_MOST)
        t->visits[t->count++] =
            (struct tour_visit){.mechanism = m, .options = address_options, .folder = t->folder};
}

static void plan(struct tour *t)
{
    const struct enl_mechanism *m;
    int64_t slice;

    for (size_t i = 0; (m = enl_mechanism(i)) != NULL; i++) {
        const char *const *list = NULL;

        for (size_t k = 0; k < sizeof variants / sizeof variants[0]; k++)
            if (strcmp(variants[k].scheme, m->scheme) == 0)
                list = variants[k].options;
        if (list == NULL)
            plan_visit(t, m, "");
        for (; list != NULL && *list != NULL; list++)
            plan_visit(t, m, *list);
    }
    slice = TOUR_NS / MEASURES / (int64_t)(t->count == 0 ? 1 : t->count);
    for (size_t i = 0; i < t->count; i++)
        t->visits[i].slice_ns = slice < SLICE_MOST_NS ? slice : SLICE_MOST_NS;
}

/* ---- on the way ---------------------------------------------------------------------------------- */

/* On a terminal, one line says where we are; it is gone when the table comes. */
static void show_progress(const char *text)
{
    if (!isatty(STDOUT_FILENO) || *terminal_plain() == '\0')
        return;
    printf("\r\033[K%s%s%s", terminal_faint(), text, terminal_plain());
    (void)fflush(stdout);
}

static void walk(struct tour *t)
{
    for (size_t i = 0; i < t->count && !stop_asked(); i++) {
        char text[64];

        (void)snprintf(text, sizeof text, "%zu of %zu  %s:%s", i + 1, t->count,
                       t->visits[i].mechanism->scheme, t->visits[i].options);
        show_progress(text);
        t->outcomes[i] = tour_visit(&t->visits[i]);
    }
    show_progress("");
}

/* ---- what it showed ------------------------------------------------------------------------------ */

static const char *met_text(uint32_t met)
{
    switch (met) {
    case ENL_MEET_PAIR:
        return "pair";
    case ENL_MEET_LISTEN:
        return "listen";
    case ENL_MEET_OPEN:
        return "open";
    default:
        return "";
    }
}

/* part of the whole bar, 0 to 1, to an eighth of a cell. */
static void bar(char *out, size_t size, double part)
{
    static const char *const eighths[] = {"",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89"};
    int steps = (int)(part * BAR_CELLS * 8 + 0.5);

    *out = '\0';
    for (; steps >= 8; steps -= 8)
        (void)strncat(out, terminal_text("\xe2\x96\x88", "#"), size - strlen(out) - 1);
    (void)strncat(out, terminal_text(eighths[steps], steps >= 4 ? "#" : ""),
                  size - strlen(out) - 1);
}

static void add_row(struct table *t, const struct tour_visit *v, double fastest)
{
    char out[QUANTITY_SIZE], text[64];

    table_row(t);
    table_cell(t, 0, v->title, "bold");
    table_cell(t, 1, met_text(v->met), NULL);
    table_cell(t, 2, quantity_bytes(out, v->largest), NULL);
    table_cell(t, 3, quantity_duration(out, v->round_trip_ns), NULL);
    if (v->messages_a_second == 0) {
        table_cell(t, 4, "-", NULL);
        table_cell(t, 6, "-", NULL);
    } else {
        table_cell(t, 4, quantity_rate(out, v->messages_a_second), NULL);
        bar(text, sizeof text, v->messages_a_second / fastest);
        table_cell(t, 5, text, "green");
        table_cell(t, 6, quantity_throughput(out, v->bytes_a_second), NULL);
    }
}

static int show_table(const struct tour *t)
{
    struct table *table = table_new();
    double fastest = 0;

    table_column(table, "ADDRESS");
    table_column(table, "MEET");
    table_column_right(table, "UP TO");
    table_column_right(table, "ECHO");
    table_column_right(table, "MESSAGES");
    table_column(table, "");
    table_column_right(table, "BYTES");
    for (size_t i = 0; i < t->count; i++)
        if (t->visits[i].messages_a_second > fastest)
            fastest = t->visits[i].messages_a_second;
    for (size_t i = 0; i < t->count; i++)
        if (t->outcomes[i] == TOUR_DONE)
            add_row(table, &t->visits[i], fastest);
    return table_print(table);
}

static int show_reasons(const struct tour *t)
{
    int status = EXIT_SUCCESS;

    for (size_t i = 0; i < t->count; i++) {
        if (t->outcomes[i] == TOUR_SKIPPED)
            printf("%s%s  %s%s\n", terminal_faint(), t->visits[i].title, t->visits[i].reason,
                   terminal_plain());
        if (t->outcomes[i] == TOUR_FAILED)
            status = report_failure("%s: %s", t->visits[i].title, t->visits[i].reason);
    }
    return status;
}

static void show_head(void)
{
    printf("%senlace %s%s\n\n"
           "Two processes meet at an address, send each other messages of several sizes,\n"
           "compare every byte, and take a quick measure. From row to row the same program\n"
           "runs: only the address changes.\n\n",
           terminal_bold(), enl_version(), terminal_plain());
}

static void show_foot(void)
{
    const char *faint = terminal_faint(), *plain = terminal_plain();

    printf("\n%smeet      a pair for relatives; both open a name; or one listens, one opens\n"
           "up to     the largest of the messages that came back the same; the least had 8 B\n"
           "echo      the round trip of 64 bytes; each side sleeps until the other has sent\n"
           "messages  of 64 bytes, one way\n"
           "bytes     in messages of up to 64 KiB, one way; - where messages may be lost\n"
           "A quick look at this machine as it is now, not a benchmark (make bench is one).%s\n\n"
           "Now you, in two terminals:\n\n"
           "  %senlace receive --listen unix:/tmp/hello%s\n"
           "  %senlace send unix:/tmp/hello --data 'hello, world'%s\n\n"
           "What each mechanism can do: enlace links. And what you can do: enlace --help.\n",
           faint, plain, terminal_bold(), plain, terminal_bold(), plain);
}

/* ---- the verb ------------------------------------------------------------------------------------ */

static int make_folder(struct tour *t)
{
    const char *parent = getenv("TMPDIR");

    /* A socket's path must not be long, and the tour's names have to fit behind it. */
    if (parent == NULL || *parent != '/' || strlen(parent) > sizeof t->folder - 32)
        parent = "/tmp";
    (void)snprintf(t->folder, sizeof t->folder, "%s/enlace-demo-XXXXXX", parent);
    if (mkdtemp(t->folder) == NULL)
        return report_failure("cannot make a folder in %s: %s", parent, strerror(errno));
    return EXIT_SUCCESS;
}

static int tour(struct tour *t)
{
    int status;

    show_head();
    plan(t);
    walk(t);
    if (stop_asked())
        return report_failure("interrupted");
    if (show_table(t) < 0)
        return report_failure("out of memory");
    status = show_reasons(t);
    show_foot();
    return status;
}

static int run(struct arguments *a)
{
    static struct tour t;
    const char *value;
    int status;

    if (options_next(a, &value) == OPTIONS_STOP)
        return a->status;
    if (a->operands > 0)
        return report_misuse("takes no argument: %s", a->words[0]);
    t = (struct tour){.count = 0};
    if (stop_install() < 0)
        return report_failure("cannot catch signals");
    /* Only where a visit can be interrupted in order do signals come through. */
    stop_hold();
    status = make_folder(&t);
    if (status == EXIT_SUCCESS) {
        status = tour(&t);
        (void)rmdir(t.folder);
    }
    stop_release();
    return status;
}

const struct verb verb_demo = {
    .name = "demo",
    .operands = "",
    .summary = "see two processes meet over every mechanism",
    .about = "The tour: for each mechanism two processes meet, exchange messages of several\n"
             "sizes, and a table shows what each did and how fast. It takes a second or two,\n"
             "and leaves nothing behind. The figures are a quick look, not a benchmark.\n",
    .options = options,
    .run = run,
};
