/* SPDX-License-Identifier: MIT */
/* Looking at enlace's own objects from outside: what is there, who uses it, how full it is, who waits. The processes
 * that use them are not disturbed: nothing is written, stopped or mapped. */
#ifndef ENLACE_INSPECT_H
#define ENLACE_INSPECT_H

#include <enlace/capability.h>
#include <enlace/export.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

ENL_BEGIN

/* enl_channel_end.flags */
#define ENL_END_WAITS_FOR_MESSAGE 1u /* it sleeps until the other end sends */
#define ENL_END_WAITS_FOR_SPACE 2u   /* it sleeps until the other end has received */
#define ENL_END_SENDS_NO_MORE 4u
#define ENL_END_CLOSED 8u
#define ENL_END_OTHER_VERSION                                                                      \
    16u /* of the library: only segment, pid, uid and name mean anything */

#define ENL_END_NAME_SIZE 256

/* One end of a channel, as it was at one moment. It is told by the process that has it, which could lie. What
 * is not known is ENL_UNKNOWN. Two looks at the counters, some time apart, give rates. */
struct enl_channel_end {
    uint64_t segment;      /* the number of this end's memory, as long as it lives */
    uint64_t peer_segment; /* of the other end; 0: it has not come yet */
    int32_t pid;           /* who has this end */
    int32_t peer_pid; /* who has the other one; as this end was told, if that one is not seen */
    uint32_t uid;
    uint32_t flags; /* ENL_END_... */
    uint64_t ring_bytes;
    uint64_t largest_message;
    uint64_t sent_messages; /* by this end, modulo 2^32, as the next */
    uint64_t received_messages;
    uint64_t sent_bytes;      /* modulo 2^35; with what each message needs in memory besides */
    uint64_t queued_messages; /* sent by this end, and not yet received by the other */
    uint64_t queued_bytes;
    uint64_t sleeps; /* how often it slept until it was woken; modulo 2^30 */
    uint64_t rings;  /* how often it woke the other end; modulo 2^32 */
    uint64_t reserved[8];
    char name[ENL_END_NAME_SIZE]; /* of the address; empty for a pair */
};

/* The ends of channels that process pid has (0: all processes). Fills up to count of them and returns how many there
 * are; call again with more room if it is more than that. Those that this user may not look into are left out.
 * -ESRCH: no such process; -EACCES: this user may not look into it; -ENOENT: /proc is not mounted. */
ENL_PUBLIC ssize_t enl_inspect_channels(int32_t pid, struct enl_channel_end ret_ends[],
                                        size_t count);

ENL_END

#endif
