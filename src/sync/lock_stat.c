/* SPDX-License-Identifier: MIT */
/* How locks are doing. All words are read once and alone: what they say together may never have been true at one moment. */
#include "sync/lock_stat.h"

#include "sync/lock_layout.h"
#include "sync/rwlock_layout.h"

/* The process of a member that lives, or 0. */
static uint64_t pid_of(const struct enl_sync *s, uint32_t token)
{
    struct roster_entry members[ROSTER_SLOTS_MAX];
    ssize_t count = roster_list(s->roster, members, ROSTER_SLOTS_MAX);

    for (ssize_t i = 0; i < count && i < (ssize_t)ROSTER_SLOTS_MAX; i++)
        if (token_of(members[i].slot, members[i].generation) == token)
            return members[i].pid;
    return 0;
}

static void fill(const struct enl_sync *s, const struct lock_layout *l, struct enl_sync_stat *stat)
{
    uint32_t owner = WORD_OWNER(atomic_load_explicit(&l->head.word, memory_order_relaxed));
    bool held = owner != 0 && owner != WORD_NOBODY_EVER;

    stat->holders = held;
    stat->holder_pid = held ? pid_of(s, owner) : 0;
    stat->waiters = atomic_load_explicit(&l->waiters, memory_order_relaxed);
    stat->contended = atomic_load_explicit(&l->waits, memory_order_relaxed);
    stat->deaths = atomic_load_explicit(&l->deaths, memory_order_relaxed);
}

void mutex_stat(struct enl_sync *s, struct enl_sync_stat *stat)
{
    fill(s, s->object, stat);
}

/* Marks that the dead left are not counted. */
void rwlock_stat(struct enl_sync *s, struct enl_sync_stat *stat)
{
    const struct rwlock_layout *l = s->object;

    fill(s, &l->writer, stat);
    for (uint32_t slot = 0; slot < ROSTER_SLOTS_MAX; slot++) {
        uint32_t mark = atomic_load_explicit(&l->readers[slot], memory_order_relaxed);
        uint32_t reads = mark & READERS_COUNT_MASK;

        if (reads > 0 && slot < roster_slot_count(s->roster) &&
            roster_is_alive(s->roster, token_of(slot, mark >> READERS_COUNT_BITS)) == 1)
            stat->holders += reads;
    }
}
