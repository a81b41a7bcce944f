/* SPDX-License-Identifier: MIT */
/* Waiting: for one link, for many, for what was sent to arrive; and being interrupted. */
#include "base/error.h"
#include "kernel/clock.h"
#include "link/link.h"
#include "link/sleep.h"

#include <errno.h>

#define DRAIN_LOOK_FIRST_NS 20000
#define DRAIN_LOOK_MOST_NS 5000000

static bool has_unsent(const struct enl_link *l)
{
    return l->ops->unsent != NULL && l->ops->unsent(l) > 0;
}

static bool has_pending(const struct enl_link *l)
{
    return l->ops->pending != NULL && !l->taken && l->ops->pending(l);
}

static short poll_events(const struct enl_link *l, unsigned events)
{
    short wanted = 0;

    if (l->listens || (events & ENL_READABLE) != 0)
        wanted |= POLLRDHUP;
    if (l->listens || ((events & ENL_READABLE) != 0 && (l->access & ENL_READ) != 0))
        wanted |= POLLIN; /* a queue's descriptor is readable to its senders too */
    if ((events & ENL_WRITABLE) != 0)
        wanted |= POLLOUT;
    return wanted;
}

/* What the kernel says of a link's descriptor, in our words. */
static unsigned events_of(struct enl_link *l, short got)
{
    unsigned events = 0;

    if ((got & POLLERR) != 0 && l->ops->forgive != NULL && l->ops->forgive(l))
        got &= ~POLLERR;
    if ((got & POLLIN) != 0)
        events |= l->listens ? ENL_ARRIVAL : (l->access & ENL_READ) != 0 ? ENL_READABLE : 0;
    if ((got & (POLLOUT | POLLHUP | POLLERR)) == POLLOUT && (l->access & ENL_WRITE) != 0 &&
        !has_unsent(l))
        events |= ENL_WRITABLE;
    if ((got & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL)) != 0)
        events |= ENL_GONE;
    return events;
}

/* ---- sleeping for one link ------------------------------------------------------------------------------- */

int link_sleep(struct enl_link *l, unsigned events, enl_deadline until)
{
    struct interrupt *who[] = {&l->interrupt};
    struct pollfd fds[2] = {{.fd = l->fd}};
    int result;

    if (has_unsent(l)) {
        result = l->ops->flush(l, false);
        /* a peer that no longer receives may have sent: the receive that follows finds out */
        if (result == -EAGAIN)
            events |= ENL_WRITABLE;
    }
    if (l->ops->wait != NULL)
        return l->ops->wait(l, events, until);
    fds[0].events = poll_events(l, events);
    result = wait_for(fds, 1, who, 1, until);
    return result > 0 ? 0 : result;
}

int link_wait_for_space(struct enl_link *l, enl_deadline until)
{
    struct pollfd item = {.fd = l->fd, .events = POLLOUT};
    int result = link_canceled(l);

    if (l->fd < 0)
        return result; /* the commit finds out */
    while (result == 0) {
        if (has_unsent(l))
            (void)l->ops->flush(l, false);
        if (wait_look(&item, 1) > 0 && (l->batches || !has_unsent(l)))
            return 0;
        result = until == ENL_NOW ? error_note(-EAGAIN, "there is no space now")
                                  : link_sleep(l, ENL_WRITABLE, until);
    }
    return result;
}

/* ---- for event loops ----------------------------------------------------------------------------------- */

int enl_link_fd(struct enl_link *l)
{
    int result = link_check(l);

    if (result == 0 && l->ops->event_fd != NULL)
        return l->ops->event_fd(l);
    return result < 0 ? result : ready_fd(l);
}

int enl_link_want(struct enl_link *l, unsigned events)
{
    if (l == NULL || (events & ~(ENL_READABLE | ENL_WRITABLE)) != 0)
        return error_set(-EINVAL, "enl_link_want takes ENL_READABLE and ENL_WRITABLE, not %#x",
                         events);
    if (link_is_foreign(l))
        return link_check(l);
    if (l->ops->want == NULL)
        return ready_want(l, events);
    atomic_store_explicit(&l->ready.want, events, memory_order_relaxed);
    return l->ops->want(l);
}

unsigned enl_link_events(struct enl_link *l)
{
    struct pollfd item;
    unsigned events = 0;

    if (l == NULL || link_is_foreign(l))
        return 0;
    if (l->ops->events != NULL)
        return l->ops->events(l);
    if (has_unsent(l))
        (void)l->ops->flush(l, false);
    if (has_pending(l))
        events |= ENL_READABLE;
    if (l->framing.failed != 0)
        events |= ENL_GONE;
    item = (struct pollfd){.fd = l->fd, .events = poll_events(l, ENL_READABLE | ENL_WRITABLE)};
    if (l->fd >= 0 && wait_look(&item, 1) > 0)
        events |= events_of(l, item.revents);
    ready_received(l, &l->ready);
    return events;
}

static int check_poll(struct enl_link *const links[], size_t count)
{
    if (count == 0 || count > ENL_POLL_MAX || links == NULL)
        return error_set(-EINVAL,
                         "enl_poll takes 1 to %d links, not %zu: use epoll with enl_link_fd",
                         ENL_POLL_MAX, count);
    for (size_t i = 0; i < count; i++) {
        if (links[i] == NULL)
            return error_set(-EINVAL, "link number %zu is NULL", i);
        if (link_is_foreign(links[i]))
            return link_check(links[i]);
        if (links[i]->fd < 0)
            return link_cannot(links[i], "be polled (pollable)");
    }
    return 0;
}

/* Fills what to poll, and goes on with what is left to be sent. Returns how many links have something in
 * memory, or why one cannot be polled. */
static int prepare_poll(struct enl_link *const links[], size_t count, struct pollfd fds[],
                        struct interrupt *who[])
{
    int pending = 0;

    for (size_t i = 0; i < count; i++) {
        struct enl_link *l = links[i];
        unsigned want = ready_wanted(l);

        who[i] = &l->interrupt;
        if (l->ops->event_fd != NULL) {
            fds[i] = (struct pollfd){.fd = l->ops->event_fd(l), .events = POLLIN};
            if (fds[i].fd < 0)
                return fds[i].fd;
            continue;
        }
        if (has_unsent(l) && l->ops->flush(l, false) == -EAGAIN)
            want |= ENL_WRITABLE;
        fds[i] = (struct pollfd){.fd = l->fd, .events = poll_events(l, want)};
        if (want != ENL_WRITABLE)
            fds[i].events |= POLLRDHUP; /* as the set of event.c does */
        pending += (want & ENL_READABLE) != 0 && has_pending(l);
    }
    return pending;
}

static int count_ready(struct enl_link *const links[], size_t count, const struct pollfd fds[])
{
    int ready = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned events = links[i]->ops->events != NULL
                              ? fds[i].revents != 0 ? links[i]->ops->events(links[i]) : 0
                              : events_of(links[i], fds[i].revents);

        if (has_pending(links[i]))
            events |= ENL_READABLE;
        ready += (events & (ready_wanted(links[i]) | ENL_GONE | ENL_ARRIVAL)) != 0;
    }
    return ready;
}

int enl_poll(struct enl_link *const links[], size_t count, enl_deadline until)
{
    struct pollfd fds[2 * ENL_POLL_MAX];
    struct interrupt *who[ENL_POLL_MAX];
    int result = check_poll(links, count);

    while (result == 0) {
        int pending = prepare_poll(links, count, fds, who);

        if (pending < 0)
            return pending;
        result = wait_for(fds, count, who, count, pending > 0 ? ENL_NOW : until);
        if (result == -ECANCELED || (result < 0 && result != -ETIMEDOUT))
            return result;
        if (count_ready(links, count, fds) > 0)
            return count_ready(links, count, fds);
        if (result == -ETIMEDOUT)
            return until == ENL_NOW ? error_note(-EAGAIN, "no link is ready now") : result;
        result = 0; /* space for what was left to be sent: go on with it */
    }
    return result;
}

/* ---- interrupt ------------------------------------------------------------------------------------------- */

int enl_interrupt(struct enl_link *l)
{
    return l == NULL ? -EINVAL : interrupt_raise(&l->interrupt);
}

void enl_interrupt_clear(struct enl_link *l)
{
    if (l != NULL)
        interrupt_clear(&l->interrupt);
}

/* ---- until it has arrived -------------------------------------------------------------------------------- */

int enl_flush(struct enl_link *l, enl_deadline until)
{
    int result = link_check(l);

    if (result < 0)
        return result;
    if (l->ops->flush == NULL)
        return link_canceled(l);
    do {
        result = link_canceled(l);
        if (result == 0)
            result = l->ops->flush(l, false);
        if (result == -EAGAIN)
            result = until == ENL_NOW ? error_note(-EAGAIN, "there is no space now")
                                      : (link_sleep(l, ENL_WRITABLE, until) ?: -EINTR);
    } while (result == -EINTR);
    ready_sent(l, &l->ready);
    return result;
}

int enl_end_sending(struct enl_link *l)
{
    int result = link_check(l);

    if (result < 0)
        return result;
    if (l->listens || (l->access & ENL_WRITE) == 0)
        return error_set(-EINVAL, "this link does not send, or no more");
    if (l->ops->end_sending == NULL)
        return link_cannot(l, "end one direction alone (duplex, end told)");
    result = l->ops->flush == NULL ? 0 : l->ops->flush(l, false);
    if (result == -EAGAIN)
        return error_note(-EAGAIN, "not everything is sent yet: enl_flush first");
    if (result == 0)
        result = l->ops->end_sending(l);
    if (result == -ENOTSUP)
        return link_cannot(l, "end one direction alone (duplex, end told)");
    if (result == 0)
        l->access &= ~(unsigned)ENL_WRITE;
    return result;
}

static bool is_gone(const struct enl_link *l)
{
    struct pollfd item = {.fd = l->fd, .events = 0};

    return wait_look(&item, 1) > 0 && (item.revents & (POLLHUP | POLLERR)) != 0;
}

/* The kernel has no event for "taken out": looked at, less and less often. */
int enl_drain(struct enl_link *l, enl_deadline until)
{
    int64_t pause_ns = DRAIN_LOOK_FIRST_NS;
    int result = enl_flush(l, until);

    if (result < 0)
        return result;
    if (l->ops->unreceived == NULL)
        return link_cannot(l, "tell what was received (drain)");
    for (;;) {
        struct interrupt *who[] = {&l->interrupt};
        struct pollfd none[1];
        size_t bytes = 0;
        int64_t soon = clock_now_ns() + pause_ns;

        result = link_canceled(l);
        if (result == 0)
            result = l->ops->unreceived(l, &bytes);
        if (result < 0 || bytes == 0)
            return result;
        if (is_gone(l))
            return link_broken();
        if (until == ENL_NOW)
            return error_note(-EAGAIN, "not everything was received yet");
        result = wait_for(none, 0, who, 1, soon < until ? soon : until);
        if (result == -ECANCELED || (result == -ETIMEDOUT && clock_now_ns() >= until))
            return result;
        pause_ns = pause_ns * 2 < DRAIN_LOOK_MOST_NS ? pause_ns * 2 : DRAIN_LOOK_MOST_NS;
    }
}
