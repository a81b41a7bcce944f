/* SPDX-License-Identifier: MIT */
/* The way of ZeroMQ over ipc: a pair of sockets there and back, push and pull one way. Its threads do the input and
 * output; they are started after the fork. */
#include "peers/peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define LINGER_MS 1000

static int make(struct course *c)
{
    return way_make_directory(c->peer.folder, sizeof c->peer.folder);
}

static int kind_of(const struct course *c, enum side side)
{
    if (c->pattern == PATTERN_ROUND_TRIP)
        return ZMQ_PAIR;
    return side == SIDE_PING ? ZMQ_PUSH : ZMQ_PULL;
}

static void join(struct course *c, enum side side)
{
    char endpoint[sizeof c->peer.folder + 16];
    int linger = LINGER_MS;

    c->side = side;
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s/zmq", c->peer.folder);
    c->peer.context = zmq_ctx_new();
    c->peer.socket = zmq_socket(c->peer.context, kind_of(c, side));
    (void)zmq_setsockopt(c->peer.socket, ZMQ_LINGER, &linger, sizeof linger);
    if (side == SIDE_PONG)
        (void)zmq_bind(c->peer.socket, endpoint);
    else
        (void)zmq_connect(c->peer.socket, endpoint); /* again and again until it is bound */
}

static int flags_of(const struct course *c)
{
    return c->wait == WAIT_LOOK ? ZMQ_DONTWAIT : 0;
}

static int send_it(struct course *c, const void *data)
{
    return zmq_send(c->peer.socket, data, c->size, flags_of(c)) < 0 ? -zmq_errno() : 0;
}

static int receive(struct course *c, void *buffer)
{
    int size = zmq_recv(c->peer.socket, buffer, c->size, flags_of(c));

    return size < 0 ? -zmq_errno() : (size_t)size == c->size ? 0 : -EBADMSG;
}

static void end(struct course *c)
{
    (void)zmq_close(c->peer.socket);
    (void)zmq_ctx_term(c->peer.context);
    peers_remove_folder(c, "zmq");
}

const struct way way_zmq = {
    .name = "ZeroMQ ipc",
    .make = make,
    .join = join,
    .send = send_it,
    .receive = receive,
    .end = end,
};
