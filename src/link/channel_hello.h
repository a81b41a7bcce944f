/* SPDX-License-Identifier: MIT */
/* What the ends of a channel say to each other over their socket. */
#ifndef LINK_CHANNEL_HELLO_H
#define LINK_CHANNEL_HELLO_H

#include "link/channel.h"

enum {
    KIND_CLAIM = 1, /* lies in the socket of a pair's end, for its first user */
    KIND_HELLO = 2,
    KIND_REFUSAL = 3,
    KIND_GOODBYE = 4, /* of an end that never said hello and is closed in order */
};

struct hello {
    uint32_t magic;
    uint32_t version;
    uint32_t layout;
    uint32_t kind;
    uint32_t flags;
    struct channel_terms terms;
    uint32_t reserved[6];
    char text[CHANNEL_TEXT_SIZE]; /* of a refusal */
};

_Static_assert(sizeof(struct hello) == 64 + CHANNEL_TEXT_SIZE, "the same on every machine");

struct hello hello_of(uint32_t kind, const struct channel_terms *terms);
/* 0 or -errno; never waits. */
int hello_send(int fd, struct hello *h, const int fds[], unsigned fd_count);
/* Takes a datagram that was looked at out of the socket. */
void hello_take_out(int fd);

#endif
