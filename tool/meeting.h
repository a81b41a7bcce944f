/* SPDX-License-Identifier: MIT */
/* How a verb comes to its link: opens an address, waits for the peer, or listens for it. */
#ifndef TOOL_MEETING_H
#define TOOL_MEETING_H

#include <enlace/capability.h>
#include <enlace/deadline.h>
#include <stdbool.h>
#include <stdint.h>

struct enl_link;

/* The ids of the options that verbs with a meeting share. */
enum meeting_option {
    MEETING_CREATE = 'c',
    MEETING_WAIT = 'w',
    MEETING_LISTEN = 'l',
    MEETING_TIMEOUT = 't',
};

#define MEETING_OPTIONS                                                                            \
    {MEETING_CREATE, "create", NULL, "make the object if it is not there"},                        \
        {MEETING_WAIT, "wait", NULL, "wait until the peer is there"},                              \
    {                                                                                              \
        MEETING_LISTEN, "listen", NULL, "be the side that listens, and wait for a peer"            \
    }

struct meeting {
    const char *address;
    unsigned direction; /* ENL_READ or ENL_WRITE */
    bool create, wait, listen;
    bool limited;       /* timeout_ns holds, for each wait */
    int64_t timeout_ns; /* 0: do not wait at all */

    /* By meeting_begin: */
    struct enl_link *listener; /* only if listen */
    struct enl_link *link;     /* NULL if listen and not accepted yet */
};

/* Takes one of the options above: EXIT_SUCCESS, EXIT_MISUSE after saying why, or -1 if it is another. */
int meeting_take_option(struct meeting *m, int id, const char *value);

/* The deadline of the next wait. */
enl_deadline meeting_deadline(const struct meeting *m);

/* Opens the link, or the listener; meeting_accept waits for the next peer of a listener. Both return
 * an exit status, after saying what failed; EXIT_SUCCESS with no link only if a stop was asked for. */
int meeting_begin(struct meeting *m);
int meeting_accept(struct meeting *m);

void meeting_end(struct meeting *m);

#endif
