/* SPDX-License-Identifier: MIT */
/* The main program of every test program: options, the TAP output, and the stress loop. */
#include "runner.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATTERNS_MOST = 64, OUTPUT_LARGEST = 64 * 1024 };

struct options {
    const char *patterns[PATTERNS_MOST];
    size_t pattern_count;
    double stress_s; /* negative: each test once */
    unsigned seed;
    bool list;
    bool verbose;
    bool fork;
    bool namespaces;
};

static const char usage[] =
    "Usage: %s [OPTION]...\n"
    "Run this program's tests, each in a process of its own, and print TAP.\n\n"
    "  -l, --list            print the names of the chosen tests and run none\n"
    "  -o, --only PATTERN    choose tests whose name contains or matches it (repeatable)\n"
    "  -s, --stress SECONDS  repeat the concurrent tests in random order for that time\n"
    "      --seed NUMBER     the order of --stress\n"
    "      --no-fork         run the one chosen test in this process, for a debugger\n"
    "      --no-namespaces   use the machine's IPC and /dev/shm also as root\n"
    "  -v, --verbose         print what passing tests write, too\n"
    "  -h, --help            print this text\n\n"
    "TEST_TIME_SCALE=N in the environment multiplies all deadlines.\n"
    "Exit status: 0 no test failed, 1 a test failed, 2 wrong usage.\n";

static double parse_number(const char *text, const char *option)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno == 0 && end != text && *end == '\0' && value >= 0 && value <= 4294967295.0)
        return value;
    (void)fprintf(stderr, "--%s: \"%s\" is not a number from 0\n", option, text);
    exit(2);
}

static void parse_options(int argc, char *argv[], struct options *options)
{
    enum { SEED = 256, NO_FORK, NO_NAMESPACES };
    static const struct option known[] = {
        {"list", no_argument, NULL, 'l'},
        {"only", required_argument, NULL, 'o'},
        {"stress", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, SEED},
        {"no-fork", no_argument, NULL, NO_FORK},
        {"no-namespaces", no_argument, NULL, NO_NAMESPACES},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "lo:s:vh", known, NULL)) != -1;) {
        if (option == 'l') {
            options->list = true;
        } else if (option == 'o' && options->pattern_count < PATTERNS_MOST) {
            options->patterns[options->pattern_count++] = optarg;
        } else if (option == 's') {
            options->stress_s = parse_number(optarg, "stress");
        } else if (option == SEED) {
            options->seed = (unsigned)parse_number(optarg, "seed");
        } else if (option == NO_FORK) {
            options->fork = false;
        } else if (option == NO_NAMESPACES) {
            options->namespaces = false;
        } else if (option == 'v') {
            options->verbose = true;
        } else {
            (void)fprintf(option == 'h' ? stdout : stderr, usage, argv[0]);
            exit(option == 'h' ? 0 : 2);
        }
    }
    if (optind == argc)
        return;
    (void)fprintf(stderr, "unexpected argument \"%s\"\n", argv[optind]);
    exit(2);
}

/* The last part of what the test wrote, as TAP comments. */
static void print_output(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > OUTPUT_LARGEST ? size - OUTPUT_LARGEST : 0;
    int copy = dup(fd);
    FILE *file = copy >= 0 && lseek(fd, from, SEEK_SET) == from ? fdopen(copy, "r") : NULL;
    if (file == NULL)
        return;
    if (from > 0)
        (void)printf("# (the first %lld bytes of the output are left out)\n", (long long)from);
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        (void)printf("# %s\n", line);
    }
    free(line);
    (void)fclose(file);
}

static void print_outcome(size_t number, const struct test *test, const struct outcome *outcome,
                          bool verbose)
{
    (void)printf("%sok %zu - %s", outcome->verdict == VERDICT_FAILED ? "not " : "", number,
                 test->name);
    if (outcome->verdict == VERDICT_SKIPPED)
        (void)printf(" # SKIP %s", outcome->reason);
    (void)printf("\n# time %.3f\n", outcome->seconds);
    if (outcome->verdict == VERDICT_FAILED)
        (void)printf("# %s\n", outcome->reason);
    if (outcome->verdict == VERDICT_FAILED || verbose)
        print_output(outcome->output_fd);
    (void)fflush(stdout);
}

static int run_once(const struct test *const tests[], size_t count, bool verbose)
{
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome;
        run_test(tests[i], &outcome);
        print_outcome(i + 1, tests[i], &outcome, verbose);
        failed |= outcome.verdict == VERDICT_FAILED;
        (void)close(outcome.output_fd);
    }
    return failed;
}

static void shuffle(size_t order[], size_t count, unsigned *seed)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)rand_r(seed) % i;
        size_t swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
}

/* Rounds of all tests, each round in another order, until the time is over or one fails; every
 * test runs at least once. One TAP line a test tells the sum of its runs. */
static int run_stress(const struct test *const tests[], size_t count, const struct options *options)
{
    struct outcome *sums = calloc(count + 1, sizeof(*sums));
    size_t *order = calloc(count + 1, sizeof(*order));
    if (sums == NULL || order == NULL)
        abort();
    unsigned seed = options->seed;
    unsigned runs = 0;
    size_t bad = count;
    double until = (double)run_now_ns() / 1e9 + options->stress_s;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    (void)printf("# seed %u\n", seed);
    while (bad == count && count > 0 && (runs < count || (double)run_now_ns() / 1e9 < until)) {
        if (runs % count == 0)
            shuffle(order, count, &seed);
        size_t i = order[runs++ % count];
        struct outcome outcome;
        run_test(tests[i], &outcome);
        outcome.seconds += sums[i].seconds;
        if (sums[i].output_fd != 0)
            (void)close(sums[i].output_fd);
        sums[i] = outcome;
        if (outcome.verdict == VERDICT_FAILED)
            bad = i;
    }
    for (size_t i = 0; i < count; i++) {
        if (sums[i].verdict == VERDICT_NONE) {
            sums[i].verdict = VERDICT_SKIPPED;
            (void)snprintf(sums[i].reason, sizeof(sums[i].reason), "another test failed first");
        }
        print_outcome(i + 1, tests[i], &sums[i], options->verbose && sums[i].output_fd != 0);
        if (sums[i].output_fd != 0)
            (void)close(sums[i].output_fd);
    }
    (void)printf("# %u runs\n", runs);
    free(order);
    free(sums);
    return bad != count;
}

int main(int argc, char *argv[])
{
    struct options options = {.stress_s = -1, .fork = true, .namespaces = true};
    options.seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    parse_options(argc, argv, &options);
    /* By lines, so that what a test printed before a crash is kept; glibc wants to know it first. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    bool stress = options.stress_s >= 0;
    const struct test **tests;
    size_t count = registry_select(options.patterns, options.pattern_count, stress, &tests);
    int failed = 0;
    if (options.list) {
        for (size_t i = 0; i < count; i++)
            (void)printf("%s\n", tests[i]->name);
    } else if (!options.fork) {
        if (count == 1)
            run_in_debugger(tests[0]);
        (void)fprintf(stderr, "--no-fork runs one test, but --only chooses %zu\n", count);
        failed = 2;
    } else {
        (void)printf("TAP version 13\n1..%zu%s\n", count, count == 0 ? " # SKIP no such test" : "");
        if (options.namespaces && objects_isolate())
            (void)printf("# private namespaces\n");
        run_prepare();
        failed =
            stress ? run_stress(tests, count, &options) : run_once(tests, count, options.verbose);
    }
    free(tests);
    return failed;
}

/* The runner judges by exit status, so a report must end the process; and tests fork with threads
 * running. Found by the sanitizers' libraries by name; unused otherwise. */
const char *__ubsan_default_options(void);
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__ubsan_default_options(void)
{
    return "halt_on_error=1:print_stacktrace=1";
}

const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=1";
}

const char *__tsan_default_options(void)
{
    return "halt_on_error=1:die_after_fork=0";
}
