/* SPDX-License-Identifier: MIT */
/* Whether a stopped process has changed memory that others see. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct watch;

/* Of that process, all writable shared mappings but the one that holds the runner's memory, of which `own` is
 * looked at alone. */
struct watch *watch_new(pid_t pid, const void *own, size_t own_size);
void watch_free(struct watch *w);
/* The process may have mapped or unmapped something. */
void watch_look_again(struct watch *w);
/* Whether it has changed since the last call. False also where it cannot be told. */
bool watch_changed(struct watch *w);

#endif
