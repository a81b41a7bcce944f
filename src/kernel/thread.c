/* SPDX-License-Identifier: MIT */
/* The libc's own word on whether there are several threads (glibc 2.32 and later). */
#include "kernel/thread.h"

#include <sys/single_threaded.h>

bool thread_is_alone(void)
{
    return __libc_single_threaded;
}
