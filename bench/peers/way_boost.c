/* SPDX-License-Identifier: MIT */
/* The way of Boost's message queue, whose C++ is in way_boost.cpp. */
#include "peers/boost.h"
#include "peers/peers.h"

#include <stdio.h>
#include <unistd.h>

static int make(struct course *c)
{
    char name[64];
    int r = 0;

    for (int i = 0; i < 2 && r == 0; i++) {
        (void)snprintf(name, sizeof name, "enlace-bench-%d-%d", (int)getpid(), i);
        r = boost_queue_make(name, c->size, &c->peer.queues[i]);
    }
    return r;
}

static void join(struct course *c, enum side side)
{
    c->side = side;
}

static int send_it(struct course *c, const void *data)
{
    return boost_queue_send(c->peer.queues[c->side], data, c->size, c->wait == WAIT_SLEEP);
}

static int receive(struct course *c, void *buffer)
{
    return boost_queue_receive(c->peer.queues[!c->side], buffer, c->size, c->wait == WAIT_SLEEP);
}

static void end(struct course *c)
{
    for (int i = 0; i < 2; i++)
        boost_queue_end(c->peer.queues[i]);
}

const struct way way_boost = {
    .name = "Boost message_queue",
    .make = make,
    .join = join,
    .send = send_it,
    .receive = receive,
    .end = end,
};
