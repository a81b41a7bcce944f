/* SPDX-License-Identifier: MIT */
/* Fences across processes, by membarrier(2) with its command GLOBAL_EXPEDITED. */
#include "kernel/membarrier.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of <linux/membarrier.h>, which not every libc's system has. */
#define GLOBAL_EXPEDITED 2
#define REGISTER_GLOBAL_EXPEDITED 4

static int call(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) == 0 ? 0 : -errno;
}

int membarrier_register(void)
{
    return call(REGISTER_GLOBAL_EXPEDITED);
}

int membarrier_fence(void)
{
    return call(GLOBAL_EXPEDITED);
}
