/* SPDX-License-Identifier: MIT */
/* The tables of what is measured, and their expansion into rows. */
#include "rows.h"

#include "solo.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the tables: add lines here -------------------------------------------------------------- */

/* Measured in each pattern and size that both ways allow, enlace as the subject, bare as the
 * reference. */
static const struct mechanism {
    const char *name;
    struct entry bare;
    const char *address;
    const char *large; /* the address for messages above LARGE bytes, if it is another one */
    const char *look;  /* the address for those that look, if it is another one */
    size_t size;       /* if it has one alone */
    bool answers;      /* round trips alone: messages that wait are merged, or may be lost */
} mechanisms[] = {
    {.name = "pipe", .bare = {&way_pipe, ""}, .address = "pipe:", .large = "pipe:?writers=one"},
    {.name = "fifo",
     .bare = {&way_fifo, ""},
     .address = "fifo:%s/fifo",
     .large = "fifo:%s/fifo?writers=one"},
    {.name = "unix-stream", .bare = {&way_socket, "stream"}, .address = "unix:?type=stream"},
    {.name = "unix-seqpacket",
     .bare = {&way_socket, "seqpacket"},
     .address = "unix:?type=seqpacket"},
    {.name = "unix-datagram", .bare = {&way_socket, "datagram"}, .address = "unix:?type=datagram"},
    {.name = "tcp", .bare = {&way_socket, "tcp"}, .address = "tcp:127.0.0.1:0"},
    {.name = "udp", .bare = {&way_socket, "udp"}, .address = "udp:127.0.0.1:0", .answers = true},
    {.name = "mq", .bare = {&way_mq, ""}, .address = "mq:/%n"},
    {.name = "svmsg", .bare = {&way_svmsg, ""}, .address = "svmsg:"},
    {.name = "eventfd",
     .bare = {&way_eventfd, ""},
     .address = "eventfd:",
     .look = "eventfd:?nonblock",
     .size = sizeof(uint64_t),
     .answers = true},
};
#define LARGE 4000u /* what a pipe takes at once, less any header */

#define GIB ((size_t)1 << 30)
#define MIB ((size_t)1 << 20)
#define PRINTED ((size_t)100 << 20)

/* Any other comparison: the name gets pattern, size, place and wait appended, as those above do; but for work of one
 * process. */
static const struct extra extras[] = {
    {"batched",
     {&way_enlace, "unix:?type=stream&batch=32k"},
     {&way_enlace, "unix:?type=stream"},
     PATTERN_ONE_WAY,
     8,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"batched-tcp",
     {&way_enlace, "tcp:127.0.0.1:0?batch=32k"},
     {&way_enlace, "tcp:127.0.0.1:0"},
     PATTERN_ONE_WAY,
     8,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"signal",
     {&way_enlace_signal, "RTMIN+1"},
     {&way_signal, ""},
     PATTERN_ROUND_TRIP,
     sizeof(uintptr_t),
     WAIT_SLEEP,
     PLACE_SAME},
    {"signal",
     {&way_enlace_signal, "RTMIN+1"},
     {&way_signal, ""},
     PATTERN_ROUND_TRIP,
     sizeof(uintptr_t),
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"pipe-no-signal",
     {&way_enlace, "pipe:"},
     {&way_pipe_no_signal, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SAME},
    {"pipe-no-signal",
     {&way_enlace, "pipe:"},
     {&way_pipe_no_signal, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"ring", {&way_ring_in_place, ""}, {&way_ring, ""}, PATTERN_ONE_WAY, 8, WAIT_LOOK, PLACE_SPLIT},
    {"ring",
     {&way_ring_in_place, ""},
     {&way_ring, ""},
     PATTERN_ONE_WAY,
     64,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"ring",
     {&way_ring_in_place, ""},
     {&way_ring, ""},
     PATTERN_ONE_WAY,
     1024,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"ring",
     {&way_ring_in_place, ""},
     {&way_ring, ""},
     PATTERN_ONE_WAY,
     65536,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"ring",
     {&way_ring_in_place, ""},
     {&way_ring, ""},
     PATTERN_ONE_WAY,
     1048576,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel",
     {&way_enlace, "channel:"},
     {&way_ring, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel",
     {&way_enlace, "channel:?wait=sleep"},
     {&way_eventfd, ""},
     PATTERN_ROUND_TRIP,
     8,
     WAIT_SLEEP,
     PLACE_SAME},
    {"channel",
     {&way_enlace, "channel:?wait=sleep"},
     {&way_eventfd, ""},
     PATTERN_ROUND_TRIP,
     8,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"channel-adaptive",
     {&way_enlace, "channel:"},
     {&way_eventfd, ""},
     PATTERN_ROUND_TRIP,
     8,
     WAIT_SLEEP,
     PLACE_SAME},
    {"channel-adaptive",
     {&way_enlace, "channel:"},
     {&way_eventfd, ""},
     PATTERN_ROUND_TRIP,
     8,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"channel",
     {&way_enlace, "channel:"},
     {&way_ring, ""},
     PATTERN_ONE_WAY,
     8,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel",
     {&way_enlace, "channel:"},
     {&way_ring, ""},
     PATTERN_ONE_WAY,
     64,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel-epoll",
     {&way_enlace_poll, "channel:"},
     {&way_eventfd, ""},
     PATTERN_ROUND_TRIP,
     8,
     WAIT_SLEEP,
     PLACE_SAME},
    {"channel-epoll",
     {&way_enlace_poll, "channel:"},
     {&way_eventfd, ""},
     PATTERN_ROUND_TRIP,
     8,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"channel-batch",
     {&way_enlace_batch, "channel:"},
     {&way_ring_batch, ""},
     PATTERN_ONE_WAY,
     8,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel-batch-single",
     {&way_enlace_batch, "channel:"},
     {&way_ring, ""},
     PATTERN_ONE_WAY,
     8,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel-connect",
     {&way_enlace_connect, "channel"},
     {&way_connect, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SAME},
    {"channel-connect",
     {&way_enlace_connect, "channel"},
     {&way_connect, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"channel-thousand",
     {&way_enlace_many, "1000"},
     {&way_enlace_many, "1"},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SAME},
    {"channel-thousand",
     {&way_enlace_many, "1000"},
     {&way_enlace_many, "1"},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {.name = "channel-crowd-one-cpu",
     .subject = {&way_crowd, "channel:"},
     .reference = {&way_crowd, ""},
     .size = 8,
     .place = PLACE_SAME},
    {.name = "channel-crowd-two-cpus",
     .subject = {&way_crowd, "channel:"},
     .reference = {&way_crowd, ""},
     .size = 8,
     .place = PLACE_FREE},
    {"channel-line",
     {&way_enlace, "channel:"},
     {&way_line, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel-loop",
     {&way_enlace_loop, "channel:"},
     {&way_line, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel-mq",
     {&way_enlace, "channel:"},
     {&way_mq, ""},
     PATTERN_ONE_WAY,
     64,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel-in-place",
     {&way_enlace_in_place, "channel:?message=64k&depth=95"},
     {&way_ring_in_place, "large"},
     PATTERN_ONE_WAY,
     65536,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"channel-in-place",
     {&way_enlace_in_place, "channel:?message=1M&depth=5"},
     {&way_ring_in_place, "large"},
     PATTERN_ONE_WAY,
     1048576,
     WAIT_LOOK,
     PLACE_SPLIT},
    {"spawn",
     {&way_spawn, ""},
     {&way_posix_spawn, ""},
     PATTERN_ROUND_TRIP,
     GIB,
     WAIT_SLEEP,
     PLACE_FREE},
    {"spawn-not-fork",
     {&way_spawn, ""},
     {&way_fork, ""},
     PATTERN_ROUND_TRIP,
     GIB,
     WAIT_SLEEP,
     PLACE_FREE},
    {"run",
     {&way_run, ""},
     {&way_read_and_keep, ""},
     PATTERN_ROUND_TRIP,
     PRINTED,
     WAIT_SLEEP,
     PLACE_FREE},
    {"run-keeps",
     {&way_run, ""},
     {&way_read, ""},
     PATTERN_ROUND_TRIP,
     PRINTED,
     WAIT_SLEEP,
     PLACE_FREE},
    {"region-memfd",
     {&way_region, "memfd:"},
     {&way_memfd, ""},
     PATTERN_ROUND_TRIP,
     MIB,
     WAIT_SLEEP,
     PLACE_FREE},
    {"region-shm",
     {&way_region, "shm:"},
     {&way_shm_open, ""},
     PATTERN_ROUND_TRIP,
     MIB,
     WAIT_SLEEP,
     PLACE_FREE},
    {"region-svshm",
     {&way_region, "svshm:"},
     {&way_shmget, ""},
     PATTERN_ROUND_TRIP,
     MIB,
     WAIT_SLEEP,
     PLACE_FREE},
    {"semaphore",
     {&way_semaphore, "semaphore"},
     {&way_sem_t, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SAME},
    {"semaphore",
     {&way_semaphore, "semaphore"},
     {&way_sem_t, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"event",
     {&way_event, "event"},
     {&way_futex, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SAME},
    {"event",
     {&way_event, "event"},
     {&way_futex, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"semaphore-alone",
     {&way_semaphore_alone, "semaphore"},
     {&way_sem_t_alone, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_FREE},
    {"mutex-alone",
     {&way_mutex_alone, ""},
     {&way_pthread_alone, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_FREE},
    {"mutex-robust",
     {&way_mutex_alone, ""},
     {&way_pthread_alone, "robust"},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_FREE},
    {"mutex-contended",
     {&way_mutex_contended, ""},
     {&way_pthread_contended, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SPLIT},
    {"condition",
     {&way_condition, ""},
     {&way_futex, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SAME},
    {"condition",
     {&way_condition, ""},
     {&way_futex, ""},
     PATTERN_ROUND_TRIP,
     64,
     WAIT_SLEEP,
     PLACE_SPLIT},
};

/* Mechanisms whose system calls are counted, in both wait modes: those of the first table, by
 * name. */
static const struct counted {
    const char *mechanism;
    unsigned
        sigpipe_sends; /* of the calls counted for a message, how many may have to mask SIGPIPE */
} counted[] = {
    {"pipe", 1}, {"fifo", 1}, {"unix-stream", 0}, {"unix-seqpacket", 0}, {"unix-datagram", 0},
    {"tcp", 0},  {"udp", 0},  {"mq", 0},          {"svmsg", 0},          {"eventfd", 0},
};

static const struct bar bar_list[] = {
    {"spawn from 1 GiB, posix_spawn", "spawn", BETTER_LOWER, 1.15},
    {"spawn from 1 GiB, fork", "spawn-not-fork", BETTER_HIGHER, 5},
    {"run, 100 MiB, read and keep", "run", BETTER_HIGHER, 0.9},
    {"run, 100 MiB, read and forget", "run-keeps", BETTER_HIGHER, 0.9},
    {"region of 1 MiB, memfd", "region-memfd", BETTER_LOWER, 1.2},
    {"region of 1 MiB, shm", "region-shm", BETTER_LOWER, 1.2},
    {"region of 1 MiB, svshm", "region-svshm", BETTER_LOWER, 1.2},
    {"channel, both look, cache line", "channel-line/round-trip/64/split/look", BETTER_LOWER, 1.3},
    {"channel, both sleep, one CPU", "channel/round-trip/8/same/sleep", BETTER_LOWER, 1.10},
    {"channel, both sleep, two CPUs", "channel/round-trip/8/split/sleep", BETTER_LOWER, 1.10},
    {"channel, adaptive, one CPU", "channel-adaptive/round-trip/8/same/sleep", BETTER_LOWER, 1.05},
    {"channel, three pairs, one CPU", "channel-crowd-one-cpu", BETTER_LOWER, 1.05},
    {"channel, three pairs, two CPUs", "channel-crowd-two-cpus", BETTER_LOWER, 1.05},
    {"channel, epoll, one CPU", "channel-epoll/round-trip/8/same/sleep", BETTER_LOWER, 1.40},
    {"channel, epoll, two CPUs", "channel-epoll/round-trip/8/split/sleep", BETTER_LOWER, 1.10},
    {"channel, 8 B, batches of 32", "channel-batch/one-way/8/split/look", BETTER_HIGHER, 0.8},
    {"channel, connect, one CPU", "channel-connect/round-trip/64/same/sleep", BETTER_LOWER, 3},
    {"channel, connect, two CPUs", "channel-connect/round-trip/64/split/sleep", BETTER_LOWER, 3},
    {"channel, one of 1000, one CPU", "channel-thousand/round-trip/64/same/sleep", BETTER_LOWER, 2},
    {"channel, one of 1000, two CPUs", "channel-thousand/round-trip/64/split/sleep", BETTER_LOWER,
     2},
    {"channel, 64 B, minimal ring", "channel/one-way/64/split/look", BETTER_HIGHER, 0.4},
    {"channel, 64 B, POSIX queue", "channel-mq/one-way/64/split/look", BETTER_HIGHER, 40},
    {"channel, 64 KiB in place", "channel-in-place/one-way/65536/split/look", BETTER_HIGHER, 0.85},
    {"channel, 1 MiB in place", "channel-in-place/one-way/1048576/split/look", BETTER_HIGHER, 0.85},
    {"pipe, one CPU", "pipe/round-trip/64/same/sleep", BETTER_LOWER, 1.10},
    {"pipe, two CPUs", "pipe/round-trip/64/split/sleep", BETTER_LOWER, 1.10},
    {"UNIX stream, one CPU", "unix-stream/round-trip/64/same/sleep", BETTER_LOWER, 1.10},
    {"UNIX stream, two CPUs", "unix-stream/round-trip/64/split/sleep", BETTER_LOWER, 1.10},
    {"UNIX seqpacket, one CPU", "unix-seqpacket/round-trip/64/same/sleep", BETTER_LOWER, 1.10},
    {"UNIX seqpacket, two CPUs", "unix-seqpacket/round-trip/64/split/sleep", BETTER_LOWER, 1.10},
    {"POSIX queue, one CPU", "mq/round-trip/64/same/sleep", BETTER_LOWER, 1.10},
    {"POSIX queue, two CPUs", "mq/round-trip/64/split/sleep", BETTER_LOWER, 1.10},
    {"System V queue, one CPU", "svmsg/round-trip/64/same/sleep", BETTER_LOWER, 1.10},
    {"System V queue, two CPUs", "svmsg/round-trip/64/split/sleep", BETTER_LOWER, 1.10},
    {"TCP, one CPU", "tcp/round-trip/64/same/sleep", BETTER_LOWER, 1.10},
    {"TCP, two CPUs", "tcp/round-trip/64/split/sleep", BETTER_LOWER, 1.10},
    {"eventfd, one CPU", "eventfd/round-trip/8/same/sleep", BETTER_LOWER, 1.10},
    {"eventfd, two CPUs", "eventfd/round-trip/8/split/sleep", BETTER_LOWER, 1.10},
    {"signals, one CPU", "signal/round-trip/8/same/sleep", BETTER_LOWER, 1.15},
    {"signals, two CPUs", "signal/round-trip/8/split/sleep", BETTER_LOWER, 1.15},
    {"mutex, alone, by pthread", "mutex-alone", BETTER_LOWER, 1.20},
    {"mutex, alone, by robust pthread", "mutex-robust", BETTER_LOWER, 1.00},
    {"mutex, contended, two CPUs", "mutex-contended", BETTER_LOWER, 1.00},
    {"condition, one CPU", "condition/round-trip/64/same/sleep", BETTER_LOWER, 1.15},
    {"condition, two CPUs", "condition/round-trip/64/split/sleep", BETTER_LOWER, 1.15},
    {"semaphore, alone", "semaphore-alone", BETTER_LOWER, 1.10},
    {"semaphore, one CPU", "semaphore/round-trip/64/same/sleep", BETTER_LOWER, 1.10},
    {"semaphore, two CPUs", "semaphore/round-trip/64/split/sleep", BETTER_LOWER, 1.10},
    {"event, one CPU", "event/round-trip/64/same/sleep", BETTER_LOWER, 1.15},
    {"event, two CPUs", "event/round-trip/64/split/sleep", BETTER_LOWER, 1.15},
    {"UNIX stream, 8 B in batches", "batched/one-way/8/split/sleep", BETTER_HIGHER, 20},
    {"TCP, 8 B in batches", "batched-tcp/one-way/8/split/sleep", BETTER_HIGHER, 20},
    {"system calls, pipe, FOREVER", "pipe/calls/sleep", BETTER_LOWER, 1},
    {"system calls, pipe, NOW", "pipe/calls/look", BETTER_LOWER, 1},
    {"system calls, UNIX stream, FOREVER", "unix-stream/calls/sleep", BETTER_LOWER, 1},
    {"system calls, UNIX stream, NOW", "unix-stream/calls/look", BETTER_LOWER, 1},
    {"system calls, UNIX seqpacket, FOREVER", "unix-seqpacket/calls/sleep", BETTER_LOWER, 1},
    {"system calls, UNIX seqpacket, NOW", "unix-seqpacket/calls/look", BETTER_LOWER, 1},
    {"system calls, POSIX queue, FOREVER", "mq/calls/sleep", BETTER_LOWER, 1},
    {"system calls, POSIX queue, NOW", "mq/calls/look", BETTER_LOWER, 1},
    {"system calls, System V queue, FOREVER", "svmsg/calls/sleep", BETTER_LOWER, 1},
    {"system calls, System V queue, NOW", "svmsg/calls/look", BETTER_LOWER, 1},
    {"system calls, TCP, FOREVER", "tcp/calls/sleep", BETTER_LOWER, 1},
    {"system calls, TCP, NOW", "tcp/calls/look", BETTER_LOWER, 1},
    {"system calls, eventfd, FOREVER", "eventfd/calls/sleep", BETTER_LOWER, 1},
    {"system calls, eventfd, NOW", "eventfd/calls/look", BETTER_LOWER, 1},
};

/* ---- the expansion ---------------------------------------------------------------- */

#define WEIGHT_PLAIN 2u
#define WEIGHT_BAR 10u
#define WEIGHT_BAR_QUICK 4u
#define PLAIN_SIZE 64u /* of calls, of looking, and of quick runs */

static_assert(sizeof bar_list / sizeof bar_list[0] <= BARS_MAX, "BARS_MAX is too small");

static const size_t sizes[] = {8, 64, 1024, 65536, 1048576};

const char *pattern_name(enum pattern pattern)
{
    return pattern == PATTERN_ROUND_TRIP ? "round-trip" : "one-way";
}

const char *wait_name(enum wait wait)
{
    return wait == WAIT_SLEEP ? "sleep" : "look";
}

static void *list_new(size_t count, size_t size)
{
    void *list = calloc(count, size);

    if (list == NULL) {
        perror("bench");
        exit(2);
    }
    return list;
}

static bool has_bar(const char *name)
{
    for (size_t i = 0; i < sizeof bar_list / sizeof bar_list[0]; i++)
        if (strcmp(bar_list[i].row, name) == 0)
            return true;
    return false;
}

/* Adds a row if the options let it in. Without enough CPUs, and with --pin, only the places that
 * remain. */
static void add(struct rows *rows, const struct options *o, const char *name, struct duel d)
{
    bool barred;

    if (o->placed && o->place == PLACE_FREE && d.place == PLACE_SPLIT)
        d.place = PLACE_FREE;
    if ((o->placed && d.place != o->place) || !place_possible(d.place))
        return;
    (void)snprintf(d.name, sizeof d.name, "%s/%s/%zu/%s/%s", name, pattern_name(d.pattern), d.size,
                   place_name(d.place), wait_name(d.wait));
    if (d.subject.way->work != NULL)
        (void)snprintf(d.name, sizeof d.name, "%s", name);
    barred = has_bar(d.name);
    if (!options_select(o, d.name) || rows->row_count == ROWS_MAX)
        return;
    if (o->quick && o->only == NULL && !barred && d.size != PLAIN_SIZE)
        return;
    d.weight = !barred ? WEIGHT_PLAIN : o->quick ? WEIGHT_BAR_QUICK : WEIGHT_BAR;
    rows->rows[rows->row_count++].duel = d;
}

static size_t plain_size(const struct mechanism *m)
{
    return m->size != 0 ? m->size : PLAIN_SIZE;
}

static const char *address_for(const struct mechanism *m, enum wait wait)
{
    return wait == WAIT_LOOK && m->look != NULL ? m->look : m->address;
}

static void add_mechanism(struct rows *rows, const struct options *o, const struct mechanism *m)
{
    const enum pattern last = m->answers ? PATTERN_ROUND_TRIP : PATTERN_ONE_WAY;
    struct duel d = {.reference = m->bare};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        d.size = sizes[i];
        if (m->size != 0 && m->size != d.size)
            continue;
        d.subject = (struct entry){&way_enlace, m->address};
        if (d.size > LARGE && m->large != NULL)
            d.subject.what = m->large;
        for (d.place = PLACE_SPLIT; d.place <= PLACE_SAME; d.place++)
            for (d.pattern = PATTERN_ROUND_TRIP; d.pattern <= last; d.pattern++)
                add(rows, o, m->name, d);
    }
    /* On one CPU the side that looks would only keep the other one from running. */
    d.size = plain_size(m);
    d.subject.what = address_for(m, WAIT_LOOK);
    d.place = PLACE_SPLIT;
    d.pattern = PATTERN_ROUND_TRIP;
    d.wait = WAIT_LOOK;
    add(rows, o, m->name, d);
}

static void add_calls(struct rows *rows, const struct options *o, const struct mechanism *m,
                      const struct counted *counts, enum wait wait)
{
    struct call_row *row = &rows->calls[rows->call_count];

    (void)snprintf(row->name, sizeof row->name, "%s/calls/%s", m->name, wait_name(wait));
    if (!options_select(o, row->name))
        return;
    row->subject = (struct entry){&way_enlace, address_for(m, wait)};
    row->reference = m->bare;
    row->plan = (struct calls_plan){.wait = wait,
                                    .size = plain_size(m),
                                    .waiting = m->answers ? 1 : CALLS_WAITING};
    row->allowed = way_without_sigpipe() ? 0 : 2.0 * counts->sigpipe_sends;
    rows->call_count++;
}

static void add_extras(struct rows *rows, const struct options *o, const struct extra list[],
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(rows, o, list[i].name,
            (struct duel){.pattern = list[i].pattern,
                          .size = list[i].size,
                          .wait = list[i].wait,
                          .place = list[i].place,
                          .subject = list[i].subject,
                          .reference = list[i].reference});
}

void rows_make(const struct options *o, struct rows *ret_rows)
{
    const size_t mechanism_count = sizeof mechanisms / sizeof mechanisms[0];
    const size_t counted_count = sizeof counted / sizeof counted[0];
    struct rows *rows = ret_rows;
    const struct extra *peers;
    size_t peer_count;

    memset(rows, 0, sizeof *rows);
    rows->rows = list_new(ROWS_MAX, sizeof rows->rows[0]);
    rows->calls = list_new(2 * counted_count, sizeof rows->calls[0]);
    peers = rows_of_peers(&peer_count);
    add_extras(rows, o, peers, peer_count);
    if (peer_count > 0)
        return;
    for (size_t i = 0; i < mechanism_count; i++)
        add_mechanism(rows, o, &mechanisms[i]);
    add_extras(rows, o, extras, sizeof extras / sizeof extras[0]);
    for (size_t i = 0; i < counted_count; i++)
        for (size_t k = 0; k < mechanism_count; k++)
            if (strcmp(counted[i].mechanism, mechanisms[k].name) == 0)
                for (enum wait wait = WAIT_SLEEP; wait <= WAIT_LOOK; wait++)
                    add_calls(rows, o, &mechanisms[k], &counted[i], wait);
    for (size_t i = 0; i < sizeof bar_list / sizeof bar_list[0]; i++)
        if (rows_find(rows, bar_list[i].row) != NULL ||
            rows_find_calls(rows, bar_list[i].row) != NULL)
            rows->bars[rows->bar_count++] = &bar_list[i];
}

const struct row *rows_find(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->row_count; i++)
        if (strcmp(rows->rows[i].duel.name, name) == 0)
            return &rows->rows[i];
    return NULL;
}

const struct call_row *rows_find_calls(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->call_count; i++)
        if (strcmp(rows->calls[i].name, name) == 0)
            return &rows->calls[i];
    return NULL;
}

/* ---- the run ---------------------------------------------------------------- */

static void progress(size_t done, size_t all, const char *name)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K[%zu/%zu] %s", done, all, name);
}

static uint64_t total_weight(const struct rows *rows)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < rows->row_count; i++)
        sum += rows->rows[i].duel.weight;
    return sum;
}

void rows_measure(struct rows *rows, const struct options *o)
{
    uint64_t total_ns = (uint64_t)o->seconds * 1000000000u, weights = total_weight(rows);
    struct duel_limits limits = {.slice_ns = 20000000u, .probe_ns = 2000000u};
    size_t all = rows->row_count + rows->call_count;

    if (o->quick)
        limits.slice_ns = 10000000u;
    for (size_t i = 0; i < rows->call_count; i++) {
        struct call_row *row = &rows->calls[i];

        progress(i + 1, all, row->name);
        calls_count(&row->subject, &row->plan, &row->calls[0]);
        calls_count(&row->reference, &row->plan, &row->calls[1]);
        row->done = row->calls[0].error == 0 && row->calls[1].error == 0;
    }
    for (size_t i = 0; i < rows->row_count; i++) {
        struct row *row = &rows->rows[i];

        progress(rows->call_count + i + 1, all, row->duel.name);
        limits.total_ns = total_ns * row->duel.weight / weights;
        row->result = duel_result_new();
        if (row->duel.subject.way->work != NULL)
            solo_run(&row->duel, &limits, row->result);
        else
            duel_run(&row->duel, &limits, row->result);
    }
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r\033[K");
}
