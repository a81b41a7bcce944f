/* SPDX-License-Identifier: MIT */
/* The forms in which messages stand on standard input and output. */
#include "form.h"

#include "report.h"

#include <stdlib.h>

static enum form form_of(int id)
{
    switch (id) {
    case FORM_OPTION_WHOLE:
        return FORM_WHOLE;
    case FORM_OPTION_PREFIXED:
        return FORM_PREFIXED;
    case FORM_OPTION_HEX:
        return FORM_HEX;
    case FORM_OPTION_JSON:
        return FORM_JSON;
    default:
        return FORM_LINES;
    }
}

int form_take_option(enum form *form, int id)
{
    enum form wanted = form_of(id);

    if (wanted == FORM_LINES)
        return -1;
    if (*form != FORM_LINES && *form != wanted)
        return report_misuse("--whole, --prefixed, --hex and --json exclude each other");
    *form = wanted;
    return EXIT_SUCCESS;
}
