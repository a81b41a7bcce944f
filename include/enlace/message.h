/* SPDX-License-Identifier: MIT */
/* The message: one struct for sending, receiving, loaning and taking, held by the caller. */
#ifndef ENLACE_MESSAGE_H
#define ENLACE_MESSAGE_H

#include <enlace/export.h>
#include <stddef.h>
#include <stdint.h>

ENL_BEGIN

struct enl_link;

/* Who a peer is, as the kernel says. pid is 0 where it is unknown (also: not visible from here). */
struct enl_peer {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};

/* enl_message.flags, set by the library */
#define ENL_TRUNCATED 1u   /* the message was longer (full_size), or its end may be missing */
#define ENL_REDELIVERED 2u /* somebody took it before, and died or gave it back */
#define ENL_OVERWRITTEN 4u /* messages before it were overwritten: see missed */
#define ENL_FDS_LOST 8u /* descriptors came with it for which there was no room; they are closed */
/* enl_message.flags, set by the caller of a receive */
#define ENL_TRUNCATE 16u /* cut a message that does not fit, instead of -EMSGSIZE and keeping it */

#define ENL_PEER_NAME_SIZE 112

/* Zero what you do not use: struct enl_message m = {.data = buffer, .capacity = sizeof buffer}; a zeroed
 * reserved field is part of the contract by which later versions add to this struct.
 * Send: data, size, and where the mechanism has them type, priority, fds, fd_count, name.
 * Receive: data, capacity, fds, fd_capacity and ENL_TRUNCATE are read, everything else is written. */
struct enl_message {
    void *data;
    size_t size;
    size_t capacity;   /* room at data (receive) */
    size_t full_size;  /* the size that it had when it was sent; more than size only if truncated */
    int64_t type;      /* ENL_CAN_TYPES */
    uint32_t priority; /* ENL_CAN_PRIORITY */
    uint32_t flags;    /* ENL_TRUNCATED ... */
    uint32_t deliveries;  /* how often it was delivered, this time included */
    uint32_t fd_count;    /* ENL_CAN_PASS_FDS: how many are sent, or came */
    uint32_t fd_capacity; /* room at fds (receive) */
    uint32_t name_size;   /* 0: none */
    int *fds;             /* sent: borrowed; received: CLOEXEC, the caller's to close */
    uint64_t missed;      /* messages lost just before this one */
    struct enl_peer sender;
    unsigned char name[ENL_PEER_NAME_SIZE]; /* unconnected datagrams: whom to answer; opaque */
    struct enl_link *link;                  /* of a loan or a take; the library's */
    uint64_t token[2];                      /* the library's */
    uint64_t reserved[4];
};

/* The data of a message from signal:NAMES?details. What the signal does not have is 0. code says why it came, as
 * in sigaction(2): SI_USER, SI_QUEUE, SI_KERNEL, CLD_EXITED ... Who it came from is the kernel's word if code is
 * SI_TKILL or not negative; with SI_QUEUE it is what the sender says of himself. */
struct enl_signal {
    int32_t number;
    int32_t code;
    uint64_t value; /* of SI_QUEUE, SI_TIMER, SI_MESGQ */
    int32_t pid;    /* the sender; of CHLD the child */
    uint32_t uid;
    int32_t status;  /* of CHLD: an exit status, or a signal */
    int32_t fd;      /* of IO: the descriptor that is ready, */
    uint32_t band;   /* and for what: POLLIN ... */
    int32_t timer;   /* of SI_TIMER: the kernel's number of the timer, */
    int32_t overrun; /* and how often it has expired besides */
    uint32_t reserved32;
    uint64_t address; /* of SEGV, BUS, ILL, FPE, TRAP: where */
    uint64_t reserved;
};

/* Which message to receive or take. A NULL match and ENL_MATCH_ANY take the next one; the others need
 * ENL_CAN_TYPES. */
enum enl_match_kind {
    ENL_MATCH_ANY = 0,
    ENL_MATCH_TYPE = 1,    /* exactly this type */
    ENL_MATCH_UP_TO = 2,   /* the lowest type that is at most this one */
    ENL_MATCH_ALL_BUT = 3, /* any other type */
};

struct enl_match {
    enum enl_match_kind kind;
    int64_t type;
};

ENL_END

#endif
