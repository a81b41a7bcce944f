/* SPDX-License-Identifier: MIT */
/* A barrier. */
#include "sync/barrier.h"

#include "base/error.h"
#include "kernel/futex.h"
#include "sync/sync.h"

#include <errno.h>
#include <limits.h>

/* One wait. */
struct visit {
    struct enl_sync *s;
    struct barrier_layout *b;
    uint32_t own;
    uint32_t phase;
    int place; /* -1: has not arrived */
};

/* ---- the two kinds of words ----------------------------------------------------------------------------------- */

static uint32_t phase_of(uint64_t state)
{
    return (uint32_t)state >> (32 - BARRIER_PHASE_BITS);
}

static uint32_t phase_after(uint32_t phase)
{
    return (phase + 1) & BARRIER_PHASE_MASK;
}

/* Whether phase a came before b; phases go round, after millions. */
static bool is_before(uint32_t a, uint32_t b)
{
    uint32_t distance = (b - a) & BARRIER_PHASE_MASK;

    return distance > 0 && distance <= BARRIER_PHASE_MASK / 2;
}

static uint32_t phase_before(uint32_t phase)
{
    return (phase - 1) & BARRIER_PHASE_MASK;
}

static uint64_t state_of(uint32_t broken, uint32_t phase)
{
    return (uint64_t)broken << 32 | phase << (32 - BARRIER_PHASE_BITS);
}

static uint64_t next_state(uint64_t state, bool by_death)
{
    uint32_t phase = phase_of(state);

    return state_of(by_death ? BARRIER_GONE | phase : (uint32_t)(state >> 32), phase_after(phase));
}

/* The same phase, but another word. */
static uint64_t withdrawn_state(uint64_t state)
{
    uint32_t low = (uint32_t)state;
    uint32_t withdrawals = (low + 1) & BARRIER_WITHDRAWALS;

    return (state & ~(uint64_t)BARRIER_WITHDRAWALS) | withdrawals;
}

/* Whether a death ended that phase, as far as `state` remembers: it does for the last one. */
static bool was_broken(uint64_t state, uint32_t phase)
{
    return state >> 32 == (BARRIER_GONE | phase);
}

/* Whether a death ended a phase after that one. */
static bool was_broken_since(uint64_t state, uint32_t phase)
{
    return state >> 32 != 0 && is_before(phase, (uint32_t)(state >> 32) & BARRIER_PHASE_MASK);
}

static uint64_t place_word(uint32_t token, uint32_t phase)
{
    return (uint64_t)token << 32 | phase;
}

static uint32_t token_in(uint64_t place)
{
    return (uint32_t)(place >> 32) & ~BARRIER_GONE;
}

static bool is_gone(uint64_t place)
{
    return (place >> 32 & BARRIER_GONE) != 0;
}

static bool has_arrived(uint64_t place, uint32_t phase)
{
    return place >> 32 != 0 && ((uint32_t)place & BARRIER_PHASE_MASK) == phase;
}

/* What is slept on. */
static _Atomic uint32_t *low_half(struct barrier_layout *b)
{
    uintptr_t state = (uintptr_t)&b->state;

    return (_Atomic uint32_t *)(state + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));
}

/* ---- making and ending ------------------------------------------------------------------------------------------- */

static int refuse_parties(uint64_t parties)
{
    return error_set(-EINVAL, "a barrier of %llu parties: it has 1 to %u",
                     (unsigned long long)parties, BARRIER_PARTIES_MOST);
}

int barrier_init(struct barrier_layout *b, uint64_t parties)
{
    if (parties < 1 || parties > BARRIER_PARTIES_MOST)
        return refuse_parties(parties);
    for (unsigned i = 0; i < BARRIER_PARTIES_MOST; i++)
        atomic_store_explicit(&b->places[i], 0, memory_order_relaxed);
    atomic_store_explicit(&b->parties, (uint32_t)parties, memory_order_relaxed);
    atomic_store_explicit(&b->state, state_of(0, 1), memory_order_relaxed);
    atomic_store_explicit(&b->waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&b->broken, 0, memory_order_relaxed);
    atomic_store_explicit(&b->live, BARRIER_LIVE, memory_order_relaxed);
    return 0;
}

/* How many parties the shared word says, or a negative errno. */
static int parties_of(const struct barrier_layout *b)
{
    uint32_t live = atomic_load(&b->live);
    uint32_t parties = atomic_load(&b->parties);

    if (live == 0)
        return error_set(-EIDRM, "the barrier was destroyed, or its memory is another's by now");
    if (live != BARRIER_LIVE || parties < 1 || parties > BARRIER_PARTIES_MOST)
        return error_set(-EBADMSG, "its words are %u and %u, which make no sense", (unsigned)live,
                         (unsigned)parties);
    return (int)parties;
}

int barrier_check(const struct barrier_layout *b)
{
    int parties = parties_of(b);

    return parties < 0 ? parties : 0;
}

static void wake_all(struct barrier_layout *b)
{
    (void)futex_wake(low_half(b), INT_MAX);
}

int barrier_set_parties(struct barrier_layout *b, uint64_t parties)
{
    if (parties < 1 || parties > BARRIER_PARTIES_MOST)
        return refuse_parties(parties);
    atomic_store(&b->parties, (uint32_t)parties);
    wake_all(b);
    return 0;
}

uint32_t barrier_arrived(const struct barrier_layout *b)
{
    uint32_t phase = phase_of(atomic_load(&b->state));
    uint32_t count = 0;

    for (unsigned i = 0; i < BARRIER_PARTIES_MOST; i++)
        count += has_arrived(atomic_load(&b->places[i]), phase);
    return count;
}

int barrier_end(struct barrier_layout *b)
{
    if (barrier_arrived(b) > 0)
        return error_set(-EBUSY, "%u wait at the barrier", (unsigned)barrier_arrived(b));
    atomic_store(&b->live, 0);
    wake_all(b);
    return 0;
}

void barrier_leave(struct enl_sync *s, struct barrier_layout *b)
{
    uint32_t own = sync_token(s);

    for (unsigned i = 0; own != 0 && i < BARRIER_PARTIES_MOST; i++) {
        uint64_t seen = atomic_load(&b->places[i]);

        if (token_in(seen) == own)
            (void)atomic_compare_exchange_strong(&b->places[i], &seen, 0);
    }
}

/* ---- arriving ------------------------------------------------------------------------------------------------------ */

enum choice { CHOICE_OWN, CHOICE_FREE, CHOICE_OTHERS };

static bool suits(const struct visit *v, uint64_t place, enum choice choice)
{
    if (has_arrived(place, v->phase) || is_gone(place))
        return false;
    if (choice == CHOICE_OWN)
        return token_in(place) == v->own;
    return choice == CHOICE_OTHERS || place >> 32 == 0;
}

/* A place of this process that does not count, since there are fewer parties than when it was taken. */
static void drop(struct visit *v, int place)
{
    uint64_t seen = place < 0 ? 0 : atomic_load(&v->b->places[place]);

    if (place >= 0 && suits(v, seen, CHOICE_OWN))
        (void)atomic_compare_exchange_strong(&v->b->places[place], &seen, 0);
}

/* Takes a place for this phase: one that this process had before, else a free one, else that of a process that has not
 * come this time. Without one left all have arrived, and the phase is about to end. -EOWNERDEAD: since this party's last
 * arrival a death ended a phase, and it was not there; now it knows. Its place says so also where it does not count any
 * more: the others may have gone on with fewer before this one came. */
static int arrive(struct visit *v, uint64_t state, int parties)
{
    int beyond = -1;

    v->place = -1;
    for (int i = 0; i < (int)BARRIER_PARTIES_MOST + 2 * parties; i++) {
        int rest = i - (int)BARRIER_PARTIES_MOST;
        enum choice choice = rest < 0 ? CHOICE_OWN : rest < parties ? CHOICE_FREE : CHOICE_OTHERS;
        int at = rest < 0 ? i : rest % parties;
        uint64_t seen = atomic_load(&v->b->places[at]);
        bool missed = choice == CHOICE_OWN && was_broken_since(state, (uint32_t)seen);

        if (!suits(v, seen, choice))
            continue;
        if (at >= parties && !missed) {
            beyond = at;
            continue;
        }
        if (!atomic_compare_exchange_strong(&v->b->places[at], &seen,
                                            place_word(v->own,
                                                       missed ? phase_before(v->phase) : v->phase)))
            continue;
        if (missed)
            return -EOWNERDEAD;
        drop(v, beyond);
        v->place = at;
        return 0;
    }
    return 0;
}

/* Takes the arrival back. */
static void withdraw(struct visit *v)
{
    uint64_t seen = place_word(v->own, v->phase);

    if (v->place >= 0)
        (void)atomic_compare_exchange_strong(&v->b->places[v->place], &seen,
                                             place_word(v->own, phase_before(v->phase)));
    v->place = -1;
}

/* ---- the end of a phase ---------------------------------------------------------------------------------------------- */

/* Frees the places of the dead of whom all know. Whether there is one of whom they do not. */
static bool is_broken(struct visit *v, uint64_t state)
{
    bool broken = false;

    for (unsigned i = 0; i < BARRIER_PARTIES_MOST; i++) {
        uint64_t seen = atomic_load(&v->b->places[i]);
        uint32_t marked = (uint32_t)seen & BARRIER_PHASE_MASK;

        if (!is_gone(seen) || is_before(v->phase, marked))
            continue;
        if (marked != v->phase && was_broken(state, marked)) {
            (void)atomic_compare_exchange_strong(&v->b->places[i], &seen, 0);
            continue;
        }
        if (marked != v->phase)
            (void)atomic_compare_exchange_strong(&v->b->places[i], &seen,
                                                 place_word(token_in(seen) | BARRIER_GONE,
                                                            v->phase));
        broken = true;
    }
    return broken;
}

static int count_arrived(const struct visit *v, int parties)
{
    int arrived = 0;

    for (int i = 0; i < parties; i++) {
        uint64_t place = atomic_load(&v->b->places[i]);

        arrived += has_arrived(place, v->phase) && !is_gone(place);
    }
    return arrived;
}

/* 1: this call ended the phase, as all have arrived. 0: it is not to be ended yet, or a death ended it, or somebody
 * else did. */
static int end_phase(struct visit *v, uint64_t state, int parties)
{
    bool broken = is_broken(v, state);
    bool full = count_arrived(v, parties) >= parties;

    if (!full && !broken)
        return 0;
    if (!atomic_compare_exchange_strong(&v->b->state, &state, next_state(state, !full)))
        return 0;
    if (!full)
        (void)atomic_fetch_add(&v->b->broken, 1);
    wake_all(v->b);
    return full;
}

/* Marks the places of the dead. How many, or a negative errno. */
static int look_for_dead(struct visit *v)
{
    int found = 0;

    for (unsigned i = 0; i < BARRIER_PARTIES_MOST; i++) {
        uint64_t seen = atomic_load(&v->b->places[i]);
        uint32_t token = token_in(seen);
        int alive = token == 0 || token == v->own || is_gone(seen)
                        ? 1
                        : roster_is_alive(v->s->roster, token);

        if (alive < 0)
            return alive;
        if (alive == 0 &&
            atomic_compare_exchange_strong(&v->b->places[i], &seen,
                                           place_word(token | BARRIER_GONE, v->phase)))
            found++;
    }
    return found;
}

static int tell_death(void)
{
    return error_set(-EOWNERDEAD,
                     "a party of the barrier died: all others are told once; the next phase "
                     "has begun, with its place free");
}

static int outcome(const struct visit *v, uint64_t state)
{
    return was_broken(state, v->phase) ? tell_death() : 0;
}

/* The call gives up: unless the phase has ended meanwhile, this one did not arrive. */
static int give_up(struct visit *v, int result)
{
    withdraw(v);
    for (;;) {
        uint64_t state = atomic_load(&v->b->state);

        if (phase_of(state) != v->phase)
            return outcome(v, state);
        if (atomic_compare_exchange_strong(&v->b->state, &state, withdrawn_state(state)))
            return result;
    }
}

/* One round of a wait: 2: go on. */
static int look(struct visit *v, int *result, enl_deadline until)
{
    uint64_t state = atomic_load(&v->b->state);
    int parties = parties_of(v->b);

    if (parties < 0)
        return parties;
    if (phase_of(state) != v->phase) {
        if (v->place >= 0)
            return outcome(v, state);
        v->phase = phase_of(state); /* that one was full */
    }
    if (v->place >= parties)
        withdraw(v); /* there are fewer now */
    if (v->place < 0) {
        (void)is_broken(v, state); /* first the places that are free by now */
        if (arrive(v, state, parties) < 0)
            return tell_death();
    }
    if (end_phase(v, state, parties) > 0)
        return v->place >= 0 ? 1 : 2;
    if (phase_of(atomic_load(&v->b->state)) != v->phase)
        return 2;
    if (*result < 0)
        return give_up(v, *result);
    *result = look_for_dead(v);
    if (*result == 0)
        *result = sync_sleep(v->s, low_half(v->b), (uint32_t)state, until, true);
    return 2;
}

int barrier_wait(struct enl_sync *s, struct barrier_layout *b, enl_deadline until)
{
    struct visit v = {.s = s, .b = b, .phase = phase_of(atomic_load(&b->state)), .place = -1};
    int failed = 0;
    int result = sync_join(s, &v.own);

    if (result < 0)
        return result;
    (void)atomic_fetch_add_explicit(&b->waiting, 1, memory_order_relaxed);
    do
        result = look(&v, &failed, until);
    while (result == 2);
    (void)atomic_fetch_sub_explicit(&b->waiting, 1, memory_order_relaxed);
    return result;
}

/* ---- as a kind of objects ---------------------------------------------------------------------------------------------- */

int enl_barrier_wait(struct enl_sync *s, enl_deadline until)
{
    return sync_is(s, ENL_BARRIER) ? barrier_wait(s, s->object, until)
                                   : sync_wrong_kind(s, ENL_BARRIER);
}

static int fill(void *object, const struct enl_sync_options *o)
{
    return barrier_init(object, o->value);
}

static int compare(const void *object, const struct enl_sync_options *o)
{
    (void)o; /* how many parties it has now is not how many it began with */
    return barrier_check(object);
}

static int destroy(struct enl_sync *s)
{
    struct barrier_layout *b = s->object;
    int result = barrier_end(b);

    if (result == 0)
        atomic_store_explicit(&b->head.word, 0, memory_order_relaxed);
    return result;
}

static void fill_stat(struct enl_sync *s, struct enl_sync_stat *stat)
{
    const struct barrier_layout *b = s->object;

    stat->value = barrier_arrived(b);
    stat->limit = atomic_load(&b->parties);
    stat->waiters = atomic_load_explicit(&b->waiting, memory_order_relaxed);
    stat->deaths = atomic_load_explicit(&b->broken, memory_order_relaxed);
}

static int set(struct enl_sync *s, uint64_t value)
{
    return barrier_set_parties(s->object, value);
}

static void leave(struct enl_sync *s)
{
    barrier_leave(s, s->object);
}

const struct sync_kind sync_kind_barrier = {
    .kind = ENL_BARRIER,
    .name = "barrier",
    .size = sizeof(struct barrier_layout),
    .fill = fill,
    .compare = compare,
    .destroy = destroy,
    .stat = fill_stat,
    .set_value = set,
    .leave = leave,
};
