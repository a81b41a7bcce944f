/* SPDX-License-Identifier: MIT */
/* The way of nng over ipc: a pair of sockets there and back, push and pull one way. Its threads are started after the
 * fork. */
#include "peers/peers.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <string.h>

static int make(struct course *c)
{
    return way_make_directory(c->peer.folder, sizeof c->peer.folder);
}

static int result(int error)
{
    return error == NNG_EAGAIN ? -EAGAIN : error != 0 ? -EIO : 0;
}

static void join(struct course *c, enum side side)
{
    char url[sizeof c->peer.folder + 16];
    nng_socket s = NNG_SOCKET_INITIALIZER;

    c->side = side;
    (void)snprintf(url, sizeof url, "ipc://%s/nng", c->peer.folder);
    if (c->pattern == PATTERN_ROUND_TRIP)
        (void)nng_pair0_open(&s);
    else if (side == SIDE_PING)
        (void)nng_push0_open(&s);
    else
        (void)nng_pull0_open(&s);
    (void)nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, 0);
    c->peer.number = s.id;
    if (side == SIDE_PONG)
        (void)nng_listen(s, url, NULL, 0);
    else
        (void)nng_dial(s, url, NULL, NNG_FLAG_NONBLOCK); /* again and again */
}

static int flags_of(const struct course *c)
{
    return c->wait == WAIT_LOOK ? NNG_FLAG_NONBLOCK : 0;
}

static int send_it(struct course *c, const void *data)
{
    /* it copies what it does not own, and does not write to it */
    return result(
        nng_send((nng_socket){c->peer.number}, (void *)(uintptr_t)data, c->size, flags_of(c)));
}

static int receive(struct course *c, void *buffer)
{
    size_t size = c->size;
    int r = result(nng_recv((nng_socket){c->peer.number}, buffer, &size, flags_of(c)));

    return r < 0 ? r : size == c->size ? 0 : -EBADMSG;
}

static void end(struct course *c)
{
    (void)nng_close((nng_socket){c->peer.number});
    peers_remove_folder(c, "nng");
}

const struct way way_nng = {
    .name = "nng ipc",
    .make = make,
    .join = join,
    .send = send_it,
    .receive = receive,
    .end = end,
};
