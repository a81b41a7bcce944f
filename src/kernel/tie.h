/* SPDX-License-Identifier: MIT */
/* Ties: a child that dies when this process does, whichever of its threads made it.
 *
 * The kernel's own PR_SET_PDEATHSIG fires when the thread that made the child ends. A tie is a pipe with both
 * ends in the parent and nowhere else. Each end asks the kernel for SIGKILL to the child when its pipe
 * changes (O_ASYNC, F_SETSIG, F_SETOWN). As long as the parent lives nothing does. When its descriptors are
 * closed, by whatever death, one end goes first, and the other one's signal is sent; the order does not matter.
 *
 * Crash. The child ties itself, before it executes, on copies of the two ends:
 *   - the parent dies before: the child's are the last copies, and its exec closes them, one first: it is killed;
 *   - the parent dies after: it is killed by the parent's.
 * A pidfd of the target is not needed: the kernel keeps the process, not its number. A process that is forked
 * from the parent gets copies too, which would keep the tie up: they are closed there (pthread_atfork). */
#ifndef KERNEL_TIE_H
#define KERNEL_TIE_H

struct tie {
    int fds[2];
    struct tie *next, *previous;
};

/* Makes the pipe and remembers it until tie_close(). -EMFILE and others. */
int tie_create(struct tie *t);
/* In the child, before it changes its user: async-signal-safe. */
int tie_self(const int fds[2]);
/* The next fork of this thread leaves this tie open in its child, which is the one to be tied; NULL: none. */
void tie_keep_at_fork(const struct tie *t);
/* Lets the child be. */
void tie_close(struct tie *t);

#endif
