/* SPDX-License-Identifier: MIT */
/* A process's handle of an object, and what the calls on all kinds of objects share. */
#ifndef SYNC_SYNC_H
#define SYNC_SYNC_H

#include "kernel/wait.h"
#include "shm/roster.h"
#include "sync/object_layout.h"
#include "sync/word.h"

#include <enlace/sync.h>
#include <stdbool.h>

struct sync_driver;

/* In the kind of a handle with a driver, so that the way without one costs no look at it. */
#define SYNC_DRIVEN 0x100u

struct enl_sync {
    uint32_t kind;
    uint32_t flags;           /* of the object, as they were when it was opened */
    void *object;             /* of the kind's layout; NULL if a driver has its own */
    struct roster_self *self; /* of the roster */
    struct roster *roster;
    struct enl_region *region; /* NULL in tests of this layer */
    bool is_open;              /* not half made any more */
    bool owns_region;          /* made for this object, which stands alone by name */
    struct interrupt interrupt;
    _Atomic uint32_t skip, skip_next; /* sleeps without a look before, as it did not pay */
    const struct sync_driver *driver; /* NULL for objects of our own */
    void *state;                      /* the driver's */
};

/* One kind of objects. */
struct sync_kind {
    uint32_t kind;
    const char *name;
    size_t size;
    uint32_t flags; /* that it knows */
    /* Writes what follows the head, for a new object; the memory may hold what a dead maker wrote. NULL: zeroes.
     * -EINVAL, before it writes anything, if the options make no sense. */
    int (*fill)(void *object, const struct enl_sync_options *options);
    /* 0 if the living object is what the options ask for. NULL: kind and flags say it all. */
    int (*compare)(const void *object, const struct enl_sync_options *options);
    /* Makes the object's word zero and wakes who sleeps, or says why not. */
    int (*destroy)(struct enl_sync *s);
    /* Fills in what it knows. NULL: nothing. */
    void (*stat)(struct enl_sync *s, struct enl_sync_stat *stat);
    int (*set_value)(struct enl_sync *s, uint64_t value); /* NULL: cannot be changed */
    void (*leave)(struct enl_sync *s); /* before a handle is closed; NULL: nothing */
};

const struct sync_kind *sync_kind(
    uint32_t kind); /* with SYNC_DRIVEN or without. NULL: there is none */
extern const struct sync_kind sync_kind_semaphore, sync_kind_owned_semaphore, sync_kind_event,
    sync_kind_barrier;

/* Opens a handle on memory that is known to be large enough and aligned, as enl_sync_at does. */
int sync_create(void *object, struct roster *roster, const struct enl_sync_options *options,
                unsigned flags, struct enl_sync **ret_sync);

/* Whether a call for one kind was given a handle of it. */
static inline bool sync_is(const struct enl_sync *s, uint32_t kind)
{
    return __builtin_expect(s != NULL && s->kind == kind, 1);
}

/* -EINVAL: it was given a handle of another kind, or none. */
int sync_wrong_kind(const struct enl_sync *s, uint32_t kind) __attribute__((cold));
int sync_check(const struct enl_sync *s); /* 0 if there is a handle */

/* What is wrong with an object whose word is no state of a living one: -EIDRM or -EBADMSG. */
int sync_bad_word(const struct enl_sync *s, uint32_t word) __attribute__((cold));

/* This process as owner: the token, after joining if need be, in ret_token. */
int sync_join(struct enl_sync *s, uint32_t *ret_token);

static inline uint32_t sync_token(const struct enl_sync *s)
{
    /* written by this process; a join by another thread is made whole by the exchange that follows */
    return atomic_load_explicit(&s->self->token, memory_order_relaxed);
}

/* Sleeps while *word is `seen`, for SLICE_NS at most: 0 means look again, and ask whether owners live.
 * -EAGAIN for ENL_NOW, -ETIMEDOUT, -ECANCELED with texts. interruptible: by enl_sync_interrupt. */
#define SYNC_SLICE_NS 40000000
int sync_sleep(struct enl_sync *s, _Atomic uint32_t *word, uint32_t seen, enl_deadline until,
               bool interruptible);
/* The same until the deadline, for words from which no death can keep a wake-up back. Interruptible. */
int sync_sleep_through(struct enl_sync *s, _Atomic uint32_t *word, uint32_t seen,
                       enl_deadline until);

#endif
