/* SPDX-License-Identifier: MIT */
/* fifo: a pipe with a name in the file system, for programs that are no relatives. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/path.h"
#include "link/link.h"
#include "link/pipe_link.h"

#include <errno.h>
#include <string.h>

static int fifo_describe(const struct address *a, struct enl_caps *caps)
{
    if (address_value(a, "keep") != 0)
        caps->can &= ~ENL_CAN_END; /* the reader is a writer of its own */
    return pipe_link_describe(a, caps);
}

static int create(const struct address *a, unsigned flags)
{
    int result = fifo_create(a->name, (uint32_t)address_value(a, "mode"));

    return result == -EEXIST && (flags & ENL_EXCLUSIVE) == 0 ? 0 : result;
}

static int check_open(const struct address *a, unsigned flags)
{
    if ((flags & (ENL_READ | ENL_WRITE)) == (ENL_READ | ENL_WRITE))
        return error_set(-ENOTSUP,
                         "fifo: is one way (duplex): open one for ENL_READ and another for "
                         "ENL_WRITE");
    if (address_value(a, "keep") != 0 && (flags & ENL_WRITE) != 0)
        return error_set(-EINVAL, "keep is for the reader, which then outlives its writers");
    return 0;
}

static int fifo_link_open(struct enl_link *l, const struct address *a, unsigned flags,
                          enl_deadline until)
{
    struct pipe_link *pipe = link_state(l);
    int result = check_open(a, flags);
    int fd = -1;

    (void)until; /* whether a peer is there is known at once */
    if (result == 0 && (flags & ENL_CREATE) != 0)
        result = create(a, flags);
    if (result == 0)
        result = fifo_open(a->name, (flags & ENL_WRITE) != 0, &fd);
    if (result < 0)
        return result;
    result = pipe_link_init(l, a, fd, false, true);
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    return address_value(a, "keep") != 0 ? fifo_open(a->name, true, &pipe->keep_fd) : 0;
}

static int fifo_unlink(const struct address *a)
{
    struct path_facts facts;
    int result = path_facts(a->name, &facts);

    if (result == 0 && facts.kind != PATH_FIFO)
        return error_set(-EINVAL, "%s is not a FIFO: it is left as it is", a->name);
    return result < 0 ? result : path_remove(a->name);
}

static const char *fifo_path(const struct address *a)
{
    return a->name;
}

static const struct address_option fifo_options[] = {
    FRAMING_OPTIONS,
    PIPE_OPTIONS,
    {.name = "mode", .kind = ADDRESS_MODE, .least = 0, .most = 0777, .preset = 0600},
    {.name = "keep", .kind = ADDRESS_FLAG, .preset = 0},
    {.name = NULL},
};

const struct link_driver fifo_driver = {
    .face = {.scheme = "fifo",
             .syntax = "fifo:PATH",
             .summary = "a pipe with a name in the file system, one way",
             .options = "frame message batch capacity writers mode keep",
             .caps = PIPE_CAPS(ENL_MEET_OPEN, ENL_REACH_MACHINE)},
    .address = {.scheme = "fifo",
                .syntax = "fifo:PATH",
                .name = ADDRESS_NAME_NEEDED,
                .name_most = ADDRESS_NAME_MAX,
                .options = fifo_options},
    .ops = &pipe_link_ops,
    .state_size = sizeof(struct pipe_link),
    .describe = fifo_describe,
    .open = fifo_link_open,
    .unlink = fifo_unlink,
    .path = fifo_path,
};
