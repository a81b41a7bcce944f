/* SPDX-License-Identifier: MIT */
/* mq: POSIX message queues: a name, whole messages, the highest priority first.
 *
 * The kernel receives only into a buffer that holds the queue's largest message. Where the program's is
 * smaller, the message goes into one of the link's and is copied; one that does not fit is kept there, and
 * given by the next call. */
#include "kernel/mqueue.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/memory.h"
#include "link/link.h"

#include <errno.h>
#include <string.h>

#define NAME_MOST 256 /* a slash and NAME_MAX bytes */

/* Emptied by fork: what was kept stays with the process that received it. */
struct room {
    size_t size; /* of the kept message */
    uint32_t priority;
    bool has_kept;
    unsigned char bytes[];
};

struct mq_link {
    size_t message;    /* the queue's largest */
    struct room *room; /* of those who receive */
};

/* ---- addresses -------------------------------------------------------------------------------------------- */

static const struct address_option mq_options[] = {
    {.name = "mode", .kind = ADDRESS_MODE, .least = 0, .most = 0777, .preset = 0600},
    {.name = "depth", .kind = ADDRESS_NUMBER, .least = 1, .most = MQUEUE_DEPTH_MOST, .preset = 0},
    {.name = "message", .kind = ADDRESS_SIZE, .least = 1, .most = MQUEUE_MESSAGE_MOST, .preset = 0},
    {.name = NULL},
};

/* The address fd:N has options of its own, and none of them is for a queue. */
static int check_foreign(const struct address *a)
{
    return a->given == 0
               ? 0
               : error_set(-EINVAL, "the descriptor is of a POSIX queue, which takes none "
                                    "of the options of fd:");
}

static int check_name(const struct address *a)
{
    const char *name = a->name;

    if (a->name_size < 2 || name[0] != '/' || strchr(name + 1, '/') != NULL)
        return error_set(-EINVAL,
                         "mq:%s: the name of a queue is a slash and up to %d bytes without one, as "
                         "in mq:/jobs",
                         name, NAME_MOST - 1);
    if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
        return error_set(-EINVAL, "mq:%s: \".\" and \"..\" are no names of queues", name);
    return 0;
}

static int check_nameless(const struct address *a)
{
    return a->given == 0 ? 0
                         : error_set(-EINVAL, "mode=, depth= and message= are for a queue with a "
                                              "name: as in mq:/jobs?depth=4");
}

static void size_of(const struct address *a, struct mqueue_size *ret_size)
{
    mqueue_default_size(ret_size);
    if (address_given(a, "depth"))
        ret_size->depth = (size_t)address_value(a, "depth");
    if (address_given(a, "message"))
        ret_size->message = (size_t)address_value(a, "message");
}

static void describe_size(const struct mqueue_size *size, struct enl_caps *caps)
{
    caps->largest_message = size->message;
    caps->capacity = (uint64_t)size->depth * size->message;
}

static int mq_describe(const struct address *a, struct enl_caps *caps)
{
    struct mqueue_size size;

    if (!address_has_option(a, "depth"))
        return check_foreign(a);
    if (a->name_size == 0) {
        caps->meet = ENL_MEET_ADOPT;
        caps->reach = ENL_REACH_RELATIVES;
        return check_nameless(a);
    }
    caps->meet = ENL_MEET_OPEN;
    size_of(a, &size);
    describe_size(&size, caps);
    return check_name(a);
}

/* ---- messages --------------------------------------------------------------------------------------------- */

static ssize_t mq_link_send(struct enl_link *l, const struct enl_message *m, bool may_block)
{
    ssize_t result;

    if (m->priority >= MQUEUE_PRIORITIES)
        return error_set(-EINVAL, "priority %u is above the kernel's highest, %u", m->priority,
                         MQUEUE_PRIORITIES - 1);
    if (m->name_size > 0)
        return link_cannot(l, "send to a name");
    result = mqueue_send(l->fd, m->data, m->size, m->priority, may_block);
    if (result >= 0 || result == -EAGAIN || result == -EINTR)
        return result;
    return error_set((int)result, "the queue does not take the message: %s",
                     strerror((int)-result));
}

/* Of the message in the room. */
static ssize_t give(struct room *room, struct enl_message *m)
{
    size_t size = room->size < m->capacity ? room->size : m->capacity;

    room->has_kept = size < room->size && (m->flags & ENL_TRUNCATE) == 0;
    if (room->has_kept)
        return link_too_large(room->size, m->capacity);
    if (size > 0)
        memcpy(m->data, room->bytes, size);
    m->size = size;
    m->full_size = room->size;
    m->priority = room->priority;
    if (size < room->size)
        m->flags |= ENL_TRUNCATED;
    return (ssize_t)size;
}

static ssize_t receive_failed(ssize_t result)
{
    if (result == -EAGAIN || result == -EINTR)
        return result;
    return error_set((int)result, "the queue gives no message: %s", strerror((int)-result));
}

static ssize_t mq_link_receive(struct enl_link *l, const struct enl_match *match,
                               struct enl_message *m, bool may_block)
{
    struct mq_link *q = link_state(l);
    ssize_t size;

    (void)match; /* link.c has refused those that choose */
    if (q->room->has_kept)
        return give(q->room, m);
    if (m->capacity < q->message) {
        size = mqueue_receive(l->fd, q->room->bytes, q->message, &q->room->priority, may_block);
        if (size < 0)
            return receive_failed(size);
        q->room->size = (size_t)size;
        return give(q->room, m);
    }
    size = mqueue_receive(l->fd, m->data, m->capacity, &m->priority, may_block);
    if (size < 0)
        return receive_failed(size);
    m->size = m->full_size = (size_t)size;
    return size;
}

static bool mq_link_pending(const struct enl_link *l)
{
    const struct mq_link *q = link_state((struct enl_link *)(uintptr_t)l);

    return q->room != NULL && q->room->has_kept;
}

/* The kernel counts messages, and of empty ones the bytes would not tell. */
static int mq_link_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    struct mqueue_facts facts;
    int result = mqueue_facts(l->fd, &facts);

    if (result == 0)
        *ret_bytes = facts.queued;
    return result;
}

/* ---- the rest --------------------------------------------------------------------------------------------- */

static int mq_link_stat(struct enl_link *l, struct enl_stat *stat)
{
    struct mq_link *q = link_state(l);
    struct mqueue_facts facts;
    int result = mqueue_facts(l->fd, &facts);
    bool kept = mq_link_pending(l);

    if (result < 0)
        return result;
    stat->queued_messages = facts.queued + kept;
    stat->queued_bytes = facts.queued_bytes; /* UINT64_MAX is ENL_UNKNOWN */
    if (kept && stat->queued_bytes != ENL_UNKNOWN)
        stat->queued_bytes += q->room->size;
    stat->capacity_messages = facts.size.depth;
    stat->capacity_bytes = (uint64_t)facts.size.depth * facts.size.message;
    stat->mode = facts.mode;
    stat->uid = facts.uid;
    stat->gid = facts.gid;
    return 0;
}

static int set_notify(struct enl_link *l, uint64_t signal)
{
    int result;

    if (signal > 64)
        return error_set(-EINVAL, "there is no signal %llu", (unsigned long long)signal);
    result = mqueue_notify(l->fd, (int)signal, l);
    return result < 0 && result != -EBUSY
               ? error_set(result, "the queue will not tell by a signal: %s", strerror(-result))
               : result;
}

static int mq_link_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings)
{
    return which == ENL_SET_NOTIFY ? set_notify(l, settings->notify)
                                   : link_set_access(l, which, settings, "queue");
}

static void mq_link_close(struct enl_link *l)
{
    struct mq_link *q = link_state(l);

    memory_close(q->room, sizeof *q->room + q->message);
    descriptor_close(l->fd);
    q->room = NULL;
    l->fd = -1;
}

static const struct link_ops mq_ops = {
    .send = mq_link_send,
    .receive = mq_link_receive,
    .pending = mq_link_pending,
    .unreceived = mq_link_unreceived,
    .stat = mq_link_stat,
    .set = mq_link_set,
    .close = mq_link_close,
};

/* ---- making links ----------------------------------------------------------------------------------------- */

/* Who asks for more than the queue has that is there already must know. */
static int check_size(const struct address *a, const struct mqueue_size *size)
{
    if (!address_has_option(a, "depth") ||
        (size->depth >= address_value(a, "depth") && size->message >= address_value(a, "message")))
        return 0;
    return error_set(-EINVAL,
                     "mq:%s is there already with depth=%zu and message=%zu, which cannot be "
                     "changed: ask for no more, or remove it first",
                     a->name, size->depth, size->message);
}

/* Makes the link of a queue; on success it owns fd. */
static int init_link(struct enl_link *l, const struct address *a, int fd)
{
    struct mq_link *q = link_state(l);
    struct mqueue_facts facts;
    int result = mqueue_facts(fd, &facts);
    void *memory;

    if (result == 0)
        result = check_size(a, &facts.size);
    if (result < 0)
        return result;
    describe_size(&facts.size, &l->caps);
    q->message = facts.size.message;
    if ((l->access & ENL_READ) != 0) {
        result = memory_create(sizeof *q->room + q->message, &memory);
        if (result < 0)
            return result;
        q->room = memory;
    }
    l->fd = fd;
    return 0;
}

/* Who makes a queue sets its size and mode: that it is there is found out by trying. */
static int open_queue(const struct address *a, unsigned flags, unsigned access, bool *ret_created,
                      int *ret_fd)
{
    uint32_t mode = (uint32_t)address_value(a, "mode");
    struct mqueue_size size;
    int result;

    *ret_created = false;
    if ((flags & ENL_CREATE) == 0)
        return mqueue_open(a->name, access, ret_fd);
    size_of(a, &size);
    do {
        result = mqueue_create(a->name, access, mode, &size, ret_fd);
        *ret_created = result == 0;
        if (result == -EEXIST && (flags & ENL_EXCLUSIVE) == 0)
            result = mqueue_open(a->name, access, ret_fd);
    } while (result == -ENOENT); /* removed between the two */
    return result;
}

static int mq_link_open(struct enl_link *l, const struct address *a, unsigned flags,
                        enl_deadline until)
{
    bool created;
    int fd = -1;
    int result;

    (void)until; /* nothing here takes time */
    if (a->name_size == 0)
        return error_set(-EINVAL, "mq: needs a NAME here, as in mq:/jobs; without one it is for "
                                  "enl_adopt");
    result = open_queue(a, flags, l->access, &created, &fd);
    if (result < 0)
        return result;
    result = init_link(l, a, fd);
    if (result < 0) {
        if (created)
            (void)mqueue_unlink(a->name);
        descriptor_close(fd);
        return result;
    }
    link_allow_blocking(l, fd);
    return 0;
}

static bool mq_recognise(int fd)
{
    return mqueue_is(fd);
}

/* Others may use the description, and in the mode in which they have it: it stays as it is. */
static int mq_adopt(struct enl_link *l, const struct address *a, int fd)
{
    int result;

    if (address_has_option(a, "depth") && a->name_size > 0)
        return error_set(-EINVAL, "enl_adopt takes a descriptor: leave the name out");
    if (!mqueue_is(fd))
        return error_set(-ENOTSUP, "descriptor %d is not of a POSIX queue", fd);
    result = descriptor_set_inherited(fd, false);
    return result < 0 ? result : init_link(l, a, fd);
}

static int mq_unlink(const struct address *a)
{
    if (a->name_size == 0)
        return error_set(-EINVAL, "mq: needs a NAME here, as in mq:/jobs");
    return mqueue_unlink(a->name);
}

const struct link_driver mq_driver = {
    .face = {.scheme = "mq",
             .syntax = "mq:/NAME",
             .summary = "POSIX message queue: named, with priorities, one way",
             .options = "mode depth message",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_LOSSLESS |
                             ENL_CAN_PRIORITY | ENL_CAN_PERSISTENT | ENL_CAN_POLL | ENL_CAN_EMPTY,
                      .meet = ENL_MEET_OPEN | ENL_MEET_ADOPT,
                      .reach = ENL_REACH_MACHINE,
                      .senders = ENL_MANY,
                      .receivers = ENL_MANY,
                      .largest_message = 8192,
                      .capacity = 81920}},
    .address = {.scheme = "mq",
                .syntax = "mq:/NAME",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = NAME_MOST,
                .options = mq_options},
    .ops = &mq_ops,
    .state_size = sizeof(struct mq_link),
    .describe = mq_describe,
    .open = mq_link_open,
    .recognise = mq_recognise,
    .adopt = mq_adopt,
    .unlink = mq_unlink,
};
