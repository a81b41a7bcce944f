/* SPDX-License-Identifier: MIT */
/* eventfd: a number that senders add to and receivers take from, for relatives.
 *
 * Both ends, and all that inherit or are passed one, share one open description. Nothing of it is ever changed:
 * whether a call may sleep is said with the call (kernel/event.h). */
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "link/link.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The kernel tells when 1 can be added, not when more can: then the sender looks again after so long. */
#define LOOK_NS 1000000

struct counter_link {
    struct event_counter counter;
    int semaphore; /* -1: not known */
};

static const struct address_option counter_options[] = {
    {.name = "value", .kind = ADDRESS_NUMBER, .least = 0, .most = EVENT_COUNTER_MOST, .preset = 0},
    {.name = "semaphore", .kind = ADDRESS_FLAG},
    {.name = "nonblock", .kind = ADDRESS_FLAG},
    {.name = NULL},
};

/* ---- messages ------------------------------------------------------------------------------------------ */

static int refuse_value(uint64_t value)
{
    if (value == 0)
        return error_set(-EINVAL, "eventfd: 0 adds nothing, and nobody would receive it: send 1 "
                                  "or more");
    return error_set(-EINVAL,
                     "eventfd: %" PRIu64 " cannot be added: a counter holds at most %" PRIu64,
                     value, EVENT_COUNTER_MOST);
}

static ssize_t counter_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    const struct counter_link *state = link_state(l);
    uint64_t value;
    int result;

    memcpy(&value, m->data, sizeof value);
    if (value == 0 || value > EVENT_COUNTER_MOST)
        return refuse_value(value);
    result = event_counter_add(&state->counter, &l->interrupt, may_block, value);
    if (result == 0)
        return sizeof value;
    if (result == -EAGAIN || result == -EINTR)
        return result;
    return error_set(result, "the eventfd does not take the number: %s", strerror(-result));
}

/* The value stays where it is for a buffer that cannot hold it, unless it may be cut. */
static int check_room(const struct enl_link *l, const struct enl_message *m)
{
    struct pollfd item = {.fd = l->fd, .events = POLLIN};

    if (m->capacity >= sizeof(uint64_t) || (m->flags & ENL_TRUNCATE) != 0)
        return 0;
    return wait_look(&item, 1) > 0 ? link_too_large(sizeof(uint64_t), m->capacity) : -EAGAIN;
}

static ssize_t counter_receive(struct enl_link *l, const struct enl_match *match,
                               struct enl_message *m, bool may_block)
{
    struct counter_link *state = link_state(l);
    size_t size = sizeof(uint64_t);
    uint64_t value;
    int result = check_room(l, m);

    (void)match;
    if (result == 0)
        result = event_counter_take(&state->counter, &l->interrupt, may_block, &value);
    if (result == -EAGAIN || result == -EINTR || result == -EMSGSIZE)
        return result;
    if (result < 0)
        return error_set(result, "the eventfd does not give its number: %s", strerror(-result));
    m->full_size = size;
    if (m->capacity < size) {
        size = m->capacity;
        m->flags |= ENL_TRUNCATED;
    }
    memcpy(m->data, &value, size);
    m->size = size;
    return (ssize_t)size;
}

/* ---- waiting and asking ------------------------------------------------------------------------------------ */

static int counter_wait(struct enl_link *l, unsigned events, enl_deadline until)
{
    struct interrupt *who[] = {&l->interrupt};
    struct pollfd fds[2] = {{.fd = l->fd}};
    int64_t soon;
    int result;

    fds[0].events = (short)(((events & ENL_READABLE) != 0 ? POLLIN : 0) |
                            ((events & ENL_WRITABLE) != 0 ? POLLOUT : 0));
    if ((events & ENL_WRITABLE) == 0 || wait_look(fds, 1) <= 0) {
        result = wait_for(fds, 1, who, 1, until);
        return result > 0 ? 0 : result;
    }
    soon = clock_now_ns() + LOOK_NS;
    result = wait_for(fds, 0, who, 1, soon < until ? soon : until);
    return result == -ETIMEDOUT && soon < until ? 0 : result;
}

static int counter_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    struct pollfd item = {.fd = l->fd, .events = POLLIN};

    *ret_bytes = wait_look(&item, 1) > 0 ? sizeof(uint64_t) : 0;
    return 0;
}

static int counter_stat(struct enl_link *l, struct enl_stat *stat)
{
    const struct counter_link *state = link_state(l);
    uint64_t value = 0;

    if (event_counter_look(l->fd, &value, NULL) < 0)
        return 0; /* without /proc nobody knows */
    if (value > 0 && state->semaphore < 0)
        return 0; /* one message, or as many as the number says */
    stat->queued_messages = state->semaphore == 1 ? value : value > 0;
    if (stat->queued_messages <= UINT64_MAX / sizeof value)
        stat->queued_bytes = stat->queued_messages * sizeof value;
    return 0;
}

static void counter_close(struct enl_link *l)
{
    descriptor_close(l->fd);
    l->fd = -1;
}

static const struct link_ops counter_ops = {
    .send = counter_send,
    .receive = counter_receive,
    .wait = counter_wait,
    .unreceived = counter_unreceived,
    .stat = counter_stat,
    .close = counter_close,
};

/* ---- how its links come to be ---------------------------------------------------------------------------------- */

/* What was sent as 3 is received as 1, and 1, and 1. */
static void set_semaphore_caps(struct enl_caps *caps)
{
    caps->can &= ~(uint32_t)(ENL_CAN_BOUNDARIES | ENL_CAN_MERGE);
    caps->capacity = ENL_UNKNOWN;
}

static int counter_describe(const struct address *a, struct enl_caps *caps)
{
    if (address_has_option(a, "semaphore") && address_value(a, "semaphore") != 0)
        set_semaphore_caps(caps);
    return 0;
}

static void counter_init(struct enl_link *l, int fd, bool blocks, int semaphore)
{
    struct counter_link *state = link_state(l);

    state->counter = (struct event_counter){.fd = fd, .blocks = blocks};
    state->semaphore = semaphore;
    l->fd = fd;
    if (blocks)
        link_allow_blocking(l, -1); /* the description is not ours alone */
}

static int counter_pair(struct enl_link *ends[2], const struct address *a)
{
    bool blocks = address_value(a, "nonblock") == 0;
    bool semaphore = address_value(a, "semaphore") != 0;
    int fd, other_fd;
    int result = event_counter_create(address_value(a, "value"), semaphore, blocks, &fd);

    if (result < 0)
        return result;
    result = descriptor_duplicate(fd, &other_fd);
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    counter_init(ends[0], fd, blocks, semaphore);
    counter_init(ends[1], other_fd, blocks, semaphore);
    ends[0]->access = ENL_READ;
    ends[1]->access = ENL_WRITE;
    return 0;
}

/* An eventfd that is there already has its value and its form. */
static int refuse_options(const struct address *a)
{
    for (const struct address_option *o = counter_options; o->name != NULL; o++)
        if (address_has_option(a, o->name) && address_given(a, o->name))
            return error_set(-EINVAL,
                             "eventfd: %s= is for new ones (enl_pair); one that is adopted is as "
                             "it is",
                             o->name);
    return 0;
}

static int counter_adopt(struct enl_link *l, const struct address *a, int fd)
{
    struct descriptor_facts facts;
    int semaphore = -1;
    int result = descriptor_facts(fd, &facts);

    if (result == 0 && !event_counter_is(fd))
        return error_set(-ENOTSUP, "descriptor %d is %s, not an eventfd (as /proc/self/fd says)",
                         fd, descriptor_kind_name(facts.kind));
    if (result == 0)
        result = refuse_options(a);
    if (result == 0)
        result = descriptor_set_inherited(fd, false);
    if (result < 0)
        return result;
    (void)event_counter_look(fd, NULL, &semaphore);
    if (semaphore == 1)
        set_semaphore_caps(&l->caps);
    counter_init(l, fd, facts.blocks, semaphore);
    return 0;
}

const struct link_driver eventfd_driver = {
    .face = {.scheme = "eventfd",
             .syntax = "eventfd:",
             .summary = "a number that is added to and taken, for relatives",
             .options = "value semaphore nonblock",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_FIXED_SIZE | ENL_CAN_MERGE | ENL_CAN_POLL,
                      .meet = ENL_MEET_PAIR | ENL_MEET_ADOPT,
                      .reach = ENL_REACH_RELATIVES,
                      .senders = ENL_MANY,
                      .receivers = ENL_MANY,
                      .largest_message = sizeof(uint64_t),
                      .capacity = sizeof(uint64_t)}},
    .address = {.scheme = "eventfd",
                .syntax = "eventfd:",
                .name = ADDRESS_NAME_NONE,
                .options = counter_options},
    .ops = &counter_ops,
    .state_size = sizeof(struct counter_link),
    .describe = counter_describe,
    .pair = counter_pair,
    .recognise = event_counter_is,
    .adopt = counter_adopt,
};
