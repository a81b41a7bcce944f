/* SPDX-License-Identifier: MIT */
/* The libc's own word on whether there are several threads (glibc 2.32 and later). */
#include "kernel/thread.h"

#include <sched.h>
#include <sys/single_threaded.h>
#include <unistd.h>

bool thread_is_alone(void)
{
    return __libc_single_threaded;
}

void thread_yield(void)
{
    (void)sched_yield();
}

int thread_process(void)
{
    return getpid();
}

uint32_t thread_user(void)
{
    return (uint32_t)geteuid();
}
