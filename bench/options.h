/* SPDX-License-Identifier: MIT */
/* What the command line asks of a run. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "place.h"

#include <stdbool.h>

struct options {
    bool quick;
    bool list;
    const char *only; /* a shell pattern or a part of a name, or NULL */
    unsigned seconds;
    bool placed; /* only this place */
    enum place place;
    const char *json;
};

/* Exits on --help (0) and on mistakes (2). */
void options_parse(int argc, char *argv[], struct options *ret_options);

/* Whether --only lets this name in. */
bool options_select(const struct options *o, const char *name);

#endif
