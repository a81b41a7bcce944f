/* SPDX-License-Identifier: MIT */
/* The bytes that the two ends of a channel share: each end's own segment, which it alone can write.
 *
 *   header, a page or more        ring, a power of two, mapped twice in a row
 *   0    constant                 record: word | extra | payload padded to 8
 *   128  its lane, as writer      record: ...
 *   256  its cursor, as reader
 *   384  how it waits
 *   512  facts
 *
 * Layout. Positions are counts of 8-byte units, free running modulo 2^32: unit p is at byte (p * 8) mod ring.
 * A record starts with its word: 0 while it is not there, then RECORD_THERE | kind | size, stored last. A message's
 * payload follows, from LANE_LARGE bytes on where the next line begins; SKIP has none to be read; a REFERENCE's payload is
 * a struct lane_reference, and the message is behind the unit at that position. A PACK has several messages, all of the
 * size that `extra` says, each padded to 8; none has descriptors. The word behind the last record is 0.
 * All fields are little more than numbers: the same for 32 and 64 bit, glibc and musl. */
#ifndef SHM_CHANNEL_LAYOUT_H
#define SHM_CHANNEL_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_MAGIC 0x6c6e6863u /* "chnl" */
#define CHANNEL_VERSION 3u
/* A number that changes with the layout though its author forgot the version. */
#define CHANNEL_LAYOUT                                                                             \
    ((uint32_t)(sizeof(struct channel_header) << 20 | offsetof(struct channel_header, tail) << 8 | \
                offsetof(struct channel_header, head)) ^                                           \
     (uint32_t)(offsetof(struct channel_header, sleep) << 4 | LANE_UNIT) ^ LANE_LARGE << 8)

#define LANE_UNIT 8u
#define LANE_LINE 64u    /* bytes of memory that processors move at once, most of them */
#define LANE_LARGE 1024u /* bytes of a message */

#define RECORD_THERE 0x80000000u
#define RECORD_KIND 0x60000000u
#define RECORD_MESSAGE 0x00000000u
#define RECORD_SKIP 0x20000000u
#define RECORD_REFERENCE 0x40000000u
#define RECORD_PACK 0x60000000u
#define RECORD_SIZE 0x1fffffffu

struct lane_record_header {
    _Atomic(uint32_t) word;
    uint32_t
        extra; /* of a message: how many descriptors come with it; of a pack: the size of each */
};

struct lane_reference {
    uint32_t position;
    uint32_t size;
};

/* channel_header.sleep and .space_sleep: bit 0 asleep, and bit 1 of sleep: it will never receive again. The rest
 * is a number that grows with each sleep. */
#define CHANNEL_ASLEEP 1u
#define CHANNEL_DEAF 2u
#define CHANNEL_SLEEP_STEP 4u

/* channel_header.ended */
#define CHANNEL_SENDS_NO_MORE 1u
#define CHANNEL_CLOSED 2u

struct channel_header {
    uint32_t magic;
    uint32_t version;
    uint32_t layout;
    uint32_t ring_bytes;
    uint32_t largest; /* message, in bytes */
    uint32_t constant_reserved[27];

    _Atomic(uint32_t) tail; /* published end of its lane */
    _Atomic(uint32_t) sent; /* messages, for those who look from outside */
    uint32_t lane_reserved[30];

    _Atomic(uint32_t) head; /* how far it has read the other's lane */
    _Atomic(uint32_t) received;
    uint32_t cursor_reserved[30];

    _Atomic(uint32_t) sleep;          /* for data */
    _Atomic(uint32_t) space_sleep;    /* for space: ring when your head has passed */
    _Atomic(uint32_t) space_position; /* this */
    _Atomic(uint32_t) ended;
    _Atomic(uint32_t) rings;          /* bells that it rang */
    _Atomic(uint32_t) unfenced;       /* 1: its commits do not fence, who sleeps has to */
    _Atomic(uint32_t) space_unfenced; /* 1: likewise, its reads */
    uint32_t wait_reserved[25];
};

/* Behind the header: what its owner tells to those who look from outside. The driver reads nothing of it. */
#define CHANNEL_FACTS_AT 512u
#define CHANNEL_NAME_SIZE 256u

struct channel_facts {
    uint32_t pid; /* as its owner knows it */
    uint32_t peer_pid;
    _Alignas(8) uint64_t peer_segment; /* the inode of the other end's; 0: not met yet */
    char name[CHANNEL_NAME_SIZE];      /* of the address; ends with a 0 */
};

_Static_assert(sizeof(struct lane_record_header) == LANE_UNIT, "a record's header is a unit");
_Static_assert(sizeof(struct lane_reference) == LANE_UNIT, "a reference is a unit");
_Static_assert(offsetof(struct channel_header, tail) == 128, "layout");
_Static_assert(offsetof(struct channel_header, head) == 256, "layout");
_Static_assert(offsetof(struct channel_header, sleep) == 384, "layout");
_Static_assert(offsetof(struct channel_header, space_unfenced) == 408, "layout");
_Static_assert(sizeof(struct channel_header) == CHANNEL_FACTS_AT, "layout");
_Static_assert(offsetof(struct channel_facts, peer_segment) == 8, "layout");
_Static_assert(offsetof(struct channel_facts, name) == 16, "layout");
_Static_assert(sizeof(struct channel_facts) == 272, "layout");

#endif
