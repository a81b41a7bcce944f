/* SPDX-License-Identifier: MIT */
/* What a mechanism can do: asked here, never guessed. What it cannot do is -ENOTSUP, named in the text. */
#ifndef ENLACE_CAPABILITY_H
#define ENLACE_CAPABILITY_H

#include <enlace/export.h>
#include <stddef.h>
#include <stdint.h>

ENL_BEGIN

/* enl_caps.can */
#define ENL_CAN_BOUNDARIES (1u << 0) /* a receive gives one message, as it was sent */
#define ENL_CAN_ORDER (1u << 1)      /* one sender's messages arrive in the order sent */
#define ENL_CAN_LOSSLESS (1u << 2) /* a full mechanism makes the sender wait; nothing is dropped */
#define ENL_CAN_FIXED_SIZE (1u << 3)   /* every message has exactly the size of largest_message */
#define ENL_CAN_PRIORITY (1u << 4)     /* enl_message.priority; the highest is received first */
#define ENL_CAN_TYPES (1u << 5)        /* enl_message.type, and enl_match on it */
#define ENL_CAN_DUPLEX (1u << 6)       /* both ends send and receive */
#define ENL_CAN_FAN_OUT (1u << 7)      /* every receiver gets every message */
#define ENL_CAN_PERSISTENT (1u << 8)   /* messages outlive the processes */
#define ENL_CAN_ACKNOWLEDGE (1u << 9)  /* a message taken and not released is delivered again */
#define ENL_CAN_PASS_FDS (1u << 10)    /* enl_message.fds */
#define ENL_CAN_CREDENTIALS (1u << 11) /* the kernel says who the peer is: enl_link_peer */
#define ENL_CAN_SENDER (1u << 12)    /* the kernel says who sent each message: enl_message.sender */
#define ENL_CAN_SEND_FILE (1u << 13) /* enl_send_file without a copy through the process */
#define ENL_CAN_POLL (1u << 14)      /* enl_link_fd */
#define ENL_CAN_ZERO_COPY (1u << 15) /* loan and take give the mechanism's own memory */
#define ENL_CAN_EMPTY (1u << 16)     /* messages of no bytes */
#define ENL_CAN_END (1u << 17)       /* a receiver learns that its last sender has gone */
#define ENL_CAN_BROKEN (1u << 18)    /* a sender learns that its last receiver has gone */
#define ENL_CAN_BATCH (1u << 19)     /* ?batch=, enl_flush */
#define ENL_CAN_MERGE                                                                              \
    (1u << 20) /* messages that wait become one: added up, or all but one dropped */
#define ENL_CAN_PEEK (1u << 21) /* enl_peek: messages are looked at, and left */

/* enl_caps.meet: how its two sides find each other */
#define ENL_MEET_PAIR 1u   /* enl_pair: both ends at once, for relatives */
#define ENL_MEET_OPEN 2u   /* enl_open of the same name on both sides */
#define ENL_MEET_LISTEN 4u /* enl_listen and enl_accept, and enl_open on the other side */
#define ENL_MEET_ADOPT 8u  /* enl_adopt of a descriptor */

enum enl_reach {
    ENL_REACH_PROCESS = 0,
    ENL_REACH_RELATIVES = 1, /* needs a descriptor that was inherited or passed */
    ENL_REACH_MACHINE = 2,
    ENL_REACH_NETWORK = 3,
};

#define ENL_MANY UINT32_MAX    /* participants: no fixed bound */
#define ENL_UNKNOWN UINT64_MAX /* a number that cannot be known */

struct enl_caps {
    uint32_t can;     /* ENL_CAN_... */
    uint32_t meet;    /* ENL_MEET_... */
    uint32_t reach;   /* enum enl_reach */
    uint32_t senders; /* how many at once on one object, or ENL_MANY */
    uint32_t receivers;
    uint32_t reserved32;
    uint64_t largest_message; /* in bytes */
    uint64_t capacity;        /* bytes that wait in it, as opened by default; ENL_UNKNOWN */
    uint64_t reserved[4];
};

/* A mechanism of the catalog. The row holds for the address with no options. */
struct enl_mechanism {
    const char *scheme;  /* "pipe" */
    const char *syntax;  /* "pipe:" */
    const char *summary; /* one line */
    const char *options; /* its options, separated by a blank */
    struct enl_caps caps;
};

/* The mechanism number index, in the catalog's order, or NULL past the last. Any thread. */
ENL_PUBLIC const struct enl_mechanism *enl_mechanism(size_t index);

/* Checks an address without opening it, and says what a link of it can do, its options considered.
 * 0, or -EINVAL with a text that points at the place. ret_caps may be NULL. */
ENL_PUBLIC int enl_address_caps(const char *address, struct enl_caps *ret_caps);

/* The name of one ENL_CAN_ bit, such as "boundaries", or NULL: for listing them, bit by bit. */
ENL_PUBLIC const char *enl_capability_name(uint32_t bit);

ENL_END

#endif
