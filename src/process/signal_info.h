/* SPDX-License-Identifier: MIT */
/* What the kernel layer tells of a signal, as the program sees it. */
#ifndef PROCESS_SIGNAL_INFO_H
#define PROCESS_SIGNAL_INFO_H

#include "kernel/signals.h"

#include <enlace/signal.h>

/* All that can be caught, ignored and blocked. */
enl_signals signal_all(void);

/* Async-signal-safe. */
void signal_fill_info(const struct signal_facts *facts, struct enl_signal_info *ret_info);

#endif
