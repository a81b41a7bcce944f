/* SPDX-License-Identifier: MIT */
/* A copy of this process that runs a function. */
#include "kernel/fork.h"

#include "kernel/child.h"
#include "kernel/descriptor.h"
#include "kernel/tie.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* What the child says when it is set up, or not: one write, smaller than a pipe takes at once. */
struct report {
    int step;
    int result;
};

static void tell(int fd, enum spawn_step step, int result)
{
    struct report r = {.step = (int)step, .result = result};

    while (write(fd, &r, sizeof r) < 0 && errno == EINTR)
        continue;
}

static enum spawn_step set_up(const struct fork_plan *plan, int *report_fd, int *ret_result)
{
    *ret_result = 0;
    if (plan->new_session && setsid() < 0) {
        *ret_result = -errno;
        return SPAWN_SESSION;
    }
    if (plan->new_group && setpgid(0, 0) != 0) {
        *ret_result = -errno;
        return SPAWN_GROUP;
    }
    if (plan->tie_fd >= 0)
        *ret_result = tie_self(plan->tie_fd);
    if (*ret_result < 0)
        return SPAWN_TIE;
    *ret_result = spawn_place_descriptors(plan->moves, plan->move_count, report_fd);
    return *ret_result < 0 ? SPAWN_DESCRIPTORS : SPAWN_NOTHING;
}

_Noreturn static void be_child(const struct fork_plan *plan, int report_fd)
{
    int result;
    enum spawn_step step = set_up(plan, &report_fd, &result);

    tell(report_fd, step, result);
    descriptor_close(report_fd);
    if (result < 0)
        _exit(127);
    _exit(plan->run(plan->argument));
}

/* Until it has said something, or died: the pipe's end alone would not tell, for others may hold it. */
static int read_report(int fd, int pidfd, enum spawn_step *ret_step)
{
    struct pollfd items[2] = {{.fd = fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    struct report r;

    while (poll(items, 2, -1) < 0 && errno == EINTR)
        continue;
    if ((items[0].revents & POLLIN) == 0 || read(fd, &r, sizeof r) != (ssize_t)sizeof r)
        return 0; /* killed meanwhile: its status will tell */
    *ret_step = (enum spawn_step)r.step;
    return r.result;
}

int fork_start(const struct fork_plan *plan, struct spawned *ret)
{
    struct child_end end;
    int report[2];
    int result;

    *ret = (struct spawned){.pidfd = -1, .pid = -1, .step = SPAWN_CLONE};
    if (pipe2(report, O_CLOEXEC) != 0)
        return -errno;
    ret->pid = fork();
    if (ret->pid == 0)
        be_child(plan, report[1]);
    result = ret->pid < 0 ? -errno : child_open(ret->pid);
    descriptor_close(report[1]);
    if (result >= 0) {
        ret->pidfd = result;
        result = read_report(report[0], ret->pidfd, &ret->step);
    }
    descriptor_close(report[0]);
    if (result < 0 && ret->pidfd >= 0) {
        (void)child_collect(ret->pidfd, true, &end);
        descriptor_close(ret->pidfd);
        ret->pidfd = -1;
    }
    return result;
}
