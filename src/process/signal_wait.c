/* SPDX-License-Identifier: MIT */
/* Sets of signals by their names, the mask of a thread, what waits, and sending. */
#include "base/error.h"
#include "base/signal_name.h"
#include "kernel/thread.h"
#include "process/signal_info.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- sets ------------------------------------------------------------------------------------------------ */

static int add_name(const char *name, size_t size, enl_signals *set)
{
    int number = signal_name_parse(name, size);

    if (number == 0)
        return error_set(-EINVAL,
                         "\"%.*s\" is no signal: names have commas between them, as TERM,INT",
                         (int)size, name);
    *set |= ENL_SIGNAL(number);
    return 0;
}

int enl_signals_parse(const char *names, enl_signals *ret_set)
{
    enl_signals set = 0;
    int result = 0;

    if (ret_set == NULL)
        return error_set(-EINVAL, "there is no room for the set");
    if (names != NULL && strcmp(names, "all") == 0) {
        *ret_set = signal_all();
        return 0;
    }
    while (names != NULL && *names != '\0' && result == 0) {
        size_t size = strcspn(names, ",");

        result = add_name(names, size, &set);
        names += size;
        if (*names == ',' && *++names == '\0' && result == 0)
            result = error_set(-EINVAL, "there is no signal after the last comma");
    }
    if (result == 0)
        *ret_set = set;
    return result;
}

const char *enl_signals_text(enl_signals set, char *text, size_t size)
{
    char name[SIGNAL_NAME_ROOM];
    size_t used = 0;

    if (text == NULL || size == 0)
        return "";
    text[0] = '\0';
    for (int number = 1; number <= SIGNAL_NUMBER_MAX && used < size; number++)
        if ((set & ENL_SIGNAL(number)) != 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "," : "",
                                     signal_name_format(name, number));
    return text;
}

/* ---- the mask -------------------------------------------------------------------------------------------- */

static int parse_blockable(const char *names, enl_signals *ret_set)
{
    enl_signals set = 0;
    int result = enl_signals_parse(names, &set);

    if (result == 0 && (set & ~signal_all()) != 0)
        return error_set(-EINVAL, "nobody can block KILL and STOP");
    if (result == 0)
        *ret_set = set;
    return result;
}

static int change_mask(enum signal_change change, const char *names, enl_signals *ret_before)
{
    enl_signals set = 0, before;
    int result = parse_blockable(names, &set);

    if (result < 0)
        return result;
    before = signal_mask_change(change, set);
    if (ret_before != NULL)
        *ret_before = before;
    return 0;
}

int enl_signal_block(const char *names, enl_signals *ret_before)
{
    return change_mask(SIGNAL_BLOCK, names, ret_before);
}

int enl_signal_unblock(const char *names, enl_signals *ret_before)
{
    return change_mask(SIGNAL_UNBLOCK, names, ret_before);
}

int enl_signal_mask(enl_signals set)
{
    (void)signal_mask_change(SIGNAL_EXACTLY, set);
    return 0;
}

enl_signals enl_signal_pending(void)
{
    return signal_pending(UINT64_MAX);
}

/* ---- waiting --------------------------------------------------------------------------------------------- */

void signal_fill_info(const struct signal_facts *facts, struct enl_signal_info *ret_info)
{
    *ret_info = (struct enl_signal_info){
        .number = facts->number,
        .code = facts->code,
        .pid = facts->pid,
        .uid = facts->uid,
        .value = (intptr_t)facts->value,
        .status = facts->status,
        .fd = facts->fd,
    };
}

static int check_blocked(enl_signals set)
{
    enl_signals open = set & ~signal_mask_change(SIGNAL_BLOCK, 0);
    char text[ENL_SIGNALS_TEXT_MAX];

    if (set == 0)
        return error_set(-EINVAL, "there is no signal to wait for");
    if (open != 0)
        return error_set(
            -EINVAL,
            "%s is not blocked by this thread, so one that comes now would have its effect: "
            "enl_signal_block first",
            enl_signals_text(open, text, sizeof text));
    return 0;
}

int enl_signal_wait(const char *names, enl_deadline until, struct enl_signal_info *ret_info)
{
    struct signal_facts facts;
    enl_signals set = 0;
    int result = parse_blockable(names, &set);

    if (result == 0)
        result = check_blocked(set);
    if (result < 0)
        return result;
    result = signal_take_until(set, until, &facts);
    if (result == -EAGAIN)
        return until == ENL_NOW ? error_note(-EAGAIN, "no such signal waits")
                                : error_note(-ETIMEDOUT, "no such signal came until the deadline");
    if (result < 0)
        return error_set(result, "cannot wait for signals: %s", strerror(-result));
    if (ret_info != NULL)
        signal_fill_info(&facts, ret_info);
    return facts.number;
}

/* ---- sending --------------------------------------------------------------------------------------------- */

/* The numbers that kill() takes for several are never passed on by accident. */
static int check_receiver(int number, enum enl_receiver to, int32_t id)
{
    struct enl_signal_kind kind;

    if (number != 0 && enl_signal_describe(number, &kind) < 0)
        return error_set(-EINVAL, "%d is no signal that a program can use", number);
    switch (to) {
    case ENL_TO_SELF:
        return id == 0 ? 0 : error_set(-EINVAL, "to itself a process needs no number; not %d", id);
    case ENL_TO_THREAD:
        return id >= 0 ? 0 : error_set(-EINVAL, "%d is no number of a thread", id);
    case ENL_TO_PROCESS:
        return id > 0 ? 0 : error_set(-EINVAL, "%d is no number of a process", id);
    case ENL_TO_GROUP: /* that of 1 would be everybody */
        return id >= 0 && id != 1 ? 0 : error_set(-EINVAL, "%d is no number of a group", id);
    }
    return error_set(-EINVAL, "there is no receiver %d", (int)to);
}

static int send_to(int number, enum enl_receiver to, int32_t id, const uint64_t *value)
{
    static const char *const whom[] = {"this process", "thread", "process", "group"};
    static const enum signal_receiver receivers[] = {
        [ENL_TO_SELF] = SIGNAL_TO_PROCESS,
        [ENL_TO_THREAD] = SIGNAL_TO_THREAD,
        [ENL_TO_PROCESS] = SIGNAL_TO_PROCESS,
        [ENL_TO_GROUP] = SIGNAL_TO_GROUP,
    };
    int result = check_receiver(number, to, id);

    if (result < 0)
        return result;
    if (to == ENL_TO_SELF)
        id = thread_process();
    if (to == ENL_TO_THREAD && id == 0)
        id = signal_this_thread();
    result = signal_send_number(receivers[to], id, number, value);
    return result < 0 ? error_set(result, "cannot send signal %d to %s %d: %s", number, whom[to],
                                  (int)id, strerror(-result))
                      : 0;
}

int enl_signal_send(int number, enum enl_receiver to, int32_t id)
{
    return send_to(number, to, id, NULL);
}

int enl_signal_send_value(int number, enum enl_receiver to, int32_t id, intptr_t value)
{
    uint64_t bits = (uint64_t)value;

    if (to == ENL_TO_GROUP)
        return error_set(-ENOTSUP, "the kernel sends no value to a group");
    return send_to(number, to, id, &bits);
}
