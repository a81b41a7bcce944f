/* SPDX-License-Identifier: MIT */
/* enlace signals: what each signal is, and what a process does with them. */
#include "quantity.h"
#include "report.h"
#include "table.h"
#include "verb.h"

#include <enlace/signal.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNAL_MOST 64

static const struct option_row options[] = {
    {'j', "json", NULL, "print one JSON document"},
    {0},
};

/* The document belongs to this call. */
static int print_document(json_t *document)
{
    char *text = json_dumps(document, JSON_INDENT(2));

    json_decref(document);
    if (text == NULL)
        return report_failure("out of memory");
    printf("%s\n", text);
    free(text);
    return EXIT_SUCCESS;
}

/* ---- all signals ----------------------------------------------------------------------------------- */

static const char *const actions[] = {
    [ENL_ACTION_END] = "end",           [ENL_ACTION_CORE] = "end, core",
    [ENL_ACTION_STOP] = "stop",         [ENL_ACTION_CONTINUE] = "continue",
    [ENL_ACTION_IGNORE] = "be ignored",
};

static int print_all_json(void)
{
    static const char *const words[] = {
        [ENL_ACTION_END] = "end",       [ENL_ACTION_CORE] = "core",
        [ENL_ACTION_STOP] = "stop",     [ENL_ACTION_CONTINUE] = "continue",
        [ENL_ACTION_IGNORE] = "ignore",
    };
    json_t *list = json_array();

    for (int number = 1; number <= SIGNAL_MOST; number++) {
        struct enl_signal_kind s;

        if (enl_signal_describe(number, &s) == 0)
            (void)json_array_append_new(list,
                                        json_pack("{s:i s:s s:s s:b s:b}", "number", number, "name",
                                                  s.name, "default", words[s.action], "can_change",
                                                  (int)s.can_change, "queues", (int)s.queues));
    }
    return print_document(json_pack("{s:o}", "signals", list));
}

static int print_all(void)
{
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
    const char *key, *title, *member;
} lines[] = {
    {"SigCgt:", "catches", "catches"},
    {"SigIgn:", "ignores", "ignores"},
    {"SigBlk:", "blocks", "blocks"},
    {"ShdPnd:", "pending, process", "pending_process"},
    {"SigPnd:", "pending, thread", "pending_thread"},
};

#define LINE_COUNT (sizeof lines / sizeof lines[0])

/* The first number of the set that is above this one, with its name; 0 if there is none. */
static int next_of(uint64_t set, int number, struct enl_signal_kind *s)
{
    for (number++; number <= SIGNAL_MOST; number++) {
        if ((set >> (number - 1) & 1) == 0)
            continue;
        if (enl_signal_describe(number, s) < 0)
            (void)snprintf(s->name, sizeof s->name, "%d", number);
        return number;
    }
    return 0;
}

static void print_sets(const uint64_t sets[LINE_COUNT])
{
    struct enl_signal_kind s;

    for (size_t i = 0; i < LINE_COUNT; i++) {
        int number = next_of(sets[i], 0, &s);

        printf("%-18s%s", lines[i].title, number == 0 ? "-" : s.name);
        while (number != 0 && (number = next_of(sets[i], number, &s)) != 0)
            printf(" %s", s.name);
        printf("\n");
    }
}

static int print_sets_json(uint64_t pid, const uint64_t sets[LINE_COUNT])
{
    json_t *document = json_pack("{s:I}", "pid", (json_int_t)pid);
    struct enl_signal_kind s;

    for (size_t i = 0; i < LINE_COUNT; i++) {
        json_t *list = json_array();

        for (int number = 0; (number = next_of(sets[i], number, &s)) != 0;)
            (void)json_array_append_new(list, json_string(s.name));
        (void)json_object_set_new(document, lines[i].member, list);
    }
    return print_document(document);
}

static int print_process(const char *word, bool json)
{
    char path[64], line[256];
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
    if (json)
        return print_sets_json(pid, sets);
    print_sets(sets);
    return EXIT_SUCCESS;
}

static int run(struct arguments *a)
{
    const char *value;
    bool json = false;
    int id;

    while ((id = options_next(a, &value)) != OPTIONS_END) {
        if (id == OPTIONS_STOP)
            return a->status;
        json = true;
    }
    if (a->operands > 1)
        return report_misuse("one process at a time; one too many: %s", a->words[1]);
    if (a->operands == 1)
        return print_process(a->words[0], json);
    return json ? print_all_json() : print_all();
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
