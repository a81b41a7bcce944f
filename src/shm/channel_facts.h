/* SPDX-License-Identifier: MIT */
/* What one end of a channel tells to those who look from outside, and how they look: by reading its file, so that
 * neither process notices. */
#ifndef SHM_CHANNEL_FACTS_H
#define SHM_CHANNEL_FACTS_H

#include "shm/channel_layout.h"

#include <stdint.h>
#include <sys/types.h>

/* In the own segment, which is zeroed, once. header is the segment's, with a page behind it at least; a longer name is cut. */
void channel_facts_write(void *header, const char *name);
/* Besides, once the peer is known; peer_segment is the inode of its file. */
void channel_facts_write_peer(void *header, uint32_t peer_pid, uint64_t peer_segment);

/* One end as it was at that moment. Nothing of it may be trusted: its owner could have written anything. */
struct channel_view {
    pid_t pid; /* as seen from here */
    uint64_t segment;
    uint32_t uid;
    struct channel_header header;
    struct channel_facts facts; /* the name ends */
};

/* Calls seen() for every end that this process may look at, of the process pid or (0) of all. An end may come twice, if
 * a forked child holds its file, too. 0, or the negative errno with a text by which not even the list of processes
 * could be read. */
int channel_facts_see(pid_t pid, void (*seen)(void *argument, const struct channel_view *view),
                      void *argument);

#endif
