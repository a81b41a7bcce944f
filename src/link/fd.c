/* SPDX-License-Identifier: MIT */
/* fd: a descriptor that was inherited, of whatever mechanism it is; and links given to children that way. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "link/catalog.h"
#include "link/link.h"
#include "link/pipe_link.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

static int fd_of(const struct address *a, int *ret_fd)
{
    int fd = 0;

    if (a->name_size == 0)
        return error_set(-EINVAL, "fd: needs the number of a descriptor, as in fd:3");
    for (size_t i = 0; i < a->name_size; i++) {
        if (a->name[i] < '0' || a->name[i] > '9' || fd > (INT_MAX - 9) / 10)
            return error_set(-EINVAL, "fd:%s: the name is the number of a descriptor, as in fd:3",
                             a->name);
        fd = fd * 10 + (a->name[i] - '0');
    }
    *ret_fd = fd;
    return 0;
}

/* The options of every mechanism that a descriptor may turn out to be, but for those of names. */
static const struct address_option fd_options[] = {
    FRAMING_OPTIONS,
    PIPE_OPTIONS,
    {.name = "fds", .kind = ADDRESS_NUMBER, .least = 0, .most = 253, .preset = 0},
    {.name = NULL},
};

const struct link_driver fd_driver = {
    .face = {.scheme = "fd",
             .syntax = "fd:N",
             .summary = "a descriptor that was inherited, of most of the others",
             .options = "frame message batch capacity writers fds",
             .caps = {.can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_LOSSLESS | ENL_CAN_EMPTY |
                             ENL_CAN_END | ENL_CAN_BROKEN | ENL_CAN_POLL,
                      .meet = ENL_MEET_ADOPT,
                      .reach = ENL_REACH_RELATIVES,
                      .senders = 1,
                      .receivers = 1,
                      .largest_message = PIPE_ATOMIC - 4,
                      .capacity = ENL_UNKNOWN}},
    .address = {.scheme = "fd",
                .syntax = "fd:N",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = 10,
                .options = fd_options},
    .descriptor = fd_of,
};

/* A pipe's peers agree on writers= alone; its largest message follows from it. */
static int write_address(const struct enl_link *l, int fd, char *ret_address, size_t size)
{
    const struct framing *f = &l->framing;

    if (f->bytes == NULL)
        return snprintf(ret_address, size, "fd:%d", fd);
    if (f->atomic)
        return snprintf(ret_address, size, "fd:%d?frame=%s&batch=%zu&writers=many", fd,
                        framing_words[f->frame], f->batch);
    return snprintf(ret_address, size, "fd:%d?frame=%s&message=%zu&batch=%zu&writers=one", fd,
                    framing_words[f->frame], f->largest, f->batch);
}

int link_give(struct enl_link *l, int fd, char *ret_address, size_t size, int *ret_fd)
{
    int result = 0;
    int length;

    if (link_is_foreign(l))
        return link_check(l);
    if (l->fd < 0 || l->listens ||
        ((l->driver->face.caps.meet & ENL_MEET_ADOPT) == 0 && catalog_recognise(l->fd) == NULL))
        return link_cannot(l, "be given to another program");
    *ret_fd = l->fd;
    if (l->ops->give != NULL) {
        result = l->ops->give(l, ret_fd);
        if (result < 0)
            return result;
    }
    if (l->ops->flush != NULL)
        result = l->ops->flush(l, false);
    if (result < 0)
        return error_set(result,
                         "the link has messages that could not be sent yet: enl_flush it first");
    length = write_address(l, fd, ret_address, size);
    if (length < 0 || (size_t)length >= size)
        return error_set(-EINVAL, "%zu bytes are too few for the link's address", size);
    return 0;
}

int link_export(struct enl_link *l, char *ret_address, size_t size)
{
    int fd = -1;
    int result = link_give(l, l->fd, ret_address, size, &fd);

    if (result < 0)
        return result;
    result = descriptor_set_inherited(fd, true);
    return result < 0 ? error_set(result, "descriptor %d cannot be inherited", fd) : 0;
}
