/* SPDX-License-Identifier: MIT */
/* pipe: a pair of ends for relatives, one way. */
#include "kernel/pipe.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "link/link.h"
#include "link/pipe_link.h"

#include <errno.h>
#include <string.h>

const char *const pipe_writers_words[] = {"many", "one", NULL};

/* ---- what pipes and FIFOs share ----------------------------------------------------------------------- */

static ssize_t pipe_link_read(struct enl_link *l, void *buffer, size_t size, bool may_block)
{
    struct pipe_link *pipe = link_state(l);
    ssize_t count = pipe_end_read(&pipe->end, buffer, size, may_block);
    struct pollfd item = {.fd = l->fd, .events = POLLIN};

    if (count != 0)
        return count;
    /* No writer: it left, or has not come yet. Only poll() knows. */
    if (wait_look(&item, 1) <= 0)
        return -EAGAIN;
    if ((item.revents & POLLHUP) == 0)
        return (item.revents & POLLIN) != 0 ? -EINTR : -EAGAIN;
    /* One may have come since the read and gone again, and poll() may have looked for bytes before it wrote and
     * for writers after it left: what it wrote comes first. */
    return pipe_end_read(&pipe->end, buffer, size, may_block);
}

static ssize_t pipe_link_write(struct enl_link *l, const struct iovec v[], int count,
                               const struct enl_message *fds_of, bool may_block)
{
    struct pipe_link *pipe = link_state(l);
    ssize_t written = pipe_end_write(&pipe->end, v, count, may_block);

    (void)fds_of; /* link.c has refused them */
    return written == -EPIPE ? link_broken() : written;
}

static const struct framing_bytes pipe_bytes = {.read = pipe_link_read, .write = pipe_link_write};

static int pipe_link_unreceived(struct enl_link *l, size_t *ret_bytes)
{
    return descriptor_queued(l->fd, ret_bytes);
}

static int pipe_link_stat(struct enl_link *l, struct enl_stat *stat)
{
    struct descriptor_facts facts = {0};
    size_t queued = 0;
    size_t capacity = 0;
    int result = descriptor_queued(l->fd, &queued);

    if (result == 0)
        result = pipe_capacity(l->fd, &capacity);
    if (result == 0)
        result = descriptor_facts(l->fd, &facts);
    if (result < 0)
        return result;
    stat->queued_bytes = queued;
    stat->capacity_bytes = capacity;
    stat->mode = facts.mode;
    stat->uid = facts.uid;
    stat->gid = facts.gid;
    framing_stat(l, stat);
    return 0;
}

static int pipe_link_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings)
{
    return which == ENL_SET_CAPACITY ? pipe_set_capacity(l->fd, (size_t)settings->capacity)
                                     : link_set_access(l, which, settings, "pipe");
}

static void pipe_link_close(struct enl_link *l)
{
    struct pipe_link *pipe = link_state(l);

    if (l->fd < 0)
        return;
    framing_fini(l);
    descriptor_close(pipe->keep_fd);
    pipe_end_fini(&pipe->end);
    l->fd = -1;
}

const struct link_ops pipe_link_ops = {
    .send = framing_send,
    FRAMING_SLOTS,
    .unreceived = pipe_link_unreceived,
    .stat = pipe_link_stat,
    .set = pipe_link_set,
    .close = pipe_link_close,
};

int pipe_link_describe(const struct address *a, struct enl_caps *caps)
{
    bool atomic = address_value(a, "writers") == PIPE_WRITERS_MANY;

    if (!atomic) {
        caps->senders = 1;
        caps->can |= ENL_CAN_SEND_FILE; /* among several it would have to be one write */
    }
    return framing_describe(a, atomic, caps);
}

int pipe_link_init(struct enl_link *l, const struct address *a, int fd, bool fd_blocks, bool ours)
{
    struct pipe_link *pipe = link_state(l);
    uint64_t capacity = address_value(a, "capacity");
    int result = capacity == 0 ? 0 : pipe_set_capacity(fd, (size_t)capacity);

    if (result < 0)
        return result;
    pipe->keep_fd = -1;
    pipe_end_init(&pipe->end, fd, fd_blocks);
    l->fd = fd;
    framing_init(l, &pipe_bytes, a, address_value(a, "writers") == PIPE_WRITERS_MANY);
    if (ours && pipe_end_blocking_fd(&pipe->end) >= 0)
        link_allow_blocking(l, pipe_end_blocking_fd(&pipe->end));
    return 0;
}

/* ---- pipe: --------------------------------------------------------------------------------------------- */

static int pipe_pair(struct enl_link *ends[2], const struct address *a)
{
    static const unsigned access[2] = {ENL_READ, ENL_WRITE};
    int fds[2];
    int result = pipe_create(fds);

    for (int i = 0; i < 2 && result == 0; i++) {
        ends[i]->access = access[i];
        result = pipe_link_init(ends[i], a, fds[i], true, true);
        if (result == 0)
            fds[i] = -1;
        if (result < 0) {
            descriptor_close(fds[0]);
            descriptor_close(fds[1]);
        }
    }
    return result;
}

static bool pipe_recognise(int fd)
{
    struct descriptor_facts facts;

    return descriptor_facts(fd, &facts) == 0 && facts.kind == DESCRIPTOR_PIPE;
}

static int pipe_adopt(struct enl_link *l, const struct address *a, int fd)
{
    struct descriptor_facts facts;
    int result = descriptor_facts(fd, &facts);

    if (result == 0 && facts.kind != DESCRIPTOR_PIPE)
        return error_set(-ENOTSUP, "descriptor %d is %s, not a pipe", fd,
                         descriptor_kind_name(facts.kind));
    if (result == 0)
        result = descriptor_set_inherited(fd, false);
    return result < 0 ? result : pipe_link_init(l, a, fd, facts.blocks, false);
}

static const struct address_option pipe_options[] = {
    FRAMING_OPTIONS,
    PIPE_OPTIONS,
    {.name = NULL},
};

const struct link_driver pipe_driver = {
    .face = {.scheme = "pipe",
             .syntax = "pipe:",
             .summary = "a pair of ends for relatives, one way",
             .options = "frame message batch capacity writers",
             .caps = PIPE_CAPS(ENL_MEET_PAIR | ENL_MEET_ADOPT, ENL_REACH_RELATIVES)},
    .address =
        {.scheme = "pipe", .syntax = "pipe:", .name = ADDRESS_NAME_NONE, .options = pipe_options},
    .ops = &pipe_link_ops,
    .state_size = sizeof(struct pipe_link),
    .describe = pipe_link_describe,
    .pair = pipe_pair,
    .recognise = pipe_recognise,
    .adopt = pipe_adopt,
};
