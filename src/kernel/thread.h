/* SPDX-License-Identifier: MIT */
/* The threads of this process. */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this process is known to have one thread: then only a signal handler can interrupt a call. */
bool thread_is_alone(void);
void thread_yield(void);
int thread_process(void);   /* the process's id */
uint32_t thread_user(void); /* and its effective user's */

#endif
