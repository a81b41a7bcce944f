/* SPDX-License-Identifier: MIT */
/* Messages as JSON: one object on one line, the same when printed and when read. */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <enlace/capability.h>
#include <enlace/message.h>
#include <stddef.h>

struct bytes;

/* The object as text without a newline, for the caller to free; NULL without memory. It has what the link
 * can say of the message: size, type, priority, sender, and "data", or "base64" if it is not UTF-8. */
char *json_of_message(const struct enl_message *m, const struct enl_caps *caps);

#define JSON_PROBLEM_SIZE 192

/* Reads such a line. The data goes to the end of storage, at which m->data then points; type and
 * priority are written if they are there. 0, -ENOMEM, or -EINVAL with the problem in words. */
int json_to_message(const char *line, size_t size, struct bytes *storage, struct enl_message *m,
                    char problem[JSON_PROBLEM_SIZE]);

#endif
