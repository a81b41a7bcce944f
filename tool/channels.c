/* SPDX-License-Identifier: MIT */
/* enlace channels: the ends of channels that processes have, how full they are, and who waits. */
#include "quantity.h"
#include "report.h"
#include "table.h"
#include "verb.h"

#include <enlace/enlace.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OPTION_INTERVAL 'i'
#define OPTION_JSON OPTION_LONG

static const struct option_row options[] = {
    {OPTION_INTERVAL, "interval", "TIME", "look twice, so long apart, and tell the rates between"},
    {OPTION_JSON, "json", NULL, "print JSON"},
    {0},
};

struct look {
    struct enl_channel_end *ends;
    size_t count;
};

/* More may come while there is room made for those that are there. */
static int take_look(int32_t pid, struct look *ret)
{
    struct look l = {0};
    ssize_t found = enl_inspect_channels(pid, NULL, 0);

    while (found >= 0 && (l.ends == NULL || (size_t)found > l.count)) {
        free(l.ends);
        l.count = (size_t)found + 16;
        l.ends = calloc(l.count, sizeof l.ends[0]);
        if (l.ends == NULL)
            return report_failure("out of memory");
        found = enl_inspect_channels(pid, l.ends, l.count);
    }
    if (found < 0) {
        free(l.ends);
        return report_failure("%s", enl_error_text());
    }
    l.count = (size_t)found;
    *ret = l;
    return EXIT_SUCCESS;
}

/* Messages a second since that earlier look, or -1 where it had no such end. */
static double rate_of(const struct enl_channel_end *end, const struct look *before, int64_t ns)
{
    for (size_t i = 0; i < before->count; i++)
        if (before->ends[i].segment == end->segment && end->sent_messages != ENL_UNKNOWN)
            return (double)(uint32_t)(end->sent_messages - before->ends[i].sent_messages) * 1e9 /
                   (double)ns;
    return -1;
}

static const char *state_of(const struct enl_channel_end *end)
{
    if ((end->flags & ENL_END_OTHER_VERSION) != 0)
        return "another version";
    if ((end->flags & ENL_END_CLOSED) != 0)
        return "closed";
    if ((end->flags & ENL_END_WAITS_FOR_MESSAGE) != 0)
        return (end->flags & ENL_END_WAITS_FOR_SPACE) != 0 ? "waits" : "waits for messages";
    if ((end->flags & ENL_END_WAITS_FOR_SPACE) != 0)
        return "waits for space";
    return end->peer_segment == 0 ? "alone" : "-";
}

/* ---- the table --------------------------------------------------------------------------------------- */

enum { PID, PEER, NAME, QUEUED, BYTES, RING, SENT, RECEIVED, RINGS, STATE, RATE };

static void cell_number(struct table *t, size_t column, uint64_t number)
{
    char text[32] = "-";

    if (number != ENL_UNKNOWN)
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
    table_cell(t, column, text, NULL);
}

static void cell_bytes(struct table *t, size_t column, uint64_t bytes)
{
    char text[QUANTITY_SIZE];

    table_cell(t, column, bytes == ENL_UNKNOWN ? "-" : quantity_bytes(text, bytes), NULL);
}

static void row(struct table *t, const struct enl_channel_end *end)
{
    table_row(t);
    cell_number(t, PID, (uint64_t)end->pid);
    cell_number(t, PEER, end->peer_pid > 0 ? (uint64_t)end->peer_pid : ENL_UNKNOWN);
    table_cell(t, NAME, end->name[0] != '\0' ? end->name : "(pair)", "bold");
    cell_number(t, QUEUED, end->queued_messages);
    cell_bytes(t, BYTES, end->queued_bytes);
    cell_bytes(t, RING, end->ring_bytes);
    cell_number(t, SENT, end->sent_messages);
    cell_number(t, RECEIVED, end->received_messages);
    cell_number(t, RINGS, end->rings);
    table_cell(t, STATE, state_of(end), NULL);
}

static int print_table(const struct look *now, const struct look *before, int64_t ns)
{
    static const char *const headings[] = {"PID",  "PEER",     "CHANNEL", "QUEUED", "BYTES", "RING",
                                           "SENT", "RECEIVED", "RINGS",   "STATE",  "RATE"};
    struct table *t = table_new();

    for (size_t i = 0; i < (ns > 0 ? 11 : 10); i++)
        if (i == NAME || i == STATE)
            table_column(t, headings[i]);
        else
            table_column_right(t, headings[i]);
    for (size_t i = 0; i < now->count; i++) {
        double rate = ns > 0 ? rate_of(&now->ends[i], before, ns) : -1;
        char text[QUANTITY_SIZE];

        row(t, &now->ends[i]);
        if (ns > 0)
            table_cell(t, RATE, rate < 0 ? "-" : quantity_rate(text, rate), NULL);
    }
    return table_print(t) < 0 ? report_failure("no memory for the table") : EXIT_SUCCESS;
}

/* ---- JSON -------------------------------------------------------------------------------------------- */

static json_t *number(uint64_t n)
{
    return n == ENL_UNKNOWN ? json_null() : json_integer((json_int_t)n);
}

static json_t *json_end(const struct enl_channel_end *end, double rate)
{
    json_t *name = json_string(end->name); /* NULL: it is not UTF-8 */
    json_t *o = json_pack("{s:o, s:i, s:o, s:i, s:o, s:s}", "channel",
                          name != NULL ? name : json_null(), "pid", end->pid, "peer",
                          end->peer_pid > 0 ? json_integer(end->peer_pid) : json_null(), "uid",
                          (int)end->uid, "segment", number(end->segment), "state", state_of(end));

    (void)json_object_set_new(o, "queued_messages", number(end->queued_messages));
    (void)json_object_set_new(o, "queued_bytes", number(end->queued_bytes));
    (void)json_object_set_new(o, "ring_bytes", number(end->ring_bytes));
    (void)json_object_set_new(o, "largest_message", number(end->largest_message));
    (void)json_object_set_new(o, "sent_messages", number(end->sent_messages));
    (void)json_object_set_new(o, "received_messages", number(end->received_messages));
    (void)json_object_set_new(o, "sleeps", number(end->sleeps));
    (void)json_object_set_new(o, "rings", number(end->rings));
    if (rate >= 0)
        (void)json_object_set_new(o, "messages_a_second", json_real(rate));
    return o;
}

static int print_json(const struct look *now, const struct look *before, int64_t ns)
{
    json_t *list = json_array();
    json_t *document = json_pack("{s:o}", "channels", list);
    char *text;

    for (size_t i = 0; i < now->count; i++)
        (void)json_array_append_new(list,
                                    json_end(&now->ends[i],
                                             ns > 0 ? rate_of(&now->ends[i], before, ns) : -1));
    text = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    if (text == NULL)
        return report_failure("out of memory");
    printf("%s\n", text);
    free(text);
    return EXIT_SUCCESS;
}

/* ---- the verb ---------------------------------------------------------------------------------------- */

static int64_t clock_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Two looks, if an interval is asked for; *interval_ns becomes what it really was. */
static int look_for(int32_t pid, int64_t *interval_ns, struct look *before, struct look *now)
{
    struct timespec pause = {.tv_sec = *interval_ns / 1000000000,
                             .tv_nsec = (long)(*interval_ns % 1000000000)};
    int64_t began = clock_ns();
    int status;

    if (*interval_ns > 0) {
        status = take_look(pid, before);
        if (status != EXIT_SUCCESS)
            return status;
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        *interval_ns = clock_ns() - began;
    }
    return take_look(pid, now);
}

static int run(struct arguments *a)
{
    struct look before = {0}, now = {0};
    int64_t interval_ns = 0;
    uint64_t pid = 0;
    bool json = false;
    const char *value;
    int id, status;

    while ((id = options_next(a, &value)) != OPTIONS_END) {
        if (id == OPTIONS_STOP)
            return a->status;
        if (id == OPTION_JSON)
            json = true;
        else if (!quantity_parse_duration(value, &interval_ns) || interval_ns <= 0)
            return report_misuse("%s is no time: 500ms, 2s", value);
    }
    if (a->operands > 1)
        return report_misuse("one process at a time; one too many: %s", a->words[1]);
    if (a->operands == 1 && (!quantity_parse_count(a->words[0], INT32_MAX, &pid) || pid == 0))
        return report_misuse("%s is no number of a process", a->words[0]);
    status = look_for((int32_t)pid, &interval_ns, &before, &now);
    if (status == EXIT_SUCCESS)
        status =
            json ? print_json(&now, &before, interval_ns) : print_table(&now, &before, interval_ns);
    free(before.ends);
    free(now.ends);
    return status;
}

const struct verb verb_channels = {
    .name = "channels",
    .operands = "[PID]",
    .summary = "show the channels of processes: how full, who waits",
    .about = "Shows the ends of channels that processes have, or that PID has: who is at the\n"
             "other end, what was sent and waits to be received, how often each has woken\n"
             "the other, who sleeps. The processes are not disturbed.\n",
    .options = options,
    .run = run,
};
