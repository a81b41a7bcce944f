/* SPDX-License-Identifier: MIT */
/* How an end of a channel sleeps, wakes its peer, and tells an event loop that it is ready.
 *
 * Layout. Of the waiting line of channel_layout.h: `sleep` and `space_sleep` say that their owner sleeps, or is
 * about to, for data or for space; the rest of them is a number that is another one for each sleep. Their owner
 * alone writes them, as it does `unfenced` and `space_unfenced`.
 *
 * Ordering. Who sleeps stores its word, fences, looks once more at what it waits for, and sleeps. Who commits stores
 * the commit, fences, and looks at that word. One of the two sees the other's store, so no wake-up is lost. The
 * fence after a commit is dear: a sender that has found nobody asleep for a while says so in `unfenced` (store, fence),
 * and leaves it out from then on; who goes to sleep reads `unfenced` after its own fence, and makes up for the other
 * by membarrier. A sleeper that read 0 fenced before the sender did, so the sender's next look sees it asleep. A sender
 * that finds its peer asleep fences again, then takes the word back.
 * A bell is rung once for each number. The bell is never read: see kernel/bell.h.
 *
 * Event mode begins with the first enl_link_fd. From then on each call returns with the set readable and something
 * there, or with the set emptied, the sleep announced by a new number, and another look that found nothing. Who is rung
 * for is the event loop then.
 *
 * Crash. A sleeper that dies leaves a word that says it sleeps: it is rung for once, and its socket and process
 * tell of its death. A sender that dies between its commit and its ring wakes the sleeper by its death. */
#include "base/deadline.h"
#include "base/error.h"
#include "kernel/bell.h"
#include "kernel/clock.h"
#include "kernel/membarrier.h"
#include "kernel/pidfd.h"
#include "kernel/socket.h"
#include "kernel/thread.h"
#include "link/channel.h"

#include <errno.h>

#define LOOK_NS 20000      /* how long to look before sleeping */
#define LOOKS_A_TURN 16    /* between two yields */
#define PAUSE_LEAST_NS 500 /* of it without a yield, at first where the peer runs elsewhere */
#define YIELDED_NS 1500    /* a yield that took so long let somebody run */
#define SKIP_MOST 64       /* sleeps without a look, when looking has not paid */
#define SPINS_A_TURN 256   /* of wait=spin, between two looks at the clock */

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

/* ---- waking the peer --------------------------------------------------------------------------------------- */

static void ring(struct channel *c)
{
    struct channel_header *own = channel_header_of(c);
    uint32_t rings = atomic_load_explicit(&own->rings, memory_order_relaxed) + 1;

    /* two threads may ring: a count, no more; release: before the ring itself */
    atomic_store_explicit(&own->rings, rings, memory_order_release);
    if (c->peer_bell_fd >= 0)
        bell_ring(c->peer_bell_fd);
    else
        (void)socket_send(c->socket_fd, "", 1, false);
}

/* The fence behind the store is the caller's. */
void channel_leave_fences_out(struct channel *c, _Atomic(uint32_t) *word, bool *unfenced)
{
    if (!c->membarrier_agreed)
        return;
    atomic_store_explicit(word, 1, memory_order_relaxed);
    *unfenced = true;
}

int channel_tell_slowly(struct channel *c, uint32_t sleep)
{
    struct channel_header *own = channel_header_of(c);

    c->awake_streak = 0;
    if (c->send_unfenced) {
        c->send_unfenced = false;
        atomic_store_explicit(&own->unfenced, 0, memory_order_release);
    }
    if ((sleep & CHANNEL_DEAF) != 0) {
        c->send_process = NO_PROCESS;
        return link_broken();
    }
    if (sleep != c->for_data.rung) {
        c->for_data.rung = sleep;
        ring(c);
    }
    return 0;
}

void channel_tell_space_slowly(struct channel *c, uint32_t sleep)
{
    struct channel_header *own = channel_header_of(c);
    uint32_t position;

    c->space_streak = 0;
    if (c->receive_unfenced) {
        c->receive_unfenced = false;
        atomic_store_explicit(&own->space_unfenced, 0, memory_order_release);
    }
    /* stored before the number, whose acquire the caller did; of a later number it is none of ours */
    position = atomic_load_explicit(&c->peer_of_in->space_position, memory_order_relaxed);
    if (sleep == c->for_space.rung || (int32_t)(lane_cursor(&c->in) - position) < 0)
        return;
    c->for_space.rung = sleep;
    ring(c);
}

/* ---- what is waited for ------------------------------------------------------------------------------------ */

/* For those events: to a sender a peer is there that only sends no more itself. */
static bool peer_is_gone(struct channel *c, unsigned events)
{
    const struct channel_header *peer = channel_peer_of(c);
    uint32_t ended = CHANNEL_CLOSED;

    if ((events & ENL_READABLE) != 0)
        ended |= CHANNEL_SENDS_NO_MORE;
    return atomic_load_explicit(&c->hung, memory_order_relaxed) ||
           atomic_load_explicit(&c->gone, memory_order_relaxed) != CHANNEL_HERE ||
           (peer != NULL &&
            (atomic_load_explicit(&peer->ended, memory_order_relaxed) & ended) != 0);
}

/* Of a send that waits: what it needs, or after a full lane a quarter of it. */
static uint32_t wanted_units(const struct channel *c, bool hysteresis)
{
    uint32_t quarter = c->out.units / 4;

    return hysteresis && c->wanted_units < quarter ? quarter : c->wanted_units;
}

static bool holds(struct channel *c, unsigned events, bool hysteresis)
{
    if ((events & ENL_READABLE) != 0)
        return channel_has_data(c);
    /* who waits for space is the sending thread; nonsense is found out by its next send */
    return lane_refresh(&c->out, wanted_units(c, hysteresis)) != -EAGAIN;
}

int channel_told(struct channel *c, unsigned told)
{
    if ((told & BELL_ENDED) != 0)
        atomic_store_explicit(&c->hung, true, memory_order_release);
    return (told & BELL_SOCKET) != 0 ? channel_serve_socket(c) : 0;
}

/* A set is its sleeper's: another thread that emptied it would take a ring from it. */
int channel_ask_kernel(struct channel *c)
{
    if (atomic_load_explicit(&c->met, memory_order_acquire) != 0 && pidfd_ended(c->peer_process_fd))
        atomic_store_explicit(&c->hung, true, memory_order_release);
    return channel_serve_socket(c);
}

/* ---- looking ----------------------------------------------------------------------------------------------- */

static bool look_turns(struct channel *c, unsigned events, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        if (holds(c, events, true))
            return true;
        relax();
    }
    return false;
}

/* Looks for so long without letting others run. */
static bool look_for(struct channel *c, unsigned events, int64_t end)
{
    do {
        if (look_turns(c, events, LOOKS_A_TURN))
            return true;
    } while (clock_now_ns() < end && !peer_is_gone(c, events));
    return false;
}

/* Looks for a while, and lets others run in between: whom it waits for may want this very CPU. How long at a time is
 * learnt from what had to happen before the peer was heard of: a yield (it runs here), or only time. */
static bool look_adaptively(struct channel *c, unsigned events, struct channel_sleeper *s)
{
    int64_t start, end;

    if (s->skip > 0) {
        s->skip--;
        return false;
    }
    if (look_turns(c, events, LOOKS_A_TURN))
        return true;
    start = clock_now_ns();
    end = start + LOOK_NS;
    for (int64_t now = start; now < end && !peer_is_gone(c, events); now = clock_now_ns()) {
        int64_t pause_end = now + s->pause_ns < end ? now + s->pause_ns : end;

        if (s->pause_ns > 0 && look_for(c, events, pause_end)) {
            s->pause_ns = 2 * s->pause_ns < LOOK_NS ? 2 * s->pause_ns : LOOK_NS;
            s->skip_next = 0;
            return true;
        }
        thread_yield();
        if (holds(c, events, true)) {
            /* it ran here, or just now elsewhere: a little of either is tried again */
            s->pause_ns = clock_now_ns() - now > s->pause_ns + YIELDED_NS ? 0 : PAUSE_LEAST_NS;
            s->skip_next = 0;
            return true;
        }
    }
    s->skip_next = s->skip_next == 0 ? 1 : s->skip_next < SKIP_MOST ? 2 * s->skip_next : SKIP_MOST;
    s->skip = s->skip_next;
    return holds(c, events, false);
}

/* wait=spin: until it is there; the kernel is asked of the peer's death now and then. */
static int look_for_ever(struct enl_link *l, struct channel *c, unsigned events, enl_deadline until)
{
    for (;;) {
        int result = channel_ask_kernel(c);

        if (result < 0 || peer_is_gone(c, events))
            return result;
        for (unsigned turn = 0; turn < SPINS_A_TURN; turn++) {
            if (look_turns(c, events, SPINS_A_TURN))
                return 0;
            if (interrupt_raised(&l->interrupt))
                return 0; /* the caller looks, too */
            if (until != ENL_FOREVER && deadline_left_ns(until, clock_now_ns()) == 0)
                return error_note(-ETIMEDOUT, "the deadline passed");
        }
    }
}

/* ---- sleeping ---------------------------------------------------------------------------------------------- */

/* Between one's own word and the last look: see Ordering. */
static void fence_sleep(const _Atomic(uint32_t) *peer_unfenced)
{
    /* pairs with channel_fence() */
    atomic_thread_fence(memory_order_seq_cst);
    if (peer_unfenced != NULL && atomic_load_explicit(peer_unfenced, memory_order_acquire) != 0)
        (void)membarrier_fence();
}

static void announce(struct channel *c, unsigned events, uint32_t need)
{
    struct channel_header *own = channel_header_of(c);
    const struct channel_header *peer = channel_peer_of(c);
    uint32_t tail, held, position;

    if ((events & ENL_READABLE) != 0) {
        c->for_data.number = (c->for_data.number + CHANNEL_SLEEP_STEP) | CHANNEL_ASLEEP;
        atomic_store_explicit(&own->sleep, c->for_data.number, memory_order_relaxed);
    }
    if ((events & ENL_WRITABLE) != 0) {
        tail = atomic_load_explicit(&own->tail, memory_order_relaxed);
        held = atomic_load_explicit(&c->out.held, memory_order_relaxed);
        c->for_space.number = (c->for_space.number + CHANNEL_SLEEP_STEP) | CHANNEL_ASLEEP;
        position = tail + held + need + 1 - c->out.units;
        if ((int32_t)(position - tail) > 0)
            position = tail; /* more than that cannot be read: look again when all is */
        atomic_store_explicit(&own->space_position, position, memory_order_relaxed);
        /* pairs with the acquire in channel_tell_space() */
        atomic_store_explicit(&own->space_sleep, c->for_space.number, memory_order_release);
    }
    fence_sleep(peer == NULL ? NULL : &peer->unfenced);
    if ((events & ENL_WRITABLE) != 0)
        fence_sleep(peer == NULL ? NULL : &peer->space_unfenced);
}

static void wake_up(struct channel *c, unsigned events)
{
    struct channel_header *own = channel_header_of(c);

    if ((events & ENL_READABLE) != 0) {
        c->for_data.number &= ~CHANNEL_ASLEEP;
        atomic_store_explicit(&own->sleep, c->for_data.number, memory_order_relaxed);
    }
    if ((events & ENL_WRITABLE) != 0) {
        c->for_space.number &= ~CHANNEL_ASLEEP;
        atomic_store_explicit(&own->space_sleep, c->for_space.number, memory_order_relaxed);
    }
}

/* A sending thread beside others sleeps on a set of its own: a ring is told once for each set. */
static int set_for(struct channel *c, unsigned events, int *ret_set_fd)
{
    int result;

    *ret_set_fd = c->set_fd;
    if ((events & ENL_READABLE) != 0 || thread_is_alone())
        return 0;
    result = channel_make_space_set(c);
    if (result == 0)
        *ret_set_fd = c->space_fd;
    return result;
}

/* The peer counts before it rings. If the number is another one than after the set was emptied, the set is readable, or
 * will be: by the ring, or by the end of a peer that died just before it. */
static uint32_t rings_of_peer(struct channel *c)
{
    const struct channel_header *peer = channel_peer_of(c);

    return peer == NULL ? 0 : atomic_load_explicit(&peer->rings, memory_order_acquire);
}

static void lock_settling(struct channel *c)
{
    while (atomic_flag_test_and_set_explicit(&c->settling, memory_order_acquire))
        thread_yield();
}

static void unlock_settling(struct channel *c)
{
    atomic_flag_clear_explicit(&c->settling, memory_order_release); /* pairs with the next one */
}

/* A call that sleeps announces for itself; who settles meanwhile, in another thread, leaves that alone. */
static void announce_call(struct channel *c, unsigned events)
{
    lock_settling(c);
    c->waiting |= events;
    /* what a send wants is the sending thread's to know */
    announce(c, events, (events & ENL_WRITABLE) != 0 ? wanted_units(c, true) : 0);
    unlock_settling(c);
}

static void wake_up_call(struct channel *c, unsigned events, bool emptied)
{
    lock_settling(c);
    c->waiting &= ~events;
    c->announced &= ~events;
    wake_up(c, events);
    if (emptied) {
        c->announced = 0;
        c->armed = false;
        c->rings_seen = rings_of_peer(c);
    }
    unlock_settling(c);
}

static int wait_in_turn(struct enl_link *l, unsigned events, enl_deadline until)
{
    struct channel *c = channel_of(l);
    struct channel_sleeper *s = (events & ENL_READABLE) != 0 ? &c->for_data : &c->for_space;
    unsigned told = 0;
    int set_fd = -1;
    int result = c->greeted ? 0 : channel_prepare_send(l, true);

    if (result == 0)
        result = set_for(c, events, &set_fd);
    if (result < 0)
        return result;
    if (until != ENL_FOREVER && deadline_left_ns(until, clock_now_ns()) == 0)
        return error_note(-ETIMEDOUT,
                          "the deadline passed"); /* whatever the peer pretends to send */
    if (atomic_load_explicit(&c->met, memory_order_acquire) != 0 && !peer_is_gone(c, events)) {
        if (c->terms.wait_mode == CHANNEL_SPIN)
            return look_for_ever(l, c, events, until);
        if (c->terms.wait_mode == CHANNEL_ADAPTIVE && look_adaptively(c, events, s))
            return 0;
    }
    announce_call(c, events);
    if (!holds(c, events, false) && !peer_is_gone(c, events))
        result = bell_set_sleep(set_fd, &l->interrupt, until, &told);
    wake_up_call(c, events, set_fd == c->set_fd);
    if (result == 0)
        result = channel_told(c, told);
    return result;
}

int channel_wait(struct enl_link *l, unsigned events, enl_deadline until)
{
    int result = wait_in_turn(l, events, until);

    /* it took back what was announced for the event loop, and emptied its set */
    channel_settle(l, channel_of(l));
    return result;
}

/* ---- event loops ------------------------------------------------------------------------------------------- */

static uint32_t event_units(const struct channel *c)
{
    uint32_t largest = lane_span_most(c->terms.largest), half = c->out.units / 2;

    return c->writable_low && largest < half ? half : largest;
}

static unsigned events_now(struct channel *c)
{
    unsigned events = 0;

    if (!atomic_load_explicit(&c->holds_taken, memory_order_relaxed) && channel_has_data(c))
        events |= ENL_READABLE;
    if (peer_is_gone(c, ENL_READABLE))
        events |= ENL_GONE;
    if (peer_is_gone(c, ENL_WRITABLE))
        return events;
    if (channel_free_units(c) > event_units(c)) {
        events |= ENL_WRITABLE;
        c->writable_low = false;
    } else {
        c->writable_low = true;
    }
    return events;
}

/* Under the lock: of two threads one settles after the other, and the last one saw it all. What is wanted and does
 * not hold is announced, also beside something that does: an edge-triggered program waits for it. */
static void settle(struct enl_link *l, struct channel *c, bool empties)
{
    unsigned want = ready_wanted(l), now = events_now(c);
    unsigned missing = want & ~now & ~c->waiting;

    if (((empties || c->armed) && (now & (want | ENL_GONE)) == 0) ||
        (c->announced & missing) != missing ||
        (missing != 0 && rings_of_peer(c) != c->rings_seen)) {
        int result = channel_told(c, bell_set_empty(c->set_fd));

        c->armed = false;
        c->rings_seen = rings_of_peer(c);
        announce(c, missing, event_units(c));
        /* for what is not wanted nobody rings */
        wake_up(c, ~missing & ~c->waiting & (ENL_READABLE | ENL_WRITABLE));
        c->announced = missing;
        now = events_now(c);
        if (result < 0)
            now |= ENL_GONE; /* let the next call find out */
    }
    if ((now & (want | ENL_GONE)) == 0 || c->armed)
        return;
    if (rings_of_peer(c) == c->rings_seen)
        bell_set_rearm(c->set_fd, c->bell_fd, BELL_RUNG);
    c->armed = true;
}

void channel_settle_slowly(struct enl_link *l, struct channel *c, bool empties)
{
    lock_settling(c);
    settle(l, c, empties);
    unlock_settling(c);
}

int channel_event_fd(struct enl_link *l)
{
    struct channel *c = channel_of(l);
    int result = channel_prepare_receive(l);

    if (result < 0)
        return result;
    if (!c->event_mode) {
        c->event_mode = true;
        channel_settle_slowly(l, c, true);
    }
    return c->set_fd;
}

int channel_want(struct enl_link *l)
{
    struct channel *c = channel_of(l);
    int result = channel_event_fd(l);

    if (result >= 0)
        channel_settle_slowly(l, c, true);
    return result < 0 ? result : 0;
}

unsigned channel_events(struct enl_link *l)
{
    struct channel *c = channel_of(l);

    if (channel_prepare_receive(l) < 0)
        return process_word_is(c->process) ? ENL_GONE : 0;
    if (c->event_mode)
        channel_settle_slowly(l, c, true);
    else
        (void)channel_ask_kernel(c);
    return events_now(c);
}
