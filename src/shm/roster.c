/* SPDX-License-Identifier: MIT */
/* Who uses an object in shared memory.
 *
 * Crash. Only who holds a slot's lease writes the slot. A member that dies before it has raised the generation
 * never gave its token to anybody: the slot's next holder raises it. While a new holder has the lease but
 * not yet raised the generation, the dead predecessor counts as living: for a few instructions, or until
 * the new holder dies too; then the next probe tells. */
#include "shm/roster.h"

#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/lease.h"
#include "kernel/memory.h"
#include "kernel/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct roster {
    struct roster_layout *shared;
    uint32_t slot_count; /* as checked at the opening */
    struct lease_file file;
    struct roster_self *self; /* a page of its own, for it is zeroed on fork */
};

size_t roster_size(uint32_t slots)
{
    if (slots == 0 || slots > ROSTER_SLOTS_MAX)
        return 0;
    return (sizeof(struct roster_layout) + slots * sizeof(struct roster_slot) + 63) / 64 * 64;
}

void roster_format(void *memory, uint32_t slots)
{
    struct roster_layout *shared = memory;

    memset(shared, 0, roster_size(slots));
    shared->magic = ROSTER_MAGIC;
    shared->version = ROSTER_VERSION;
    shared->slot_count = slots;
}

int roster_open(void *memory, size_t size, int fd, struct roster **ret_roster)
{
    struct roster_layout *shared = memory;
    struct roster *r;
    void *self = NULL;
    uint32_t slots;
    int result;

    if (size < sizeof *shared || shared->magic != ROSTER_MAGIC || shared->version != ROSTER_VERSION)
        return error_set(-EBADMSG, "the roster of members is none, or of another version");
    slots = shared->slot_count;
    if (roster_size(slots) == 0 || roster_size(slots) > size)
        return error_set(-EBADMSG, "the roster of members claims %u slots", slots);
    r = malloc(sizeof *r);
    if (r == NULL)
        return error_set(-ENOMEM, "no memory to look at a roster");
    *r = (struct roster){.shared = shared, .slot_count = slots};
    result = lease_file_open(fd, &r->file);
    if (result == 0)
        result = memory_create(sizeof *r->self, &self);
    if (result < 0) {
        free(r);
        return result;
    }
    r->self = self;
    *ret_roster = r;
    return 0;
}

static void leave(struct roster *r)
{
    uint32_t token = atomic_load_explicit(&r->self->token, memory_order_relaxed);

    if (token == 0)
        return;
    atomic_store_explicit(&r->shared->slots[token_slot(token)].pid, 0, memory_order_relaxed);
    lease_end(&r->file, r->self->lease);
}

void roster_close(struct roster *r)
{
    if (r == NULL)
        return;
    leave(r);
    memory_close(r->self, sizeof *r->self);
    free(r);
}

/* The holder of a slot's lease makes itself known. */
static uint32_t settle(struct roster_slot *slot, uint32_t number)
{
    uint64_t now = (uint64_t)clock_real_ns();
    uint32_t generation = atomic_load_explicit(&slot->generation, memory_order_relaxed) + 1;

    atomic_store_explicit(&slot->pid, (uint32_t)thread_process(), memory_order_relaxed);
    atomic_store_explicit(&slot->joined_low, (uint32_t)now, memory_order_relaxed);
    atomic_store_explicit(&slot->joined_high, (uint32_t)(now >> 32), memory_order_relaxed);
    /* pairs with the acquire in roster_list(); a token is published by the word that it is written into */
    atomic_store_explicit(&slot->generation, generation, memory_order_release);
    return token_of(number, generation);
}

static int join(struct roster *r)
{
    struct roster_self *self = r->self;
    int slot = lease_begin(&r->file, ROSTER_LEASE_OFFSET, r->slot_count, &self->lease);

    if (slot == -EUSERS)
        return error_set(-EUSERS,
                         "all %u places for members are taken: a region has no more; end a "
                         "process that has it open",
                         r->slot_count);
    if (slot < 0)
        return slot;
    /* pairs with the acquire in roster_join() of other threads, which then use the lease */
    atomic_store_explicit(&self->token, settle(&r->shared->slots[slot], (uint32_t)slot),
                          memory_order_release);
    return 0;
}

int roster_join(struct roster *r)
{
    struct roster_self *self = r->self;
    int result = 0;

    /* held by a thread of this very process, for a few system calls: acquire and release among them */
    while (atomic_exchange_explicit(&self->joining, 1, memory_order_acquire) != 0)
        thread_yield();
    if (atomic_load_explicit(&self->token, memory_order_acquire) == 0)
        result = join(r);
    atomic_store_explicit(&self->joining, 0, memory_order_release);
    return result;
}

int roster_is_alive(const struct roster *r, uint32_t token)
{
    uint32_t slot = token_slot(token);

    if (slot >= r->slot_count)
        return error_set(-EBADMSG, "a shared word names member %u of %u", slot, r->slot_count);
    /* relaxed: a generation that is read too early only delays the answer to the next probe */
    if (token_of(slot, atomic_load_explicit(&r->shared->slots[slot].generation,
                                            memory_order_relaxed)) != (token & TOKEN_MASK))
        return 0;
    return lease_is_held(&r->file, ROSTER_LEASE_OFFSET + slot);
}

ssize_t roster_list(const struct roster *r, struct roster_entry ret_entries[], size_t count)
{
    size_t found = 0;

    for (uint32_t i = 0; i < r->slot_count; i++) {
        struct roster_slot *slot = &r->shared->slots[i];
        int held = lease_is_held(&r->file, ROSTER_LEASE_OFFSET + i);
        struct roster_entry entry = {.slot = i};

        if (held < 0)
            return held;
        if (held == 0)
            continue;
        /* pairs with the release in settle() */
        entry.generation = atomic_load_explicit(&slot->generation, memory_order_acquire);
        entry.pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
        entry.joined_ns = atomic_load_explicit(&slot->joined_low, memory_order_relaxed) |
                          (uint64_t)atomic_load_explicit(&slot->joined_high, memory_order_relaxed)
                              << 32;
        if (found < count)
            ret_entries[found] = entry;
        found++;
    }
    return (ssize_t)found;
}

uint32_t roster_slot_count(const struct roster *r)
{
    return r->slot_count;
}

struct roster_self *roster_self(const struct roster *r)
{
    return r->self;
}
