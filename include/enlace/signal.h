/* SPDX-License-Identifier: MIT */
/* Signals: what each of them is, what this process does with them, which wait, sending them, and alarms as descriptors.
 *
 * Results are as in <enlace/link.h>: 0 or a count, else a negative errno with enl_error_text(). What a signal link
 * ("signal:TERM,INT") receives is blocked for that link: these calls are for programs without one, or beside it.
 *
 * Threads. A disposition is the process's, a mask is the thread's: block what is to be waited for before other threads
 * are started, which inherit the mask. Any thread may make any call.
 *
 * fork. Dispositions, masks and counts are copied; what waits is not. A program that is executed starts with
 * all signals as if never set (enl_spawn), or keeps the mask and what is ignored.
 *
 * Signals. Of these calls a handler may make enl_signal_count alone. */
#ifndef ENLACE_SIGNAL_H
#define ENLACE_SIGNAL_H

#include <enlace/deadline.h>
#include <enlace/export.h>
#include <stddef.h>
#include <stdint.h>

ENL_BEGIN

struct enl_child;
struct enl_link;

/* ---- what signals are ---------------------------------------------------------------------------- */

/* What a signal does to a process that has not said otherwise. */
enum enl_action {
    ENL_ACTION_END,
    ENL_ACTION_CORE, /* ends it, and writes its memory to a core */
    ENL_ACTION_STOP,
    ENL_ACTION_CONTINUE,
    ENL_ACTION_IGNORE
};

struct enl_signal_kind {
    int32_t number;
    char name[16];      /* without "SIG": "TERM", "RTMIN+2" */
    int32_t action;     /* enum enl_action */
    int32_t can_change; /* it may be caught, ignored and blocked */
    int32_t queues; /* each one sent is delivered, with its value; others merge while they wait */
    uint32_t reserved[4];
};

/* What the signal of that number (1 to 64) is. -EINVAL if there is none, or the C library keeps it for itself. */
ENL_PUBLIC int enl_signal_describe(int number, struct enl_signal_kind *ret_signal);

/* The number of a signal by its name ("TERM", "SIGTERM", "RTMIN+2", any case) or by itself ("15"). -EINVAL. */
ENL_PUBLIC int enl_signal_number(const char *name);

/* A set of signals: bit n-1 is signal n. */
typedef uint64_t enl_signals;
#define ENL_SIGNAL(number) ((enl_signals)1 << ((number)-1))

/* A set from names with commas between them: "TERM,INT", or "all". NULL and "" are none. -EINVAL: no such signal. */
ENL_PUBLIC int enl_signals_parse(const char *names, enl_signals *ret_set);

/* The names of a set, by rising numbers: "INT,TERM"; "" of none. At most ENL_SIGNALS_TEXT_MAX bytes. Gives text. */
#define ENL_SIGNALS_TEXT_MAX 640
ENL_PUBLIC const char *enl_signals_text(enl_signals set, char *text, size_t size);

/* What the kernel tells of a signal that came; what it does not is 0. */
struct enl_signal_info {
    int32_t number;
    int32_t code; /* si_code of sigaction(2): SI_USER, SI_QUEUE, SI_TKILL, ... */
    int32_t pid;  /* who sent it, or the child that it is about */
    uint32_t uid;
    intptr_t value; /* that was sent with it */
    int32_t status; /* of a child */
    int32_t fd;     /* that is ready (IO) */
    uint64_t reserved[4];
};

/* ---- what this process does with a signal -------------------------------------------------------- */

enum enl_reaction {
    ENL_SIGNAL_DEFAULT, /* what enl_signal_describe says */
    ENL_SIGNAL_IGNORE,
    ENL_SIGNAL_COUNT,     /* it is counted, for enl_signal_count; of this and the next two */
    ENL_SIGNAL_INTERRUPT, /* and the link and the child are interrupted, as by enl_interrupt */
    ENL_SIGNAL_RUN, /* and run(info, argument) is called, which may make async-signal-safe calls alone */
    ENL_SIGNAL_OTHER /* somebody else's handler: told by a get, and given back to a set */
};

/* enl_disposition.flags */
#define ENL_SIGNAL_RESTART 1u /* system calls of others that it interrupts begin anew: no EINTR */
#define ENL_SIGNAL_ONCE 2u    /* the first one makes it default again */
#define ENL_SIGNAL_NESTED 4u  /* it is not blocked while it is handled itself */

/* What is done when a signal comes. Zero what you do not use: {.reaction = ENL_SIGNAL_COUNT}. */
struct enl_disposition {
    int32_t reaction; /* enum enl_reaction */
    uint32_t flags;
    enl_signals masked; /* what is blocked besides while it is handled */
    struct enl_link
        *link; /* of ENL_SIGNAL_INTERRUPT: either, or both. They must live as long as this is set */
    struct enl_child *child;
    void (*run)(const struct enl_signal_info *info, void *argument); /* of ENL_SIGNAL_RUN */
    void *argument;
    uint64_t other[2]; /* of ENL_SIGNAL_OTHER */
    uint64_t reserved[4];
};

/* Sets what the process does with a signal, and tells what it did before (NULL: do not), which restores it when it
 * is set. Calls of enlace never say -EINTR, whatever the flags. -EINVAL: KILL and STOP; a count or an
 * interrupt of SEGV, BUS, ILL or FPE, which would come again for ever, and whose function must not return. */
ENL_PUBLIC int enl_disposition_set(int number, const struct enl_disposition *how,
                                   struct enl_disposition *ret_before);
ENL_PUBLIC int enl_disposition_get(int number, struct enl_disposition *ret_how);

/* How many of this signal came since it was asked last, as far as enlace handles it. */
ENL_PUBLIC int enl_signal_count(int number);

/* ---- what waits ---------------------------------------------------------------------------------- */

/* Blocks or unblocks signals for this thread, by their names, as of enl_signals_parse, and tells what it blocked before
 * (NULL: do not). What comes waits until it is unblocked. -EINVAL: no such signal, or KILL or STOP. */
ENL_PUBLIC int enl_signal_block(const char *names, enl_signals *ret_before);
ENL_PUBLIC int enl_signal_unblock(const char *names, enl_signals *ret_before);

/* Blocks exactly these for this thread: what a call above has told, restored. */
ENL_PUBLIC int enl_signal_mask(enl_signals set);

/* Which signals wait for this thread or its process. */
ENL_PUBLIC enl_signals enl_signal_pending(void);

/* Waits for one of the signals, and takes it: nothing else happens. Of several that of the lowest number. Returns its
 * number. All must be blocked by this thread, else one that comes in between would have its effect: -EINVAL. -EAGAIN
 * (ENL_NOW) and -ETIMEDOUT if none came. */
ENL_PUBLIC int enl_signal_wait(const char *names, enl_deadline until,
                               struct enl_signal_info *ret_info);

/* ---- sending ------------------------------------------------------------------------------------- */

enum enl_receiver {
    ENL_TO_SELF,    /* this process; id is 0 */
    ENL_TO_THREAD,  /* a thread of this process, by its gettid(); 0: this one */
    ENL_TO_PROCESS, /* whoever has the number now: of a child enl_child_signal is sure */
    ENL_TO_GROUP    /* all processes of a process group; 0: this process's */
};

/* Sends a signal; 0 only asks whether it may be. -ESRCH: there is nobody; -EPERM; -EINVAL: no such signal, or numbers
 * that mean everybody (kill() takes -1 and 0 so). */
ENL_PUBLIC int enl_signal_send(int number, enum enl_receiver to, int32_t id);
/* With a value. -ENOTSUP: to a group. -EAGAIN: a real-time one, and as many wait as RLIMIT_SIGPENDING allows. */
ENL_PUBLIC int enl_signal_send_value(int number, enum enl_receiver to, int32_t id, intptr_t value);

/* ---- alarms -------------------------------------------------------------------------------------- */

/* An alarm: a descriptor that is readable from the moment `first` on, and, if interval_ns is not 0, again every so often
 * after it. Reading it gives a uint64_t: how often it has fired since it was read. It is a timerfd, non-blocking, closed
 * by exec, and the caller's to close. No signal is sent. -EINVAL: ENL_FOREVER, or a negative interval. */
ENL_PUBLIC int enl_alarm(enl_deadline first, int64_t interval_ns, int *ret_fd);

ENL_END

#endif
