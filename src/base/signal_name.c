/* SPDX-License-Identifier: MIT */
/* The names of signals. */
#include "base/signal_name.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* In the order of their numbers on most machines; a second name of a number comes after the first. */
static const struct {
    const char *name;
    int number;
} names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},     {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT}, {"IOT", SIGABRT},      {"BUS", SIGBUS},
    {"FPE", SIGFPE},       {"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},     {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM},
#ifdef SIGSTKFLT
    {"STKFLT", SIGSTKFLT},
#endif
    {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},  {"CONT", SIGCONT},     {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
    {"XCPU", SIGXCPU},     {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},
    {"WINCH", SIGWINCH},   {"IO", SIGIO},     {"POLL", SIGIO},       {"PWR", SIGPWR},
    {"SYS", SIGSYS},
};

#define NAME_COUNT (sizeof names / sizeof names[0])

/* A number of at most three digits, of the whole text; -1 if it is none. */
static int parse_number(const char *text, size_t size)
{
    int number = 0;

    if (size == 0 || size > 3)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* "+2" behind RTMIN, "-2" behind RTMAX, or nothing. */
static int parse_realtime(const char *text, size_t size)
{
    int from = strncasecmp(text, "RTMIN", 5) == 0 ? SIGRTMIN : SIGRTMAX;
    char sign = from == SIGRTMIN ? '+' : '-';
    int steps;

    if (size == 5)
        return from;
    steps = text[5] == sign ? parse_number(text + 6, size - 6) : -1;
    if (steps < 0 || steps > SIGRTMAX - SIGRTMIN)
        return 0;
    return sign == '+' ? from + steps : from - steps;
}

static bool is_known(int number)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].number == number)
            return true;
    return signal_name_is_realtime(number);
}

int signal_name_parse(const char *text, size_t size)
{
    int number = parse_number(text, size);

    if (number >= 0)
        return is_known(number) ? number : 0;
    if (size > 3 && strncasecmp(text, "SIG", 3) == 0) {
        text += 3;
        size -= 3;
    }
    if (size >= 5 && (strncasecmp(text, "RTMIN", 5) == 0 || strncasecmp(text, "RTMAX", 5) == 0))
        return parse_realtime(text, size);
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (strlen(names[i].name) == size && strncasecmp(names[i].name, text, size) == 0)
            return names[i].number;
    return 0;
}

const char *signal_name_format(char buffer[SIGNAL_NAME_ROOM], int number)
{
    (void)snprintf(buffer, SIGNAL_NAME_ROOM, "%d", number);
    if (number == SIGRTMIN)
        (void)snprintf(buffer, SIGNAL_NAME_ROOM, "RTMIN");
    else if (signal_name_is_realtime(number))
        (void)snprintf(buffer, SIGNAL_NAME_ROOM, "RTMIN+%d", number - SIGRTMIN);
    for (size_t i = NAME_COUNT; i-- > 0;)
        if (names[i].number == number) /* of two names the first one stays */
            (void)snprintf(buffer, SIGNAL_NAME_ROOM, "%s", names[i].name);
    return buffer;
}

bool signal_name_is_realtime(int number)
{
    return number >= SIGRTMIN && number <= SIGRTMAX;
}

void signal_name_choices(struct choice *c)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (i == 0 || names[i].number != names[i - 1].number)
            choice_add(c, names[i].name);
    choice_add(c, "RTMIN");
    choice_add(c, "RTMAX");
}
