/* SPDX-License-Identifier: MIT */
/* What several processes hold together, and which of them is the last to let go. */
#include "kernel/holders.h"

#include "kernel/descriptor.h"
#include "kernel/pipe.h"
#include "kernel/wait.h"

#include <errno.h>
#include <fcntl.h>

int holder_create(struct holder *ret_holder)
{
    int fds[2];
    int result = pipe_create(fds);

    if (result == 0)
        *ret_holder = (struct holder){.read_fd = fds[0], .write_fd = fds[1]};
    return result;
}

int holder_dup(const struct holder *holder, struct holder *ret_holder)
{
    struct holder copy = {.read_fd = fcntl(holder->read_fd, F_DUPFD_CLOEXEC, 0), .write_fd = -1};

    if (copy.read_fd < 0)
        return -errno;
    copy.write_fd = fcntl(holder->write_fd, F_DUPFD_CLOEXEC, 0);
    if (copy.write_fd < 0) {
        int result = -errno;

        descriptor_close(copy.read_fd);
        return result;
    }
    *ret_holder = copy;
    return 0;
}

bool holder_end(struct holder *holder)
{
    struct pollfd item = {.fd = holder->read_fd, .events = POLLIN};
    bool last;

    if (holder->read_fd < 0)
        return false;
    descriptor_close(holder->write_fd);
    last = wait_look(&item, 1) > 0 && (item.revents & POLLHUP) != 0;
    descriptor_close(holder->read_fd);
    *holder = (struct holder)HOLDER_NONE;
    return last;
}
