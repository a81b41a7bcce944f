/* SPDX-License-Identifier: MIT */
/* The options of a verb: parsing and help, from one table. */
#include "options.h"

#include "report.h"
#include "verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row help_row = {'h', "help", NULL, "print this help"};

static int wrong(struct arguments *a, int status)
{
    a->status = status;
    return OPTIONS_STOP;
}

static const struct option_row *by_letter(const struct verb *v, char letter)
{
    for (const struct option_row *o = v->options; o->name != NULL; o++)
        if (o->id == letter)
            return o;
    return letter == help_row.id ? &help_row : NULL;
}

static const struct option_row *by_name(const struct verb *v, const char *name, size_t size)
{
    for (const struct option_row *o = v->options; o->name != NULL; o++)
        if (strlen(o->name) == size && strncmp(o->name, name, size) == 0)
            return o;
    return size == strlen("help") && strncmp(name, "help", size) == 0 ? &help_row : NULL;
}

static int unknown_name(struct arguments *a, const char *name, size_t size)
{
    const struct verb *v = a->verb;
    char typed[64];

    (void)snprintf(typed, sizeof typed, "%.*s", (int)size, name);
    for (const struct option_row *o = v->options; o->name != NULL; o++)
        if (report_near(typed, o->name))
            return wrong(a,
                         report_misuse("unknown option --%s; did you mean --%s?", typed, o->name));
    return wrong(a, report_misuse("unknown option --%s; see enlace %s --help", typed, v->name));
}

static int found(struct arguments *a, const struct option_row *o, const char *value,
                 const char **ret_value)
{
    if (o == &help_row) {
        options_help(a->verb);
        return wrong(a, EXIT_SUCCESS);
    }
    *ret_value = value;
    return o->id;
}

/* The value in the next word; it may begin with a dash, for the option asked for one. */
static int value_follows(struct arguments *a, const struct option_row *o, const char **ret_value)
{
    if (a->next >= a->count)
        return wrong(a, report_misuse("--%s needs a value: --%s %s", o->name, o->name, o->value));
    return found(a, o, a->words[a->next++], ret_value);
}

static int next_letter(struct arguments *a, const char **ret_value)
{
    char letter = *a->cluster++;
    const struct option_row *o = by_letter(a->verb, letter);
    const char *rest = a->cluster;

    if (o == NULL)
        return wrong(a, report_misuse("unknown option -%c; see enlace %s --help", letter,
                                      a->verb->name));
    if (o->value == NULL)
        return found(a, o, NULL, ret_value);
    a->cluster = "";
    return *rest != '\0' ? found(a, o, rest, ret_value) : value_follows(a, o, ret_value);
}

static int next_name(struct arguments *a, const char *word, const char **ret_value)
{
    size_t size = strcspn(word, "=");
    const struct option_row *o = by_name(a->verb, word, size);

    if (o == NULL)
        return unknown_name(a, word, size);
    if (o->value == NULL && word[size] == '=')
        return wrong(a, report_misuse("--%s takes no value", o->name));
    if (o->value == NULL)
        return found(a, o, NULL, ret_value);
    return word[size] == '=' ? found(a, o, word + size + 1, ret_value)
                             : value_follows(a, o, ret_value);
}

int options_next(struct arguments *a, const char **ret_value)
{
    if (*a->cluster != '\0')
        return next_letter(a, ret_value);
    while (a->next < a->count) {
        char *word = a->words[a->next++];

        if (a->no_more || word[0] != '-' || word[1] == '\0') {
            a->words[a->operands++] = word;
        } else if (strcmp(word, "--") == 0) {
            a->no_more = 1;
        } else if (word[1] == '-') {
            return next_name(a, word + 2, ret_value);
        } else {
            a->cluster = word + 1;
            return next_letter(a, ret_value);
        }
    }
    return OPTIONS_END;
}

static int heading(const struct option_row *o, char *out, size_t size)
{
    char letter[8] = "    ";

    if (o->id < OPTION_LONG)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->id);
    return snprintf(out, size, "  %s--%s%s%s", letter, o->name, o->value == NULL ? "" : " ",
                    o->value == NULL ? "" : o->value);
}

static void print_row(const struct option_row *o, int width)
{
    char text[64];
    const char *line = o->help;

    (void)heading(o, text, sizeof text);
    printf("%-*s", width, text);
    for (;;) {
        size_t size = strcspn(line, "\n");

        printf("  %.*s\n", (int)size, line);
        if (line[size] == '\0')
            return;
        line += size + 1;
        printf("%*s", width, "");
    }
}

void options_help(const struct verb *v)
{
    char text[64];
    int width = 0;

    for (const struct option_row *o = v->options; o->name != NULL; o++) {
        int size = heading(o, text, sizeof text);

        if (size > width)
            width = size;
    }
    printf("Usage: enlace %s [OPTION...]%s%s\n\n%s", v->name, *v->operands == '\0' ? "" : " ",
           v->operands, v->about);
    printf("\nOptions:\n");
    for (const struct option_row *o = v->options; o->name != NULL; o++)
        print_row(o, width);
    print_row(&help_row, width);
    printf("\nFor more see enlace-%s(1).\n", v->name);
}
