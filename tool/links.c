/* SPDX-License-Identifier: MIT */
/* enlace links: what each mechanism can do, side by side, or one of them in words. */
#include "capability.h"
#include "quantity.h"
#include "report.h"
#include "table.h"
#include "terminal.h"
#include "verb.h"

#include <enlace/capability.h>
#include <enlace/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A column of the table: a mechanism, or an address of it with options. */
struct subject {
    const struct enl_mechanism *mechanism;
    const char *title;
    struct enl_caps caps;
};

static const struct option_row options[] = {
    {'j', "json", NULL, "print one JSON document"},
    {0},
};

static const struct enl_mechanism *mechanism_of(const char *word)
{
    size_t size = strcspn(word, ":");
    const struct enl_mechanism *m;

    for (size_t i = 0; (m = enl_mechanism(i)) != NULL; i++)
        if (strlen(m->scheme) == size && strncmp(m->scheme, word, size) == 0)
            return m;
    return NULL;
}

static void tell_unknown(const char *word)
{
    const struct enl_mechanism *m;
    char known[256] = "";

    for (size_t i = 0; (m = enl_mechanism(i)) != NULL; i++) {
        size_t size = strlen(known);

        if (report_near(word, m->scheme)) {
            (void)report_misuse("unknown mechanism %s; did you mean %s?", word, m->scheme);
            return;
        }
        (void)snprintf(known + size, sizeof known - size, "%s%s", i == 0 ? "" : ", ", m->scheme);
    }
    (void)report_misuse("unknown mechanism %s; there are %s", word, known);
}

/* Fills in a subject from what was typed: "unix", "unix:" or an address with options. False after saying
 * what is wrong with it. */
static bool look_up(const char *word, struct subject *ret_subject)
{
    const char *colon = strchr(word, ':');
    const struct enl_mechanism *m = mechanism_of(word);
    bool bare = colon == NULL || colon[1] == '\0';

    if (colon == NULL && m == NULL) {
        tell_unknown(word);
        return false;
    }
    *ret_subject = (struct subject){.mechanism = m, .title = word};
    if (m != NULL && bare) {
        ret_subject->title = m->scheme;
        ret_subject->caps = m->caps;
    } else if (enl_address_caps(word, &ret_subject->caps) < 0) {
        (void)report_misuse("%s", enl_error_text());
        return false;
    }
    return m != NULL;
}

/* ---- the table --------------------------------------------------------------------------------- */

static const char *mark(bool can)
{
    return can ? terminal_text("\xe2\x9c\x93", "yes") : terminal_text("\xc2\xb7", "-");
}

/* The rows that are not yes or no, and those of how they meet, come before the capabilities. */
enum fact { FACT_REACH, FACT_SENDERS, FACT_RECEIVERS, FACT_LARGEST, FACT_CAPACITY, FACT_COUNT };

static const char *const fact_names[] = {"reach", "senders", "receivers", "largest", "capacity"};

static const char *fact_text(const struct enl_caps *caps, enum fact fact, char *out)
{
    switch (fact) {
    case FACT_REACH:
        return capability_reach(caps->reach);
    case FACT_SENDERS:
        return capability_participants(out, caps->senders);
    case FACT_RECEIVERS:
        return capability_participants(out, caps->receivers);
    case FACT_LARGEST:
        return capability_bytes(out, caps->largest_message);
    case FACT_CAPACITY:
        return capability_bytes(out, caps->capacity);
    case FACT_COUNT:
        break;
    }
    return "";
}

static size_t column_width(const struct subject *s)
{
    char out[QUANTITY_SIZE];
    size_t width = strlen(s->title);

    for (int fact = 0; fact < FACT_COUNT; fact++) {
        size_t size = strlen(fact_text(&s->caps, (enum fact)fact, out));

        width = size > width ? size : width;
    }
    return width + 2;
}

static void group_row(struct table *t, const char *name)
{
    table_row(t);
    table_cell(t, 0, name, "bold");
}

static void start_row(struct table *t, const char *name)
{
    char label[64];

    (void)snprintf(label, sizeof label, "  %s", name);
    table_row(t);
    table_cell(t, 0, label, NULL);
}

static void bit_row(struct table *t, const char *name, const struct subject *s, size_t count,
                    uint32_t bit, bool meet)
{
    start_row(t, name);
    for (size_t i = 0; i < count; i++) {
        bool can = ((meet ? s[i].caps.meet : s[i].caps.can) & bit) != 0;

        table_cell(t, i + 1, mark(can), can ? "green" : "halfbright");
    }
}

static int print_block(const struct subject *s, size_t count)
{
    struct table *t = table_new();
    const struct capability_meet *m;
    const struct capability *c;
    const char *group = "";
    char out[QUANTITY_SIZE];

    table_column(t, "");
    for (size_t i = 0; i < count; i++)
        table_column(t, s[i].title);
    group_row(t, "how they meet");
    for (size_t i = 0; (m = capability_meet(i)) != NULL; i++)
        bit_row(t, m->name, s, count, m->bit, true);
    group_row(t, "who, how much");
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        start_row(t, fact_names[fact]);
        for (size_t i = 0; i < count; i++)
            table_cell(t, i + 1, fact_text(&s[i].caps, (enum fact)fact, out), NULL);
    }
    for (size_t i = 0; (c = capability_row(i)) != NULL; i++) {
        if (strcmp(group, c->group) != 0)
            group_row(t, c->group);
        group = c->group;
        bit_row(t, enl_capability_name(c->bit), s, count, c->bit, false);
    }
    return table_print(t);
}

/* Of the longest name of a capability. */
static size_t name_width(void)
{
    const struct capability *c;
    size_t width = 0;

    for (size_t i = 0; (c = capability_row(i)) != NULL; i++)
        if (strlen(enl_capability_name(c->bit)) > width)
            width = strlen(enl_capability_name(c->bit));
    return width;
}

/* As many columns side by side as the terminal has room for, then the next block below. */
static int print_table(const struct subject *s, size_t count)
{
    size_t room = (size_t)terminal_width() - strlen("  ") - name_width();

    for (size_t done = 0, take; done < count; done += take) {
        size_t used = 0;

        for (take = 0; done + take < count; take++) {
            used += column_width(&s[done + take]);
            if (take > 0 && used > room)
                break;
        }
        if (done > 0)
            printf("\n");
        if (print_block(s + done, take) < 0)
            return report_failure("out of memory");
    }
    return EXIT_SUCCESS;
}

/* The first of the ways to write an address; the rest is told by the detail. */
static int syntax_size(const struct enl_mechanism *m)
{
    return (int)strcspn(m->syntax, ", ");
}

static int print_all(const struct subject *s, size_t count)
{
    int width = 0;
    int status;

    for (size_t i = 0; i < count; i++)
        if (syntax_size(s[i].mechanism) > width)
            width = syntax_size(s[i].mechanism);
    for (size_t i = 0; i < count; i++)
        printf("%s%-*.*s%s  %s\n", terminal_bold(), width, syntax_size(s[i].mechanism),
               s[i].mechanism->syntax, terminal_plain(), s[i].mechanism->summary);
    printf("\n");
    status = print_table(s, count);
    printf("\nenlace links MECHANISM tells all of one; enlace demo shows them at work.\n");
    return status;
}

/* ---- one in words ------------------------------------------------------------------------------ */

static void print_line(const char *name, const char *text)
{
    printf("  %s%-11s%s%s\n", terminal_faint(), name, terminal_plain(), text);
}

/* Words, wrapped behind the column of names. */
static void print_words(const char *name, const char *text)
{
    size_t room = (size_t)terminal_width() - 14;
    char line[1024];

    while (strlen(text) > room) {
        size_t size = room;

        while (size > 0 && text[size] != ' ')
            size--;
        if (size == 0)
            break;
        (void)snprintf(line, sizeof line, "%.*s", (int)size, text);
        print_line(name, line);
        name = "";
        text += size + 1;
    }
    print_line(name, text);
}

static void print_meets(const struct enl_caps *caps)
{
    const struct capability_meet *m;
    const char *name = "meet";

    for (size_t i = 0; (m = capability_meet(i)) != NULL; i++) {
        char text[128];

        if ((caps->meet & m->bit) == 0)
            continue;
        (void)snprintf(text, sizeof text, "%s: %s", m->name, m->words);
        print_words(name, text);
        name = "";
    }
}

static void print_bit(const struct enl_caps *caps, const struct capability *c, int width)
{
    bool can = (caps->can & c->bit) != 0;

    printf("  %s%s %-*s%s  %s\n", can ? terminal_green() : terminal_faint(),
           can ? terminal_text("\xe2\x9c\x93", "+") : terminal_text("\xc2\xb7", "-"), width,
           enl_capability_name(c->bit), terminal_plain(), can ? c->can : c->cannot);
}

static int print_detail(const struct subject *s)
{
    const struct capability *c;
    char out[QUANTITY_SIZE];
    const char *group = "";

    printf("%s%s%s  %s\n\n", terminal_bold(), s->title, terminal_plain(), s->mechanism->summary);
    print_words("address", s->mechanism->syntax);
    print_words("options", s->mechanism->options);
    print_meets(&s->caps);
    print_words("reach", capability_reach_words(s->caps.reach));
    for (int fact = FACT_SENDERS; fact < FACT_COUNT; fact++)
        print_line(fact_names[fact], fact_text(&s->caps, (enum fact)fact, out));
    for (size_t i = 0; (c = capability_row(i)) != NULL; i++) {
        if (strcmp(group, c->group) != 0)
            printf("\n");
        group = c->group;
        print_bit(&s->caps, c, (int)name_width());
    }
    return EXIT_SUCCESS;
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static json_t *json_number(uint64_t number, bool known)
{
    return known ? json_integer((json_int_t)number) : json_null();
}

static json_t *json_options(const char *text)
{
    json_t *list = json_array();

    while (*text != '\0') {
        size_t size = strcspn(text, " ");

        (void)json_array_append_new(list, json_stringn(text, size));
        text += size + strspn(text + size, " ");
    }
    return list;
}

static json_t *json_subject(const struct subject *s)
{
    const struct enl_caps *caps = &s->caps;
    json_t *meet = json_array(), *can = json_object();
    const struct capability_meet *m;
    const char *name;

    for (size_t i = 0; (m = capability_meet(i)) != NULL; i++)
        if ((caps->meet & m->bit) != 0)
            (void)json_array_append_new(meet,
                                        json_string(m->bit == ENL_MEET_ADOPT ? "adopt" : m->name));
    for (uint32_t bit = 1; bit != 0; bit <<= 1)
        if ((name = enl_capability_name(bit)) != NULL)
            (void)json_object_set_new(can, name, json_boolean((caps->can & bit) != 0));
    return json_pack("{s:s s:s s:s s:s s:o s:o s:s s:o s:o s:o s:o s:o}", "address", s->title,
                     "scheme", s->mechanism->scheme, "syntax", s->mechanism->syntax, "summary",
                     s->mechanism->summary, "options", json_options(s->mechanism->options), "meet",
                     meet, "reach", capability_reach(caps->reach), "senders",
                     json_number(caps->senders, caps->senders != ENL_MANY), "receivers",
                     json_number(caps->receivers, caps->receivers != ENL_MANY), "largest_message",
                     json_number(caps->largest_message, caps->largest_message != ENL_UNKNOWN),
                     "capacity", json_number(caps->capacity, caps->capacity != ENL_UNKNOWN), "can",
                     can);
}

static int print_json(const struct subject *s, size_t count)
{
    json_t *list = json_array();
    json_t *document = json_pack("{s:o}", "mechanisms", list);
    char *text;

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_subject(&s[i]));
    text = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    if (text == NULL)
        return report_failure("out of memory");
    printf("%s\n", text);
    free(text);
    return EXIT_SUCCESS;
}

/* ---- the verb ---------------------------------------------------------------------------------- */

static size_t catalog_size(void)
{
    size_t count = 0;

    while (enl_mechanism(count) != NULL)
        count++;
    return count;
}

/* The columns: what was typed, or the whole catalog. NULL, with the exit status, after saying why. */
static struct subject *gather(char **words, size_t word_count, size_t *ret_count, int *ret_status)
{
    size_t count = word_count > 0 ? word_count : catalog_size();
    struct subject *s = calloc(count + 1, sizeof *s);

    if (s == NULL) {
        *ret_status = report_failure("out of memory");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (look_up(word_count > 0 ? words[i] : enl_mechanism(i)->scheme, &s[i]))
            continue;
        free(s);
        *ret_status = EXIT_MISUSE;
        return NULL;
    }
    *ret_count = count;
    return s;
}

static int run(struct arguments *a)
{
    struct subject *s;
    bool json = false;
    const char *value;
    size_t count = 0;
    int status = EXIT_FAILURE;
    int id;

    while ((id = options_next(a, &value)) != OPTIONS_END) {
        if (id == OPTIONS_STOP)
            return a->status;
        json = true;
    }
    s = gather(a->words, (size_t)a->operands, &count, &status);
    if (s == NULL)
        return status;
    if (json)
        status = print_json(s, count);
    else if (a->operands == 0)
        status = print_all(s, count);
    else if (count == 1)
        status = print_detail(&s[0]);
    else
        status = print_table(s, count);
    free(s);
    return status;
}

const struct verb verb_links = {
    .name = "links",
    .operands = "[MECHANISM...]",
    .summary = "show what each mechanism can do",
    .about = "Shows what the links of each mechanism can do: how two processes meet over it,\n"
             "what its messages have, what its peers learn of each other. One MECHANISM is\n"
             "explained in words, several are compared. An address may stand for a mechanism;\n"
             "its options are considered then: enlace links unix: 'unix:?frame=raw'\n",
    .options = options,
    .run = run,
};
