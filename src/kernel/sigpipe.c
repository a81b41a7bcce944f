/* SPDX-License-Identifier: MIT */
/* Keeps the SIGPIPE of a call away: the signal is blocked meanwhile, and taken if it came from the call. */
#include "kernel/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static sigset_t only_sigpipe(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    return set;
}

void sigpipe_block(struct sigpipe_guard *guard)
{
    sigset_t set = only_sigpipe();
    sigset_t pending;

    (void)pthread_sigmask(SIG_BLOCK, &set, &guard->before);
    /* pending only matters if it was blocked already: else it would have been delivered */
    guard->was_pending = sigismember(&guard->before, SIGPIPE) && sigpending(&pending) == 0 &&
                         sigismember(&pending, SIGPIPE);
}

void sigpipe_restore(const struct sigpipe_guard *guard, bool raised)
{
    sigset_t set = only_sigpipe();
    int saved = errno;

    if (raised && !guard->was_pending)
        while (sigtimedwait(&set, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
            continue;
    (void)pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
    errno = saved;
}
