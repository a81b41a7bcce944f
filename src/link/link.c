/* SPDX-License-Identifier: MIT */
/* How links come to be and end, and the answers that all mechanisms give in the same words. */
#include "link/link.h"

#include "base/error.h"
#include "base/probe.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/limit.h"
#include "kernel/memory.h"
#include "kernel/path.h"
#include "link/catalog.h"

#include <enlace/error.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ------------------------------------------------------------------------------------- */

int link_too_large(size_t size, size_t capacity)
{
    return error_set(
        -EMSGSIZE,
        "the next message has %zu bytes, the buffer %zu: it is kept; receive with more "
        "room, or with ENL_TRUNCATE",
        size, capacity);
}

int link_ended(void)
{
    return error_note(-ESHUTDOWN, "the peer ended; every message was received");
}

int link_reset(const char *why)
{
    return error_note(-ECONNRESET, why);
}

int link_broken(void)
{
    return error_note(-EPIPE, "nobody is left to receive: the peer closed or died");
}

ssize_t link_send_result(ssize_t result)
{
    if (result >= 0 || result == -EAGAIN || result == -EINTR)
        return result;
    if (result == -EPIPE || result == -ECONNRESET || result == -ECONNREFUSED || result == -ENOTCONN)
        return link_broken();
    if (result == -ETOOMANYREFS)
        return error_set((int)result,
                         "too many descriptors are on their way (RLIMIT_NOFILE of this user)");
    return error_set((int)result, "the socket does not send: %s", strerror((int)-result));
}

int link_canceled(const struct enl_link *l)
{
    if (!interrupt_raised(&l->interrupt))
        return 0;
    return error_note(-ECANCELED,
                      "interrupted by enl_interrupt; enl_interrupt_clear lets calls go on");
}

int link_cannot(const struct enl_link *l, const char *what)
{
    return error_set(-ENOTSUP, "%s: links cannot %s", l->driver->face.scheme, what);
}

int link_backlog(const struct address *a)
{
    uint64_t backlog = address_value(a, "backlog");
    uint64_t most = limit_read("/proc/sys/net/core/somaxconn", UINT64_MAX);

    if (backlog > most && address_given(a, "backlog"))
        return error_set(-EINVAL,
                         "backlog=%" PRIu64 " is above /proc/sys/net/core/somaxconn, %" PRIu64
                         ": ask for less, or raise it: sysctl net.core.somaxconn=%" PRIu64,
                         backlog, most, backlog);
    return (int)backlog;
}

int link_set_access(struct enl_link *l, uint32_t which, const struct enl_settings *settings,
                    const char *noun)
{
    int result;

    if (which == ENL_SET_MODE)
        result = descriptor_set_mode(l->fd, settings->mode);
    else if (which == ENL_SET_OWNER)
        result = descriptor_set_owner(l->fd, settings->uid, settings->gid);
    else
        return -ENOTSUP;
    return result < 0 ? error_set(result, "the %s's mode or owner cannot be changed: %s", noun,
                                  strerror(-result))
                      : 0;
}

static const char *advice(int result)
{
    switch (result) {
    case -ENXIO:
        return ": nobody has it open for reading yet; wait with enl_open_until";
    case -ENOENT:
        return ": create it, or wait for it with enl_open_until";
    case -ECONNREFUSED:
        return ": nobody listens there; wait with enl_open_until";
    case -EAGAIN:
        return ": the listener's backlog is full; wait with enl_open_until";
    default:
        return error_advice(result);
    }
}

/* A global, because it is about all links at once. A forked child has one thread when it changes it. */
unsigned link_generation;

void link_refuse_all(void)
{
    link_generation++;
}

int link_check(const struct enl_link *l)
{
    if (l == NULL)
        return error_set(-EINVAL, "the link is NULL");
    if (link_is_foreign(l))
        return error_set(-EBADF,
                         "the link is the parent's: this forked process has those that it was "
                         "given, by enl_inherit");
    return 0;
}

/* ---- making and ending ----------------------------------------------------------------------------- */

int link_create(const struct link_driver *driver, const struct address *a,
                struct enl_link **ret_link)
{
    struct enl_link *l = calloc(1, sizeof *l + driver->state_size);
    int result;

    if (l == NULL)
        return error_set(-ENOMEM, "no memory for a link");
    l->driver = driver;
    l->ops = driver->ops;
    l->caps = driver->face.caps;
    l->fd = -1;
    l->generation = link_generation;
    l->access = ENL_READ | ENL_WRITE;
    interrupt_init(&l->interrupt);
    ready_init(&l->ready);
    result = driver->describe == NULL ? 0 : driver->describe(a, &l->caps);
    if (result < 0) {
        free(l);
        return result;
    }
    *ret_link = l;
    return 0;
}

void link_destroy(struct enl_link *l)
{
    if (l == NULL)
        return;
    ready_fini(&l->ready);
    if (l->ops->close != NULL)
        l->ops->close(l);
    memory_close(l->loan_buffer, l->largest);
    memory_close(l->take_buffer, l->largest);
    interrupt_fini(&l->interrupt);
    free(l->address);
    free(l);
}

void link_allow_blocking(struct enl_link *l, int fd)
{
    atomic_store_explicit(&l->interrupt.blocking_fd, fd, memory_order_relaxed);
    l->lone_calls = true;
}

/* A link as it goes to the program. */
static int finish(int result, struct enl_link *l, const char *verb, const char *address,
                  struct enl_link **ret_link)
{
    if (result < 0) {
        result = error_explain(result, verb, address, advice(result));
        link_destroy(l);
        return result;
    }
    l->largest = l->caps.largest_message > SIZE_MAX ? SIZE_MAX : (size_t)l->caps.largest_message;
    PROBE2(open, l, address);
    *ret_link = l;
    return 0;
}

static int unsupported(const struct link_driver *driver, const char *verb, const char *instead)
{
    return error_set(-ENOTSUP, "%s: %s is not how its links are made: %s", driver->face.scheme,
                     verb, instead);
}

static const char *how_to_meet(const struct link_driver *driver)
{
    uint32_t meet = driver->face.caps.meet;

    if (meet & ENL_MEET_LISTEN)
        return "one side calls enl_listen and enl_accept, the other enl_open";
    if (meet & ENL_MEET_OPEN)
        return "both sides call enl_open with the same name";
    if (meet & ENL_MEET_PAIR)
        return "enl_pair makes both ends, for relatives";
    return "enl_open or enl_adopt takes a descriptor";
}

static int keep_address(struct enl_link *l, const struct address *a)
{
    l->address = malloc(sizeof *a);
    if (l->address == NULL)
        return error_set(-ENOMEM, "no memory for a listener");
    *l->address = *a;
    return 0;
}

/* access: what the program asked for, of what the descriptor can do. */
static int adopt(int fd, const char *address, const struct link_driver *driver,
                 const struct address *a, unsigned access, struct enl_link **ret_link)
{
    struct descriptor_facts facts;
    struct enl_link *l = NULL;
    unsigned can;
    int result = descriptor_facts(fd, &facts);

    if (result < 0)
        return error_set(result, "there is no descriptor %d", fd);
    can = (facts.reads ? ENL_READ : 0u) | (facts.writes ? ENL_WRITE : 0u);
    if ((can & access) == 0)
        return error_set(-EACCES, "descriptor %d is not open for %s", fd,
                         access == ENL_READ ? "reading" : "writing");
    if (driver->adopt == NULL)
        driver = catalog_recognise(fd);
    if (driver == NULL)
        return error_set(-ENOTSUP, "descriptor %d is %s: no mechanism of enlace", fd,
                         descriptor_kind_name(facts.kind));
    result = link_create(driver, a, &l);
    if (result < 0)
        return result;
    error_note(0, "");
    l->access = can & access;
    result = driver->adopt(l, a, fd);
    if (result == 0 && l->listens) {
        result = keep_address(l, a);
        if (result < 0)
            l->fd = -1; /* stays the caller's */
    }
    return finish(result, l, "adopt a descriptor as", address, ret_link);
}

/* The mechanism and the parts of an address at which links are to be made, and given back in ret. */
static int find(const char *address, const void *ret, struct address *ret_address,
                const struct link_driver **ret_driver)
{
    if (ret == NULL)
        return error_set(-EINVAL, "there is no room for the link: the last argument is NULL");
    return catalog_find(address, ret_address, ret_driver);
}

/* ---- open ------------------------------------------------------------------------------------------ */

static bool peer_may_come(int result)
{
    return result == -ENXIO || result == -ENOENT || result == -ECONNREFUSED || result == -EAGAIN;
}

/* Sleeps until the path may have changed; a little later at most, as not everything is told. */
static int wait_for_peer(int watch_fd, enl_deadline until)
{
    int64_t soon = clock_now_ns() + PATH_LOOK_NS;
    struct pollfd item = {.fd = watch_fd, .events = POLLIN};
    int result = wait_for(&item, 1, NULL, 0, soon < until ? soon : until);

    if (result > 0)
        path_watch_empty(watch_fd);
    return result == -ETIMEDOUT && clock_now_ns() < until ? 0 : result;
}

static int open_waiting(struct enl_link *l, const struct address *a, unsigned flags,
                        enl_deadline until)
{
    const struct link_driver *driver = l->driver;
    int result = driver->open(l, a, flags, until);
    int watch_fd = -1;

    if (!peer_may_come(result) || until == ENL_NOW)
        return result;
    /* the watch comes before the next try, so that nothing happens between them unseen */
    if (driver->path != NULL && driver->path(a) != NULL)
        (void)path_watch(driver->path(a), &watch_fd);
    do {
        error_note(0, "");
        result = driver->open(l, a, flags, until);
        if (peer_may_come(result)) {
            int waited = wait_for_peer(watch_fd, until);

            if (waited == -ETIMEDOUT)
                result = error_set(-ETIMEDOUT, "no peer came to %s:%s before the deadline (%s)",
                                   a->scheme->scheme, a->name, strerror(-result));
            else if (waited < 0)
                result = waited;
        }
    } while (peer_may_come(result));
    descriptor_close(watch_fd);
    return result;
}

static int check_flags(unsigned flags)
{
    if ((flags & ~(ENL_READ | ENL_WRITE | ENL_CREATE | ENL_EXCLUSIVE)) != 0)
        return error_set(-EINVAL,
                         "enl_open knows ENL_READ, ENL_WRITE, ENL_CREATE and ENL_EXCLUSIVE, "
                         "not the flags %#x",
                         flags & ~(ENL_READ | ENL_WRITE | ENL_CREATE | ENL_EXCLUSIVE));
    if ((flags & (ENL_READ | ENL_WRITE)) == 0)
        return error_set(-EINVAL, "enl_open needs ENL_READ, ENL_WRITE or both");
    if ((flags & ENL_EXCLUSIVE) != 0 && (flags & ENL_CREATE) == 0)
        return error_set(-EINVAL, "ENL_EXCLUSIVE needs ENL_CREATE");
    return 0;
}

int enl_open_until(const char *address, unsigned flags, enl_deadline until,
                   struct enl_link **ret_link)
{
    const struct link_driver *driver;
    struct enl_link *l = NULL;
    struct address a;
    int result = find(address, ret_link, &a, &driver);

    if (result == 0)
        result = check_flags(flags);
    if (result < 0)
        return result;
    if (driver->descriptor != NULL) {
        int fd;

        result = driver->descriptor(&a, &fd);
        return result < 0
                   ? result
                   : adopt(fd, address, driver, &a, flags & (ENL_READ | ENL_WRITE), ret_link);
    }
    if (driver->open == NULL)
        return unsupported(driver, "enl_open", how_to_meet(driver));
    result = link_create(driver, &a, &l);
    if (result < 0)
        return result;
    error_note(0, "");
    l->access = flags & (ENL_READ | ENL_WRITE);
    result = open_waiting(l, &a, flags, until);
    if (result == -ENOENT && (flags & ENL_CREATE) != 0)
        result = error_explain(result, "make", address, ": its folder is not there");
    return finish(result, l, "open", address, ret_link);
}

int enl_open(const char *address, unsigned flags, struct enl_link **ret_link)
{
    return enl_open_until(address, flags, ENL_NOW, ret_link);
}

/* ---- the other ways -------------------------------------------------------------------------------- */

int enl_pair(const char *address, struct enl_link *ret_ends[2])
{
    const struct link_driver *driver;
    struct enl_link *ends[2] = {NULL, NULL};
    struct address a;
    int result = find(address, ret_ends, &a, &driver);

    if (result < 0)
        return result;
    if (driver->pair == NULL)
        return unsupported(driver, "enl_pair", how_to_meet(driver));
    result = link_create(driver, &a, &ends[0]);
    if (result == 0)
        result = link_create(driver, &a, &ends[1]);
    if (result == 0) {
        error_note(0, "");
        result = driver->pair(ends, &a);
    }
    if (result < 0) {
        result = error_explain(result, "make a pair of", address, advice(result));
        link_destroy(ends[0]);
        link_destroy(ends[1]);
        return result;
    }
    (void)finish(0, ends[0], "", address, &ret_ends[0]);
    return finish(0, ends[1], "", address, &ret_ends[1]);
}

int enl_listen(const char *address, struct enl_link **ret_listener)
{
    const struct link_driver *driver;
    struct enl_link *l = NULL;
    struct address a;
    int result = find(address, ret_listener, &a, &driver);

    if (result < 0)
        return result;
    if (driver->listen == NULL)
        return unsupported(driver, "enl_listen", how_to_meet(driver));
    result = link_create(driver, &a, &l);
    if (result < 0)
        return result;
    error_note(0, "");
    l->listens = true;
    result = keep_address(l, &a);
    if (result == 0)
        result = driver->listen(l, &a);
    return finish(result, l, "listen on", address, ret_listener);
}

static int wait_for_arrival(struct enl_link *listener, enl_deadline until)
{
    struct interrupt *who[] = {&listener->interrupt};
    struct pollfd fds[2] = {{.fd = listener->fd, .events = POLLIN}};

    if (until == ENL_NOW)
        return error_note(-EAGAIN, "nobody waits to be accepted now");
    return wait_for(fds, 1, who, 1, until);
}

int enl_accept(struct enl_link *listener, enl_deadline until, struct enl_link **ret_link)
{
    struct enl_link *l = NULL;
    int result;

    if (listener != NULL && link_is_foreign(listener))
        return link_check(listener);
    if (listener == NULL || !listener->listens)
        return error_set(-EINVAL, "enl_accept needs a link made by enl_listen");
    if (ret_link == NULL)
        return error_set(-EINVAL, "there is no room for the link: the last argument is NULL");
    result = link_create(listener->driver, listener->address, &l);
    if (result < 0)
        return result;
    error_note(0, "");
    do {
        result = link_canceled(listener);
        if (result == 0)
            result = listener->ops->accept(listener, listener->address, l);
        if (result == -EAGAIN) {
            result = wait_for_arrival(listener, until);
            result = result > 0 ? -EINTR : result; /* look again */
        }
    } while (result == -EINTR);
    return finish(result, l, "accept from", listener->driver->face.scheme, ret_link);
}

int enl_adopt(int fd, const char *address, struct enl_link **ret_link)
{
    const struct link_driver *driver;
    struct address a;
    int result = find(address, ret_link, &a, &driver);

    if (result < 0)
        return result;
    if ((driver->face.caps.meet & ENL_MEET_ADOPT) == 0)
        return unsupported(driver, "enl_adopt", how_to_meet(driver));
    return adopt(fd, address, driver, &a, ENL_READ | ENL_WRITE, ret_link);
}

/* ---- end ------------------------------------------------------------------------------------------- */

void enl_close(struct enl_link *l)
{
    PROBE2(close, l, 0);
    if (l != NULL && link_is_foreign(l))
        return;
    link_destroy(l);
}

int enl_unlink(const char *address)
{
    const struct link_driver *driver;
    struct address a;
    int result = catalog_find(address, &a, &driver);

    if (result < 0)
        return result;
    if (driver->unlink == NULL)
        return error_set(-ENOTSUP, "%s: has no name that could be removed", driver->face.scheme);
    error_note(0, "");
    result = driver->unlink(&a);
    return error_explain(result, "remove", address, result == -ENOENT ? "" : advice(result));
}
