/* SPDX-License-Identifier: MIT */
/* How a verb comes to its link. */
#include "meeting.h"

#include "quantity.h"
#include "report.h"
#include "stop.h"
#include "verb.h"

#include <enlace/error.h>
#include <enlace/link.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int meeting_take_option(struct meeting *m, int id, const char *value)
{
    switch (id) {
    case MEETING_CREATE:
        m->create = true;
        return EXIT_SUCCESS;
    case MEETING_WAIT:
        m->wait = true;
        return EXIT_SUCCESS;
    case MEETING_LISTEN:
        m->listen = true;
        return EXIT_SUCCESS;
    case MEETING_TIMEOUT:
        if (!quantity_parse_duration(value, &m->timeout_ns))
            return report_misuse("--timeout %s: not a duration such as 500ms, 2s or 1m", value);
        m->limited = true;
        return EXIT_SUCCESS;
    default:
        return -1;
    }
}

enl_deadline meeting_deadline(const struct meeting *m)
{
    return m->limited ? enl_in_ns(m->timeout_ns) : ENL_FOREVER;
}

/* A failed opening in the shell's words: where the library names calls, it speaks to programs. */
static int tell_absence(const struct meeting *m, int result, const struct enl_caps *caps)
{
    bool listens = (caps->meet & ENL_MEET_LISTEN) != 0;

    if (result == -ETIMEDOUT)
        return report_failure("nobody was at %s in time", m->address);
    if (strstr(enl_error_text(), "enl_") == NULL) /* it names no call: it is for people, too */
        return report_failure("%s", enl_error_text());
    if (result == -ENXIO)
        return report_failure("nobody has %s open to receive", m->address);
    if (m->wait)
        return report_failure("nobody is at %s", m->address);
    if (listens)
        return report_failure("nobody listens at %s; --listen makes this side listen, --wait waits "
                              "for the other to do so",
                              m->address);
    if (m->direction == ENL_READ)
        return report_failure(
            "%s is not there; --create makes it, --wait waits until somebody does", m->address);
    return report_failure("nobody receives at %s; the receiver makes it (--create), --wait waits "
                          "for that",
                          m->address);
}

static int tell_failure(const struct meeting *m, int result, const struct enl_caps *caps)
{
    if (result == -EINVAL)
        return report_misuse("%s", enl_error_text());
    if (!m->listen &&
        (result == -ENOENT || result == -ECONNREFUSED || result == -ENXIO || result == -ETIMEDOUT))
        return tell_absence(m, result, caps);
    if (result == -ENOTSUP && caps->meet == (ENL_MEET_PAIR | ENL_MEET_ADOPT))
        return report_failure("%s is for relatives; from a shell, use the descriptor that it has "
                              "there: fd:N",
                              m->address);
    return report_failure("%s", enl_error_text());
}

static int listen_there(struct meeting *m)
{
    int result;

    stop_hold();
    result = enl_listen(m->address, &m->listener);
    if (result == 0)
        stop_guard(m->listener);
    stop_release();
    return result;
}

/* A missing reader of a FIFO that is there is waited for, as the shell's > does; other peers on request. */
static int open_there(struct meeting *m)
{
    unsigned flags = m->direction | (m->create ? ENL_CREATE : 0);
    bool absent;
    int result;

    stop_hold();
    result = enl_open(m->address, flags, &m->link);
    if (result == 0)
        stop_guard(m->link);
    stop_release();
    absent = result == -ENXIO || (m->wait && (result == -ENOENT || result == -ECONNREFUSED));
    if (!absent || (m->limited && m->timeout_ns == 0))
        return result;
    result = enl_open_until(m->address, flags, meeting_deadline(m), &m->link);
    if (result == 0)
        stop_guard(m->link);
    return result;
}

/* Where the system chose the port (tcp:HOST:0), whoever is to come must be told. */
static void tell_port(const struct meeting *m)
{
    size_t size = strcspn(m->address, "?");
    char address[ENL_ADDRESS_MAX];

    if (size < 2 || strncmp(m->address + size - 2, ":0", 2) != 0)
        return;
    if (enl_link_address(m->listener != NULL ? m->listener : m->link, address, sizeof address) == 0)
        report_note("waits at %s", address);
}

int meeting_begin(struct meeting *m)
{
    struct enl_caps caps = {0};
    int result = enl_address_caps(m->address, &caps);

    if (result < 0)
        return report_misuse("%s", enl_error_text());
    /* Where there are no connections, the receiver makes the name and waits: it listens, too. */
    if (m->listen && (caps.meet & ENL_MEET_LISTEN) == 0) {
        if ((caps.meet & ENL_MEET_OPEN) == 0 || m->direction != ENL_READ)
            return report_misuse("nobody listens at %s; leave out --listen", m->address);
        m->listen = false;
        m->create = true;
    }
    if (m->create && (caps.meet & (ENL_MEET_LISTEN | ENL_MEET_OPEN)) == ENL_MEET_LISTEN)
        return report_misuse("%s is made by the side that listens: --listen, not --create",
                             m->address);
    result = stop_install();
    if (result < 0)
        return report_failure("cannot catch signals: %s", strerror(-result));
    result = m->listen ? listen_there(m) : open_there(m);
    if (result < 0)
        return tell_failure(m, result, &caps);
    tell_port(m);
    return EXIT_SUCCESS;
}

int meeting_accept(struct meeting *m)
{
    int result = enl_accept(m->listener, meeting_deadline(m), &m->link);

    if (result == -ECANCELED)
        return EXIT_SUCCESS;
    if (result == -ETIMEDOUT || result == -EAGAIN)
        return report_failure("no peer came to %s in time", m->address);
    if (result < 0)
        return report_failure("%s", enl_error_text());
    stop_guard(m->link);
    return EXIT_SUCCESS;
}

void meeting_end(struct meeting *m)
{
    stop_hold();
    stop_guard(NULL);
    enl_close(m->link);
    enl_close(m->listener);
    m->link = NULL;
    m->listener = NULL;
    stop_release();
}
