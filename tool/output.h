/* SPDX-License-Identifier: MIT */
/* Messages to standard output, in one of the forms. */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include "form.h"

#include <enlace/capability.h>
#include <enlace/message.h>

/* Prints one message that came over a link with such capabilities; it may stay in stdio's buffer. 0, or a
 * negative errno after saying what failed. */
int output_message(enum form form, const struct enl_message *m, const struct enl_caps *caps);

#endif
