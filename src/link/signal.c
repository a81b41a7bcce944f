/* SPDX-License-Identifier: MIT */
/* signal: signals as messages: their number is the type, their value the data.
 *
 * Receiving blocks them for the thread that opens the link, and takes them one by one. The kernel hands a signal to
 * whoever of the process asks first, so each belongs to at most one link of a process; and to a thread that does not
 * block it, so there must be none. Sending is to one process, held by a descriptor. */
#include "kernel/signals.h"

#include "base/choice.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/signal_name.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "link/link.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MOST 512 /* bytes */
#define PID_MOST 4194304
/* The kernel tells nobody that there is room for signals again: then a sender looks again after so long. */
#define LOOK_NS 1000000

#define FULL                                                                                       \
    "as many signals wait for that user's processes as its RLIMIT_SIGPENDING allows (ulimit -i): " \
    "let them receive some, or raise it"

struct signal_names {
    unsigned count;
    int numbers[SIGNAL_NUMBER_MAX];
};

struct signal_link {
    struct signal_names names;
    uint64_t set;
    bool receives;
    bool sends;
    /* of those who receive */
    bool details;
    bool selective; /* the last receive looked for `wanted` alone, and found none */
    uint64_t wanted;
    int wanted_fd; /* readable while one of them waits; -1: never needed yet */
    struct signal_mask mask;
    /* of those who send */
    struct signal_target target;
};

/* Which signals a link of this process receives: two for one signal would take each other's. A global, for it is
 * the process that has signals. */
static atomic_bool received_here[SIGNAL_NUMBER_MAX + 1];

static_assert(sizeof(struct enl_signal) == 64, "programs of both widths share it");

static const struct address_option signal_options[] = {
    {.name = "pid", .kind = ADDRESS_NUMBER, .least = 1, .most = PID_MOST, .preset = 0},
    {.name = "details", .kind = ADDRESS_FLAG},
    {.name = NULL},
};

/* ---- addresses -------------------------------------------------------------------------------------------- */

static int refuse_name(const char *name, size_t size, unsigned place)
{
    char shown[40];
    struct choice c;

    if (size == 0)
        return error_set(-EINVAL, "signal: name number %u is missing: signal:USR1,RTMIN+2", place);
    choice_init(&c, name, size);
    signal_name_choices(&c);
    return error_set(-EINVAL,
                     "signal: name number %u, \"%s\", is no signal that programs may use%s; there "
                     "are %s, RTMIN+1 to RTMAX, and their numbers",
                     place, printable(shown, sizeof shown, name, size), choice_hint(&c), c.list);
}

static int add_name(const struct address *a, const char *name, size_t size,
                    struct signal_names *names)
{
    int number = signal_name_parse(name, size);
    unsigned place = names->count + 1;
    char text[SIGNAL_NAME_ROOM];

    if (number == 0)
        return refuse_name(name, size, place);
    (void)signal_name_format(text, number);
    for (unsigned i = 0; i < names->count; i++)
        if (names->numbers[i] == number)
            return error_set(-EINVAL, "signal: names number %u and %u are both %s", i + 1, place,
                             text);
    if (!address_given(a, "pid") && (number == SIGKILL || number == SIGSTOP))
        return error_set(-EINVAL,
                         "signal: name number %u: %s cannot be received, for the kernel lets no "
                         "process block it",
                         place, text);
    names->numbers[names->count++] = number;
    return 0;
}

static int parse_names(const struct address *a, struct signal_names *ret_names)
{
    struct signal_names names = {.count = 0};
    const char *name = a->name;

    for (;;) {
        size_t size = strcspn(name, ",");
        int result = add_name(a, name, size, &names);

        if (result < 0)
            return result;
        if (name[size] == '\0')
            break;
        name += size + 1;
    }
    *ret_names = names;
    return 0;
}

static int signal_describe(const struct address *a, struct enl_caps *caps)
{
    struct signal_names names;
    bool all_queue = true;
    int result = parse_names(a, &names);

    if (result < 0)
        return result;
    if (address_given(a, "pid") && address_value(a, "details") != 0)
        return error_set(-EINVAL, "signal: details is for those who receive: without pid=");
    for (unsigned i = 0; i < names.count; i++)
        all_queue = all_queue && signal_name_is_realtime(names.numbers[i]);
    if (all_queue)
        caps->can &= ~(uint32_t)ENL_CAN_MERGE;
    if (names.count > 1) {
        caps->can &= ~(uint32_t)ENL_CAN_ORDER; /* the lowest number comes first */
        caps->can |= ENL_CAN_TYPES;
    }
    if (address_value(a, "details") != 0)
        caps->largest_message = sizeof(struct enl_signal);
    return 0;
}

/* ---- receiving ---------------------------------------------------------------------------------------------- */

static bool matches(const struct enl_match *match, int number)
{
    switch (match->kind) {
    case ENL_MATCH_TYPE:
        return number == match->type;
    case ENL_MATCH_UP_TO:
        return number <= match->type;
    case ENL_MATCH_ALL_BUT:
        return number != match->type;
    case ENL_MATCH_ANY:
        break;
    }
    return true;
}

static void select_signals(struct signal_link *s, const struct enl_match *match)
{
    s->selective = match != NULL && match->kind != ENL_MATCH_ANY;
    if (!s->selective)
        return;
    s->wanted = 0;
    for (unsigned i = 0; i < s->names.count; i++)
        if (matches(match, s->names.numbers[i]))
            s->wanted |= SIGNAL_BIT(s->names.numbers[i]);
}

static size_t data_size(const struct signal_link *s)
{
    return s->details ? sizeof(struct enl_signal) : sizeof(uintptr_t);
}

static void write_details(const struct signal_facts *facts, struct enl_signal *to)
{
    *to = (struct enl_signal){
        .number = facts->number,
        .code = facts->code,
        .value = facts->value,
        .pid = facts->pid,
        .uid = facts->uid,
        .status = facts->status,
        .fd = facts->fd,
        .band = facts->band,
        .timer = facts->timer,
        .overrun = facts->overrun,
        .address = facts->address,
    };
}

/* Whether the kernel itself says who it was. */
static bool is_vouched(const struct signal_facts *facts)
{
    return facts->code >= 0 || facts->code == SI_TKILL;
}

static ssize_t give(const struct signal_link *s, const struct signal_facts *facts,
                    struct enl_message *m)
{
    uintptr_t value = (uintptr_t)facts->value;
    size_t size = data_size(s);
    struct enl_signal details;
    const void *from = &value;

    if (s->details) {
        write_details(facts, &details);
        from = &details;
    }
    m->full_size = size;
    if (size > m->capacity) {
        size = m->capacity;
        m->flags |= ENL_TRUNCATED;
    }
    memcpy(m->data, from, size);
    m->size = size;
    m->type = facts->number;
    m->sender = (struct enl_peer){0};
    if (is_vouched(facts) && facts->pid != 0)
        m->sender = (struct enl_peer){.pid = facts->pid, .uid = facts->uid, .gid = UINT32_MAX};
    return (ssize_t)size;
}

static ssize_t signal_receive(struct enl_link *l, const struct enl_match *match,
                              struct enl_message *m, bool may_block)
{
    struct signal_link *s = link_state(l);
    struct signal_facts facts;
    uint64_t set;
    int result;

    select_signals(s, match);
    set = s->selective ? s->wanted : s->set;
    if (m->capacity < data_size(s) && (m->flags & ENL_TRUNCATE) == 0)
        return signal_pending(set) == 0 ? -EAGAIN : link_too_large(data_size(s), m->capacity);
    result = signal_take(set, &l->interrupt, may_block, &facts);
    if (result == -EAGAIN || result == -EINTR)
        return result;
    if (result < 0)
        return error_set(result, "the kernel gives no signals: %s", strerror(-result));
    return give(s, &facts, m);
}

static ssize_t signal_receive_many(struct enl_link *l, struct enl_message m[], size_t count)
{
    const struct signal_link *s = link_state(l);
    struct signal_facts facts[SIGNAL_BATCH];
    ssize_t received;
    size_t fit = 0;

    while (fit < count && fit < SIGNAL_BATCH && m[fit].capacity >= data_size(s))
        fit++;
    received = fit == 0 ? 0 : signal_take_many(l->fd, facts, fit);
    for (ssize_t i = 0; i < received; i++)
        (void)give(s, &facts[i], &m[i]);
    return received;
}

/* ---- sending ------------------------------------------------------------------------------------------------ */

/* The signal that a message is sent as: of its type, or the first one of the address. */
static int number_of(const struct signal_link *s, const struct enl_message *m)
{
    if (m->type == 0)
        return s->names.numbers[0];
    for (unsigned i = 0; i < s->names.count; i++)
        if (s->names.numbers[i] == m->type)
            return s->names.numbers[i];
    return error_set(-EINVAL, "type %lld is none of the signals in the link's address",
                     (long long)m->type);
}

static ssize_t signal_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    const struct signal_link *s = link_state(l);
    int number = number_of(s, m);
    uintptr_t value;
    int result;

    (void)may_block; /* the kernel's call never waits */
    if (number < 0)
        return number;
    memcpy(&value, m->data, sizeof value);
    result = signal_target_send(&s->target, number, value);
    if (result == 0)
        return sizeof value;
    if (result == -EAGAIN || result == -EINTR)
        return result;
    if (result == -ESRCH)
        return error_note(-EPIPE, "the process has ended: nobody is left to receive");
    return error_set(result, "process %d does not take the signal: %s", s->target.pid,
                     strerror(-result));
}

/* ---- waiting and asking ------------------------------------------------------------------------------------ */

static int wait_for_room(struct enl_link *l, enl_deadline until)
{
    struct interrupt *who[] = {&l->interrupt};
    int64_t soon = clock_now_ns() + LOOK_NS;
    struct pollfd none[1];
    int result = wait_for(none, 0, who, 1, soon < until ? soon : until);

    if (result == -ETIMEDOUT)
        return soon < until ? 0 : error_note(-ETIMEDOUT, FULL);
    return result;
}

static int signal_wait(struct enl_link *l, unsigned events, enl_deadline until)
{
    struct signal_link *s = link_state(l);
    struct interrupt *who[] = {&l->interrupt};
    struct pollfd fds[2] = {{.fd = l->fd, .events = POLLIN}};
    int result;

    if (s->sends)
        return wait_for_room(l, until);
    (void)events; /* it receives */
    if (s->selective) {
        result = signal_fd(s->wanted, s->wanted_fd, &s->wanted_fd);
        if (result < 0)
            return error_set(result, "no descriptor to wait for some of the signals: %s",
                             strerror(-result));
        fds[0].fd = s->wanted_fd;
    }
    result = wait_for(fds, 1, who, 1, until);
    return result > 0 ? 0 : result;
}

/* How many of the ordinary ones wait is known, for each waits once; of the others only whether any does. */
static int signal_stat(struct enl_link *l, struct enl_stat *stat)
{
    const struct signal_link *s = link_state(l);
    uint64_t waiting = 0;
    uint64_t pending;

    if (!s->receives)
        return 0;
    pending = signal_pending(s->set);
    for (unsigned i = 0; i < s->names.count; i++) {
        if ((pending & SIGNAL_BIT(s->names.numbers[i])) == 0)
            continue;
        if (signal_name_is_realtime(s->names.numbers[i]))
            return 0;
        waiting++;
    }
    stat->queued_messages = waiting;
    stat->queued_bytes = waiting * data_size(s);
    return 0;
}

static int signal_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    const struct signal_link *s = link_state(l);
    bool pending;
    int result = signal_target_pending(&s->target, s->set, &pending);

    if (result == -ESRCH)
        return link_broken();
    if (result < 0)
        return error_set(-ENOTSUP, "/proc does not tell which signals wait for process %d: %s",
                         s->target.pid, strerror(-result));
    *ret_bytes = pending ? sizeof(uintptr_t) : 0;
    return 0;
}

/* ---- opening and closing ------------------------------------------------------------------------------------ */

static void release(const int numbers[], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        atomic_store(&received_here[numbers[i]], false);
}

static int claim(const struct signal_names *names, unsigned flags)
{
    char text[SIGNAL_NAME_ROOM];

    for (unsigned i = 0; i < names->count; i++) {
        if (!atomic_exchange(&received_here[names->numbers[i]], true))
            continue;
        release(names->numbers, i);
        return error_set((flags & ENL_EXCLUSIVE) != 0 ? -EEXIST : -EADDRINUSE,
                         "a link of this process receives %s already; two would take each other's",
                         signal_name_format(text, names->numbers[i]));
    }
    return 0;
}

static int check_threads(uint64_t set)
{
    char text[SIGNAL_NAME_ROOM];
    int thread, number;

    if (!signal_finds_open_thread(set, &thread, &number))
        return 0;
    return error_set(-EBUSY,
                     "thread %d of this process does not block %s, and would get it instead: open "
                     "the link before other threads start, or block it in them (pthread_sigmask)",
                     thread, signal_name_format(text, number));
}

static int open_to_receive(struct enl_link *l, unsigned flags)
{
    struct signal_link *s = link_state(l);
    int result = claim(&s->names, flags);

    if (result < 0)
        return result;
    signal_mask_add(s->set, &s->mask);
    result = check_threads(s->set);
    if (result == 0)
        result = signal_fd(s->set, -1, &l->fd);
    if (result < 0) {
        signal_mask_restore(&s->mask, false);
        release(s->names.numbers, s->names.count);
        return result;
    }
    s->wanted_fd = -1;
    s->receives = true;
    link_allow_blocking(l, -1);
    return 0;
}

/* What is polled for those who send is an event that is never set: there is room, as far as anybody can tell. */
static int open_to_send(struct enl_link *l, int32_t pid)
{
    struct signal_link *s = link_state(l);
    int result = signal_target_open(pid, &s->target);

    if (result == -ESRCH)
        return error_set(-ENOENT, "there is no process %d", pid);
    if (result == -EPERM)
        return error_set(-EPERM,
                         "process %d is another user's: it takes signals from its own user, and "
                         "from those with CAP_KILL",
                         pid);
    if (result < 0)
        return result;
    result = event_create(&l->fd);
    if (result < 0) {
        signal_target_close(&s->target);
        return result;
    }
    s->sends = true;
    return 0;
}

static int signal_open(struct enl_link *l, const struct address *a, unsigned flags,
                       enl_deadline until)
{
    struct signal_link *s = link_state(l);
    bool to_process = address_given(a, "pid");
    int result = parse_names(a, &s->names);

    (void)until; /* nothing here takes time */
    if (result < 0)
        return result;
    if (l->access == (ENL_READ | ENL_WRITE))
        return error_set(-ENOTSUP, "signals go one way (duplex): open signal:NAMES with ENL_READ, "
                                   "and another link with pid= and ENL_WRITE");
    if (l->access == ENL_READ && to_process)
        return error_set(-EINVAL, "pid= says whom to send to: with ENL_WRITE; this process "
                                  "receives without it");
    if (l->access == ENL_WRITE && !to_process)
        return error_set(-EINVAL, "signals are sent to a process: signal:%s?pid=N", a->name);
    for (unsigned i = 0; i < s->names.count; i++)
        s->set |= SIGNAL_BIT(s->names.numbers[i]);
    s->details = address_value(a, "details") != 0;
    return to_process ? open_to_send(l, (int32_t)address_value(a, "pid"))
                      : open_to_receive(l, flags);
}

static void signal_close(struct enl_link *l)
{
    struct signal_link *s = link_state(l);

    if (s->receives) {
        signal_mask_restore(&s->mask, true);
        release(s->names.numbers, s->names.count);
        descriptor_close(s->wanted_fd);
    }
    if (s->sends)
        signal_target_close(&s->target);
    s->receives = s->sends = false;
    descriptor_close(l->fd);
    l->fd = -1;
}

static const struct link_ops signal_ops = {
    .send = signal_send,
    .receive = signal_receive,
    .receive_many = signal_receive_many,
    .wait = signal_wait,
    .full = FULL,
    .unreceived = signal_unreceived,
    .stat = signal_stat,
    .close = signal_close,
};

const struct link_driver signal_driver = {
    .face = {.scheme = "signal",
             .syntax = "signal:NAME,NAME",
             .summary = "signals of a process, with a value each",
             .options = "pid details",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_FIXED_SIZE |
                             ENL_CAN_MERGE | ENL_CAN_POLL,
                      .meet = ENL_MEET_OPEN,
                      .reach = ENL_REACH_MACHINE,
                      .senders = ENL_MANY,
                      .receivers = 1,
                      .largest_message = sizeof(uintptr_t),
                      .capacity = ENL_UNKNOWN}},
    .address = {.scheme = "signal",
                .syntax = "signal:NAME,NAME",
                .name = ADDRESS_NAME_NEEDED,
                .name_most = NAMES_MOST,
                .options = signal_options},
    .ops = &signal_ops,
    .state_size = sizeof(struct signal_link),
    .describe = signal_describe,
    .open = signal_open,
};
