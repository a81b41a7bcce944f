/* SPDX-License-Identifier: MIT */
/* What several processes hold together, which of them takes it, and which is the last to let go. Each holder has a
 * writing end of one pipe: after its own is closed, the pipe's end tells whether others are left, wherever they are, dead
 * ones not counted. In the pipe is one byte, which one of them may take. Two descriptors a holder; relatives inherit
 * them by fork, programs that are executed do not. */
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
/* True for one of all holders, the first that asks; a holder that is none takes nothing. */
bool holder_take(struct holder *holder);
/* Lets go: true if nobody holds it any more. A holder that is none is never the last. */
bool holder_end(struct holder *holder);
/* The same: true if, besides, nobody has taken it. */
bool holder_end_untaken(struct holder *holder);

#endif
