/* SPDX-License-Identifier: MIT */
/* Synchronisation between processes: objects that live in shared memory and answer when their holder dies.
 *
 * An object is some bytes of a region; each process that uses it opens a handle. All calls take handles.
 *
 * Results. 0, or a count, or a negative errno:
 *   -EAGAIN          not now (ENL_NOW)              -ETIMEDOUT        the deadline passed
 *   -ECANCELED       enl_sync_interrupt was called
 *   -EOWNERDEAD      the call succeeded, and the lock is the caller's; but who held it last died with it. Put in
 *                    order what it guards, then say so (enl_mutex_consistent)
 *   -ENOTRECOVERABLE nobody did: the lock can only be destroyed and made anew
 *   -EPERM           not the caller's to unlock     -EDEADLK          the thread has it already
 *   -EBUSY           still held                     -EIDRM            destroyed under its users
 *   -EBADMSG         the shared bytes make no sense -EINVAL           the caller's mistake
 *   -EUSERS          all the region's places for members are taken
 * Never -EINTR.
 *
 * Threads. All calls on one handle may be made by several threads at once, but for enl_sync_close.
 * enl_sync_interrupt may be called in a signal handler, so may enl_semaphore_post and enl_event_set, unless the
 * object is pollable or its permits have owners; no other call may.
 *
 * fork. A child may use the handles that it inherits: it becomes a member of its own with its first call. What
 * its parent holds it does not. exec ends a process's membership as death does. */
#ifndef ENLACE_SYNC_H
#define ENLACE_SYNC_H

#include <enlace/deadline.h>
#include <enlace/export.h>
#include <enlace/link.h>
#include <stddef.h>
#include <stdint.h>

ENL_BEGIN

struct enl_region;
struct enl_sync;

/* ---- make, open, end --------------------------------------------------------------------------- */

/* The room that an object takes, to be put into a struct of the caller's that processes share. Its bytes must
 * be zero at first, as those of a new region are. The same on every machine's C library, in 32 and 64 bit. */
struct enl_mutex {
    uint64_t room[8] __attribute__((aligned(8)));
};
struct enl_rwlock {
    uint64_t room[136] __attribute__((aligned(8)));
};
struct enl_condition {
    uint64_t room[4] __attribute__((aligned(8)));
};
struct enl_once {
    uint64_t room[2] __attribute__((aligned(8)));
};

struct enl_semaphore {
    uint64_t room[8] __attribute__((aligned(8)));
};
struct enl_owned_semaphore {
    uint64_t room[128] __attribute__((aligned(8)));
};
struct enl_event {
    uint64_t room[8] __attribute__((aligned(8)));
};
struct enl_barrier {
    uint64_t room[128] __attribute__((aligned(8)));
};

/* kinds, and what the value of their options says */
#define ENL_MUTEX 1u
#define ENL_RWLOCK 2u
#define ENL_CONDITION 3u
#define ENL_ONCE 4u
#define ENL_SEMAPHORE 5u /* how many permits there are at first */
#define ENL_OWNED_SEMAPHORE                                                                        \
    6u /* how many permits there are, 1 to 240: each belongs to the process that took it */
#define ENL_EVENT 7u   /* what it holds at first */
#define ENL_BARRIER 8u /* its parties, 1 to 120 */

/* flags of a mutex */
#define ENL_RECURSIVE 1u /* the thread that has it may lock it again, and unlocks it as often */
#define ENL_CHECKED                                                                                \
    2u /* a thread that has it and locks it again gets -EDEADLK; else it waits for itself */

/* flags of an event */
#define ENL_AUTO_RESET                                                                             \
    4u /* it is set or not, and lets one waiter pass each time it is set; else it is a counter */

struct enl_sync_options {
    size_t size; /* of this struct */
    uint32_t kind;
    uint32_t flags;
    uint64_t value;
    uint64_t reserved[5];
};

/* Opens the object at an offset of a region that has a header (offsets count from its data, in steps of 8).
 * With ENL_CREATE in flags it is made if nothing is there, and found if the same is; with ENL_EXCLUSIVE too:
 * -EEXIST if it is there. Without: -ENOENT if nothing is, and of the options only the kind counts. Processes may make
 * the same object at once; if one dies at it, the next makes it. The region stays open as long as the handle. */
ENL_PUBLIC int enl_sync_at(struct enl_region *region, size_t offset,
                           const struct enl_sync_options *options, unsigned flags,
                           struct enl_sync **ret_sync);

/* Ends the use of a handle, not the object; what it holds stays held. NULL is allowed. Never fails. */
ENL_PUBLIC void enl_sync_close(struct enl_sync *s);

/* Makes the object's bytes zero, ready to be made anew: -EBUSY if a living process holds it. Whoever
 * waits for it, or uses it later, gets -EIDRM. The handle is still to be closed. */
ENL_PUBLIC int enl_sync_destroy(struct enl_sync *s);

/* Ends the calls that wait on this handle, and every later one that would have to wait, with -ECANCELED, until
 * enl_sync_interrupt_clear. There is no window. Async-signal-safe. */
ENL_PUBLIC int enl_sync_interrupt(struct enl_sync *s);
ENL_PUBLIC void enl_sync_interrupt_clear(struct enl_sync *s);

/* ---- mutex ----------------------------------------------------------------------------------------- */

/* Waits until the mutex is the caller's; ENL_NOW only tries. A waiter that is unlucky for 10 ms is served before
 * those that come later. A holder's death is noticed 50 ms after the kernel has torn it down. */
ENL_PUBLIC int enl_mutex_lock(struct enl_sync *mutex, enl_deadline until);
/* -EPERM if another thread or process has it, or nobody. After -EOWNERDEAD without enl_mutex_consistent: the
 * mutex is lost, and all who lock it get -ENOTRECOVERABLE. */
ENL_PUBLIC int enl_mutex_unlock(struct enl_sync *mutex);
ENL_PUBLIC int enl_mutex_consistent(struct enl_sync *mutex);

/* ---- read-write lock ------------------------------------------------------------------------------- */

/* Many may read at once, or one write. Writers and readers that have to wait take turns: neither starves. A
 * thread that reads must not read again while it does: a writer may wait in between.
 * -EOWNERDEAD: a writer died; the lock is then held for writing, also by who wanted to read. Who wants to
 * write is told in the same way that a reader died, though there is nothing to repair. */
ENL_PUBLIC int enl_rwlock_read(struct enl_sync *rwlock, enl_deadline until);
ENL_PUBLIC int enl_rwlock_write(struct enl_sync *rwlock, enl_deadline until);
ENL_PUBLIC int enl_rwlock_unlock(struct enl_sync *rwlock); /* either */
ENL_PUBLIC int enl_rwlock_consistent(struct enl_sync *rwlock);

/* ---- condition ------------------------------------------------------------------------------------- */

/* Unlocks the mutex, waits for a signal, locks the mutex again: look at what was waited for in a loop, for the
 * call may also return without a signal. The mutex is locked on every return but -EPERM (it was not the
 * caller's) and -ENOTRECOVERABLE (it is lost). -EOWNERDEAD: who had the mutex meanwhile died with it, as of
 * enl_mutex_lock. Signal with the mutex: a death in between is then told. The interrupt is the condition's. */
ENL_PUBLIC int enl_condition_wait(struct enl_sync *condition, struct enl_sync *mutex,
                                  enl_deadline until);
ENL_PUBLIC int enl_condition_signal(struct enl_sync *condition);    /* wakes one, at least */
ENL_PUBLIC int enl_condition_broadcast(struct enl_sync *condition); /* wakes all */

/* ---- once ------------------------------------------------------------------------------------------ */

/* Returns 0 when run has returned 0, in this process or another, now or earlier. One process at a time calls
 * it; if it fails, its negative errno is returned there, and if it dies, nobody is told: the next one calls run
 * again, which must be able to begin anew. run must not come here with the same object: it would wait for itself. */
ENL_PUBLIC int enl_once_run(struct enl_sync *once, int (*run)(void *argument), void *argument,
                            enl_deadline until);

/* ---- semaphore ------------------------------------------------------------------------------------- */

/* Adds count permits, of 1 on, and wakes as many waiters. -EOVERFLOW above the highest value. Of an owned
 * semaphore: gives back what this process holds; -EPERM if it holds fewer. */
ENL_PUBLIC int enl_semaphore_post(struct enl_sync *semaphore, uint32_t count);
/* Waits until there is a permit, and takes it; ENL_NOW only tries. Who waits long is served before those that come
 * later. A permit of an owned semaphore comes back when its holder dies, and is another's within 50 ms. */
ENL_PUBLIC int enl_semaphore_wait(struct enl_sync *semaphore, enl_deadline until);

/* A step of several that a System V set (svsem:) does at once. */
struct enl_semaphore_step {
    uint16_t index; /* of the semaphore in its set */
    int16_t
        change; /* > 0 adds, < 0 waits until so much can be taken and takes it, 0 waits for zero */
    uint32_t flags; /* ENL_UNDO */
};
#define ENL_UNDO 1u /* the kernel takes the change back when this process ends */

/* All steps at once, or none of them. -ENOTSUP but of svsem:. -E2BIG, -ERANGE, -ENOSPC: a limit, which the text names. */
ENL_PUBLIC int enl_semaphore_operate(struct enl_sync *semaphore,
                                     const struct enl_semaphore_step steps[], size_t count,
                                     enl_deadline until);

/* ---- event ----------------------------------------------------------------------------------------- */

/* A counter: adds count (-EOVERFLOW above the highest value); with ENL_AUTO_RESET: sets it, if it is not set. Wakes one
 * waiter. */
ENL_PUBLIC int enl_event_set(struct enl_sync *event, uint32_t count);
/* Waits until the event is not zero, makes it zero, and returns what it was. */
ENL_PUBLIC int enl_event_wait(struct enl_sync *event, enl_deadline until);

/* ---- barrier --------------------------------------------------------------------------------------- */

/* Waits until as many have come as the barrier has parties: 1 for one of them, 0 for the others. Each thread that waits is
 * a party from its first wait on, until its process closes the handle. -EOWNERDEAD: a party died; each of the others is told
 * once, when it waits or comes next, and the phase is over. Its place is free for another, or is taken away with
 * enl_sync_set. After -EAGAIN, -ETIMEDOUT and -ECANCELED the caller has not arrived. */
ENL_PUBLIC int enl_barrier_wait(struct enl_sync *barrier, enl_deadline until);

/* ---- alone, by name ----------------------------------------------------------------------------------- */

/* Opens an object that stands alone, flags as of enl_open (ENL_CREATE, ENL_EXCLUSIVE):
 *   sem:/NAME?value=&mode=                 the libc's semaphore, shared with programs on sem_open; sem: alone has no name
 *                                          and is shared with children
 *   svsem:KEY?count=&value=&index=&owned   a System V set (svsem:PATH#ID, svsem:), shared with programs on semop
 *   shm:/NAME?kind=&value=&...             any kind of object above, in a region of its own; so file:PATH and memfd:NAME
 * Options: enl_sync_open(3). */
ENL_PUBLIC int enl_sync_open(const char *address, unsigned flags, struct enl_sync **ret_sync);
/* Removes the name. Who has the object open keeps it (but a set of System V is gone: -EIDRM). -ENOENT. */
ENL_PUBLIC int enl_sync_unlink(const char *address);

/* A descriptor that is readable while the semaphore or event may be taken; borrowed, until enl_sync_close. -ENOTSUP unless
 * the address says ?pollable. Readable means: try (ENL_NOW), for another may be faster. */
ENL_PUBLIC int enl_sync_fd(struct enl_sync *s);

/* ---- ask and change --------------------------------------------------------------------------------------- */

/* What is not known is ENL_UNKNOWN. Waiters are counted by themselves: one that was killed while it waited may be counted
 * for good. */
struct enl_sync_stat {
    uint64_t kind;
    uint64_t flags;
    uint64_t
        value; /* permits that are free; what an event holds; how many have arrived at a barrier */
    uint64_t limit; /* the highest value; permits altogether; parties */
    uint64_t
        holders; /* who have it: of a mutex 0 or 1, of a read-write lock its readers or its writer */
    uint64_t
        holder_pid; /* of a mutex, or of a read-write lock's writer; 0: nobody; in its own PID namespace */
    uint64_t waiters;
    uint64_t zero_waiters;   /* svsem: for zero */
    uint64_t contended;      /* how often somebody had to sleep */
    uint64_t deaths;         /* how often a holder or a party died */
    uint64_t count;          /* svsem: semaphores of the set */
    uint64_t last_pid;       /* svsem: of the last operation */
    uint64_t operation_time; /* svsem: nanoseconds of the real-time clock, whole seconds */
    uint64_t change_time;    /* svsem */
    uint64_t mode;           /* sem, svsem, and those alone by name */
    uint64_t uid;
    uint64_t gid;
    uint64_t reserved[7];
};
ENL_PUBLIC int enl_sync_stat(struct enl_sync *s, struct enl_sync_stat *ret_stat);

/* ENL_SET_VALUE: of a semaphore of a set, the parties of a barrier; ENL_SET_MODE, ENL_SET_OWNER: of what stands alone by
 * name. -ENOTSUP for others. */
ENL_PUBLIC int enl_sync_set(struct enl_sync *s, const struct enl_settings *settings);

ENL_END

#endif
