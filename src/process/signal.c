/* SPDX-License-Identifier: MIT */
/* What each signal is, and alarms. */
#include "base/error.h"
#include "base/signal_name.h"
#include "kernel/timer.h"
#include "process/signal_info.h"

#include <enlace/signal.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Those that do something else than to end a process, by name: numbers differ between machines. */
static const struct {
    const char *name;
    enum enl_action action;
} actions[] = {
    {"QUIT", ENL_ACTION_CORE},   {"ILL", ENL_ACTION_CORE},   {"TRAP", ENL_ACTION_CORE},
    {"ABRT", ENL_ACTION_CORE},   {"BUS", ENL_ACTION_CORE},   {"FPE", ENL_ACTION_CORE},
    {"SEGV", ENL_ACTION_CORE},   {"XCPU", ENL_ACTION_CORE},  {"XFSZ", ENL_ACTION_CORE},
    {"SYS", ENL_ACTION_CORE},    {"STOP", ENL_ACTION_STOP},  {"TSTP", ENL_ACTION_STOP},
    {"TTIN", ENL_ACTION_STOP},   {"TTOU", ENL_ACTION_STOP},  {"CONT", ENL_ACTION_CONTINUE},
    {"CHLD", ENL_ACTION_IGNORE}, {"URG", ENL_ACTION_IGNORE}, {"WINCH", ENL_ACTION_IGNORE},
};

static int parse(const char *name)
{
    return signal_name_parse(name, strlen(name));
}

static bool is_known(int number)
{
    char text[SIGNAL_NAME_ROOM];

    (void)snprintf(text, sizeof text, "%d", number);
    return number > 0 && parse(text) == number;
}

static bool can_change(int number)
{
    return number != SIGKILL && number != SIGSTOP;
}

enl_signals signal_all(void)
{
    enl_signals set = 0;

    for (int number = 1; number <= SIGNAL_NUMBER_MAX; number++)
        if (is_known(number) && can_change(number))
            set |= ENL_SIGNAL(number);
    return set;
}

int enl_signal_describe(int number, struct enl_signal_kind *ret_signal)
{
    if (ret_signal == NULL)
        return error_set(-EINVAL, "there is no room for the description");
    if (!is_known(number))
        return error_set(-EINVAL, "%d is no signal that a program can use", number);
    *ret_signal = (struct enl_signal_kind){
        .number = number,
        .action = ENL_ACTION_END,
        .can_change = can_change(number),
        .queues = signal_name_is_realtime(number),
    };
    (void)signal_name_format(ret_signal->name, number);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (parse(actions[i].name) == number)
            ret_signal->action = actions[i].action;
    return 0;
}

int enl_signal_number(const char *name)
{
    int number = name == NULL ? 0 : parse(name);

    return number > 0 ? number
                      : error_set(-EINVAL, "\"%s\" is no signal: TERM, SIGTERM, RTMIN+1 or 15 are",
                                  name == NULL ? "" : name);
}

int enl_alarm(enl_deadline first, int64_t interval_ns, int *ret_fd)
{
    int result;

    if (first == ENL_FOREVER || interval_ns < 0 || ret_fd == NULL)
        return error_set(-EINVAL,
                         "an alarm needs a first moment, and an interval that is not negative");
    result = timer_create_fd(first, interval_ns, ret_fd);
    return result < 0 ? error_set(result, "no alarm: %s", strerror(-result)) : 0;
}
