/* SPDX-License-Identifier: MIT */
/* An event to be polled (eventfd), and a set of descriptors that is itself one (epoll). */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include <stdbool.h>

int event_create(int *ret_fd); /* non-blocking */
void event_set(int fd);
void event_unset(int fd);

/* The set's own descriptor is readable while one of its members is ready. */
int event_set_create(int *ret_fd);
int event_set_add(int set_fd, int fd, bool readable, bool writable);
int event_set_change(int set_fd, int fd, bool readable, bool writable);

#endif
