/* SPDX-License-Identifier: MIT */
/* Sockets that keep boundaries: their link_ops, but for what differs. A link of theirs has a struct packet first
 * in its state. */
#ifndef LINK_PACKET_H
#define LINK_PACKET_H

#include "link/link.h"

struct packet {
    bool ends;  /* connected: its end reads as no bytes, and comes from nobody */
    bool large; /* the last message was: the next one is better not copied */
    bool named; /* bound, without a peer: messages come with their sender's name, and go to one */
    bool loose; /* an error may be of a message sent earlier, which nobody received */
    bool reset; /* the peer broke off: told after what it had sent */
    unsigned fds_most;   /* how many descriptors may come with a message, and go */
    int *fd_room;        /* of so many, for a kept message */
    unsigned char *kept; /* room for a message that did not fit its receiver's buffer, and a mark */
    size_t kept_room;
    struct enl_message kept_message;
    bool has_kept;
};

int packet_init(struct enl_link *l); /* after caps.largest_message is known */
void packet_fini(struct enl_link *l);
int packet_check_fds(const struct packet *p, const struct enl_message *m);
size_t packet_kept(const struct enl_link *l); /* bytes */

ssize_t packet_send(struct enl_link *l, const struct enl_message *m, bool may_block);
ssize_t packet_send_many(struct enl_link *l, const struct enl_message m[], size_t count,
                         bool may_block);
ssize_t packet_receive(struct enl_link *l, const struct enl_match *match, struct enl_message *m,
                       bool may_block);
ssize_t packet_receive_many(struct enl_link *l, struct enl_message m[], size_t count);
bool packet_pending(const struct enl_link *l);

#endif
