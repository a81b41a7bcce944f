/* SPDX-License-Identifier: MIT */
/* For glibc: its fork gives the child of a process with threads unlocked streams, so no lock is kept across it. */
#include "kernel/streams.h"

#include <stdio_ext.h>

static void flush(FILE *stream)
{
    if (ftrylockfile(stream) != 0)
        return;
    (void)fflush_unlocked(stream);
    funlockfile(stream);
}

void streams_before_fork(struct streams_hold *hold)
{
    hold->held[0] = hold->held[1] = false;
    streams_flush();
}

void streams_in_parent(const struct streams_hold *hold)
{
    (void)hold;
}

void streams_in_child(const struct streams_hold *hold)
{
    (void)hold;
    __fpurge(stdout);
    __fpurge(stderr);
}

void streams_flush(void)
{
    flush(stdout);
    flush(stderr);
}
