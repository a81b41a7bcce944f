/* SPDX-License-Identifier: MIT */
/* enlace, the command: the table of its verbs, and the way to them. */
#include "report.h"
#include "terminal.h"
#include "verb.h"

#include <enlace/enlace.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every verb: one line here, one file tool/<verb>.c that defines verb_<verb>. */
#define VERBS(X)                                                                                   \
    X(links)                                                                                       \
    X(send)                                                                                        \
    X(receive)                                                                                     \
    X(run)                                                                                         \
    X(signals)                                                                                     \
    X(channels)                                                                                    \
    X(demo)

#define DECLARE(name) extern const struct verb verb_##name;
VERBS(DECLARE)

#define ADDRESS_OF(name) &verb_##name,
static const struct verb *const verbs[] = {VERBS(ADDRESS_OF)};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int unknown_verb(const char *typed)
{
    const char *nearest = NULL;

    for (size_t i = 0; i < VERB_COUNT; i++)
        if (report_near(typed, verbs[i]->name) &&
            (nearest == NULL ||
             report_distance(typed, verbs[i]->name) < report_distance(typed, nearest)))
            nearest = verbs[i]->name;
    if (nearest != NULL)
        return report_misuse("unknown verb %s; did you mean enlace %s?", typed, nearest);
    return report_misuse("unknown verb %s; see enlace --help", typed);
}

static void print_help(void)
{
    printf("enlace %s: communication between processes on Linux\n"
           "\n"
           "Usage: enlace VERB [OPTION...] [ARGUMENT...]\n"
           "\n"
           "Verbs:\n",
           enl_version());
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-9s%s\n", verbs[i]->name, verbs[i]->summary);
    printf("\n"
           "An address is MECHANISM:NAME?OPTION=VALUE&... In a shell, quote the latter part.\n"
           "\n"
           "  enlace receive --listen unix:/tmp/hello        in one terminal, and in another\n"
           "  echo hello | enlace send unix:/tmp/hello\n"
           "\n"
           "enlace VERB --help tells more of a verb, enlace links MECHANISM of a mechanism.\n"
           "Exit status: 0 done, 1 failed, 2 called wrongly. For more see enlace(1).\n");
}

static int print_version(void)
{
    printf("enlace %s\n", enl_version());
    return EXIT_SUCCESS;
}

static int run_verb(const struct verb *v, int count, char **words)
{
    struct arguments a = {.verb = v, .words = words, .count = count, .cluster = ""};

    report_as(v->name);
    return v->run(&a);
}

static int run_help(int count, char **words)
{
    const struct verb *v;

    if (count == 0) {
        print_help();
        return EXIT_SUCCESS;
    }
    v = verb_find(words[0]);
    if (v == NULL)
        return unknown_verb(words[0]);
    options_help(v);
    return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    const struct verb *v = verb_find(word);

    if (v != NULL)
        return run_verb(v, argc - 2, argv + 2);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return run_help(0, NULL);
    if (strcmp(word, "help") == 0)
        return run_help(argc - 2, argv + 2);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return print_version();
    if (*word == '\0')
        return report_misuse("no verb given; see enlace --help");
    if (*word == '-')
        return report_misuse("unknown option %s; see enlace --help", word);
    return unknown_verb(word);
}

/* A link must not be given the number of a standard stream that the caller closed, or what is printed
 * would go into it. The stand-ins answer EBADF, as the closed descriptor would. */
static void fill_standard_streams(void)
{
    while (fcntl(STDIN_FILENO, F_GETFD) == -1 && open("/dev/null", O_WRONLY) == STDIN_FILENO)
        continue;
    while (fcntl(STDOUT_FILENO, F_GETFD) == -1 && open("/dev/null", O_RDONLY) == STDOUT_FILENO)
        continue;
    while (fcntl(STDERR_FILENO, F_GETFD) == -1 && open("/dev/null", O_RDWR) == STDERR_FILENO)
        continue;
}

int main(int argc, char **argv)
{
    int status;

    fill_standard_streams();
    terminal_start();
    /* Only what characters are: numbers are read and written as in C, whatever the language. */
    (void)setlocale(LC_CTYPE, "");
    /* A reader that leaves is an error of write(), so that links are closed in order. */
    (void)signal(SIGPIPE, SIG_IGN);
    status = run(argc, argv);
    if (terminal_flush() < 0 && status == EXIT_SUCCESS)
        status = EXIT_FAILURE;
    return status;
}
