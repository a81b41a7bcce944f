/* SPDX-License-Identifier: MIT */
/* What the types of UNIX sockets share. */
#ifndef LINK_UNIX_LINK_H
#define LINK_UNIX_LINK_H

#include "kernel/socket.h"
#include "link/link.h"

#define UNIX_PACKET_LARGEST 131072u /* fits the kernel's preset send buffer */

struct unix_link {
    enum socket_type type;
    unsigned fds_most; /* fds=: how many may come with a message, and go */
    int *fd_room;
    char *path; /* that this link made, or NULL */
    uint64_t device, inode;
    int owner; /* the process that made it */
    /* of the types that keep boundaries, see unix_packet.c */
    unsigned char *kept; /* room for a message that did not fit its receiver's buffer */
    size_t kept_room;
    struct enl_message kept_message;
    bool has_kept;
    bool reset;  /* the peer broke off: told after what it had sent */
    bool served; /* datagram: bound, sends to the names that came */
};

/* -EPIPE and the like, with their texts. */
ssize_t unix_send_result(ssize_t result);
int unix_check_fds(const struct enl_link *l, const struct enl_message *m);
int unix_unreceived(struct enl_link *l, size_t *ret_bytes);
int unix_peer(struct enl_link *l, struct enl_peer *ret_peer);
int unix_stat(struct enl_link *l, struct enl_stat *stat);
int unix_set(struct enl_link *l, uint32_t which, const struct enl_settings *settings);
int unix_accept(struct enl_link *listener, const struct address *a, struct enl_link *l);
void unix_close(struct enl_link *l);

void unix_packet_describe(enum socket_type type, const struct address *a, struct enl_caps *caps);
int unix_packet_init(struct enl_link *l, int fd);
void unix_packet_fini(struct enl_link *l);

#endif
