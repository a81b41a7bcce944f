/* SPDX-License-Identifier: MIT */
/* How a child ended, from the kernel layer's words to the public ones, and as text. */
#include "process/status.h"

#include "base/signal_name.h"

#include <stdio.h>

void status_fill(const struct child_end *end, struct enl_status *ret_status)
{
    static const int32_t changes[] = {
        [CHILD_EXITED] = ENL_EXITED,       [CHILD_KILLED] = ENL_KILLED,
        [CHILD_DUMPED] = ENL_DUMPED,       [CHILD_STOPPED] = ENL_STOPPED,
        [CHILD_CONTINUED] = ENL_CONTINUED,
    };

    *ret_status = (struct enl_status){
        .change = changes[end->change],
        .number = end->number,
        .user_ns = end->user_ns,
        .system_ns = end->system_ns,
        .largest_bytes = end->largest_bytes,
    };
}

const char *enl_status_text(const struct enl_status *status, char *text, size_t size)
{
    char name[SIGNAL_NAME_ROOM];

    if (text == NULL || size == 0)
        return "";
    if (status == NULL) {
        (void)snprintf(text, size, "no status");
        return text;
    }
    (void)signal_name_format(name, status->number);
    switch (status->change) {
    case ENL_EXITED:
        (void)snprintf(text, size, "exited with %d", status->number);
        break;
    case ENL_KILLED:
        (void)snprintf(text, size, "killed by SIG%s", name);
        break;
    case ENL_DUMPED:
        (void)snprintf(text, size, "killed by SIG%s, core dumped", name);
        break;
    case ENL_STOPPED:
        (void)snprintf(text, size, "stopped by SIG%s", name);
        break;
    case ENL_CONTINUED:
        (void)snprintf(text, size, "continued");
        break;
    default:
        (void)snprintf(text, size, "no status: change %d", status->change);
    }
    return text;
}
