/* SPDX-License-Identifier: MIT */
/* Links: two processes open one address and exchange messages, whatever the mechanism.
 *
 * Results. >= 0 is a count (0 is an empty message, never an end). Of the negative errnos:
 *   -EAGAIN      nothing now (ENL_NOW)          -ETIMEDOUT   the deadline passed
 *   -ECANCELED   enl_interrupt was called       -ESHUTDOWN   orderly end, after the last message
 *   -ECONNRESET  the peer died or broke off     -EPIPE       nobody is left to receive what is sent
 *   -EBADMSG     the peer's bytes make no sense; the link stays broken
 *   -EMSGSIZE    too large: to send, or for the receiver's buffer (the message is kept)
 *   -ENOTSUP     this mechanism cannot; the text names the capability
 *   -EIDRM       the object was removed under its users (System V)
 *   -EPROTO      the two ends do not agree (channels): the text says in what
 *   -EINVAL      the caller's mistake           -EBUSY       a taken message is not released yet
 * Never -EINTR, never SIGPIPE.
 *
 * Threads. One thread may send and another receive on one link at the same time; two threads that do
 * the same on one link need a lock of their own. enl_interrupt may be called by any thread and in a
 * signal handler; no other call may, in a handler. Different links are independent.
 *
 * fork. A link belongs to one process. After a fork the child may use a link that the parent no longer
 * uses (an end of a pair is used by one of the two) and closes the others; what the parent had read
 * ahead or not yet flushed stays with the parent. A channel is used by the first process that sends, receives
 * or asks for its fd, and by no other: -EBADF there, and the first one's link is not touched. Descriptors are
 * closed by exec. */
#ifndef ENLACE_LINK_H
#define ENLACE_LINK_H

#include <enlace/capability.h>
#include <enlace/deadline.h>
#include <enlace/export.h>
#include <enlace/message.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

ENL_BEGIN

struct enl_link;

/* ---- open and close -------------------------------------------------------------------------- */

/* flags of enl_open */
#define ENL_READ 1u
#define ENL_WRITE 2u
#define ENL_CREATE 4u    /* make the object if it is not there, with ?mode= */
#define ENL_EXCLUSIVE 8u /* with ENL_CREATE: -EEXIST if it is there */

/* Opens an address. Never waits: where a peer is needed and not there yet, the answer is -ENXIO (a FIFO
 * without a reader), -ENOENT (no such name) or -ECONNREFUSED (nobody listens). enl_open_until waits
 * for the peer until the deadline, then -ETIMEDOUT; it cannot be interrupted. The link is the caller's,
 * to enl_close. */
ENL_PUBLIC int enl_open(const char *address, unsigned flags, struct enl_link **ret_link);
ENL_PUBLIC int enl_open_until(const char *address, unsigned flags, enl_deadline until,
                              struct enl_link **ret_link);

/* Both ends at once, for relatives: on one-way mechanisms ret_ends[0] receives and ret_ends[1] sends. */
ENL_PUBLIC int enl_pair(const char *address, struct enl_link *ret_ends[2]);

/* Waits for peers at an address: -EADDRINUSE if somebody does already. What a dead listener left
 * behind is replaced. enl_accept gives a link to the next one that came; the listener's fd is readable
 * (ENL_ARRIVAL) while one waits. Closing the listener removes its name. */
ENL_PUBLIC int enl_listen(const char *address, struct enl_link **ret_listener);
ENL_PUBLIC int enl_accept(struct enl_link *listener, enl_deadline until,
                          struct enl_link **ret_link);

/* Makes a link of a descriptor that is already there, of the mechanism and options of the address
 * ("unix:?frame=line"; "fd:" finds the mechanism out). On success the link owns fd, else the caller
 * keeps it. The address fd:N does the same for enl_open. -ENOTSUP if fd is of no known kind. */
ENL_PUBLIC int enl_adopt(int fd, const char *address, struct enl_link **ret_link);

/* Ends the use of a link; NULL is allowed. What was batched is sent if that needs no waiting (enl_drain
 * or enl_flush first to be sure). An open loan or take ends with it. Never fails. */
ENL_PUBLIC void enl_close(struct enl_link *l);

/* Removes the name of an object, not the object under those who have it open (but a System V queue goes with
 * its name: their calls are -EIDRM from then on). -ENOENT if there is none, -ENOTSUP for mechanisms without
 * names. */
ENL_PUBLIC int enl_unlink(const char *address);

/* ---- send and receive ------------------------------------------------------------------------ */

/* Sends one message, whole or not at all, and returns its size. On byte streams the last part of a message
 * may still be in this link's memory when the call returns: later calls on the link go on with it, enl_flush
 * waits for it. -EPIPE if nobody can ever receive it. */
ENL_PUBLIC ssize_t enl_send(struct enl_link *l, const void *data, size_t size, enl_deadline until);
ENL_PUBLIC ssize_t enl_send_message(struct enl_link *l, const struct enl_message *m,
                                    enl_deadline until);

/* Receives the next message (that matches) and returns its size. One that does not fit is kept and
 * -EMSGSIZE returned, with a text that names its size: call again with more room. */
ENL_PUBLIC ssize_t enl_receive(struct enl_link *l, void *buffer, size_t size, enl_deadline until);
ENL_PUBLIC ssize_t enl_receive_message(struct enl_link *l, const struct enl_match *match,
                                       enl_deadline until, struct enl_message *m);

/* Several at once: returns how many were sent, or came (at least one); a failure after the first one is
 * told by the next call. Sending waits until all are sent or the deadline has passed, receiving only for
 * the first. Of these, m->flags of a received message says ENL_TRUNCATED only where ENL_TRUNCATE asked. */
ENL_PUBLIC ssize_t enl_send_messages(struct enl_link *l, const struct enl_message messages[],
                                     size_t count, enl_deadline until);
ENL_PUBLIC ssize_t enl_receive_messages(struct enl_link *l, struct enl_message messages[],
                                        size_t count, enl_deadline until);

/* Looks at the message number index of those that wait (0: the next one), and leaves it there. m as for
 * enl_receive_message; the call counts as a receive to other threads, and never waits. -EAGAIN: there are fewer
 * messages. -ENOTSUP without ENL_CAN_PEEK; -ENOSYS: the mechanism can, but not on this kernel. */
ENL_PUBLIC ssize_t enl_peek(struct enl_link *l, size_t index, struct enl_message *m);

/* Sends size bytes of a file, from offset on, as one message (on ?frame=raw: as bytes). -EINVAL if the
 * file has fewer. Without copying where ENL_CAN_SEND_FILE, else through a buffer. fd is borrowed; its
 * file position is neither used nor moved. */
ENL_PUBLIC ssize_t enl_send_file(struct enl_link *l, int fd, off_t offset, size_t size,
                                 enl_deadline until);

/* Hands out room for a message of size bytes at ret_m->data, to be filled in place. Then either
 * enl_commit sends it (it may wait for space until the loan's deadline; a loan that could not be
 * committed stays open; the size may be lowered before) or enl_cancel gives it back. One loan a link
 * at a time is always possible; a second one may be -EBUSY. */
ENL_PUBLIC int enl_loan(struct enl_link *l, size_t size, enl_deadline until,
                        struct enl_message *ret_m);
ENL_PUBLIC int enl_commit(struct enl_message *m);
ENL_PUBLIC void enl_cancel(struct enl_message *m);

/* Gives the next message in place at ret_m->data, until enl_release. One take a link at a time is always
 * possible; a second take, or a receive while one is open, may be -EBUSY. Returns its size. fds that came
 * with it are the caller's, in ret_m->fds until the release. enl_return hands a message back to be
 * delivered again after delay_ms (ENL_CAN_ACKNOWLEDGE). */
ENL_PUBLIC ssize_t enl_take(struct enl_link *l, const struct enl_match *match, enl_deadline until,
                            struct enl_message *ret_m);
ENL_PUBLIC int enl_release(struct enl_message *m);
ENL_PUBLIC int enl_return(struct enl_message *m, unsigned delay_ms);

/* enl_flush: until everything that was sent is in the mechanism's hands. enl_drain: until the peer has
 * received it too (for kernel mechanisms: taken it out of the kernel); -EPIPE if the peer will not. */
ENL_PUBLIC int enl_flush(struct enl_link *l, enl_deadline until);
ENL_PUBLIC int enl_drain(struct enl_link *l, enl_deadline until);

/* Half of a close: this end sends no more, its peer's receives end (-ESHUTDOWN) after the last message, and what the peer
 * sends is still received. Later sends here are -EINVAL; an open loan is given up. -EAGAIN: something is held back,
 * enl_flush first. -ENOTSUP where an end cannot be told by halves. */
ENL_PUBLIC int enl_end_sending(struct enl_link *l);

/* ---- wait -------------------------------------------------------------------------------------- */

#define ENL_READABLE 1u /* a message waits */
#define ENL_WRITABLE 2u /* the largest message fits */
#define ENL_GONE                                                                                   \
    4u                 /* no peer is left, or the link is broken; the next call says which.
                         * With ENL_WRITABLE: the peer has only ended its own sending */
#define ENL_ARRIVAL 8u /* a newcomer: enl_accept */

/* The one descriptor of a link, for poll, select and epoll: readable, level-triggered, while what was
 * wanted (ENL_READABLE until enl_link_want says otherwise), ENL_GONE or ENL_ARRIVAL holds; messages read
 * ahead count. Nothing else of it means anything; it belongs to the link. -ENOTSUP without
 * ENL_CAN_POLL. When it fires ask enl_link_events, which also goes on with what is left to be sent. */
ENL_PUBLIC int enl_link_fd(struct enl_link *l);
ENL_PUBLIC int enl_link_want(struct enl_link *l, unsigned events);
ENL_PUBLIC unsigned enl_link_events(struct enl_link *l);

/* Waits until one of the links (at most ENL_POLL_MAX) has what it wants, GONE or ARRIVAL; flushes them
 * before it sleeps. Returns how many have; ask enl_link_events of each. -ECANCELED if one is interrupted. */
#define ENL_POLL_MAX 1024
ENL_PUBLIC int enl_poll(struct enl_link *const links[], size_t count, enl_deadline until);

/* Ends the blocked call on the link, and every later one, with -ECANCELED, until enl_interrupt_clear. There
 * is no window: a call that looks just before the interrupt does not sleep. Async-signal-safe. */
ENL_PUBLIC int enl_interrupt(struct enl_link *l);
ENL_PUBLIC void enl_interrupt_clear(struct enl_link *l);

/* ---- ask and change ------------------------------------------------------------------------------ */

/* What is not known is ENL_UNKNOWN. Times are nanoseconds of the real-time clock. */
struct enl_stat {
    uint64_t queued_messages; /* in the mechanism and read ahead, to be received */
    uint64_t queued_bytes;
    uint64_t capacity_bytes;
    uint64_t capacity_messages;
    uint64_t unsent_bytes;  /* batched, or the rest of a message, in this link's memory */
    uint64_t sent_messages; /* through this handle, as the next three */
    uint64_t sent_bytes;
    uint64_t received_messages;
    uint64_t received_bytes;
    uint64_t waiting_senders;
    uint64_t waiting_receivers;
    uint64_t last_sender_pid;
    uint64_t last_receiver_pid;
    uint64_t last_send_time;
    uint64_t last_receive_time;
    uint64_t last_change_time;
    uint64_t mode; /* of the object's name */
    uint64_t uid;
    uint64_t gid;
    uint64_t reserved[8];
};

/* enl_settings.set: which fields to change */
#define ENL_SET_MODE 1u
#define ENL_SET_OWNER 2u    /* uid and gid; UINT32_MAX leaves one as it is */
#define ENL_SET_CAPACITY 4u /* bytes; the kernel may round up */
#define ENL_SET_NOTIFY 8u   /* a signal for the next message (mq:) */
#define ENL_SET_VALUE 16u   /* of a semaphore; the parties of a barrier (<enlace/sync.h>) */

struct enl_settings {
    uint32_t set;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint64_t capacity;
    /* The number of a signal that this process is sent once, when a message comes to the empty queue and nobody
     * waits in a receive; its value (siginfo_t.si_value.sival_ptr) is the link. 0: no more. -EBUSY: another
     * process is to be told. */
    uint64_t notify;
    uint64_t value;
    uint64_t reserved[2];
};

/* What this link can do, its options considered. The result lives as long as the link. */
ENL_PUBLIC const struct enl_caps *enl_link_caps(const struct enl_link *l);
ENL_PUBLIC int enl_link_stat(struct enl_link *l, struct enl_stat *ret_stat);
/* Changes a living object; -ENOTSUP for what it cannot change. */
ENL_PUBLIC int enl_link_set(struct enl_link *l, const struct enl_settings *settings);
/* The address at which others reach this link, as text: of tcp: and udp:, where the system may have chosen the
 * port (tcp:127.0.0.1:0). size is at least ENL_ADDRESS_MAX. -ENOTSUP elsewhere. */
#define ENL_ADDRESS_MAX 128
ENL_PUBLIC int enl_link_address(const struct enl_link *l, char *ret_address, size_t size);
/* The peer as the kernel names it, at the time it connected. enl_link_peers fills up to count and returns
 * how many there are. -ENOTSUP without ENL_CAN_CREDENTIALS, -ENOTCONN if there is none. */
ENL_PUBLIC int enl_link_peer(struct enl_link *l, struct enl_peer *ret_peer);
ENL_PUBLIC ssize_t enl_link_peers(struct enl_link *l, struct enl_peer ret_peers[], size_t count);

ENL_END

#endif
