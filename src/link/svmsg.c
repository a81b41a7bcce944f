/* SPDX-License-Identifier: MIT */
/* svmsg: System V message queues: a key, whole messages, each with a type by which receivers choose.
 *
 * The kernel gives them neither a descriptor nor a timeout. A lone thread that waits without a deadline sleeps in
 * the kernel's call; what ends it is, for a send, an argument that an interrupt makes invalid, and for a receive,
 * which has none in memory, kernel/guarded.h. Any other wait looks again and again: at first it lets others run in
 * between, then it pauses for a part of the time that it has waited, up to a bound. For poll() a thread looks, if the
 * address asks for it. */
#include "kernel/svmsg.h"

#include "base/error.h"
#include "base/svname.h"
#include "kernel/clock.h"
#include "kernel/guarded.h"
#include "kernel/holders.h"
#include "kernel/memory.h"
#include "kernel/svmsg_watch.h"
#include "kernel/thread.h"
#include "link/link.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define EAGER_NS 30000 /* so long others are let run, and nothing more */
#define PAUSE_LEAST_NS 20000
#define PAUSE_MOST_NS 2000000
#define PAUSE_PART 8 /* of the time waited: so much later than it came a message may be seen */
/* Where all processors are busy, one yield gives a whole turn away, to whoever needs it least: a wait in which that
 * happens yields no more, nor do the next ones, each time twice as many. A sleeper is let in when it wakes. */
#define YIELD_SLOW_NS 300000
#define SHY_LEAST 8
#define SHY_MOST 512
#define MESSAGE_MOST (1u << 30)

/* Of the waits of one direction. */
struct patience {
    int64_t since_ns;  /* of this wait, which may be many looks; 0: the next look is its first */
    unsigned shy;      /* so many waits do not yield */
    unsigned shy_next; /* and so many after the next slow yield */
};

struct svmsg_link {
    int id;
    size_t room;               /* bytes of the largest message */
    struct svmsg_message *in;  /* so much room, of those who receive */
    struct svmsg_message *out; /* and of those who send */
    struct patience receiving;
    struct patience sending;
    bool has_no_key;
    struct holder holder; /* of a queue without a key: the last to let go removes it */
    struct svmsg_watch *watch;
};

/* ---- addresses -------------------------------------------------------------------------------------------- */

static const struct address_option svmsg_options[] = {
    {.name = "mode", .kind = ADDRESS_MODE, .least = 0, .most = 0777, .preset = 0600},
    {.name = "message", .kind = ADDRESS_SIZE, .least = 1, .most = MESSAGE_MOST, .preset = 0},
    {.name = "capacity", .kind = ADDRESS_SIZE, .least = 1, .most = MESSAGE_MOST, .preset = 0},
    {.name = "pollable", .kind = ADDRESS_FLAG, .preset = 0},
    {.name = NULL},
};

/* Whether the name can be one; asks for no file yet. */
static int check_name(const struct address *a)
{
    struct svname name;

    return svname_parse(a, "queue", &name);
}

static int key_of(const struct address *a, int32_t *ret_key)
{
    struct svname name;
    int result = svname_parse(a, "queue", &name);

    if (result < 0)
        return result;
    if (name.path[0] == '\0') {
        *ret_key = name.key;
        return 0;
    }
    result = svmsg_key(name.path, name.number, ret_key);
    if (result < 0)
        return error_set(result, "svmsg:%s: no key without the file %s: %s", a->name, name.path,
                         strerror(-result));
    return *ret_key != 0 ? 0
                         : error_set(-EINVAL,
                                     "svmsg:%s: the key of this path and number is 0, which is no "
                                     "key",
                                     a->name);
}

static int svmsg_describe(const struct address *a, struct enl_caps *caps)
{
    struct svmsg_limits limits;

    svmsg_limits(&limits);
    caps->capacity = address_given(a, "capacity") ? address_value(a, "capacity") : limits.capacity;
    caps->largest_message = address_given(a, "message")       ? address_value(a, "message")
                            : limits.largest < caps->capacity ? limits.largest
                                                              : caps->capacity;
    if (caps->largest_message > limits.largest)
        return error_set(-EINVAL,
                         "message=%llu is above /proc/sys/kernel/msgmax, %zu: ask for less, or "
                         "raise it: sysctl kernel.msgmax=%llu",
                         (unsigned long long)caps->largest_message, limits.largest,
                         (unsigned long long)caps->largest_message);
    if (caps->largest_message > caps->capacity)
        return error_set(-EINVAL, "message=%llu is above what the queue holds: capacity=%llu",
                         (unsigned long long)caps->largest_message,
                         (unsigned long long)caps->capacity);
    if (address_value(a, "pollable") != 0)
        caps->can |= ENL_CAN_POLL;
    if (a->name_size == 0) {
        caps->meet = ENL_MEET_PAIR;
        caps->reach = ENL_REACH_RELATIVES;
        caps->can &= ~ENL_CAN_PERSISTENT;
        return 0;
    }
    caps->meet = ENL_MEET_OPEN;
    return check_name(a);
}

/* ---- waiting ---------------------------------------------------------------------------------------------- */

static void begin_anew(struct patience *p)
{
    p->since_ns = 0;
}

/* Whether it was done: then it is time for another look. */
static bool let_others_run(struct patience *p, int64_t now_ns)
{
    if (p->shy > 0 || now_ns - p->since_ns >= EAGER_NS)
        return false;
    thread_yield();
    if (clock_now_ns() - now_ns > YIELD_SLOW_NS) {
        p->shy_next = p->shy_next == 0 ? SHY_LEAST : p->shy_next;
        p->shy = p->shy_next;
        p->shy_next = p->shy_next * 2 < SHY_MOST ? p->shy_next * 2 : SHY_MOST;
    }
    return true;
}

/* Pauses: the caller then looks again, also when the deadline has passed meanwhile. */
static int svmsg_wait(struct enl_link *l, unsigned events, enl_deadline until)
{
    struct svmsg_link *s = link_state(l);
    struct patience *p = (events & ENL_READABLE) != 0 ? &s->receiving : &s->sending;
    struct interrupt *who[] = {&l->interrupt};
    struct pollfd none[1];
    int64_t now_ns = clock_now_ns();
    int64_t pause_ns;
    int result;

    if (until <= now_ns) {
        begin_anew(p);
        return error_note(-ETIMEDOUT, "the deadline passed");
    }
    if (p->since_ns == 0) {
        p->since_ns = now_ns;
        p->shy -= p->shy > 0;
    }
    if (let_others_run(p, now_ns))
        return 0;
    pause_ns = (now_ns - p->since_ns) / PAUSE_PART;
    pause_ns = pause_ns > PAUSE_LEAST_NS ? pause_ns : PAUSE_LEAST_NS;
    pause_ns = pause_ns < PAUSE_MOST_NS ? pause_ns : PAUSE_MOST_NS;
    result = wait_for(none, 0, who, 1, now_ns + pause_ns < until ? now_ns + pause_ns : until);
    if (result == -ETIMEDOUT)
        return 0;
    begin_anew(p);
    return result;
}

/* ---- messages --------------------------------------------------------------------------------------------- */

/* The descriptor tells at once what a call of this link's has changed. */
static void look(const struct svmsg_link *s)
{
    if (s->watch != NULL)
        svmsg_watch_look(s->watch);
}

static ssize_t explain(ssize_t result, const char *verb)
{
    switch (result) {
    case -EAGAIN:
    case -EINTR:
    case -EIDRM:
    case -EMSGSIZE:
    case -ENOSYS:
        return result; /* has its text, or needs none */
    case -EACCES:
        return error_set(-EACCES, "this user may not: see the queue's mode and owner");
    default:
        return result >= 0 ? result
                           : error_set((int)result, "the queue does not %s the message: %s", verb,
                                       strerror((int)-result));
    }
}

/* A handler that interrupts makes the type, which the kernel reads when the call begins, one that is none. */
static ssize_t send_waiting(struct enl_link *l, size_t size)
{
    struct svmsg_link *s = link_state(l);
    ssize_t result = interrupt_arm(&l->interrupt, (int64_t *)(void *)&s->out->type);

    if (result == 0)
        result = svmsg_send(s->id, s->out, size, &l->interrupt.raised);
    interrupt_disarm(&l->interrupt);
    return result == -ECANCELED ? -EINTR : result; /* link.c looks why */
}

static ssize_t svmsg_link_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    struct svmsg_link *s = link_state(l);
    ssize_t result;

    if (m->type < 0 || m->type > LONG_MAX)
        return error_set(-EINVAL, "type %lld is none: types are 1 to %ld, and 0 is sent as 1",
                         (long long)m->type, LONG_MAX);
    if (m->name_size > 0)
        return link_cannot(l, "send to a name");
    s->out->type = m->type == 0 ? 1 : (long)m->type;
    if (m->size > 0)
        memcpy(s->out->bytes, m->data, m->size);
    result = may_block ? send_waiting(l, m->size) : svmsg_send(s->id, s->out, m->size, NULL);
    if (result < 0)
        return explain(result, "take");
    begin_anew(&s->sending);
    look(s);
    return result;
}

static int select_by(const struct enl_match *match, struct svmsg_selector *ret_selector)
{
    if (match->kind == ENL_MATCH_ANY)
        return 0;
    if (match->type < 1 || match->type > LONG_MAX)
        return error_set(-EINVAL, "no message has the type %lld: they are 1 to %ld",
                         (long long)match->type, LONG_MAX);
    ret_selector->type = (long)(match->kind == ENL_MATCH_UP_TO ? -match->type : match->type);
    if (match->kind == ENL_MATCH_ALL_BUT)
        ret_selector->flags |= SVMSG_ALL_BUT;
    return 0;
}

static bool selects(const struct svmsg_selector *selector, long type)
{
    if ((selector->flags & SVMSG_ALL_BUT) != 0)
        return type != selector->type;
    if (selector->type < 0)
        return type <= -selector->type;
    return selector->type == 0 || type == selector->type;
}

/* The kernel does not say how large the message is that did not fit: it is looked for among those that wait.
 * Where that cannot be done, at least it has a byte more than there is room. */
static int refuse_large(struct svmsg_link *s, const struct svmsg_selector *selector, size_t size)
{
    size_t larger = size + 1;
    long lowest = LONG_MAX;
    ssize_t count = 0;

    for (size_t i = 0; count >= 0; i++) {
        count = svmsg_peek(s->id, i, s->in, s->room);
        if (count < 0 || !selects(selector, s->in->type) || s->in->type >= lowest)
            continue;
        larger = (size_t)count > size ? (size_t)count : larger;
        if (selector->type >= 0)
            break;
        lowest = s->in->type;
    }
    if (count == -E2BIG)
        return error_set(-EMSGSIZE,
                         "the next message may have more than message=%zu bytes: it is kept; open "
                         "the queue with a larger one, or receive with ENL_TRUNCATE",
                         s->room);
    return link_too_large(larger, size);
}

static ssize_t fill_message(const struct svmsg_link *s, size_t full_size, struct enl_message *m)
{
    size_t size = full_size < m->capacity ? full_size : m->capacity;

    if (size > 0)
        memcpy(m->data, s->in->bytes, size);
    m->size = size;
    m->full_size = full_size;
    m->type = s->in->type;
    if (size < full_size)
        m->flags |= ENL_TRUNCATED;
    return (ssize_t)size;
}

static ssize_t svmsg_link_receive(struct enl_link *l, const struct enl_match *match,
                                  struct enl_message *m, bool may_block)
{
    const atomic_int *unless = may_block && guarded_possible() ? &l->interrupt.raised : NULL;
    struct svmsg_selector selector = {.type = 0};
    struct svmsg_link *s = link_state(l);
    size_t size = m->capacity < s->room ? m->capacity : s->room;
    ssize_t result = match == NULL ? 0 : select_by(match, &selector);

    if (result < 0)
        return result;
    if ((m->flags & ENL_TRUNCATE) != 0) {
        selector.flags |= SVMSG_CUT;
        size = s->room;
    }
    result = svmsg_receive(s->id, s->in, size, &selector, unless);
    if (result < 0)
        return result == -E2BIG ? refuse_large(s, &selector, size) : explain(result, "give");
    begin_anew(&s->receiving);
    look(s);
    return fill_message(s, (size_t)result, m);
}

static ssize_t svmsg_link_peek(struct enl_link *l, size_t index, struct enl_message *m)
{
    struct svmsg_link *s = link_state(l);
    ssize_t result = svmsg_peek(s->id, index > LONG_MAX ? LONG_MAX : index, s->in, s->room);

    if (result == -E2BIG)
        return error_set(-EMSGSIZE, "the message has more than message=%zu bytes", s->room);
    if (result < 0)
        return explain(result, "show");
    if ((size_t)result > m->capacity && (m->flags & ENL_TRUNCATE) == 0)
        return link_too_large((size_t)result, m->capacity);
    return fill_message(s, (size_t)result, m);
}

/* Nothing is ever in user memory; but who asks wants the descriptor to tell the truth. */
static bool svmsg_link_pending(const struct enl_link *l)
{
    look(link_state((struct enl_link *)(uintptr_t)l));
    return false;
}

/* Of empty messages the bytes would not tell. */
static int svmsg_link_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    const struct svmsg_link *s = link_state(l);
    struct svmsg_facts facts;
    int result = svmsg_facts(s->id, &facts);

    if (result == 0)
        *ret_bytes = (size_t)(facts.bytes > facts.messages ? facts.bytes : facts.messages);
    return result;
}

/* ---- the rest --------------------------------------------------------------------------------------------- */

static int svmsg_link_stat(struct enl_link *l, struct enl_stat *stat)
{
    const struct svmsg_link *s = link_state(l);
    struct svmsg_facts facts;
    int result = svmsg_facts(s->id, &facts);

    if (result < 0)
        return result;
    stat->queued_messages = facts.messages;
    stat->queued_bytes = facts.bytes;
    stat->capacity_bytes = facts.capacity;
    stat->last_sender_pid = (uint64_t)facts.sender;
    stat->last_receiver_pid = (uint64_t)facts.receiver;
    stat->last_send_time = (uint64_t)facts.send_time * 1000000000;
    stat->last_receive_time = (uint64_t)facts.receive_time * 1000000000;
    stat->last_change_time = (uint64_t)facts.change_time * 1000000000;
    stat->mode = facts.mode;
    stat->uid = facts.uid;
    stat->gid = facts.gid;
    return 0;
}

static int svmsg_link_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings)
{
    const struct svmsg_link *s = link_state(l);
    int result;

    switch (which) {
    case ENL_SET_MODE:
        result = svmsg_set_mode(s->id, settings->mode);
        break;
    case ENL_SET_OWNER:
        result = svmsg_set_owner(s->id, settings->uid, settings->gid);
        break;
    case ENL_SET_CAPACITY:
        if (settings->capacity < s->room || settings->capacity > LONG_MAX)
            return error_set(-EINVAL,
                             "a capacity of %llu bytes is less than this link's largest message, "
                             "%zu, or above all bounds",
                             (unsigned long long)settings->capacity, s->room);
        result = svmsg_set_capacity(s->id, (size_t)settings->capacity);
        break;
    default:
        return -ENOTSUP;
    }
    if (result == -EIDRM || (result == -EPERM && which == ENL_SET_CAPACITY))
        return result;
    return result < 0
               ? error_set(result, "the queue's record cannot be changed: %s", strerror(-result))
               : 0;
}

static void svmsg_link_close(struct enl_link *l)
{
    struct svmsg_link *s = link_state(l);
    size_t size = sizeof *s->in + s->room;

    svmsg_watch_stop(s->watch);
    memory_close(s->in, size);
    memory_close(s->out, size);
    if (s->has_no_key && holder_end(&s->holder))
        (void)svmsg_remove(s->id);
    *s = (struct svmsg_link){.has_no_key = false};
    l->fd = -1;
}

static const struct link_ops svmsg_ops = {
    .send = svmsg_link_send,
    .receive = svmsg_link_receive,
    .peek = svmsg_link_peek,
    .pending = svmsg_link_pending,
    .unreceived = svmsg_link_unreceived,
    .stat = svmsg_link_stat,
    .set = svmsg_link_set,
    .wait = svmsg_wait,
    .close = svmsg_link_close,
};

/* ---- making links ----------------------------------------------------------------------------------------- */

static int make_room(size_t size, struct svmsg_message **ret_room)
{
    void *memory;
    int result = memory_create(sizeof **ret_room + size, &memory);

    if (result == 0)
        *ret_room = memory;
    return result;
}

/* What the queue holds bounds what can be sent, if the kernel tells who may not receive. */
static int adjust_size(struct enl_link *l, const struct address *a, int id)
{
    struct svmsg_facts facts;
    int result = svmsg_facts(id, &facts);

    if (result == -EACCES)
        return 0;
    if (result < 0)
        return result;
    if (facts.capacity < address_value(a, "capacity") ||
        facts.capacity < address_value(a, "message"))
        return error_set(-EINVAL,
                         "svmsg:%s is there already and holds %zu bytes: ask for no more, or "
                         "change it (ENL_SET_CAPACITY)",
                         a->name, facts.capacity);
    l->caps.capacity = facts.capacity;
    if (l->caps.largest_message > facts.capacity)
        l->caps.largest_message = facts.capacity;
    return 0;
}

static int start_watch(struct enl_link *l)
{
    struct svmsg_link *s = link_state(l);
    struct interrupt *who[] = {&l->interrupt};
    struct pollfd none[1];
    int result = svmsg_watch_start(s->id, s->room, &s->watch, &l->fd);

    /* with a second thread in the process, waits need a descriptor to be woken by: now, if at all */
    if (result == 0)
        result = wait_for(none, 0, who, 1, ENL_NOW);
    return result == -ETIMEDOUT ? 0 : result;
}

static int init_link(struct enl_link *l, const struct address *a, int id)
{
    struct svmsg_link *s = link_state(l);
    int result = adjust_size(l, a, id);

    s->id = id;
    s->room = (size_t)l->caps.largest_message;
    if (result == 0 && (l->access & ENL_READ) != 0)
        result = make_room(s->room, &s->in);
    if (result == 0 && (l->access & ENL_WRITE) != 0)
        result = make_room(s->room, &s->out);
    if (result == 0 && address_value(a, "pollable") != 0)
        result = start_watch(l);
    link_allow_blocking(l, -1); /* the calls themselves look for an interrupt */
    return result;
}

static int create_queue(const struct address *a, int32_t key, int *ret_id)
{
    size_t capacity = (size_t)address_value(a, "capacity");
    int id;
    int result = svmsg_create(key, (uint32_t)address_value(a, "mode"), &id);

    if (result < 0)
        return result;
    if (capacity > 0)
        result = svmsg_set_capacity(id, capacity);
    if (result < 0) {
        (void)svmsg_remove(id);
        return result;
    }
    *ret_id = id;
    return 0;
}

static int open_queue(const struct address *a, unsigned flags, unsigned access, bool *ret_created,
                      int *ret_id)
{
    int32_t key;
    int result = key_of(a, &key);

    *ret_created = false;
    if (result < 0)
        return result;
    do {
        result = (flags & ENL_EXCLUSIVE) != 0 ? -ENOENT : svmsg_open(key, access, ret_id);
        if (result == -ENOENT && (flags & ENL_CREATE) != 0) {
            result = create_queue(a, key, ret_id);
            *ret_created = result == 0;
        }
    } while (result == -EEXIST && (flags & ENL_EXCLUSIVE) == 0); /* made between the two */
    return result;
}

static int svmsg_link_open(struct enl_link *l, const struct address *a, unsigned flags,
                           enl_deadline until)
{
    bool created;
    int id;
    int result;

    (void)until; /* nothing here takes time */
    if (a->name_size == 0)
        return error_set(-EINVAL, "svmsg: needs a KEY or PATH#ID here; without one it is for "
                                  "enl_pair");
    result = open_queue(a, flags, l->access, &created, &id);
    if (result < 0)
        return result;
    result = init_link(l, a, id);
    if (result < 0 && created)
        (void)svmsg_remove(id);
    return result;
}

static int svmsg_pair(struct enl_link *ends[2], const struct address *a)
{
    static const unsigned access[2] = {ENL_READ, ENL_WRITE};
    struct holder holders[2] = {HOLDER_NONE, HOLDER_NONE};
    int id;
    int result;

    if (a->name_size > 0)
        return error_set(-EINVAL, "enl_pair makes a queue without a key: leave it out");
    result = create_queue(a, 0, &id);
    if (result < 0)
        return result;
    result = holder_create(&holders[0]);
    if (result == 0)
        result = holder_dup(&holders[0], &holders[1]);
    if (result < 0) {
        (void)holder_end(&holders[0]);
        (void)svmsg_remove(id);
        return result;
    }
    for (int i = 0; i < 2; i++) {
        struct svmsg_link *s = link_state(ends[i]);

        s->has_no_key = true; /* from here on, link.c closes what fails, and the last removes it */
        s->holder = holders[i];
        ends[i]->access = access[i];
    }
    for (int i = 0; i < 2 && result == 0; i++)
        result = init_link(ends[i], a, id);
    return result;
}

static int svmsg_unlink(const struct address *a)
{
    int32_t key;
    int id;
    int result;

    if (a->name_size == 0)
        return error_set(-ENOTSUP, "svmsg: has no key: the queue goes with its last process");
    result = key_of(a, &key);
    if (result == 0)
        result = svmsg_open(key, 0, &id);
    if (result == 0)
        result = svmsg_remove(id);
    return result == -EIDRM ? -ENOENT : result; /* somebody was faster */
}

const struct link_driver svmsg_driver = {
    .face = {.scheme = "svmsg",
             .syntax = "svmsg:KEY, svmsg:PATH#ID, svmsg:",
             .summary = "System V message queue: typed messages, one way",
             .options = "mode message capacity pollable",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_LOSSLESS | ENL_CAN_TYPES |
                             ENL_CAN_PERSISTENT | ENL_CAN_EMPTY | ENL_CAN_PEEK,
                      .meet = ENL_MEET_PAIR | ENL_MEET_OPEN,
                      .reach = ENL_REACH_MACHINE,
                      .senders = ENL_MANY,
                      .receivers = ENL_MANY,
                      .largest_message = 8192,
                      .capacity = 16384}},
    .address = {.scheme = "svmsg",
                .syntax = "svmsg:KEY",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = SVNAME_MOST,
                .options = svmsg_options},
    .ops = &svmsg_ops,
    .state_size = sizeof(struct svmsg_link),
    .describe = svmsg_describe,
    .open = svmsg_link_open,
    .pair = svmsg_pair,
    .unlink = svmsg_unlink,
};
