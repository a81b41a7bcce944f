/* SPDX-License-Identifier: MIT */
/* enlace signals: what each signal is, and what a process does with them. */
#include "quantity.h"
#include "report.h"
#include "table.h"
#include "verb.h"

#include <enlace/signal.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNAL_MOST 64
#define NAMES_ROOM 1200 /* of 64 names */

static const struct option_row options[] = {{0}};

/* ---- all signals ----------------------------------------------------------------------------------- */

static int print_all(void)
{
    static const char *const actions[] = {
        [ENL_ACTION_END] = "end",           [ENL_ACTION_CORE] = "end, core",
        [ENL_ACTION_STOP] = "stop",         [ENL_ACTION_CONTINUE] = "continue",
        [ENL_ACTION_IGNORE] = "be ignored",
    };
    struct table *t = table_new();

    table_column_right(t, "NUMBER");
    table_column(t, "NAME");
    table_column(t, "DEFAULT");
    table_column(t, "CATCH, IGNORE, BLOCK");
    table_column(t, "SEVERAL");
    for (int number = 1; number <= SIGNAL_MOST; number++) {
        struct enl_signal_kind s;
        char text[16];

        if (enl_signal_describe(number, &s) < 0)
            continue;
        (void)snprintf(text, sizeof text, "%d", number);
        table_row(t);
        table_cell(t, 0, text, NULL);
        table_cell(t, 1, s.name, "bold");
        table_cell(t, 2, actions[s.action], NULL);
        table_cell(t, 3, s.can_change ? "yes" : "no", NULL);
        table_cell(t, 4, s.queues ? "queue" : "merge", NULL);
    }
    return table_print(t) < 0 ? report_failure("no memory for the table") : EXIT_SUCCESS;
}

/* ---- of a process ---------------------------------------------------------------------------------- */

/* The lines of /proc/PID/status, and what they mean. */
static const struct {
    const char *key, *title;
} lines[] = {
    {"SigCgt:", "catches"},          {"SigIgn:", "ignores"},         {"SigBlk:", "blocks"},
    {"ShdPnd:", "pending, process"}, {"SigPnd:", "pending, thread"},
};

#define LINE_COUNT (sizeof lines / sizeof lines[0])

static void write_names(uint64_t set, char *out, size_t room)
{
    size_t used = 0;

    (void)snprintf(out, room, "-");
    for (int number = 1; number <= SIGNAL_MOST; number++) {
        struct enl_signal_kind s;

        if ((set >> (number - 1) & 1) == 0)
            continue;
        if (enl_signal_describe(number, &s) < 0)
            (void)snprintf(s.name, sizeof s.name, "%d", number);
        used += (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? " " : "", s.name);
    }
}

static int print_process(const char *word)
{
    char path[64], line[256], names[NAMES_ROOM];
    uint64_t pid, sets[LINE_COUNT] = {0};
    FILE *file;

    if (!quantity_parse_count(word, INT32_MAX, &pid) || pid == 0)
        return report_misuse("%s is no number of a process", word);
    (void)snprintf(path, sizeof path, "/proc/%" PRIu64 "/status", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return report_failure("there is no process %s: %s", word, strerror(errno));
    while (fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; i < LINE_COUNT; i++)
            if (strncmp(line, lines[i].key, strlen(lines[i].key)) == 0)
                sets[i] = strtoull(line + strlen(lines[i].key), NULL, 16);
    (void)fclose(file);
    for (size_t i = 0; i < LINE_COUNT; i++) {
        write_names(sets[i], names, sizeof names);
        printf("%-18s%s\n", lines[i].title, names);
    }
    return EXIT_SUCCESS;
}

static int run(struct arguments *a)
{
    const char *value;

    if (options_next(a, &value) != OPTIONS_END)
        return a->status;
    if (a->operands > 1)
        return report_misuse("one process at a time; one too many: %s", a->words[1]);
    return a->operands == 0 ? print_all() : print_process(a->words[0]);
}

const struct verb verb_signals = {
    .name = "signals",
    .operands = "[PID]",
    .summary = "show all signals, or those of a process",
    .about = "Shows each signal: its number, name, default action, whether it can be\n"
             "caught, ignored and blocked, and whether several that wait are all\n"
             "delivered. With PID: what that process catches, ignores and blocks, and\n"
             "what is pending for it.\n",
    .options = options,
    .run = run,
};
