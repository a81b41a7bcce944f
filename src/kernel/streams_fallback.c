/* SPDX-License-Identifier: MIT */
/* For a libc that copies locked streams as they are: this thread holds them across the fork, so that they are its own
 * in the child. One that another thread does not let go of for so long stays unusable in the child. */
#include "kernel/streams.h"

#include <stdio_ext.h>
#include <time.h>

enum { TRIES = 200 }; /* of a millisecond */

static bool hold_one(FILE *stream)
{
    for (int i = 0; i < TRIES; i++) {
        if (ftrylockfile(stream) == 0)
            return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

void streams_before_fork(struct streams_hold *hold)
{
    FILE *const streams[2] = {stdout, stderr};

    for (int i = 0; i < 2; i++) {
        hold->held[i] = hold_one(streams[i]);
        if (hold->held[i])
            (void)fflush_unlocked(streams[i]);
    }
}

void streams_in_parent(const struct streams_hold *hold)
{
    if (hold->held[1])
        funlockfile(stderr);
    if (hold->held[0])
        funlockfile(stdout);
}

void streams_in_child(const struct streams_hold *hold)
{
    if (hold->held[0])
        __fpurge(stdout);
    if (hold->held[1])
        __fpurge(stderr);
    streams_in_parent(hold);
}

void streams_flush(void)
{
    FILE *const streams[2] = {stdout, stderr};

    for (int i = 0; i < 2; i++)
        if (ftrylockfile(streams[i]) == 0) {
            (void)fflush_unlocked(streams[i]);
            funlockfile(streams[i]);
        }
}
