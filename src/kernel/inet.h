/* SPDX-License-Identifier: MIT */
/* Internet sockets: names and numbers of hosts and ports, connecting under a deadline, listening. */
#ifndef KERNEL_INET_H
#define KERNEL_INET_H

#include <enlace/deadline.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INET_HOST_MAX 255
#define INET_TEXT_MAX 80 /* of a numeric address with its port */

/* host "" : every address of this machine to serve on, this machine to connect to. */
struct inet_name {
    char host[INET_HOST_MAX + 1];
    char port[32]; /* a number, or a service's name */
};

/* Parses HOST:PORT, [V6]:PORT or :PORT. -EINVAL with a text. */
int inet_parse(const char *text, struct inet_name *ret_name);

/* Connects a stream (tcp) or sets a datagram socket's peer, trying each address of the host in turn, until the
 * deadline: -ETIMEDOUT, -ECONNREFUSED and others with a text. Numbers need no look-up; names are looked up
 * by the libc, which has time-outs of its own. */
int inet_connect(const struct inet_name *name, bool stream, enl_deadline until, int *ret_fd);
int inet_serve(const struct inet_name *name, bool stream, int backlog, bool reuse, int *ret_fd);

/* The socket's own address, as HOST:PORT with numbers. */
int inet_local(int fd, char ret_text[INET_TEXT_MAX]);
int inet_remote(int fd, char ret_text[INET_TEXT_MAX]);

int inet_set_nodelay(int fd, bool on);
/* Looks for a silent peer after so many seconds, and gives it up after twice as many. */
int inet_set_keepalive(int fd, unsigned seconds);
bool inet_is(int fd, bool stream);

#endif
