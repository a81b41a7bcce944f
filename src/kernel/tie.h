/* SPDX-License-Identifier: MIT */
/* Ties: a child that dies when this process does, whichever of its threads made it.
 *
 * The kernel's own PR_SET_PDEATHSIG fires when the thread that made the child ends. A tie is a pipe, both ends of which
 * ask the kernel for SIGKILL to the child when the pipe changes (O_ASYNC, F_SETSIG, F_SETOWN). When both are
 * closed, by whatever death, one goes first, and the other one's signal is sent. A pidfd of the child is not needed:
 * the kernel keeps the process, not its number.
 *
 * Were the two ends open in the parent, each closed by its death, another child that is being born at that moment,
 * with copies of them, could close one at the very instant at which the parent closes the other: then neither
 * sees the other, and no signal is sent. So they are open nowhere: they lie as a message in the queue of a
 * socket, of which the parent has the one descriptor. Whoever closes the last copy of that throws the message away, and
 * the two ends with it, one after the other.
 *
 * Crash. The child takes copies of the ends out of the message, without removing it, names itself as whom to signal, and
 * closes them; it has a copy of the socket, too, which its exec closes:
 *   - the parent dies before: the child's is the last copy of the socket, and the child is killed as it closes that;
 *   - the parent dies after: it is killed by the parent's;
 *   - both at once: one of the two closes is the last one, and does it.
 * A process that is forked from the parent gets a copy of the socket, which would keep the tie up: it is closed there
 * (pthread_atfork). While a tie is made, its ends are open, and no process is born: births and makings exclude each
 * other. */
#ifndef KERNEL_TIE_H
#define KERNEL_TIE_H

struct tie {
    int fd;
    struct tie *next, *previous;
};

/* Makes it and remembers it until tie_close(). -EMFILE; -ETOOMANYREFS: of an ordinary user, about half as many as
 * RLIMIT_NOFILE allows descriptors; and others. */
int tie_create(struct tie *t);
/* In the child, before it changes its user: async-signal-safe. */
int tie_self(int fd);
/* The next fork of this thread leaves this tie open in its child, which is the one to be tied; NULL: none. */
void tie_keep_at_fork(const struct tie *t);
/* Of a child that has ended, or never was. */
void tie_close(struct tie *t);

/* Around the birth of a process otherwise than by fork(). */
void tie_enter_birth(void);
void tie_leave_birth(void);

#endif
