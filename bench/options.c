/* SPDX-License-Identifier: MIT */
/* The command line of the benchmark. */
#include "options.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_FULL 160u
#define SECONDS_QUICK 14u
#define SECONDS_MAX 86400ul

static const char usage[] =
    "usage: bench [--quick] [--only PATTERN] [--seconds N] [--pin split|same|free]\n"
    "             [--json FILE] [--list]\n"
    "\n"
    "Measures the mechanisms of enlace beside the bare calls, in one run.\n"
    "  --quick         the rows with bars and a few others, about 20 s\n"
    "  --only PATTERN  rows and bars whose name holds PATTERN, or matches it (* ? [])\n"
    "  --seconds N     how long the slices take together\n"
    "  --pin PLACE     split: a CPU for each process; same: one for both; free: where the\n"
    "                  kernel likes; without it split and same\n"
    "  --json FILE     where the result goes (preset: " BENCH_JSON ")\n"
    "  --list          the names of rows and bars, without measuring\n";

static _Noreturn void refuse(const char *what, const char *value)
{
    (void)fprintf(stderr, "bench: %s: %s\n%s", what, value, usage);
    exit(2);
}

static unsigned parse_seconds(const char *text)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0 ||
        value > SECONDS_MAX)
        refuse("--seconds wants a number from 1 to 86400", text);
    return (unsigned)value;
}

static enum place parse_place(const char *text)
{
    for (enum place p = PLACE_SPLIT; p <= PLACE_FREE; p++)
        if (strcmp(text, place_name(p)) == 0)
            return p;
    refuse("--pin wants split, same or free", text);
}

static void parse_one(int letter, struct options *o)
{
    switch (letter) {
    case 'q':
        o->quick = true;
        break;
    case 'l':
        o->list = true;
        break;
    case 'o':
        o->only = optarg;
        break;
    case 's':
        o->seconds = parse_seconds(optarg);
        break;
    case 'p':
        o->placed = true;
        o->place = parse_place(optarg);
        break;
    case 'j':
        o->json = optarg;
        break;
    case 'h':
        (void)fputs(usage, stdout);
        exit(0);
    default:
        (void)fputs(usage, stderr);
        exit(2);
    }
}

void options_parse(int argc, char *argv[], struct options *ret_options)
{
    static const struct option known[] = {
        {"quick", no_argument, NULL, 'q'},         {"only", required_argument, NULL, 'o'},
        {"seconds", required_argument, NULL, 's'}, {"pin", required_argument, NULL, 'p'},
        {"json", required_argument, NULL, 'j'},    {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    struct options o = {.json = BENCH_JSON};
    int letter;

    while ((letter = getopt_long(argc, argv, "h", known, NULL)) != -1)
        parse_one(letter, &o);
    if (optind < argc)
        refuse("unknown argument", argv[optind]);
    if (o.seconds == 0)
        o.seconds = o.quick ? SECONDS_QUICK : SECONDS_FULL;
    *ret_options = o;
}

bool options_select(const struct options *o, const char *name)
{
    return o->only == NULL || strstr(name, o->only) != NULL || fnmatch(o->only, name, 0) == 0;
}
