/* SPDX-License-Identifier: MIT */
/* What pipes and FIFOs share: a FIFO is a pipe with a name. */
#ifndef LINK_PIPE_LINK_H
#define LINK_PIPE_LINK_H

#include "kernel/pipe.h"
#include "link/link.h"

#define PIPE_WRITERS_MANY 0 /* of writers=: the index of the word */
#define PIPE_CAPACITY_MOST (1u << 30)

struct pipe_link {
    struct pipe_end end;
    int keep_fd; /* a reader's own writing end, so that it outlives its writers; or -1 */
};

extern const char *const pipe_writers_words[];
extern const struct link_ops pipe_link_ops;

#define PIPE_OPTIONS                                                                               \
    {.name = "capacity",                                                                           \
     .kind = ADDRESS_SIZE,                                                                         \
     .least = 1,                                                                                   \
     .most = PIPE_CAPACITY_MOST,                                                                   \
     .preset = 0},                                                                                 \
    {                                                                                              \
        .name = "writers", .kind = ADDRESS_WORD, .words = pipe_writers_words,                      \
        .preset = PIPE_WRITERS_MANY                                                                \
    }

#define PIPE_CAPS(meets, reaches)                                                                  \
    {                                                                                              \
        .can = ENL_CAN_BOUNDARIES | ENL_CAN_ORDER | ENL_CAN_LOSSLESS | ENL_CAN_EMPTY |             \
               ENL_CAN_END | ENL_CAN_BROKEN | ENL_CAN_POLL | ENL_CAN_BATCH,                        \
        .meet = (meets), .reach = (reaches), .senders = ENL_MANY, .receivers = 1,                  \
        .largest_message = PIPE_ATOMIC - 4, .capacity = 65536                                      \
    }

int pipe_link_describe(const struct address *a, struct enl_caps *caps);
/* Makes the link of one end; on success it owns fd. ours: nobody else uses this description, so that plain
 * calls may sleep on it. */
int pipe_link_init(struct enl_link *l, const struct address *a, int fd, bool fd_blocks, bool ours);

#endif
