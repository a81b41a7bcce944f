/* SPDX-License-Identifier: MIT */
/* The table of mechanisms that the suite runs for: one line for each, or for each variant of it.
 *
 * How the ends meet, which cases apply and which sizes are sent follows from the capabilities. */
#include "suite.h"

const struct mechanism mechanisms[] = {
    {"pipe", "pipe:", NULL},
    {"pipe.alone", "pipe:?writers=one", NULL},
    {"pipe.line", "pipe:?frame=line", NULL},
    {"pipe.raw", "pipe:?frame=raw", NULL},
    {"pipe.batch", "pipe:?batch=4k", NULL},
    {"fifo", "fifo:$DIR/fifo", NULL},
    {"fifo.keep", "fifo:$DIR/fifo?keep", "fifo:$DIR/fifo"},
    {"fifo.alone", "fifo:$DIR/fifo?writers=one", NULL},
    {"fifo.line", "fifo:$DIR/fifo?frame=line", NULL},
    {"fifo.raw", "fifo:$DIR/fifo?frame=raw", NULL},
    {"unix", "unix:", NULL},
    {"unix.seqpacket", "unix:?type=seqpacket", NULL},
    {"unix.datagram", "unix:?type=datagram", NULL},
    {"unix.line", "unix:?frame=line", NULL},
    {"unix.raw", "unix:?frame=raw", NULL},
    {"unix.batch", "unix:?batch=4k", NULL},
    {"unix.fds", "unix:?fds=4", NULL},
    {"unix.fds.raw", "unix:?fds=4&frame=raw", NULL},
    {"unix.fds.seqpacket", "unix:?fds=4&type=seqpacket", NULL},
    {"unix.fds.datagram", "unix:?fds=4&type=datagram", NULL},
    {"unix.path", "unix:$DIR/socket", NULL},
    {"unix.path.seqpacket", "unix:$DIR/socket?type=seqpacket", NULL},
    {"unix.path.datagram", "unix:$DIR/socket?type=datagram", NULL},
    {"unix.path.raw", "unix:$DIR/socket?frame=raw", NULL},
    {"unix.abstract", "unix:@$ID", NULL},
    {"unix.abstract.seqpacket", "unix:@$ID?type=seqpacket", NULL},
    {"unix.abstract.datagram", "unix:@$ID?type=datagram", NULL},
    {NULL, NULL, NULL},
};
