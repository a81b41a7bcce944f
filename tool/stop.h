/* SPDX-License-Identifier: MIT */
/* SIGINT and SIGTERM end the command in order: what blocks is interrupted, links are closed. */
#ifndef TOOL_STOP_H
#define TOOL_STOP_H

#include <stdbool.h>

struct enl_link;

/* From now on the first of these signals asks to stop; the second one kills. 0, or a negative errno. */
int stop_install(void);

/* The link whose calls the signal interrupts. While there is none (NULL) the signal kills at once, as
 * it does without stop_install: nothing is open that would have to be closed. */
void stop_guard(struct enl_link *l);

/* Between these two the signals wait: for making something that must not be left behind, and guarding it. */
void stop_hold(void);
void stop_release(void);

bool stop_asked(void);

/* A descriptor that is readable once a stop was asked for. */
int stop_fd(void);

#endif
