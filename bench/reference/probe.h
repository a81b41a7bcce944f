/* SPDX-License-Identifier: MIT */
/* Probes: the least that a round trip between two processes can cost on this machine, without a
 * message. Each is a pair of loops over memory that both share; the pinging one decides when it
 * is over. */
#ifndef BENCH_REFERENCE_PROBE_H
#define BENCH_REFERENCE_PROBE_H

#include "stat.h"

#include <stdatomic.h>
#include <stdint.h>

struct probe_memory {
    _Alignas(128) _Atomic uint64_t ping_line;
    _Alignas(128) _Atomic uint64_t pong_line;
    _Alignas(128) _Atomic uint32_t ping_word;
    _Alignas(128) _Atomic uint32_t pong_word;
    int ping_fd, pong_fd; /* eventfds, made before the fork */
};

/* 0 or a negative errno. */
int probe_make(struct probe_memory *m);

/* Of the cache line, to one time: a look at the clock costs a fifth of a trip. */
#define PROBE_TRIPS 32

struct probe {
    const char *name;
    /* Goes there and back for for_ns and adds the time of each trip (or the mean of some) to h. */
    void (*ping)(struct probe_memory *m, uint64_t for_ns, struct histogram *h);
    /* Answers until the other side's last one. */
    void (*pong)(struct probe_memory *m);
};

extern const struct probe probe_line;    /* both look: a cache line there, another one back */
extern const struct probe probe_futex;   /* both sleep: FUTEX_WAKE and FUTEX_WAIT */
extern const struct probe probe_eventfd; /* both sleep: write and read */

#endif
