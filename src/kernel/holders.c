/* SPDX-License-Identifier: MIT */
/* What several processes hold together, which of them takes it, and which is the last to let go. */
#include "kernel/holders.h"

#include "kernel/descriptor.h"
#include "kernel/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int holder_create(struct holder *ret_holder)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    (void)!write(fds[1], "", 1); /* an empty pipe has room */
    *ret_holder = (struct holder){.read_fd = fds[0], .write_fd = fds[1]};
    return 0;
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

bool holder_take(struct holder *holder)
{
    char byte;

    return holder->read_fd >= 0 && read(holder->read_fd, &byte, 1) == 1;
}

static bool has(const struct holder *holder, short event)
{
    struct pollfd item = {.fd = holder->read_fd, .events = POLLIN};

    return wait_look(&item, 1) > 0 && (item.revents & event) != 0;
}

static bool end(struct holder *holder, bool *ret_untaken)
{
    bool last;

    if (holder->read_fd < 0)
        return false;
    descriptor_close(holder->write_fd);
    last = has(holder, POLLHUP);
    /* once nobody else is there, nobody takes it any more */
    *ret_untaken = has(holder, POLLIN);
    descriptor_close(holder->read_fd);
    *holder = (struct holder)HOLDER_NONE;
    return last;
}

bool holder_end(struct holder *holder)
{
    bool untaken;

    return end(holder, &untaken);
}

bool holder_end_untaken(struct holder *holder)
{
    bool untaken = false;

    return end(holder, &untaken) && untaken;
}
