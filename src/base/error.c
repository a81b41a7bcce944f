/* SPDX-License-Identifier: MIT */
/* The text of this thread's last failure: kept by thread, bounded, printable. */
#include "base/error.h"

#include "base/printable.h"

#include <enlace/error.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* This file defines what the analyzer's macros wrap. */
#undef error_set
#undef error_note

#define TEXT_SIZE 512

/* Globals that change, because a text belongs to a thread and not to a link: a call that failed to make
 * a link has no other place for it. */
static _Thread_local char buffer[TEXT_SIZE];
static _Thread_local const char *current = "";

int error_set(int result, const char *format, ...)
{
    int saved = errno;
    /* Of its own, because an argument may be the text before; with room for the longest path, so that the
     * reason behind it is not lost. */
    char raw[PATH_MAX + TEXT_SIZE];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    /* What printf refuses is shown as it was written, rather than not at all. */
    current = size < 0 ? format : printable(buffer, sizeof buffer, raw, strlen(raw));
    errno = saved;
    return result;
}

int error_note(int result, const char *text)
{
    current = text;
    return result;
}

const char *error_advice(int result)
{
    switch (result) {
    case -EMFILE:
        return ": no descriptor left in this process; close some, or raise RLIMIT_NOFILE";
    case -ENFILE:
        return ": no descriptor left in the system; see /proc/sys/fs/file-max";
    case -EACCES:
    case -EPERM:
        return ": this user may not; see the object's mode and owner";
    case -EEXIST:
        return ": leave ENL_EXCLUSIVE out to use it";
    default:
        return "";
    }
}

int error_explain(int result, const char *verb, const char *address, const char *advice)
{
    if (result >= 0 || current[0] != '\0')
        return result;
    return error_set(result, "cannot %s %s: %s%s", verb, address, strerror(-result), advice);
}

const char *enl_error_text(void)
{
    return current;
}
