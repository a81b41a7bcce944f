/* SPDX-License-Identifier: MIT */
/* The table of registered tests and the choice among them. */
#include "runner.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Filled by constructors before main, and constant from then on. */
static struct test *tests;
static size_t test_count;

static void *allocate(void *memory)
{
    if (memory == NULL) {
        (void)fputs("test runner: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void test_add(const char *name, void (*run)(const void *argument), const void *argument,
              const struct test_options *options)
{
    tests = allocate(realloc(tests, (test_count + 1) * sizeof(*tests)));
    struct test *test = &tests[test_count++];
    *test = (struct test){.name = allocate(strdup(name)), .run = run, .argument = argument};
    if (options != NULL)
        test->options = *options;
}

static bool wanted(const struct test *test, const char *const patterns[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(test->name, patterns[i]) != NULL || fnmatch(patterns[i], test->name, 0) == 0)
            return true;
    return count == 0;
}

size_t registry_select(const char *const patterns[], size_t count, bool stress,
                       const struct test ***ret_tests)
{
    const struct test **chosen = allocate(calloc(test_count + 1, sizeof(*chosen)));
    size_t chosen_count = 0;
    for (size_t i = 0; i < test_count; i++)
        if (wanted(&tests[i], patterns, count) && (!stress || tests[i].options.stress))
            chosen[chosen_count++] = &tests[i];
    *ret_tests = chosen;
    return chosen_count;
}
