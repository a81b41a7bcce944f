/* SPDX-License-Identifier: MIT */
/* For a libc that does not tell: there may be several threads, which costs two system calls a sleep. */
#include "kernel/thread.h"

#include <sched.h>
#include <unistd.h>

bool thread_is_alone(void)
{
    return false;
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
