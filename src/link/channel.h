/* SPDX-License-Identifier: MIT */
/* channel: the state of an end, for the files that make it up: channel.c (the driver), channel_first.c (whose an
 * end is), channel_meet.c (how two ends find each other), channel_move.c (messages), channel_wait.c (sleeping, waking,
 * readiness).
 *
 * Threads. One may send and one receive at the same time. `out` and what stands with it is the sending thread's,
 * `in` the receiving one's. The socket and the peer's facts belong to whoever holds `busy`; what it finds it
 * publishes by `met` and `gone`, and each side takes it over in its own time. */
#ifndef LINK_CHANNEL_H
#define LINK_CHANNEL_H

#include "kernel/fork_gate.h"
#include "kernel/holders.h"
#include "kernel/process_word.h"
#include "link/link.h"
#include "shm/lane.h"
#include "shm/segment.h"

#define CHANNEL_TEXT_SIZE 200
#define NO_PROCESS UINT32_MAX /* no process has this number: the short path is closed */

enum channel_wait_mode { CHANNEL_ADAPTIVE, CHANNEL_SLEEP, CHANNEL_SPIN };

/* What both ends say alike. */
struct channel_terms {
    uint32_t largest;
    uint32_t depth;
    uint32_t ring_bytes;
    uint32_t fds_most;
    uint32_t wait_mode; /* each end's own; of a pair, what the pair was made with */
};

/* Why there is no peer any more. */
enum channel_gone {
    CHANNEL_HERE,
    CHANNEL_ENDED,   /* it closed, and had never said hello */
    CHANNEL_RESET,   /* it died */
    CHANNEL_REFUSED, /* it or this end did not agree: `text` */
    CHANNEL_BAD,     /* its bytes make no sense: `text` */
};

/* One of the two things to sleep for: data, and space. */
struct channel_sleeper {
    uint32_t number;          /* as in the own segment */
    uint32_t rung;            /* the peer's number for which its bell was rung last */
    int64_t pause_ns;         /* how long to look between two yields */
    uint32_t skip, skip_next; /* sleeps without a look before, as it did not pay */
};

struct channel {
    struct lane_writer out;
    struct lane_reader in;
    _Atomic(uint32_t) send_process; /* the process of the short path, or NO_PROCESS */
    _Atomic(uint32_t) receive_process;
    bool send_unfenced; /* no fence after commits: see channel_wait.c */
    bool receive_unfenced;
    atomic_bool event_mode; /* enl_link_fd was asked for */
    uint32_t awake_streak;  /* commits that found the peer awake */
    uint32_t space_streak;
    uint32_t wanted_units; /* of a send that found no room */
    uint32_t taken_end;
    atomic_bool holds_taken;
    const struct channel_header *peer_of_out; /* as adopted by the sender, the receiver */
    const struct channel_header *peer_of_in;
    struct channel_sleeper for_data, for_space;
    uint32_t idle;  /* receives that found nothing, one after the other */
    uint32_t looks; /* receives that look for a while, as that has paid lately */
    uint32_t full;  /* sends that found no room */

    atomic_flag settling; /* guards what is announced, and the next five */
    unsigned waiting;     /* for which of ENL_READABLE, ENL_WRITABLE a call sleeps */
    bool armed;           /* the set is readable, and stays so until it is emptied */
    atomic_bool writable_low;
    unsigned announced;  /* for the event loop, since the set was emptied last */
    uint32_t rings_seen; /* the peer's count when the set was emptied last */

    struct channel_terms terms;
    _Atomic(uint32_t) process; /* that uses this end; NO_PROCESS: nobody yet */
    uint32_t maker;            /* the process that made or adopted it */
    uint32_t first;            /* that has taken it, and may not have got any further */
    struct fork_watcher forks; /* while nobody uses it; guards, with the gate, the next two */
    struct holder holder;      /* of those who may be the first; none before a fork */
    bool shared;               /* there was a fork */
    bool given;                /* to another program */
    bool named;                /* made by enl_open or enl_accept */
    atomic_bool greeted;       /* the hello is said */
    bool membarrier;           /* this process is registered and can call it */
    int socket_fd;
    int set_fd;          /* what is slept on, and the program's descriptor */
    atomic_int space_fd; /* a second one, for a sending thread beside others; -1 */
    int bell_fd;
    int fds_fd; /* where descriptors of messages go out */
    struct segment own;

    atomic_flag busy; /* guards what follows */
    atomic_uint met;  /* release, acquire: the peer's facts are there */
    atomic_uint gone; /* enum channel_gone */
    atomic_bool hung; /* the socket or the process has ended */
    bool membarrier_agreed;
    int peer_bell_fd;
    int peer_process_fd;
    int peer_fds_fd; /* where descriptors of messages come in */
    struct segment theirs;
    char text[CHANNEL_TEXT_SIZE];
    char name[CHANNEL_NAME_SIZE]; /* for who looks from outside */

    int *fd_room; /* of terms.fds_most */
    char *path;   /* of a listener */
    uint64_t device, inode;
    int owner;
};

static inline struct channel *channel_of(const struct enl_link *l)
{
    return (struct channel *)(uintptr_t)l->state;
}

static inline struct channel_header *channel_header_of(const struct channel *c)
{
    return c->own.header;
}

/* The peer's, once it was met, else NULL: in this order, as another thread may be meeting it. */
static inline const struct channel_header *channel_peer_of(struct channel *c)
{
    return atomic_load_explicit(&c->met, memory_order_acquire) == 0 ? NULL : c->theirs.header;
}

static inline bool channel_may(uint32_t process)
{
    return process_word_is(process);
}

/* ---- channel_first.c --------------------------------------------------------------------------------------- */

/* The two ends of a pair: what lies in each socket for its first user. */
int channel_put_claim(int from_fd, const struct channel_terms *terms);
/* Whether a descriptor is an end that nobody uses yet, and its terms. */
bool channel_is_unclaimed(int fd, struct channel_terms *ret_terms);
/* From now on this process or one that inherits the end may use it; until it is taken or left. -ENOMEM. */
int channel_await_first(struct channel *c);
/* Inside the gate: this process has the end, or -EBUSY. What fails after it can be tried again: it is remembered. */
int channel_take_first(struct channel *c);
/* Inside the gate: an end that this process has not used. Says goodbye if nobody can use it any more. */
void channel_leave_unused(struct channel *c);

/* ---- channel_meet.c ---------------------------------------------------------------------------------------- */

/* All -1 and none. */
void channel_init(struct channel *c, const struct channel_terms *terms);
int channel_no_descriptor(int result);
/* Makes this process the user of the end, if none is, and says hello if greets. -EBUSY, -EBADF, and what the kernel says. */
int channel_claim(struct enl_link *l, bool greets);
/* Reads what the socket has. -EMFILE and others with a text: the peer's facts did not fit. */
int channel_serve_socket(struct channel *c);
/* Makes the set on which a sending thread beside others sleeps, unless it is there. */
int channel_make_space_set(struct channel *c);
/* Ends the link: what comes from it makes no sense. */
int channel_break(struct channel *c, const char *what);
/* Everything, in whatever state; the peer is told if the process is the user. */
void channel_end(struct channel *c);

/* ---- channel_wait.c ---------------------------------------------------------------------------------------- */

/* After a commit; *_slowly is what happens if the peer sleeps, or will never receive again: -EPIPE. */
int channel_tell_slowly(struct channel *c, uint32_t sleep);
void channel_tell_space_slowly(struct channel *c, uint32_t sleep);
int channel_wait(struct enl_link *l, unsigned events, enl_deadline until);
int channel_event_fd(struct enl_link *l);
int channel_want(struct enl_link *l);
unsigned channel_events(struct enl_link *l);
/* In event mode, after each call: the set is readable if it should be, else whoever changes that rings. */
/* empties: though nothing is known to have changed. */
void channel_settle_slowly(struct enl_link *l, struct channel *c, bool empties);

static inline void channel_settle(struct enl_link *l, struct channel *c)
{
    if (c->event_mode)
        channel_settle_slowly(l, c, false);
}

/* After a call that found nothing: what the set tells may be an end, and would be told for ever. */
static inline void channel_settle_empty(struct enl_link *l, struct channel *c)
{
    if (c->event_mode)
        channel_settle_slowly(l, c, true);
}

/* What sleeping on the set has told: death, hello. 0, or as channel_serve_socket(). */
int channel_told(struct channel *c, unsigned told);
/* The same by asking, for who does not sleep. */
int channel_ask_kernel(struct channel *c);
uint32_t channel_free_units(struct channel *c);

#define CHANNEL_STREAK 256 /* commits that found the peer awake, until fences are left out */
void channel_leave_fences_out(struct channel *c, _Atomic(uint32_t) *word, bool *unfenced);

/* Between a store of one's own and a look at the other's word. */
static inline void channel_fence(struct channel *c, bool *unfenced, uint32_t *streak,
                                 _Atomic(uint32_t) *word)
{
    if (*unfenced) {
        atomic_signal_fence(memory_order_seq_cst);
        return;
    }
    if (++*streak == CHANNEL_STREAK)
        channel_leave_fences_out(c, word, unfenced);
    atomic_thread_fence(memory_order_seq_cst);
}

static inline int channel_tell(struct channel *c)
{
    uint32_t sleep;

    if (c->peer_of_out == NULL)
        return 0; /* not met: it looks after its hello, and the sender looks for that */
    /* pairs with fence_sleep(): the peer sees what was committed, or this sees it asleep */
    channel_fence(c, &c->send_unfenced, &c->awake_streak, &channel_header_of(c)->unfenced);
    sleep = atomic_load_explicit(&c->peer_of_out->sleep, memory_order_relaxed);
    return (sleep & (CHANNEL_ASLEEP | CHANNEL_DEAF)) == 0 ? 0 : channel_tell_slowly(c, sleep);
}

static inline void channel_tell_space(struct channel *c)
{
    uint32_t sleep;

    channel_fence(c, &c->receive_unfenced, &c->space_streak, &channel_header_of(c)->space_unfenced);
    sleep = atomic_load_explicit(&c->peer_of_in->space_sleep, memory_order_acquire);
    if ((sleep & CHANNEL_ASLEEP) != 0)
        channel_tell_space_slowly(c, sleep);
}

/* ---- channel_move.c ---------------------------------------------------------------------------------------- */

ssize_t channel_send(struct enl_link *l, const struct enl_message *m, bool may_block);
ssize_t channel_receive(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                        bool may_block);
ssize_t channel_take(struct enl_link *l, const struct enl_match *match, struct enl_message *ret_m,
                     bool may_block);
int channel_release(struct enl_link *l, struct enl_message *m);
int channel_loan(struct enl_link *l, size_t size, void **ret_data);
int channel_commit(struct enl_link *l, struct enl_message *m);
void channel_cancel(struct enl_link *l, struct enl_message *m);
bool channel_pending(const struct enl_link *l);
int channel_unreceived(struct enl_link *l, size_t *ret_bytes);
int channel_end_sending(struct enl_link *l);
/* Whether a receive would find something now; of any thread. */
bool channel_has_data(struct channel *c);
/* The sending (receiving) side takes over what it may need of the peer: 0, or why there is none. */
int channel_prepare_send(struct enl_link *l, bool greets);
int channel_prepare_receive(struct enl_link *l);
/* What an end means to a receive, after the last message: -ESHUTDOWN, -ECONNRESET ...; 0: it has not come. */
int channel_end_of_receive(struct channel *c);
int channel_end_of_send(struct channel *c);
/* Into the lane alone: its size, or why there is no room. */
ssize_t channel_append(struct enl_link *l, struct channel *c, const struct enl_message *m);
/* After commits: the peer's sleep. */
int channel_tell_all(struct enl_link *l, struct channel *c);
/* In event mode, after the settling: what came before it made no edge. */
bool channel_room_came(struct channel *c);

/* ---- channel_batch.c --------------------------------------------------------------------------------------- */

ssize_t channel_send_many(struct enl_link *l, const struct enl_message m[], size_t count,
                          bool may_block);
ssize_t channel_receive_many(struct enl_link *l, struct enl_message m[], size_t count);

#endif
