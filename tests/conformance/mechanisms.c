/* SPDX-License-Identifier: MIT */
/* The table of mechanisms that the suite runs for: one line for each, or for each variant of it.
 *
 * How the ends meet, which cases apply and which sizes are sent follows from the capabilities. */
#include "suite.h"

#include "kernel/bell.h"
#include "kernel/event.h"
#include "kernel/pipe.h"
#include "kernel/signals.h"

#include <signal.h>

/* As on a kernel whose pipes know no flags per call. */
static void pretend_old_pipes(void)
{
    pipe_pretend_old_kernel(true);
}

static void pretend_old_sleeps(void)
{
    bell_pretend_old_kernel(true);
}

static void pretend_old_eventfds(void)
{
    event_pretend_old_kernel(true);
}

/* What is sent when no link receives has no effect: else it would end the process. Of one digit more the names
 * are other signals' (rig_number). */
static void ignore_signals(void)
{
    static const int numbers[] = {SIGHUP, 10, 11, 12};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)signal(numbers[i], SIG_IGN);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        (void)signal(number, SIG_IGN);
}

static void ignore_signals_on_old_kernels(void)
{
    ignore_signals();
    signal_pretend_old_kernel(true);
}

const struct mechanism mechanisms[] = {
    {"pipe", "pipe:", NULL, NULL},
    {"pipe.alone", "pipe:?writers=one", NULL, NULL},
    {"pipe.line", "pipe:?frame=line", NULL, NULL},
    {"pipe.raw", "pipe:?frame=raw", NULL, NULL},
    {"pipe.batch", "pipe:?batch=4k", NULL, NULL},
    {"fifo", "fifo:$DIR/fifo", NULL, NULL},
    {"fifo.keep", "fifo:$DIR/fifo?keep", "fifo:$DIR/fifo", NULL},
    {"fifo.alone", "fifo:$DIR/fifo?writers=one", NULL, NULL},
    {"fifo.line", "fifo:$DIR/fifo?frame=line", NULL, NULL},
    {"fifo.raw", "fifo:$DIR/fifo?frame=raw", NULL, NULL},
    {"pipe.old", "pipe:", NULL, pretend_old_pipes},
    {"pipe.old.alone", "pipe:?writers=one", NULL, pretend_old_pipes},
    {"fifo.old", "fifo:$DIR/fifo", NULL, pretend_old_pipes},
    {"unix", "unix:", NULL, NULL},
    {"unix.seqpacket", "unix:?type=seqpacket", NULL, NULL},
    {"unix.datagram", "unix:?type=datagram", NULL, NULL},
    {"unix.line", "unix:?frame=line", NULL, NULL},
    {"unix.raw", "unix:?frame=raw", NULL, NULL},
    {"unix.batch", "unix:?batch=4k", NULL, NULL},
    {"unix.fds", "unix:?fds=4", NULL, NULL},
    {"unix.fds.raw", "unix:?fds=4&frame=raw", NULL, NULL},
    {"unix.fds.seqpacket", "unix:?fds=4&type=seqpacket", NULL, NULL},
    {"unix.fds.datagram", "unix:?fds=4&type=datagram", NULL, NULL},
    {"unix.path", "unix:$DIR/socket", NULL, NULL},
    {"unix.path.seqpacket", "unix:$DIR/socket?type=seqpacket", NULL, NULL},
    {"unix.path.datagram", "unix:$DIR/socket?type=datagram", NULL, NULL},
    {"unix.path.raw", "unix:$DIR/socket?frame=raw", NULL, NULL},
    {"unix.abstract", "unix:@$ID", NULL, NULL},
    {"unix.abstract.seqpacket", "unix:@$ID?type=seqpacket", NULL, NULL},
    {"unix.abstract.datagram", "unix:@$ID?type=datagram", NULL, NULL},
    {"tcp", "tcp:127.0.0.1:$PORT", NULL, NULL},
    {"tcp.v6", "tcp:[::1]:$PORT", NULL, NULL},
    {"tcp.raw", "tcp:127.0.0.1:$PORT?frame=raw", NULL, NULL},
    {"tcp.batch", "tcp:127.0.0.1:$PORT?batch=4k", NULL, NULL},
    {"udp", "udp:127.0.0.1:$PORT", NULL, NULL},
    {"udp.v6", "udp:[::1]:$PORT", NULL, NULL},
    {"eventfd", "eventfd:", NULL, NULL},
    {"eventfd.nonblock", "eventfd:?nonblock", NULL, NULL},
    {"eventfd.old", "eventfd:", NULL, pretend_old_eventfds},
    {"signal", "signal:RTMIN+1", "signal:RTMIN+1?pid=$PID", ignore_signals},
    {"signal.ordinary", "signal:1", "signal:1?pid=$PID", ignore_signals},
    {"signal.old", "signal:RTMIN+1", "signal:RTMIN+1?pid=$PID", ignore_signals_on_old_kernels},
    {"channel", "channel:$DIR/channel", NULL, NULL},
    {"channel.pair", "channel:", NULL, NULL},
    {"channel.sleep", "channel:?wait=sleep", NULL, NULL},
    {"channel.fds", "channel:$DIR/channel?fds=4", NULL, NULL},
    {"channel.large", "channel:?message=1M&depth=4", NULL, NULL},
    {"channel.old", "channel:?wait=sleep", NULL, pretend_old_sleeps},
    {"mq", "mq:/$ID", NULL, NULL},
    {"svmsg", "svmsg:$KEY", NULL, NULL},
    {"svmsg.pollable", "svmsg:$KEY?pollable", NULL, NULL},
    {"svmsg.pair", "svmsg:", NULL, NULL},
    {NULL, NULL, NULL, NULL},
};
