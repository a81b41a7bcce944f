/* SPDX-License-Identifier: MIT */
/* Signals: what each of them is, and alarms as descriptors. */
#ifndef ENLACE_SIGNAL_H
#define ENLACE_SIGNAL_H

#include <enlace/deadline.h>
#include <enlace/export.h>
#include <stdint.h>

ENL_BEGIN

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

/* An alarm: a descriptor that is readable from the moment `first` on, and, if interval_ns is not 0, again every so often
 * after it. Reading it gives a uint64_t: how often it has fired since it was read. It is a timerfd, non-blocking, closed
 * by exec, and the caller's to close. No signal is sent. -EINVAL: ENL_FOREVER, or a negative interval. */
ENL_PUBLIC int enl_alarm(enl_deadline first, int64_t interval_ns, int *ret_fd);

ENL_END

#endif
