/* SPDX-License-Identifier: MIT */
/* Messages from a descriptor, in one of the forms. */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include "bytes.h"
#include "form.h"

#include <enlace/message.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    /* Set by the caller, the rest zero: */
    int fd;
    enum form form;
    bool boundaries; /* of the link: without them, FORM_LINES gives bytes as they come */
    size_t most;     /* bytes of a message; more is a failure, not a memory hog */
    /* Called before the input makes us wait, and when watch_fd (-1 for none) was ready meanwhile; a
     * failure (negative) ends the input. NULL for none. */
    int (*idle)(void *context, bool fired);
    void *context;
    int watch_fd;

    struct bytes buffer;  /* what was read */
    size_t start;         /* and not given out yet, from here on */
    size_t searched;      /* holds no newline up to here, counted from start */
    struct bytes decoded; /* the current message, if it does not lie in the buffer */
    uint64_t number;      /* of the current message, from 1 */
    bool end;
};

/* Gives the next message: data and size are set, type and priority if the form has them; the data holds
 * until the next call. 1; 0 at the end; -ECANCELED if a stop was asked for; another negative errno after
 * saying what is wrong, or as idle returned it. */
int input_next(struct input *in, struct enl_message *m);

void input_fini(struct input *in);

#endif
