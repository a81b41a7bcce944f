/* SPDX-License-Identifier: MIT */
/* What several processes hold together, and which of them is the last to let go. Each holder has a writing end of one
 * pipe: after its own is closed, the pipe's end tells whether others are left, wherever they are, dead ones not
 * counted. Two descriptors a holder; relatives inherit them by fork, programs that are executed do not. */
#ifndef KERNEL_HOLDERS_H
#define KERNEL_HOLDERS_H

#include <stdbool.h>

struct holder {
    int read_fd, write_fd;
};

#define HOLDER_NONE                                                                                \
    {                                                                                              \
        .read_fd = -1, .write_fd = -1                                                              \
    }

int holder_create(struct holder *ret_holder);
/* Another one of the same, in this process. */
int holder_dup(const struct holder *holder, struct holder *ret_holder);
/* Lets go: true if nobody holds it any more. A holder that is none is never the last. */
bool holder_end(struct holder *holder);

#endif
