/* SPDX-License-Identifier: MIT */
/* An event to be polled (eventfd), and a set of descriptors that is itself one (epoll). */
#include "kernel/event.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

int event_create(int *ret_fd)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

void event_set(int fd)
{
    (void)eventfd_write(fd, 1); /* full is set too */
}

void event_unset(int fd)
{
    eventfd_t count;

    (void)eventfd_read(fd, &count); /* empty is unset too */
}

int event_set_create(int *ret_fd)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int control(int set_fd, int operation, int fd, bool readable, bool writable)
{
    struct epoll_event event = {
        /* a peer that has gone is told whatever was asked for, as EPOLLHUP is */
        .events = EPOLLRDHUP | (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
        .data.fd = fd,
    };

    return epoll_ctl(set_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

int event_set_add(int set_fd, int fd, bool readable, bool writable)
{
    return control(set_fd, EPOLL_CTL_ADD, fd, readable, writable);
}

int event_set_change(int set_fd, int fd, bool readable, bool writable)
{
    return control(set_fd, EPOLL_CTL_MOD, fd, readable, writable);
}
