/* SPDX-License-Identifier: MIT */
/* The way of iceoryx, whose C++ is in way_iceoryx.cpp. Its daemon, RouDi, is a child of the first side, for as long as
 * the comparison lasts. */
#include "peers/iceoryx.h"
#include "peers/peers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY "\1" /* in no text that it prints */

static void say_ready(void *argument)
{
    (void)argument;
    if (write(STDOUT_FILENO, READY, 1) != 1)
        _exit(1);
}

static _Noreturn void be_daemon(const struct course *c, int output, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)close(c->peer.over[0]);
    (void)close(c->peer.over[1]);
    if (getppid() != parent || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        _exit(1);
    iceoryx_daemon(c->size, say_ready, NULL);
    _exit(0);
}

/* What it says until it is ready; if it ends before that, this is why. */
static int await_ready(struct course *c, int input)
{
    size_t used = 0, room = sizeof c->error - 1;
    char byte;

    while (read(input, &byte, 1) == 1) {
        if (byte == *READY) {
            c->error[0] = '\0';
            return 0;
        }
        if (byte == '\n')
            byte = ' ';
        if (used < room)
            c->error[used++] = byte;
        c->error[used] = '\0';
    }
    if (used == 0)
        (void)snprintf(c->error, sizeof c->error, "its daemon ended at once");
    return -EIO;
}

static int make(struct course *c)
{
    pid_t self = getpid(), pid;
    int output[2];
    int r;

    if (pipe(output) != 0 || pipe(c->peer.over) != 0)
        return -errno;
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        be_daemon(c, output[1], self);
    c->peer.daemon = pid;
    c->peer.output = output[0]; /* its reader stays, so that what it prints later hurts nobody */
    (void)close(output[1]);
    r = await_ready(c, output[0]);
    if (r < 0)
        (void)waitpid(pid, NULL, 0);
    return r;
}

static void join(struct course *c, enum side side)
{
    char name[64];

    c->side = side;
    (void)close(c->peer.over[side == SIDE_PING]);
    (void)snprintf(name, sizeof name, "enlace-bench-%d-%d", (int)c->peer.daemon, (int)side);
    c->peer.iceoryx = iceoryx_join(name, (int)side, c->size);
    if (c->peer.iceoryx == NULL)
        abort();
}

static int loan(struct course *c, void **ret_data)
{
    *ret_data = iceoryx_loan(c->peer.iceoryx, c->size);
    c->message.data = *ret_data;
    return *ret_data != NULL ? 0 : -EAGAIN;
}

static int commit(struct course *c)
{
    iceoryx_publish(c->peer.iceoryx, c->message.data);
    return 0;
}

static int take(struct course *c, const void **ret_data)
{
    *ret_data = iceoryx_take(c->peer.iceoryx, c->wait == WAIT_SLEEP);
    c->peer.taken = *ret_data;
    return *ret_data != NULL ? 0 : -EAGAIN;
}

static int release(struct course *c)
{
    iceoryx_release(c->peer.iceoryx, c->peer.taken);
    return 0;
}

/* The second side first; then the daemon, which neither has told of its end: they end without one. */
static void end(struct course *c)
{
    char byte;

    iceoryx_end(c->peer.iceoryx);
    if (c->side == SIDE_PONG) {
        (void)close(c->peer.over[1]);
        return;
    }
    while (read(c->peer.over[0], &byte, 1) > 0)
        continue;
    (void)kill(c->peer.daemon, SIGTERM);
    (void)waitpid(c->peer.daemon, NULL, 0);
}

const struct way way_iceoryx = {
    .name = "iceoryx",
    .make = make,
    .join = join,
    .loan = loan,
    .commit = commit,
    .take = take,
    .release = release,
    .end = end,
};
