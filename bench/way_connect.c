/* SPDX-License-Identifier: MIT */
/* Ways whose every round trip begins with a meeting: the first side opens and sends, the second one accepts, receives and
 * answers. What was opened is closed outside of the trip's time. */
#include "way.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static int failed(struct course *c, ssize_t r)
{
    (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
    return (int)r;
}

static int check(struct course *c)
{
    if (c->wait == WAIT_SLEEP)
        return 0;
    (void)snprintf(c->error, sizeof c->error, "a meeting waits");
    return -ENOTSUP;
}

static void join(struct course *c, enum side side)
{
    c->side = side; /* both have the listener, the second one alone uses it */
}

/* ---- enlace: what is a mechanism that listens at a path ------------------------------------- */

static int make(struct course *c)
{
    int r;

    memset(&c->connect, 0, sizeof c->connect);
    r = way_make_directory(c->connect.directory, sizeof c->connect.directory);
    if (r < 0)
        return r;
    (void)snprintf(c->connect.address, sizeof c->connect.address, "%s:%s/meeting", c->what,
                   c->connect.directory);
    r = enl_listen(c->connect.address, &c->connect.listener);
    return r < 0 ? failed(c, r) : 0;
}

static int meet(struct course *c)
{
    int r;

    if (c->connect.link != NULL)
        return 0;
    r = c->side == SIDE_PING ? enl_open(c->connect.address, ENL_READ | ENL_WRITE, &c->connect.link)
                             : enl_accept(c->connect.listener, ENL_FOREVER, &c->connect.link);
    return r < 0 ? failed(c, r) : 0;
}

static int send_message(struct course *c, const void *data)
{
    int r = meet(c);
    ssize_t sent;

    if (r < 0)
        return r;
    sent = enl_send(c->connect.link, data, c->size, ENL_FOREVER);
    return sent < 0 ? failed(c, sent) : 0;
}

static int receive_message(struct course *c, void *buffer)
{
    int r = meet(c);
    ssize_t size;

    if (r < 0)
        return r;
    size = enl_receive(c->connect.link, buffer, c->size, ENL_FOREVER);
    if (size < 0)
        return failed(c, size);
    return (size_t)size == c->size ? 0 : -EBADMSG;
}

static void tidy(struct course *c)
{
    enl_close(c->connect.link);
    c->connect.link = NULL;
}

static void end(struct course *c)
{
    tidy(c);
    enl_close(c->connect.listener); /* with its name in the process that made it, the first side */
    if (c->side == SIDE_PING)
        (void)rmdir(c->connect.directory);
}

/* ---- bare: a UNIX socket that keeps boundaries ----------------------------------------------- */

static int make_bare(struct course *c)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int r;

    memset(&c->connect, 0, sizeof c->connect);
    c->connect.fd = -1;
    r = way_make_directory(c->connect.directory, sizeof c->connect.directory);
    if (r < 0)
        return r;
    (void)snprintf(c->connect.address, sizeof c->connect.address, "%s/socket",
                   c->connect.directory);
    memcpy(name.sun_path, c->connect.address, sizeof c->connect.address);
    c->connect.listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (c->connect.listening < 0 ||
        bind(c->connect.listening, (struct sockaddr *)&name, sizeof name) < 0 ||
        listen(c->connect.listening, BACKLOG) < 0)
        return -errno;
    return 0;
}

static int meet_bare(struct course *c)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    if (c->connect.fd >= 0)
        return 0;
    if (c->side == SIDE_PONG) {
        c->connect.fd = accept4(c->connect.listening, NULL, NULL, SOCK_CLOEXEC);
        return c->connect.fd < 0 ? -errno : 0;
    }
    memcpy(name.sun_path, c->connect.address, sizeof c->connect.address);
    c->connect.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (c->connect.fd < 0 || connect(c->connect.fd, (struct sockaddr *)&name, sizeof name) < 0)
        return -errno;
    return 0;
}

static int send_bare(struct course *c, const void *data)
{
    int r = meet_bare(c);

    if (r < 0)
        return r;
    return write(c->connect.fd, data, c->size) < 0 ? -errno : 0;
}

static int receive_bare(struct course *c, void *buffer)
{
    int r = meet_bare(c);
    ssize_t size;

    if (r < 0)
        return r;
    size = read(c->connect.fd, buffer, c->size);
    if (size < 0)
        return -errno;
    return (size_t)size == c->size ? 0 : -EBADMSG;
}

static void tidy_bare(struct course *c)
{
    if (c->connect.fd >= 0)
        close(c->connect.fd);
    c->connect.fd = -1;
}

static void end_bare(struct course *c)
{
    tidy_bare(c);
    close(c->connect.listening);
    if (c->side == SIDE_PING) {
        (void)unlink(c->connect.address);
        (void)rmdir(c->connect.directory);
    }
}

const struct way way_enlace_connect = {
    .name = "enlace",
    .check = check,
    .make = make,
    .join = join,
    .send = send_message,
    .receive = receive_message,
    .tidy = tidy,
    .end = end,
};

const struct way way_connect = {
    .name = "bare",
    .check = check,
    .make = make_bare,
    .join = join,
    .send = send_bare,
    .receive = receive_bare,
    .tidy = tidy_bare,
    .end = end_bare,
};
