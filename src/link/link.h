/* SPDX-License-Identifier: MIT */
/* The contract between links and their mechanisms. Read this page first.
 *
 * link.c checks arguments, state, access, deadlines and interrupts once for all, and is all that a program
 * calls. A mechanism is one `const struct link_driver` (how its links come to be) and one or more
 * `const struct link_ops` (what an open link does). Byte streams get their link_ops from framing.h and
 * give two calls that move bytes. A new mechanism is one file, and one line in catalog.c.
 *
 * Rules for every slot:
 *   - Results are negative errnos with a text set (base/error.h), or counts. Never -EINTR to the program:
 *     a slot may return it, link.c looks for an interrupt and calls again.
 *   - may_block: false: answer at once, -EAGAIN if it cannot be done now; link.c waits for l->fd and calls
 *     again. true: the call may sleep in the kernel until it is done or a signal comes (one system call less);
 *     only after link_allow_blocking().
 *   - A slot for sending and one for receiving may run in two threads at once.
 *   - No slot allocates after its first use. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include "base/address.h"
#include "kernel/wait.h"
#include "link/framing.h"
#include "link/ready.h"

#include <enlace/capability.h>
#include <enlace/link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct enl_link;

/* What an open link does. A slot that is NULL is done by link.c as its comment says. */
struct link_ops {
    /* Sends a message, whole or (-EAGAIN) not at all; returns its size. Of m it reads data, size, type,
     * priority, fds, fd_count, name and name_size; link.c has refused those that l->caps lacks, and sizes
     * above the largest. Needed to send. */
    ssize_t (*send)(struct enl_link *l, const struct enl_message *m, bool may_block);
    /* Receives the next message that matches into m->data (m->capacity bytes) and returns its size. Too
     * large: -EMSGSIZE by link_too_large() and it is kept, or cut if m->flags has ENL_TRUNCATE. Sets what
     * it knows of m->size, full_size, type, priority, flags, fd_count, sender, name; link.c has zeroed them,
     * if the caller gave a message (`plain` receives have m->fds NULL and read nothing of it). Needed to
     * receive. */
    ssize_t (*receive)(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                       bool may_block);
    /* Several in one system call, at least one. NULL: one by one. */
    ssize_t (*send_many)(struct enl_link *l, const struct enl_message m[], size_t count,
                         bool may_block);
    ssize_t (*receive_many)(struct enl_link *l, struct enl_message m[], size_t count);
    /* Sends a part of a file, checked to be there, as one message. NULL, or -ENOTSUP: copied to send. */
    ssize_t (*send_file)(struct enl_link *l, int fd, uint64_t offset, size_t size, bool may_block);
    /* The next message in place, in the mechanism's memory or the link's, until release. NULL both: received
     * into a buffer of the link's. link.c allows one at a time. */
    ssize_t (*take)(struct enl_link *l, const struct enl_match *match, struct enl_message *ret_m,
                    bool may_block);
    int (*release)(struct enl_link *l, struct enl_message *m);
    /* Room for a message in the mechanism's own memory, which has room for its commit, too. -EAGAIN, -EBUSY: too many
     * are open. NULL all three: link.c loans a buffer of its own, one at a time, and sends it. */
    int (*loan)(struct enl_link *l, size_t size, void **ret_data);
    /* Sends a loan, of m->size bytes, at most what was loaned. Of m it reads what send reads. -EINVAL: it is none. */
    int (*commit)(struct enl_link *l, struct enl_message *m);
    void (*cancel)(struct enl_link *l, struct enl_message *m);
    /* Copies the message number index into m, as receive does, and leaves it where it is; never waits. NULL:
     * -ENOTSUP. */
    ssize_t (*peek)(struct enl_link *l, size_t index, struct enl_message *m);
    /* Goes on with what is left to be sent (-EAGAIN: not all could be). NULL: nothing is ever left. */
    int (*flush)(struct enl_link *l, bool may_block);
    size_t (*unsent)(const struct enl_link *l); /* bytes; with flush */
    /* Whether a receive would find something in user memory: a message, an end. NULL: never. */
    bool (*pending)(const struct enl_link *l);
    /* Bytes sent that the peer has not taken out of the kernel. NULL: drain is -ENOTSUP. */
    int (*unreceived)(struct enl_link *l, size_t *ret_bytes);
    /* Tells the peer that nothing more will be sent; nothing is held back. NULL, or -ENOTSUP: cannot be told. */
    int (*end_sending)(struct enl_link *l);
    /* A listener's next connection, into the new link l; a is the listener's address. -EAGAIN: none. */
    int (*accept)(struct enl_link *listener, const struct address *a, struct enl_link *l);
    /* Fills what is known; link.c has set ENL_UNKNOWN and the counters. NULL: nothing more. */
    int (*stat)(struct enl_link *l, struct enl_stat *stat);
    /* Changes one thing, which: ENL_SET_MODE ... NULL, or -ENOTSUP: cannot be changed. */
    int (*set)(struct enl_link *l, uint32_t which, const struct enl_settings *settings);
    int (*peer)(struct enl_link *l, struct enl_peer *ret_peer); /* NULL: -ENOTSUP */
    /* The address by which others reach it. NULL: -ENOTSUP. */
    int (*address)(const struct enl_link *l, char *ret_address, size_t size);
    /* Sleeps until events (ENL_READABLE, ENL_WRITABLE) may hold, for mechanisms without a descriptor
     * (l->fd is -1). As wait_for(). NULL: link.c polls l->fd. */
    int (*wait)(struct enl_link *l, unsigned events, enl_deadline until);
    /* The descriptor says that an error waits: takes it away, if that is nobody's end but of a message that was lost.
     * True: it is gone. NULL: errors are ends. */
    bool (*forgive)(struct enl_link *l);
    /* Readiness, of a mechanism that knows it better than its descriptor does; all three or none. The descriptor
     * for event loops, ready by itself from then on, after every call; other things make it ready than before
     * (ready_wanted()); what holds now. NULL: link.c makes one of l->fd (ready.h). */
    int (*event_fd)(struct enl_link *l);
    int (*want)(struct enl_link *l);
    unsigned (*events)(struct enl_link *l);
    /* The descriptor by which another process may have the link. NULL: l->fd. */
    int (*give)(struct enl_link *l, int *ret_fd);
    /* What a send with ENL_NOW says when it has no room. NULL: that there is no space. */
    const char *full;
    /* Ends the use of what open, pair, accept or adopt made; never waits, never fails, accepts a state that
     * is half made (all zero but fd -1). l->fd is the driver's to close. */
    void (*close)(struct enl_link *l);
};

/* How links of a mechanism come to be. Each of these slots gets an initialised link (fd -1, ops set to
 * driver->ops, caps to face.caps adjusted by describe) and fills it; on failure link.c calls close. */
struct link_driver {
    struct enl_mechanism face; /* the row of the catalog that programs see */
    struct address_scheme address;
    const struct link_ops *ops;
    size_t state_size; /* of link_state() */
    /* Says what a link of this address can do, and refuses options that contradict each other. NULL: caps as
     * they are. */
    int (*describe)(const struct address *a, struct enl_caps *caps);
    /* -ENXIO, -ENOENT, -ECONNREFUSED, -EAGAIN: the peer is not there yet; link.c tries again if told to wait.
     * until is for what takes time on the way to a
     * peer that is there. NULL: -ENOTSUP. */
    int (*open)(struct enl_link *l, const struct address *a, unsigned flags, enl_deadline until);
    int (*pair)(struct enl_link *ends[2], const struct address *a);
    int (*listen)(struct enl_link *l, const struct address *a);
    /* Whether a descriptor is of this mechanism, for the address fd:N. NULL: never. */
    bool (*recognise)(int fd);
    /* Takes fd over, if it succeeds. The address may be of the scheme fd, whose options link.c has
     * checked. -ENOTSUP: fd is not of this mechanism. */
    int (*adopt)(struct enl_link *l, const struct address *a, int fd);
    /* The address names a descriptor that is there already: open adopts it. Of fd: alone. */
    int (*descriptor)(const struct address *a, int *ret_fd);
    int (*unlink)(const struct address *a); /* NULL: -ENOTSUP */
    /* A path whose coming is worth watching while open is tried again, or NULL. */
    const char *(*path)(const struct address *a);
};

struct enl_link {
    const struct link_ops *ops;
    struct interrupt interrupt;
    int fd;              /* what is polled for this link, or -1 */
    atomic_uint access;  /* ENL_READ, ENL_WRITE; a receiver may look while a sender ends */
    unsigned generation; /* of the process: see link_refuse_all() */
    bool listens;
    bool lone_calls; /* may_block is allowed: an interrupt reaches the calls that sleep */
    bool batches;    /* sends stay in memory until a flush, a size, or a sleep */
    bool taken;
    bool loaned;
    bool own_name; /* close removes it */
    struct enl_caps caps;
    size_t largest;
    struct framing framing; /* of byte streams */
    struct ready ready;     /* the descriptor given to the program */
    const struct link_driver *driver;
    struct address *address; /* of a listener, for what it accepts */
    void *loan_buffer;       /* of `largest` bytes, made at the first loan; likewise the next */
    void *take_buffer;
    int *take_fds; /* the driver's: room for the descriptors of a taken message */
    uint32_t take_fd_capacity;
    uint64_t sent_messages, sent_bytes; /* written by the sending thread */
    uint64_t received_messages, received_bytes;
    max_align_t state[]; /* driver->state_size bytes */
};

static inline void *link_state(struct enl_link *l)
{
    return l->state;
}

/* A new link of a driver, ready for its slots; ended by link_destroy(), which calls close. */
int link_create(const struct link_driver *driver, const struct address *a,
                struct enl_link **ret_link);
void link_destroy(struct enl_link *l);

/* In a forked child whose descriptors are new: from now on every link made before is refused, and closing it does
 * nothing, for the numbers of its descriptors may be those of others. */
void link_refuse_all(void);
extern unsigned link_generation; /* changed by that alone */
static inline bool link_is_foreign(const struct enl_link *l)
{
    return l->generation != link_generation;
}
/* -EINVAL for NULL, -EBADF for a foreign one, or 0. */
int link_check(const struct enl_link *l);

/* After a driver has set l->fd to a description that nobody else uses: plain calls may sleep on it. fd is -1
 * where the call that sleeps minds l->interrupt by itself (kernel/guarded.h, or interrupt_arm()). */
void link_allow_blocking(struct enl_link *l, int fd);

/* The answers that every mechanism gives in the same words. */
int link_too_large(size_t size, size_t capacity); /* -EMSGSIZE, and the message is kept */
int link_ended(void);                             /* -ESHUTDOWN */
int link_reset(const char *why);                  /* -ECONNRESET */
int link_broken(void);                            /* -EPIPE */
ssize_t link_send_result(
    ssize_t result); /* of a socket's send: -EPIPE and others, with their texts */
int link_canceled(const struct enl_link *l);                 /* -ECANCELED if interrupted, or 0 */
int link_cannot(const struct enl_link *l, const char *what); /* -ENOTSUP */

/* The value of backlog=, or -EINVAL if the kernel would cut it. */
int link_backlog(const struct address *a);

/* ENL_SET_MODE and ENL_SET_OWNER, of the object behind l->fd, which the text calls "the NOUN". Anything else is
 * -ENOTSUP. */
int link_set_access(struct enl_link *l, uint32_t which, const struct enl_settings *settings,
                    const char *noun);

/* How a link is given to another process: that one has *ret_fd under the number fd, and there enl_open of the
 * address ("fd:7?frame=u32...") makes a link of it. What was read ahead stays here. For the process layer. */
int link_give(struct enl_link *l, int fd, char *ret_address, size_t size, int *ret_fd);
/* The same to whatever this process executes from now on, under the number that it has here: its descriptor is not
 * closed by exec any more, nor for programs that other threads start. */
int link_export(struct enl_link *l, char *ret_address, size_t size);

#endif
