/* SPDX-License-Identifier: MIT */
/* The one descriptor of a link for event loops. */
#include "link/ready.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "link/link.h"

void ready_init(struct ready *r)
{
    *r = (struct ready){.set_fd = -1, .memory_fd = -1, .want = ENL_READABLE};
}

void ready_fini(struct ready *r)
{
    /* the inner set first: the kernel's descriptor must not be closed while it is a member */
    descriptor_close(r->set_fd);
    descriptor_close(r->memory_fd);
    r->set_fd = r->memory_fd = -1;
}

/* What is left to be sent waits for space too: the program asks enl_link_events, which goes on with it. */
static bool watches_write(const struct enl_link *l)
{
    return (l->ready.want & ENL_WRITABLE) != 0 ||
           (l->ops->unsent != NULL && !l->batches && l->ops->unsent(l) > 0);
}

static bool watches_read(const struct enl_link *l)
{
    /* a queue's descriptor is readable to its senders too */
    return l->listens || ((l->ready.want & ENL_READABLE) != 0 && (l->access & ENL_READ) != 0);
}

static int make(struct enl_link *l)
{
    struct ready *r = &l->ready;
    int set_fd, memory_fd;
    int result;

    if (l->fd < 0 || (l->caps.can & ENL_CAN_POLL) == 0)
        return link_cannot(l, "be polled (pollable)");
    if (l->ops->pending != NULL)
        (void)l->ops->pending(l); /* it may have to put the descriptor right first, after a fork */
    result = event_set_create(&set_fd);
    if (result < 0)
        return error_set(result, "no descriptor for the link's event set: close some, or raise "
                                 "RLIMIT_NOFILE");
    result = event_create(&memory_fd);
    if (result == 0) {
        r->watches_write = watches_write(l);
        result = event_set_add(set_fd, memory_fd, true, false);
        if (result == 0)
            result = event_set_add(set_fd, l->fd, watches_read(l), r->watches_write);
        if (result < 0)
            descriptor_close(memory_fd);
    }
    if (result < 0) {
        descriptor_close(set_fd);
        return error_set(result,
                         "cannot make the link's event set: too many descriptors or watches");
    }
    r->set_fd = set_fd;
    r->memory_fd = memory_fd;
    ready_refresh(l);
    return 0;
}

void ready_refresh(struct enl_link *l)
{
    struct ready *r = &l->ready;
    bool pending = (r->want & ENL_READABLE) != 0 && l->ops->pending != NULL && l->ops->pending(l);
    bool write = watches_write(l);

    if (pending != r->memory_set) {
        r->memory_set = pending;
        if (pending)
            event_set(r->memory_fd);
        else
            event_unset(r->memory_fd);
    }
    if (write != r->watches_write) {
        r->watches_write = write;
        (void)event_set_change(r->set_fd, l->fd, watches_read(l), write);
    }
}

int ready_fd(struct enl_link *l)
{
    int result = l->ready.set_fd >= 0 ? 0 : make(l);

    return result < 0 ? result : l->ready.set_fd;
}

int ready_want(struct enl_link *l, unsigned events)
{
    int result = ready_fd(l);

    if (result < 0)
        return result;
    l->ready.want = events;
    l->ready.watches_write = watches_write(l);
    result = event_set_change(l->ready.set_fd, l->fd, watches_read(l), l->ready.watches_write);
    ready_refresh(l);
    return result < 0 ? error_set(result, "cannot change the link's event set") : 0;
}
