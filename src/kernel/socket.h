/* SPDX-License-Identifier: MIT */
/* UNIX sockets: names of any length, starters that do not race, descriptors and credentials that travel. */
#ifndef KERNEL_SOCKET_H
#define KERNEL_SOCKET_H

#include <enlace/message.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define SOCKET_FDS_MAX 253 /* SCM_MAX_FD: so many the kernel passes with one message */

enum socket_type { SOCKET_STREAM, SOCKET_SEQPACKET, SOCKET_DATAGRAM };

/* A name: a path, or the bytes of an abstract one. */
struct socket_name {
    const char *bytes;
    size_t size;
    bool abstract;
};

struct socket_facts {
    int family; /* AF_UNIX ... */
    enum socket_type type;
    bool listens;
};

int socket_create_pair(enum socket_type type, int ret_fds[2]);
/* Connects, without waiting. -ENOENT and -ECONNREFUSED: nobody listens; -EAGAIN: its backlog is full. */
int socket_connect(enum socket_type type, const struct socket_name *name, int *ret_fd);
/* Binds, and listens if it is no datagram socket. -EADDRINUSE if somebody lives there; a dead one's path is
 * replaced. Starters of one directory follow each other, by a lock on it. */
int socket_serve(enum socket_type type, const struct socket_name *name, uint32_t mode, int backlog,
                 int *ret_fd);
int socket_accept(int listener_fd, int *ret_fd); /* -EAGAIN: nobody waits */
int socket_bind_any(int fd);                     /* an abstract name of the kernel's choice */
int socket_facts(int fd, struct socket_facts *ret_facts);

/* Room for a message of so many bytes in one piece. -EINVAL with a text that names the kernel's limit. */
int socket_set_message_size(int fd, size_t bytes);
int socket_capacity(int fd, size_t *ret_bytes);
int socket_set_capacity(int fd, size_t bytes);
void socket_shut_down(int fd);                      /* for whoever else has it, too */
int socket_end_sending(int fd);                     /* likewise, one direction */
int socket_want_sender(int fd);                     /* SO_PASSCRED */
int socket_peer(int fd, struct enl_peer *ret_peer); /* -ENOTCONN if there is none */
int socket_unreceived(int fd, size_t *ret_bytes);   /* sent, and not yet received by the peer */

ssize_t socket_send(int fd, const void *data, size_t size, bool may_block);
ssize_t socket_receive(int fd, void *buffer, size_t size, bool may_block);
/* Of a socket that keeps boundaries: the message's own size, though only so many bytes fit; and whether it came
 * from a socket with a name, as the end of a connection never does. */
ssize_t socket_receive_packet(int fd, void *buffer, size_t size, bool *ret_named, bool may_block);

/* With everything. A message of several parts, of fds, to a name. */
struct socket_message {
    struct iovec parts[2];
    int part_count;
    int fds[SOCKET_FDS_MAX];
    unsigned fd_count;    /* sent or received */
    unsigned fd_capacity; /* how many may be received */
    bool has_sender;
    struct enl_peer sender;
    bool fds_lost;
    bool
        packets; /* in: the socket keeps boundaries; then a message longer than the parts is cut, and
                   * its whole size returned */
    bool cut;
    void *name; /* of the peer: sent to, or ENL_PEER_NAME_SIZE of room; NULL: none */
    unsigned name_size;
};

ssize_t socket_send_message(int fd, const struct socket_message *m, bool may_block);
ssize_t socket_receive_message(int fd, struct socket_message *m, bool may_block);
/* The next one, which stays where it is; its descriptors are new ones all the same. Never waits. */
ssize_t socket_peek_message(int fd, struct socket_message *m);
ssize_t socket_peek(int fd, void *buffer, size_t size);

/* Takes the error that waits at the socket, so that it no longer polls as one. 0: there is none. */
int socket_take_error(int fd);

/* Several messages of one part, in one system call (at most SOCKET_BATCH). sizes[i] is the room at data[i]
 * before and the message's size after; cut tells a longer one. Returns how many. */
#define SOCKET_BATCH 64
struct socket_item {
    void *data;
    size_t size;
    struct enl_peer sender;
    bool has_sender;
    bool named; /* as of socket_receive_packet() */
    bool cut;
};
ssize_t socket_send_many(int fd, const struct socket_item items[], size_t count, bool may_block);
ssize_t socket_receive_many(int fd, struct socket_item items[], size_t count);

#endif
