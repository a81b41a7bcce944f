/* SPDX-License-Identifier: MIT */
/* The checks of a test: what they print, and how a failed one ends the whole test. */
#include "runner.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct test_state *test_state;
const char *(*test_explain)(void);
bool check_in_debugger;

/* Threads of one process share its place; a message names the line of its own thread. */
static _Thread_local const char *here_file = "(before the first check)";
static _Thread_local int here_line;
static struct place *place; /* this process's own, taken after each fork */

void check_take_place(void)
{
    unsigned index = atomic_fetch_add(&test_state->place_count, 1);
    place = index < PLACE_COUNT ? &test_state->places[index] : NULL;
    if (place == NULL)
        return;
    atomic_store_explicit(&place->file, here_file, memory_order_relaxed);
    atomic_store_explicit(&place->line, here_line, memory_order_relaxed);
    atomic_store_explicit(&place->pid, (int)getpid(), memory_order_relaxed);
}

void test_at(const char *file, int line)
{
    here_file = file;
    here_line = line;
    if (place != NULL) {
        atomic_store_explicit(&place->file, file, memory_order_relaxed);
        atomic_store_explicit(&place->line, line, memory_order_relaxed);
    }
}

bool check_claim(enum verdict verdict, const char *reason)
{
    int none = VERDICT_NONE;
    if (!atomic_compare_exchange_strong(&test_state->verdict, &none, (int)verdict))
        return false;
    (void)snprintf(test_state->reason, sizeof(test_state->reason), "%s", reason);
    return true;
}

void check_end_test(enum verdict verdict, const char *reason)
{
    if (check_in_debugger && verdict == VERDICT_FAILED)
        abort();
    if (check_in_debugger)
        (void)fprintf(stderr, "skipped: %s\n", reason);
    (void)check_claim(verdict, reason);
    /* Whoever waits for this process would wait for nothing, and the test be a hang instead of a
     * failure. The first process may be out of reach of an ordinary user's child, whose status
     * tells it then. */
    if (getpid() != test_state->test_pid)
        (void)kill(test_state->test_pid, SIGKILL);
    _exit(1);
}

/* One write() per message keeps messages of several processes apart, and needs no lock that a
 * fork might have copied while it was held. */
static void print_failure(const char *message)
{
    char text[8192];
    const char *explanation = test_explain != NULL ? test_explain() : NULL;
    bool explained = explanation != NULL && explanation[0] != '\0';
    int length = snprintf(text, sizeof(text), "%s:%d: %s%s%s%s\n", here_file, here_line, message,
                          getpid() == test_state->test_pid ? "" : " (in a child)",
                          explained ? "\n    explained: " : "", explained ? explanation : "");
    size_t size = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    if (write(STDERR_FILENO, text, size) < 0)
        return; /* the verdict below names the place again */
}

/* Strings of one test, freed with its process. Reachable from here: no leak. */
struct string {
    struct string *next;
    char text[];
};
static _Atomic(struct string *) strings;

static const char *keep(const char *prefix, char separator, const char *name)
{
    size_t size = strlen(prefix) + 1 + strlen(name) + 1;
    struct string *string = malloc(sizeof(*string) + size);
    if (string == NULL)
        test_fail("no memory for \"%s\"", name);
    (void)snprintf(string->text, size, "%s%c%s", prefix, separator, name);
    string->next = atomic_load(&strings);
    while (!atomic_compare_exchange_weak(&strings, &string->next, string))
        continue;
    return string->text;
}

const char *test_dir(void)
{
    return test_state->directory;
}

const char *test_temp_path(const char *name)
{
    return keep(test_state->directory, '/', name);
}

const char *test_name(const char *name)
{
    return keep(strrchr(test_state->directory, '/') + 1, '-', name);
}

void test_fail(const char *format, ...)
{
    char message[4096];
    char reason[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    print_failure(message);
    (void)snprintf(reason, sizeof(reason), "failed at %s:%d", here_file, here_line);
    check_end_test(VERDICT_FAILED, reason);
}

void test_skip(const char *format, ...)
{
    char reason[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    check_end_test(VERDICT_SKIPPED, reason);
}

/* " (Connection timed out)" for what could be a negative errno, else nothing. */
static const char *errno_text(long long value, char *text, size_t size)
{
    text[0] = '\0';
    if (value < 0 && value > -4096)
        (void)snprintf(text, size, " (%s)", strerror((int)-value));
    return text;
}

void test_check_eq(const char *a_text, long long a, const char *b_text, long long b)
{
    char a_errno[128];
    char b_errno[128];
    if (a != b)
        test_fail("CHECK_EQ(%s, %s): %lld%s is not %lld%s", a_text, b_text, a,
                  errno_text(a, a_errno, sizeof(a_errno)), b,
                  errno_text(b, b_errno, sizeof(b_errno)));
}

long long test_check_ok(const char *text, long long result)
{
    char name[128];
    if (result < 0)
        test_fail("CHECK_OK(%s): %lld%s", text, result, errno_text(result, name, sizeof(name)));
    return result;
}

void test_check_str(const char *a_text, const char *a, const char *b_text, const char *b)
{
    if (a == NULL || b == NULL ? a != b : strcmp(a, b) != 0)
        test_fail("CHECK_STR(%s, %s):\n    \"%s\"\n    is not\n    \"%s\"", a_text, b_text,
                  a != NULL ? a : "(null)", b != NULL ? b : "(null)");
}

void test_check_contains(const char *expression, const char *text, const char *part)
{
    if (text == NULL || part == NULL || strstr(text, part) == NULL)
        test_fail("CHECK_CONTAINS(%s): there is no \"%s\" in\n    \"%s\"", expression,
                  part != NULL ? part : "(null)", text != NULL ? text : "(null)");
}

enum { ROW_BYTES = 16, ROW_TEXT = 3 * ROW_BYTES + 1 };

static void hexadecimal(const unsigned char *bytes, size_t count, char ret_text[ROW_TEXT])
{
    ret_text[0] = '\0';
    for (size_t i = 0; i < count && i < ROW_BYTES; i++)
        (void)snprintf(&ret_text[3 * i], 4, " %02x", (unsigned)bytes[i]);
}

void test_check_mem(const char *a_text, const void *a, const char *b_text, const void *b, size_t n)
{
    const unsigned char *left = a;
    const unsigned char *right = b;
    size_t at = 0;
    while (at < n && left[at] == right[at])
        at++;
    if (at == n)
        return;
    char left_row[ROW_TEXT];
    char right_row[ROW_TEXT];
    hexadecimal(left + at, n - at, left_row);
    hexadecimal(right + at, n - at, right_row);
    test_fail("CHECK_MEM(%s, %s): differ at byte %zu of %zu:\n    %s\n    is not\n    %s", a_text,
              b_text, at, n, left_row, right_row);
}
