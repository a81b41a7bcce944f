/* SPDX-License-Identifier: MIT */
/* A verb of the command: one file tool/<verb>.c defines one struct verb, one line in main.c lists it. */
#ifndef TOOL_VERB_H
#define TOOL_VERB_H

#include "options.h"

/* What the command exits with, beside EXIT_SUCCESS and EXIT_FAILURE. */
#define EXIT_MISUSE 2

struct verb {
    const char *name;
    const char *operands; /* as in the usage line, "" if there are none */
    const char *summary;  /* one line for the list of verbs */
    const char
        *about; /* the text of its help: lines of at most 80 columns, each with its newline */
    const struct option_row *options; /* ends with a row without a name; --help needs no row */
    /* Called with the options not parsed yet. Returns the exit status, after the message if it failed. */
    int (*run)(struct arguments *a);
};

/* The verb of that name, or NULL. */
const struct verb *verb_find(const char *name);

#endif
