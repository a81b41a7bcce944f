/* SPDX-License-Identifier: MIT */
/* The options of a verb: one table says what is parsed and what --help prints. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

struct verb;

struct option_row {
    int id;            /* the letter of its short form, or a number of the verb above OPTION_LONG */
    const char *name;  /* of the long form, without the dashes; NULL ends a table */
    const char *value; /* what follows, "N"; NULL if nothing does */
    const char *help;  /* further lines behind a newline */
};

#define OPTION_LONG 256

/* The words behind the verb. Options may stand between the operands, up to a "--". */
struct arguments {
    const struct verb *verb;
    char **words; /* the first `operands` of them are the operands, once all options are parsed */
    int count;
    int next;            /* the word to look at */
    const char *cluster; /* the rest of a word of short options, "" if none is left */
    int no_more;         /* "--" was seen */
    int operands;
    int status; /* what to exit with after OPTIONS_STOP */
};

#define OPTIONS_END 0
#define OPTIONS_STOP (-1)

/* The id of the next option, its value at *ret_value (NULL if it takes none); OPTIONS_END when all are
 * parsed; OPTIONS_STOP, with a->status, after --help or a mistake that has been reported. */
int options_next(struct arguments *a, const char **ret_value);

/* Prints the help of a verb on standard output. */
void options_help(const struct verb *v);

#endif
