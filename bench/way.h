/* SPDX-License-Identifier: MIT */
/* The contract of a way: one way to get messages of one size from process to process. The
 * harness knows no mechanism; a way knows nothing of slices and times. To add one: a const
 * struct way, named here and used in rows.c. */
#ifndef BENCH_WAY_H
#define BENCH_WAY_H

#include "place.h"
#include "reference/ring.h"
#include "stat.h"

#include <enlace/enlace.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum pattern { PATTERN_ROUND_TRIP, PATTERN_ONE_WAY };

/* What a process does while there is nothing to receive or no room to send: both do the same. */
enum wait { WAIT_SLEEP, WAIT_LOOK };

struct way;
struct batch;
struct probe_memory;
struct boost_queue;
struct iceoryx;

/* The use of a way by one process, for one comparison. */
struct course {
    const struct way *way;
    const char *what; /* the way's own: an address, or the name of a kind */
    size_t size;      /* of every message */
    enum pattern pattern;
    enum wait wait;
    /* Of the sides before join(), by side; from then on only the own one is used. One descriptor
     * or link may serve both directions. One way, SIDE_PING sends. */
    union {
        struct {
            int send[2], receive[2];
        } fd;
        struct {
            struct enl_link *send[2], *receive[2];
            int set; /* an epoll set of the program's own */
        } link;
        struct {
            char directory[80], address[100];
            struct enl_link *listener, *link;
            int listening, fd;
        } connect;
        struct {
            struct {
                struct enl_link *side[2];
            } * ends;
            size_t count, next;
            struct enl_link *link; /* of the message that is on its way */
            int set, failure;
        } many;
        struct {
            int meeting[2];
            pid_t peer;
            struct enl_link *send, *receive;
        } signal;
        struct ring ring[2]; /* there, back */
        struct probe_memory *probe;
        struct {
            void *memory;
            struct enl_sync *there[2]; /* there, back */
            struct enl_sync *changed[2];
        } cell;
        struct { /* another library's, see peers/ */
            char folder[200];
            uint32_t number;
            void *context, *socket;
            void *rings[2];
            struct boost_queue *queues[2];
            struct iceoryx *iceoryx;
            const void *taken;
            pid_t daemon;
            int output, over[2]; /* what the daemon prints; closed by the second side's end */
        } peer;
    };
    enum side side;
    struct batch *batch;
    struct enl_message message; /* of an open loan or take */
    char error[200];            /* why a call failed, where errno does not say it all */
};

/* The calls return 0 or a negative errno. With WAIT_SLEEP they wait without a limit; with
 * WAIT_LOOK they return -EAGAIN if there is nothing or no room, and the harness calls again (a
 * message that they have begun they complete). A way that copies has send and receive; one that
 * hands out its own memory has the other four. */
struct way {
    const char *name;
    /* 0 if this way can carry messages of this size, else a negative errno, with the reason in
     * c->error. Changes nothing. May be NULL: it can. */
    int (*check)(struct course *c);
    /* Before the fork, both ends; after it, in each process: keep the own ones alone. */
    int (*make)(struct course *c);
    void (*join)(struct course *c, enum side side);
    int (*send)(struct course *c, const void *data);
    int (*receive)(struct course *c, void *buffer);
    int (*loan)(struct course *c, void **ret_data);
    int (*commit)(struct course *c);
    int (*take)(struct course *c, const void **ret_data);
    int (*release)(struct course *c);
    /* After each round trip, on both sides, outside of its time; then they meet. May be NULL. */
    void (*tidy)(struct course *c);
    /* Until nothing is held back. May be NULL. */
    int (*flush)(struct course *c);
    /* In each process, at its end: lets go of what would outlive it. May be NULL. */
    void (*end)(struct course *c);
    /* Instead of all of these but make, which may be NULL too, and is called in the process that works: a piece of
     * work that one process does alone. */
    int (*work)(struct course *c);
    /* Instead of these six: round trips in a loop of the way's own, whose content nobody checks. Each time that it adds
     * is the mean of PROBE_TRIPS. The first side says when it is over. */
    int (*ping)(struct course *c, uint64_t for_ns, struct histogram *times);
    int (*pong)(struct course *c);
    bool serves; /* what counts is the processor time of the side that answers */
};

extern const struct way way_pipe; /* what: "" */
/* The same, but a write to a pipe without a reader gives EPIPE and no signal, as the library's
 * does. */
extern const struct way way_pipe_no_signal;
extern const struct way way_fifo;    /* what: "" */
extern const struct way way_socket;  /* what: "stream", "seqpacket", "datagram"; "tcp", "udp" */
extern const struct way way_mq;      /* what: "" */
extern const struct way way_svmsg;   /* what: "" */
extern const struct way way_eventfd; /* what: ""; a message is the number that it is added as */
extern const struct way way_signal;  /* what: ""; a message is the value that a signal brings */
extern const struct way way_enlace_signal; /* what: the names of an address, signal:NAMES */
/* what: an address; %s in it is replaced by a new directory, %n by the last part of its path */
extern const struct way way_enlace;
extern const struct way way_enlace_in_place;
extern const struct way way_enlace_poll;    /* receives in an epoll loop */
extern const struct way way_enlace_batch;   /* 32 messages a call */
extern const struct way way_enlace_many;    /* so many channels in one epoll set; what: how many */
extern const struct way way_enlace_connect; /* a meeting for each round trip; what: the mechanism */
extern const struct way way_connect;        /* what: "" */
extern const struct way way_ring;           /* what: ""; "large": of 8 MiB */
extern const struct way way_ring_in_place;
extern const struct way way_enlace_loop; /* its own loop, both look */
extern const struct way way_line;        /* what: ""; a bare cache line, without a message */
extern const struct way way_ring_batch;  /* what: "" */
/* Work. Start /bin/true and collect it, from a process with so much memory: */
extern const struct way way_spawn, way_posix_spawn, way_fork; /* what: "" */
/* Collect so many bytes that another program prints; the second one forgets them: */
extern const struct way way_run, way_read, way_read_and_keep; /* what: "" */
/* Three pairs at once, on one CPU or two, go there and back. what: the address of a channel; "": by eventfd */
extern const struct way way_crowd;
/* Make memory of that size, map it and let it go. what: the beginning of an address; else "" */
extern const struct way way_region, way_memfd, way_shm_open, way_shmget;

/* A cell of memory, and what says that a message is in it; what: "semaphore" or "event", of which it is made. Bare: "" */
extern const struct way way_semaphore, way_sem_t, way_event, way_futex;
/* Work: posts and waits that meet nobody. */
extern const struct way way_semaphore_alone, way_sem_t_alone;

/* A cell of memory with a mutex and a condition; what: "". */
extern const struct way way_condition;
/* Work: a mutex that nobody else wants, and one that two want; what: of pthread "robust" or "". */
extern const struct way way_mutex_alone, way_pthread_alone, way_mutex_contended,
    way_pthread_contended;

/* Whether the kernel can write to pipes without SIGPIPE: if not, the library has to mask the signal
 * around each write, with two calls more. */
bool way_without_sigpipe(void);

/* Makes a new private directory. 0 or a negative errno. */
int way_make_directory(char *ret_path, size_t size);

#endif
