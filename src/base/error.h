/* SPDX-License-Identifier: MIT */
/* The text of this thread's last failure, set where the failure is seen and read by enl_error_text(). */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* Sets the text and gives result (a negative errno) back: return error_set(-EINVAL, "..."). The text says
 * what was wrong, with which value, and what to do. errno is left as it was. */
int error_set(int result, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* The same for answers that are no failures of the program and come often (-EAGAIN): costs a store. text
 * must be a constant. */
int error_note(int result, const char *text);

/* ": what to do", of those errnos of which it is the same wherever they come from; "" of others. */
const char *error_advice(int result);

/* The text of a failed call on an address, "cannot VERB ADDRESS: why" and an advice, unless whoever saw the failure
 * first has set a better one since error_note(0, ""). Gives result back. */
int error_explain(int result, const char *verb, const char *address, const char *advice);

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time and must be told that what fails is negative: else it follows
 * callers into reading an output that only success writes. */
static inline int error_negative(int result)
{
    if (result >= 0)
        __builtin_unreachable();
    return result;
}
#define error_set(...) error_negative(error_set(__VA_ARGS__))
#define error_note(...) error_negative(error_note(__VA_ARGS__))
#endif

#endif
