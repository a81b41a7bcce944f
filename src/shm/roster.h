/* SPDX-License-Identifier: MIT */
/* Who uses an object in shared memory: each process is a member with a slot, whose lease the kernel drops when the
 * process dies.
 *
 * A token names a member in 27 bits: its slot, and which of the slot's members it is. It is what a process
 * writes into a shared word that it owns, so that whoever finds the word can ask whether the owner still lives.
 *
 * Threads: roster_join, roster_token, roster_is_alive and roster_list may be called by several at once.
 * fork: the child is not a member; roster_token says 0 there, and roster_join makes it one. */
#ifndef SHM_ROSTER_H
#define SHM_ROSTER_H

#include "shm/roster_layout.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct roster;

/* What a process knows of itself; zeroed in a forked child. */
struct roster_self {
    _Atomic uint32_t token;
    _Atomic uint32_t joining; /* a lock among the threads of this process */
    void *lease;
};

struct roster_entry {
    uint32_t slot, generation;
    uint32_t pid; /* in the member's own PID namespace */
    uint64_t joined_ns;
};

/* Bytes of a roster of so many slots, a multiple of 64; it wants to be aligned to 64. 0: not that many. */
size_t roster_size(uint32_t slots);

/* Makes one in memory that nobody else uses yet; may be repeated. */
void roster_format(void *memory, uint32_t slots);

/* Opens one: -EBADMSG if it is none. fd is a descriptor of the object's file, open for reading and writing; it is
 * borrowed until roster_close(). */
int roster_open(void *memory, size_t size, int fd, struct roster **ret_roster);
void roster_close(struct roster *r); /* leaves; NULL is allowed */

/* Becomes a member, if this process is none yet. -EUSERS if all slots are taken. */
int roster_join(struct roster *r);

/* 1 if the member of the token lives, 0 if not, or a negative errno. A member that has just died counts as living until the
 * kernel has torn it down; so does an unknown number of generations later, after 2^18 members of a slot, another one. */
int roster_is_alive(const struct roster *r, uint32_t token);

/* The living members, by slot: how many there are; the first `count` are written. */
ssize_t roster_list(const struct roster *r, struct roster_entry ret_entries[], size_t count);

uint32_t roster_slot_count(const struct roster *r);
struct roster_self *roster_self(const struct roster *r);

static inline uint32_t token_slot(uint32_t token)
{
    return (token & TOKEN_SLOT_MASK) - 1;
}

static inline uint32_t token_of(uint32_t slot, uint32_t generation)
{
    return (slot + 1) | (generation & TOKEN_GENERATION_MASK) << TOKEN_SLOT_BITS;
}

#endif
