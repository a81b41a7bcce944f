/* SPDX-License-Identifier: MIT */
/* Ties: a child that dies when this process does, whichever of its threads made it. */
#include "kernel/tie.h"

#include "kernel/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A global, because what must be closed in a forked child is all there is in the process. */
static struct tie *ties;
/* Held by births to be read, and by who changes the list of ties to be written. */
static pthread_rwlock_t births = PTHREAD_RWLOCK_INITIALIZER;
/* By thread, because a fork is of one thread, which is the child's. */
static _Thread_local const struct tie *kept;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    (void)pthread_rwlock_wrlock(&births);
}

static void after_fork(void)
{
    (void)pthread_rwlock_unlock(&births);
}

static void in_child(void)
{
    static const pthread_rwlock_t fresh = PTHREAD_RWLOCK_INITIALIZER;

    for (struct tie *t = ties; t != NULL; t = t->next) {
        if (t == kept)
            continue;
        descriptor_close(t->fd);
        t->fd = -1;
    }
    births = fresh; /* it is held by a thread of the parent's number */
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, in_child); /* fails without memory alone */
}

void tie_enter_birth(void)
{
    (void)pthread_rwlock_rdlock(&births);
}

void tie_leave_birth(void)
{
    (void)pthread_rwlock_unlock(&births);
}

/* ---- the message ----------------------------------------------------------------------------------------- */

/* A message that carries the two ends. */
struct parcel {
    char byte;
    struct iovec text;
    struct msghdr message;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control; /* last, for a head has a part of any size behind it */
};

static void prepare(struct parcel *p)
{
    memset(p, 0, sizeof *p);
    p->text = (struct iovec){.iov_base = &p->byte, .iov_len = 1};
    p->message.msg_iov = &p->text;
    p->message.msg_iovlen = 1;
    p->message.msg_control = &p->control;
    p->message.msg_controllen = sizeof p->control;
}

static int send_ends(int fd, const int ends[2])
{
    struct parcel p;

    prepare(&p);
    p.control.head.cmsg_level = SOL_SOCKET;
    p.control.head.cmsg_type = SCM_RIGHTS;
    p.control.head.cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(&p.control.head), ends, 2 * sizeof(int));
    return sendmsg(fd, &p.message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* The message stays where it is. */
static int copy_ends(int fd, int ret_ends[2])
{
    struct parcel p;

    prepare(&p);
    if (recvmsg(fd, &p.message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
        return -errno;
    if (p.message.msg_controllen < CMSG_LEN(2 * sizeof(int)) ||
        p.control.head.cmsg_type != SCM_RIGHTS ||
        p.control.head.cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return -EMFILE;
    memcpy(ret_ends, CMSG_DATA(&p.control.head), 2 * sizeof(int));
    return 0;
}

/* ---- the tie --------------------------------------------------------------------------------------------- */

static int make(int *ret_fd)
{
    int sockets[2] = {-1, -1}, ends[2] = {-1, -1};
    int result = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0 ||
        pipe2(ends, O_CLOEXEC) != 0)
        result = -errno;
    if (result == 0)
        result = send_ends(sockets[1], ends);
    descriptor_close(ends[0]);
    descriptor_close(ends[1]);
    descriptor_close(sockets[1]);
    if (result < 0)
        descriptor_close(sockets[0]);
    else
        *ret_fd = sockets[0];
    return result;
}

int tie_create(struct tie *t)
{
    int result;

    (void)pthread_once(&once, watch_forks);
    before_fork();
    result = make(&t->fd);
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

int tie_self(int fd)
{
    pid_t self = getpid();
    int ends[2] = {-1, -1};
    int result = copy_ends(fd, ends);

    if (result < 0)
        return result;
    for (int i = 0; i < 2; i++) {
        if (fcntl(ends[i], F_SETOWN, self) != 0 || fcntl(ends[i], F_SETSIG, SIGKILL) != 0 ||
            fcntl(ends[i], F_SETFL, O_ASYNC) != 0)
            result = -errno;
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    return result;
}

void tie_close(struct tie *t)
{
    before_fork();
    descriptor_close(t->fd);
    t->fd = -1;
    if (t->previous != NULL)
        t->previous->next = t->next;
    else if (ties == t)
        ties = t->next;
    if (t->next != NULL)
        t->next->previous = t->previous;
    t->next = t->previous = NULL;
    after_fork();
}
