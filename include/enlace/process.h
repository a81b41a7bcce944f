/* SPDX-License-Identifier: MIT */
/* Processes: start other programs, give them links, wait for them, end them, and collect what they say.
 *
 * Results are as in <enlace/link.h>: 0 or a count, else a negative errno with enl_error_text(). No signal
 * handler is installed and no thread is started. A child is known by its pidfd, so a number that the system has
 * given to another process is never signalled, and children that the rest of the program started are never
 * collected. What a program must not do is collect all children itself (wait(), waitpid(-1)) or ignore
 * SIGCHLD: then the end of a child of ours is -ECHILD, "somebody else collected it".
 *
 * Threads. Any thread may start children. One child is used by one thread at a time; enl_child_signal and
 * enl_child_end may be called beside a wait of another thread only if that has not returned yet.
 *
 * fork. A child belongs to the process that started it; in a forked one calls say -ECHILD. */
#ifndef ENLACE_PROCESS_H
#define ENLACE_PROCESS_H

#include <enlace/deadline.h>
#include <enlace/export.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

ENL_BEGIN

struct enl_link;
struct enl_child;

/* ---- start --------------------------------------------------------------------------------------- */

#define ENL_NULL_DEVICE (-2) /* of enl_give.from_fd: a new /dev/null */
#define ENL_FD_ANY (-1)      /* of enl_give.fd: some number above 2; found by name */
#define ENL_GIVE_MOST 60

/* What a child is given: the link, or if that is NULL the descriptor from_fd, under the number fd, to be found by
 * the name (letters, digits, '_', '-', '.'; NULL: none) with enl_inherit. Both stay open here: who is given the
 * only writing end of a pipe must be its only owner, so close yours. A link of a FIFO is non-blocking, which
 * programs that know nothing of enlace may not expect. */
struct enl_give {
    int fd;
    int from_fd;
    struct enl_link *link;
    const char *name;
};

struct enl_limit {
    int resource;  /* RLIMIT_..., from <sys/resource.h> */
    uint64_t soft; /* UINT64_MAX: no limit */
    uint64_t hard;
};

/* enl_spawn.flags */
#define ENL_SPAWN_USER 1u     /* become user and group, and be in no other group (root alone) */
#define ENL_SPAWN_NICENESS 2u /* take the niceness */
#define ENL_SPAWN_SESSION 4u  /* a session of its own, without a terminal */
#define ENL_SPAWN_GROUP 8u    /* a process group of its own, which can be signalled whole */
#define ENL_SPAWN_DIES_WITH_PARENT                                                                 \
    16u /* SIGKILL when this process ends in whatever way, or executes */
#define ENL_SPAWN_KEEP_SIGNALS                                                                     \
    32u /* the signal mask and ignored signals stay; else all are reset */

/* What to start. Zero what you do not use: {.argv = words}. Everything is borrowed for the call. */
struct enl_spawn {
    const char *const *argv;        /* ends with NULL; argv[0] is the program unless that is set */
    const char *program;            /* looked up in PATH, of this process, if it has no slash */
    const char *const *environment; /* "NAME=value", ends with NULL; NULL: this process's */
    const char *directory;       /* where it starts, also for a program with a slash; NULL: here */
    const struct enl_give *give; /* 0, 1 and 2 are this process's unless given; nothing else is */
    size_t give_count;
    const struct enl_limit *limits;
    size_t limit_count;
    const unsigned *processors; /* on which it may run; none: all */
    size_t processor_count;
    uint32_t flags;
    uint32_t user; /* as flags say */
    uint32_t group;
    int32_t niceness;
    uint64_t reserved[8];
};

/* Starts a program, and returns when it is being executed: a failure to do so (-ENOENT: no such program;
 * -EACCES, -E2BIG, -EPERM, ...) is this call's, with the step that failed in the text, and leaves no child.
 * Costs the same whatever the size of this process. The child is the caller's, to enl_child_close. With
 * ret_child NULL the program is detached: nobody's child, adopted and collected by init (or a subreaper). */
ENL_PUBLIC int enl_spawn(const struct enl_spawn *how, struct enl_child **ret_child);

/* In the child: opens the link that was given by that name. flags as of enl_open; a name once. -ENOENT if
 * none was; -EBADF if the descriptor is not (or no longer) the one that was given. */
ENL_PUBLIC int enl_inherit(const char *name, unsigned flags, struct enl_link **ret_link);

/* ---- fork ---------------------------------------------------------------------------------------- */

struct enl_fork {
    int (*run)(
        void *argument); /* in the child; its result is the exit status (the lowest 8 bits) */
    void *argument;
    const struct enl_give *give; /* as of enl_spawn; what has a name is found by enl_inherit */
    size_t give_count;
    uint32_t flags; /* ENL_SPAWN_SESSION, _GROUP, _DIES_WITH_PARENT */
    uint32_t reserved;
};

/* Runs a function in a copy of this process, and returns when that is set up. Memory is a copy: what the child writes
 * the parent never sees. Of descriptors it has 0, 1, 2 and what is given, as of enl_spawn; all links made before are
 * refused there with -EBADF, and what was given is opened anew by its name.
 *   What the parent has printed to stdout and stderr is printed once: it is flushed before, and where another thread
 * holds the stream, dropped from the copy. Nothing waits for such a thread. The child ends, when the function returns,
 * with the exit handlers that it has registered itself (enl_at_exit), a flush of stdout and stderr, and _exit. Other
 * streams that it writes to it has to fclose. */
ENL_PUBLIC int enl_fork(const struct enl_fork *how, struct enl_child **ret_child);

/* ---- exit ---------------------------------------------------------------------------------------- */

/* At the end of this process by exit() or a return from main, calls run(argument); the last registered comes first. Each
 * runs once, in the process that registered it, never in a forked child. A handler may register others. _exit, abort,
 * quick_exit and a fatal signal run none. -ENOMEM. */
ENL_PUBLIC int enl_at_exit(void (*run)(void *argument), void *argument);

enum enl_buffering {
    ENL_BUFFER_NONE, /* each write goes out at once; of stderr the default */
    ENL_BUFFER_LINE, /* at each newline; of a terminal the default */
    ENL_BUFFER_FULL  /* when the buffer is full; the default of all else */
};

/* Sets the policy of a stream that was not used yet. */
ENL_PUBLIC int enl_set_buffering(FILE *stream, enum enl_buffering policy);

/* ---- wait ---------------------------------------------------------------------------------------- */

enum enl_change {
    ENL_EXITED,   /* number is the status */
    ENL_KILLED,   /* number is the signal, of this and the next two */
    ENL_DUMPED,   /* killed, and its memory was written to a core */
    ENL_STOPPED,  /* lives */
    ENL_CONTINUED /* lives */
};

/* How a child ended or changed, and what it has used by then, its own collected children included. */
struct enl_status {
    int32_t change; /* enum enl_change */
    int32_t number;
    int64_t user_ns;
    int64_t system_ns;
    uint64_t largest_bytes; /* resident at a time, the largest single process */
    uint64_t reserved[4];
};

/* Waits until the child has ended and collects it: no zombie is left. Asked again, it says the same. -EAGAIN
 * (ENL_NOW) and -ETIMEDOUT if it has not; -ECANCELED after enl_child_interrupt; -ECHILD as above. */
ENL_PUBLIC int enl_child_wait(struct enl_child *c, enl_deadline until,
                              struct enl_status *ret_status);

/* The same, but also returns when it was stopped or continued. The kernel has no event for these, so a wait
 * with a deadline looks every 10 ms. */
ENL_PUBLIC int enl_child_wait_change(struct enl_child *c, enl_deadline until,
                                     struct enl_status *ret_status);

/* Its pidfd, for poll, select and epoll: readable when it has ended, and nothing else of it means anything;
 * belongs to the child. A thousand children are one epoll set. */
ENL_PUBLIC int enl_child_fd(const struct enl_child *c);
ENL_PUBLIC int32_t enl_child_pid(const struct enl_child *c);

/* Ends a blocked wait, and every later one, with -ECANCELED, until cleared. Any thread, or a signal handler. */
ENL_PUBLIC int enl_child_interrupt(struct enl_child *c);
ENL_PUBLIC void enl_child_interrupt_clear(struct enl_child *c);

/* Ends the use of a child; NULL is allowed. One that still runs goes on (one that dies with its parent goes on
 * doing so) and is collected by a later call of this header, whichever is made first after its end. */
ENL_PUBLIC void enl_child_close(struct enl_child *c);

/* Collects what was closed before its end and has ended since; returns how many still run. Never waits. */
ENL_PUBLIC int enl_reap(void);

/* From now on (on 1) this process, instead of init, becomes the parent of orphans among its descendants. Who
 * adopts collects: enl_reap_any takes an ended child, whichever, and tells its number; -EAGAIN if none has ended,
 * -ECHILD if there is none. An end of a child of enl_spawn is kept for its enl_child_wait. It collects what other
 * code of the program has started, too, so it is for a program that starts all its children with enlace. */
ENL_PUBLIC int enl_adopt_orphans(int on);
ENL_PUBLIC int enl_reap_any(int32_t *ret_pid, struct enl_status *ret_status);

/* "exited with 1", "killed by SIGKILL", "stopped by SIGTSTP". At most ENL_STATUS_TEXT_MAX bytes. Gives text. */
#define ENL_STATUS_TEXT_MAX 64
ENL_PUBLIC const char *enl_status_text(const struct enl_status *status, char *text, size_t size);

/* ---- end ----------------------------------------------------------------------------------------- */

enum enl_scope {
    ENL_CHILD_ALONE,
    ENL_CHILD_GROUP, /* its group or session, of its own: ENL_SPAWN_GROUP or _SESSION */
    ENL_CHILD_TREE   /* it and its descendants, as far as their parents live */
};

/* Signals it; 0 only asks whether it may be. -ESRCH if it has ended. A value goes to the child alone. The tree is
 * stopped while it is walked, and then continued. */
ENL_PUBLIC int enl_child_signal(struct enl_child *c, int signal, enum enl_scope scope);
ENL_PUBLIC int enl_child_signal_value(struct enl_child *c, int signal, intptr_t value);

/* Ends it: SIGTERM, and SIGKILL to those in the scope that are there at the deadline (ENL_NOW: SIGKILL at once), of a
 * group also when the child itself has ended. Then collects it. */
ENL_PUBLIC int enl_child_end(struct enl_child *c, enum enl_scope scope, enl_deadline until,
                             struct enl_status *ret_status);

/* ---- run and collect ----------------------------------------------------------------------------- */

/* enl_run_input.flags */
#define ENL_RUN_ERROR_TO_OUTPUT 1u /* standard error joins standard output */
#define ENL_RUN_ALL_OUTPUT 2u      /* wait for the end of the output, not only of the child */

struct enl_run_input {
    const void *data; /* its standard input; none: empty */
    size_t size;
    uint64_t limit_bytes; /* of output and of error, each; 0: ENL_RUN_LIMIT */
    uint32_t grace_ms;    /* from SIGTERM to SIGKILL, when it must be ended; 0: ENL_RUN_GRACE_MS */
    uint32_t flags;
    uint64_t reserved[4];
};

#define ENL_RUN_LIMIT ((uint64_t)1 << 30)
#define ENL_RUN_GRACE_MS 1000

/* What came out, until enl_run_free (the memory is not malloc's). The two texts end with a zero byte that is not
 * counted. */
struct enl_run_output {
    char *output;
    size_t output_size;
    char *error;
    size_t error_size;
    struct enl_status status;
    uint64_t room[2]; /* of enl_run_free */
    uint64_t reserved[2];
};

/* Starts a program in a process group of its own, feeds it and takes what it writes, both at once, so that
 * neither waits for the other; and collects it. It need not read its input. Descendants that it leaves behind
 * and that hold the output open go on; what they write after its end is lost, unless ENL_RUN_ALL_OUTPUT.
 *   0           it ended by itself: see the status
 *   -ETIMEDOUT  it was ended, with its group, at the deadline
 *   -EFBIG      it was ended, with its group, as it wrote more than the limit
 * After these three *ret_output is filled with what came, for enl_run_free; after others it is not. give may
 * hold further links, but not 0, 1 and 2. input may be NULL. */
ENL_PUBLIC int enl_run(const struct enl_spawn *how, const struct enl_run_input *input,
                       enl_deadline until, struct enl_run_output *ret_output);
ENL_PUBLIC void enl_run_free(struct enl_run_output *output);

ENL_END

#endif
