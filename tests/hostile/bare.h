/* SPDX-License-Identifier: MIT */
/* A peer of a channel that is made of bare system calls, and says what it likes. Whatever goes wrong here ends the
 * process: it is the test's own mistake. */
#ifndef HOSTILE_BARE_H
#define HOSTILE_BARE_H

#include <stdbool.h>
#include <stddef.h>

#define BARE_HELLO_MOST 1024u
#define BARE_FDS_MOST 253u

/* What an honest opener says first, kept to be changed. */
struct bare_hello {
    unsigned char bytes[BARE_HELLO_MOST];
    size_t size;
    int fds[8];
    unsigned fd_count;
};

int bare_listen(const char *path); /* not blocking, as the next; in place of what is there */
int bare_connect(const char *path);
/* The next that has called; waits. */
int bare_accept(int listener_fd);
/* A message with descriptors. False: the other side is gone or full. */
bool bare_say(int fd, const void *data, size_t size, const int fds[], unsigned fd_count);

/* The next message, whatever it is; waits. */
void bare_hear(int fd, struct bare_hello *ret_hello);

/* Listens at the path, lets the library open the address, and keeps what it says. */
void bare_overhear(const char *path, const char *address, struct bare_hello *ret_hello);
void bare_forget(struct bare_hello *hello); /* closes its descriptors */

#endif
