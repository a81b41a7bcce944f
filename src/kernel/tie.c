/* SPDX-License-Identifier: MIT */
/* Ties: a child that dies when this process does, whichever of its threads made it. */
#include "kernel/tie.h"

#include "kernel/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* A global, because what must be closed in a forked child is all there is in the process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tie *ties;
/* By thread, because a fork is of one thread, which is the child's. */
static _Thread_local const struct tie *kept;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    (void)pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    for (struct tie *t = ties; t != NULL; t = t->next) {
        if (t == kept)
            continue;
        descriptor_close(t->fds[0]);
        descriptor_close(t->fds[1]);
        t->fds[0] = t->fds[1] = -1;
    }
    (void)pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, in_child); /* fails without memory alone */
}

int tie_create(struct tie *t)
{
    int result;

    (void)pthread_once(&once, watch_forks);
    before_fork();
    result = pipe2(t->fds, O_CLOEXEC) == 0 ? 0 : -errno;
    if (result == 0) {
        t->previous = NULL;
        t->next = ties;
        if (ties != NULL)
            ties->previous = t;
        ties = t;
    }
    after_fork();
    return result;
}

void tie_keep_at_fork(const struct tie *t)
{
    kept = t;
}

int tie_self(const int fds[2])
{
    pid_t self = getpid();

    for (int i = 0; i < 2; i++)
        if (fcntl(fds[i], F_SETOWN, self) != 0 || fcntl(fds[i], F_SETSIG, SIGKILL) != 0 ||
            fcntl(fds[i], F_SETFL, O_ASYNC) != 0)
            return -errno;
    return 0;
}

void tie_close(struct tie *t)
{
    before_fork();
    if (t->fds[0] >= 0) {
        /* quietly: closing one end would be taken for a death */
        (void)fcntl(t->fds[0], F_SETFL, 0);
        (void)fcntl(t->fds[1], F_SETFL, 0);
        descriptor_close(t->fds[0]);
        descriptor_close(t->fds[1]);
        t->fds[0] = t->fds[1] = -1;
    }
    if (t->previous != NULL)
        t->previous->next = t->next;
    else if (ties == t)
        ties = t->next;
    if (t->next != NULL)
        t->next->previous = t->previous;
    t->next = t->previous = NULL;
    after_fork();
}
