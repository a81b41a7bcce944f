/* SPDX-License-Identifier: MIT */
/* enlace run: a command with a deadline, links by name, limits, and its end in words. */
#include "quantity.h"
#include "report.h"
#include "terminal.h"
#include "verb.h"

#include <enlace/capability.h>
#include <enlace/error.h>
#include <enlace/link.h>
#include <enlace/process.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_LATE 124 /* as of timeout(1) */
#define EXIT_OVER 125
#define EXIT_REFUSED 126 /* as of a shell: found, but cannot be executed */
#define EXIT_MISSING 127
#define LINKS_MOST 32

enum { OPTION_RECEIVE = OPTION_LONG, OPTION_SEND, OPTION_JSON };

static const struct option_row options[] = {
    {'t', "timeout", "TIME",
     "End the command, and all that descends from\nit, after this time: 500ms, 10s, 2m"},
    {'g', "grace", "TIME", "From SIGTERM to SIGKILL; one second"},
    {'m', "limit", "BYTES",
     "End the command when it has written more than\n"
     "this; its output comes at its end"},
    {'l', "link", "NAME=ADDRESS",
     "Open ADDRESS and give the link by this name;\n"
     "may be repeated"},
    {OPTION_RECEIVE, "receive", "NAME=ADDRESS", "Likewise, to receive only"},
    {OPTION_SEND, "send", "NAME=ADDRESS", "Likewise, to send only"},
    {'C', "directory", "PATH", "Start it there"},
    {'s', "status", NULL, "Say on standard error how it ended"},
    {OPTION_JSON, "json", NULL, "The same as JSON"},
    {0},
};

struct job {
    const char *const *argv;
    const char *directory;
    int64_t timeout_ns; /* 0: none */
    int64_t grace_ns;
    uint64_t limit; /* 0: none, and nothing is collected */
    struct enl_give give[LINKS_MOST];
    size_t link_count;
    bool words, json;
    bool late, over;
};

/* For the handler: what it passes a signal on to. It runs in the only thread. */
static struct enl_child *volatile running;
static volatile sig_atomic_t passed;

static void pass_on(int number)
{
    int saved = errno;

    passed = number;
    (void)enl_child_interrupt(running);
    errno = saved;
}

/* ---- the command line ---------------------------------------------------------------------------------- */

static int open_link(struct job *j, const char *text, unsigned access)
{
    const char *equal = strchr(text, '=');
    char *name;
    int result;

    if (equal == NULL || equal == text)
        return report_misuse("a link is NAME=ADDRESS, not %s", text);
    if (j->link_count == LINKS_MOST)
        return report_misuse("at most %d links can be given", LINKS_MOST);
    name = strndup(text, (size_t)(equal - text));
    if (name == NULL)
        return report_failure("no memory");
    result = enl_open(equal + 1, access, &j->give[j->link_count].link);
    if (result < 0) {
        free(name);
        return result == -EINVAL || result == -ENOTSUP ? report_misuse("%s", enl_error_text())
                                                       : report_failure("%s", enl_error_text());
    }
    j->give[j->link_count].fd = ENL_FD_ANY;
    j->give[j->link_count++].name = name;
    return EXIT_SUCCESS;
}

static int take_option(struct job *j, int id, const char *value)
{
    switch (id) {
    case 't':
    case 'g':
        if (!quantity_parse_duration(value, id == 't' ? &j->timeout_ns : &j->grace_ns))
            return report_misuse("%s is not a duration", value);
        if (id == 't' && j->timeout_ns == 0)
            return report_misuse("--timeout needs more than no time");
        return EXIT_SUCCESS;
    case 'm':
        if (!quantity_parse_size(value, &j->limit) || j->limit == 0)
            return report_misuse("--limit %s: not a number of bytes such as 4096, 64k or 1M",
                                 value);
        return EXIT_SUCCESS;
    case 'l':
        return open_link(j, value, ENL_READ | ENL_WRITE);
    case OPTION_RECEIVE:
        return open_link(j, value, ENL_READ);
    case OPTION_SEND:
        return open_link(j, value, ENL_WRITE);
    case 'C':
        j->directory = value;
        return EXIT_SUCCESS;
    case 's':
        j->words = true;
        return EXIT_SUCCESS;
    default:
        j->json = true;
        return EXIT_SUCCESS;
    }
}

/* ---- its run ------------------------------------------------------------------------------------------- */

static int cannot_start(const struct job *j, int result)
{
    (void)report_failure("%s", enl_error_text());
    if (j->directory != NULL && access(j->directory, X_OK) != 0)
        return EXIT_REFUSED; /* nobody looked for the command */
    return result == -ENOENT ? EXIT_MISSING : EXIT_REFUSED;
}

/* Its streams are ours, and it lives in our group: the terminal treats it as if it had been started by itself. */
static int run_beside(struct job *j, const struct enl_spawn *how, struct enl_status *status)
{
    enl_deadline until = j->timeout_ns > 0 ? enl_in_ns(j->timeout_ns) : ENL_FOREVER;
    struct sigaction action = {.sa_handler = pass_on};
    struct enl_child *child = NULL;
    int result;

    (void)sigemptyset(&action.sa_mask);
    (void)sigaddset(&action.sa_mask, SIGTERM);
    (void)sigaddset(&action.sa_mask, SIGINT);
    (void)sigaddset(&action.sa_mask, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &action.sa_mask,
                      NULL); /* until there is whom to pass them on to */
    result = enl_spawn(how, &child);
    running = child;
    if (result == 0) {
        (void)sigaction(SIGTERM, &action, NULL);
        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGHUP, &action, NULL);
    }
    (void)sigprocmask(SIG_UNBLOCK, &action.sa_mask, NULL);
    if (result < 0)
        return cannot_start(j, result);
    result = enl_child_wait(child, until, status);
    if (result == -ECANCELED) { /* told to end: so is it, once; then it may take its grace */
        enl_child_interrupt_clear(child);
        (void)enl_child_signal(child, passed, ENL_CHILD_TREE);
        result = enl_child_wait(child, enl_in_ns(j->grace_ns), status);
        if (result == -ETIMEDOUT || result == -ECANCELED) {
            enl_child_interrupt_clear(child);
            result = enl_child_end(child, ENL_CHILD_TREE, ENL_NOW, status);
        }
    } else if (result == -ETIMEDOUT) {
        j->late = true;
        result = enl_child_end(child, ENL_CHILD_TREE, enl_in_ns(j->grace_ns), status);
    }
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGHUP, SIG_DFL);
    if (result < 0)
        (void)report_failure("%s", enl_error_text());
    enl_child_close(child);
    return result < 0 ? EXIT_REFUSED : EXIT_SUCCESS;
}

/* As the library takes it: at least 1, for 0 is its own choice. */
static uint32_t grace_ms(const struct job *j)
{
    int64_t ms = j->grace_ns / 1000000 + 1;

    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* With a limit its output goes through us. */
static int run_limited(struct job *j, const struct enl_spawn *how, struct enl_status *status)
{
    const struct enl_run_input input = {.limit_bytes = j->limit, .grace_ms = grace_ms(j)};
    enl_deadline until = j->timeout_ns > 0 ? enl_in_ns(j->timeout_ns) : ENL_FOREVER;
    struct enl_run_output out;
    int result = enl_run(how, &input, until, &out);

    if (result < 0 && result != -ETIMEDOUT && result != -EFBIG)
        return cannot_start(j, result);
    j->late = result == -ETIMEDOUT;
    j->over = result == -EFBIG;
    (void)fwrite(out.output, 1, out.output_size, stdout);
    (void)fflush(stdout);
    (void)fwrite(out.error, 1, out.error_size, stderr);
    *status = out.status;
    enl_run_free(&out);
    return EXIT_SUCCESS;
}

static const char *const change_words[] = {
    [ENL_EXITED] = "exited", [ENL_KILLED] = "killed", [ENL_DUMPED] = "dumped"};

static void tell(const struct job *j, const struct enl_status *s)
{
    char text[ENL_STATUS_TEXT_MAX], user[QUANTITY_SIZE], system[QUANTITY_SIZE];

    if (j->json)
        (void)fprintf(stderr,
                      "{\"change\": \"%s\", \"number\": %d, \"timeout\": %s, \"limit\": %s, "
                      "\"user_ns\": %lld, \"system_ns\": %lld, \"largest_bytes\": %llu}\n",
                      change_words[s->change], (int)s->number, j->late ? "true" : "false",
                      j->over ? "true" : "false", (long long)s->user_ns, (long long)s->system_ns,
                      (unsigned long long)s->largest_bytes);
    else if (j->words)
        report_note("%s%s%s, %s user, %s system, %llu KiB at most",
                    enl_status_text(s, text, sizeof text), j->late ? " at the deadline" : "",
                    j->over ? " above the limit" : "", quantity_duration(user, (double)s->user_ns),
                    quantity_duration(system, (double)s->system_ns),
                    (unsigned long long)s->largest_bytes / 1024);
}

static int start(struct job *j)
{
    const struct enl_spawn how = {.argv = j->argv,
                                  .directory = j->directory,
                                  .give = j->give,
                                  .give_count = j->link_count,
                                  .flags = ENL_SPAWN_DIES_WITH_PARENT};
    struct enl_status status = {0};
    int result = j->limit > 0 ? run_limited(j, &how, &status) : run_beside(j, &how, &status);

    if (result != EXIT_SUCCESS)
        return result;
    tell(j, &status);
    if (j->late)
        return EXIT_LATE;
    if (j->over)
        return EXIT_OVER;
    return status.change == ENL_EXITED ? status.number : 128 + status.number;
}

static int run(struct arguments *a)
{
    struct job j = {.grace_ns = 1000000000};
    const char *value;
    int status = EXIT_SUCCESS;
    int id = OPTIONS_STOP;

    while (status == EXIT_SUCCESS && (id = options_next(a, &value)) != OPTIONS_END &&
           id != OPTIONS_STOP)
        status = take_option(&j, id, value);
    if (id == OPTIONS_STOP)
        status = a->status;
    else if (status == EXIT_SUCCESS && a->operands == 0)
        status = report_misuse("no command given: enlace run [OPTION...] -- COMMAND");
    else if (status == EXIT_SUCCESS) {
        a->words[a->operands] = NULL; /* argv has room: it ends with NULL itself */
        j.argv = (const char *const *)a->words;
        status = start(&j);
    }
    for (size_t i = 0; i < j.link_count; i++) {
        enl_close(j.give[i].link);
        free((void *)(uintptr_t)j.give[i].name);
    }
    /* every name is one of link_count; the analyzer does not follow that far */
    return status; /* NOLINT(clang-analyzer-unix.Malloc) */
}

const struct verb verb_run = {
    .name = "run",
    .operands = "-- COMMAND [ARGUMENT...]",
    .summary = "run a command with a deadline, limits and links",
    .about = "Runs COMMAND and exits with its status; 128 and the signal's number if one\n"
             "killed it, 124 at the timeout, 125 above the limit, 126 if it cannot be\n"
             "executed, 127 if it is not there. It dies with this command, however that\n"
             "ends. SIGINT, SIGTERM and SIGHUP are passed on.\n",
    .options = options,
    .run = run,
};
