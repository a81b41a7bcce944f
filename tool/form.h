/* SPDX-License-Identifier: MIT */
/* The forms in which messages stand on standard input and output, the same for both. */
#ifndef TOOL_FORM_H
#define TOOL_FORM_H

#include <enlace/capability.h>

enum form {
    FORM_LINES,    /* a message is a line; on links without boundaries, bytes as they come */
    FORM_WHOLE,    /* the bytes alone: all of the input is one message */
    FORM_PREFIXED, /* each behind its size: four bytes, the most significant first, as ?frame=u32 */
    FORM_HEX,      /* a message is a line of hexadecimal digits */
    FORM_JSON,     /* a message is a line with a JSON object, its metadata included */
};

/* The ids of their options. */
enum form_option {
    FORM_OPTION_WHOLE = 'W',
    FORM_OPTION_PREFIXED = 'p',
    FORM_OPTION_HEX = 'x',
    FORM_OPTION_JSON = 'j',
};

/* Takes one of these options: EXIT_SUCCESS, EXIT_MISUSE after saying why, or -1 if it is another. */
int form_take_option(enum form *form, int id);

#endif
