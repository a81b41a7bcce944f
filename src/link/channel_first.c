/* SPDX-License-Identifier: MIT */
/* Whose an end of a channel is: the first process's that uses it, of the one that made it and those that inherited it.
 *
 * An end that nobody uses yet watches forks. While there was none, it is its maker's alone, and nothing has to be
 * asked. Before the first fork it gets what relatives hold together (kernel/holders.h): who takes that has the end, and
 * whoever closes the end knows whether somebody is left who may still use it. A pair's end can be given away as one
 * descriptor besides, to programs that hold nothing else: an empty file in memory lies in its socket, where everybody who
 * has the end can look at it, and the first to seal that has the end.
 *
 * Crash. A process that dies before it used its end says nothing, so that the peer takes the socket's hang-up for a death.
 * Who closes an end that was never used, and is the last who could have, says goodbye before. */
#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/sealed.h"
#include "kernel/socket.h"
#include "link/channel_hello.h"

#include <errno.h>
#include <stddef.h>

/* ---- what relatives share ---------------------------------------------------------------------------------- */

/* Before a fork. Without descriptors left the end stays the parent's. */
static void share(struct fork_watcher *w)
{
    struct channel *c = (void *)((char *)w - offsetof(struct channel, forks));

    if (!c->shared)
        (void)holder_create(&c->holder);
    c->shared = true;
}

int channel_await_first(struct channel *c)
{
    int result = process_word_get(&c->maker);

    if (result == 0)
        fork_watch(&c->forks, share);
    return result;
}

/* ---- what lies in a pair's socket -------------------------------------------------------------------------- */

int channel_put_claim(int from_fd, const struct channel_terms *terms)
{
    struct hello h = hello_of(KIND_CLAIM, terms);
    int fd;
    int result = sealed_create("enlace-claim", &fd);

    if (result < 0)
        return result;
    result = hello_send(from_fd, &h, &fd, 1);
    descriptor_close(fd);
    return result;
}

static bool is_claim(const struct hello *h, ssize_t size)
{
    return size == sizeof *h && h->magic == CHANNEL_MAGIC && h->kind == KIND_CLAIM;
}

bool channel_is_unclaimed(int fd, struct channel_terms *ret_terms)
{
    struct hello h;
    ssize_t size;

    do
        size = socket_peek(fd, &h, sizeof h);
    while (size == -ECONNRESET || size == -EINTR); /* as in take_claim() */
    if (!is_claim(&h, size))
        return false;
    *ret_terms = h.terms;
    return true;
}

static int claimed_by_another(void)
{
    return error_set(-EBUSY,
                     "this end of the channel is used by another process: it belongs to the first "
                     "that sends or receives");
}

static int take_claim(int fd)
{
    struct socket_message m;
    struct hello h;
    ssize_t size;
    int result = -EPERM;

    m.parts[0] = (struct iovec){.iov_base = &h, .iov_len = sizeof h};
    m.part_count = 1;
    m.packets = true;
    m.fd_capacity = 1;
    m.name = NULL;
    do
        size = socket_peek_message(fd, &m);
    while (size == -ECONNRESET ||
           size == -EINTR); /* told once that the other end was closed; what it sent is here */
    if (size >= 0 && m.fds_lost && m.fd_count == 0 && is_claim(&h, size))
        return channel_no_descriptor(-EMFILE);
    if (is_claim(&h, size) && m.fd_count == 1)
        result = sealed_claim(m.fds[0]);
    if (size >= 0)
        for (unsigned i = 0; i < m.fd_count; i++)
            descriptor_close(m.fds[i]);
    if (result < 0)
        return claimed_by_another();
    hello_take_out(fd); /* the winner's */
    return 0;
}

/* ---- the first user ---------------------------------------------------------------------------------------- */

/* Of an end that was opened or accepted. */
static int take_named(struct channel *c)
{
    if (c->holder.read_fd >= 0)
        return holder_take(&c->holder) ? 0 : claimed_by_another();
    return process_word_is(c->maker) ? 0 : claimed_by_another();
}

int channel_take_first(struct channel *c)
{
    int result;

    if (process_word_is(c->first))
        return 0;
    result = c->named ? take_named(c) : take_claim(c->socket_fd);
    if (result == 0)
        result = process_word_get(&c->first);
    if (result < 0)
        return result;
    if (!c->named)
        (void)holder_take(&c->holder);
    fork_unwatch(&c->forks);
    (void)holder_end(&c->holder);
    return 0;
}

/* Whether nobody uses this end, nor can any more when this process has let go of it. */
static bool is_last(struct channel *c)
{
    struct channel_terms terms;

    if (process_word_is(c->first)) /* which failed after it had taken it */
        return true;
    if (c->shared ? !holder_end_untaken(&c->holder) : !process_word_is(c->maker))
        return false;
    return !c->given && (c->named || channel_is_unclaimed(c->socket_fd, &terms));
}

void channel_leave_unused(struct channel *c)
{
    struct hello h = hello_of(KIND_GOODBYE, &c->terms);

    if (is_last(c))
        (void)hello_send(c->socket_fd, &h, NULL, 0);
    (void)holder_end(&c->holder);
    fork_unwatch(&c->forks);
}
