/* SPDX-License-Identifier: MIT */
/* The cache-line floor: one word goes there, another one comes back, both sides look all the
 * time. */
#include "clock.h"
#include "reference/probe.h"

#define LAST UINT64_MAX

static void line_trip(struct probe_memory *m, uint64_t value)
{
    /* Nothing but the word itself is passed: the acquire and release are there to keep the order
     * that any user of it needs. */
    atomic_store_explicit(&m->ping_line, value, memory_order_release);
    while (atomic_load_explicit(&m->pong_line, memory_order_acquire) != value)
        ;
}

static void line_ping(struct probe_memory *m, uint64_t for_ns, struct histogram *h)
{
    uint64_t start = clock_now(), last = start, now;
    uint64_t value = 0;

    do {
        for (int i = 0; i < PROBE_TRIPS; i++)
            line_trip(m, ++value);
        now = clock_now();
        histogram_add(h, (double)(now - last) / PROBE_TRIPS);
        last = now;
    } while (now - start < for_ns);
    line_trip(m, LAST);
    atomic_store_explicit(&m->ping_line, 0, memory_order_relaxed);
    atomic_store_explicit(&m->pong_line, 0, memory_order_relaxed);
}

static void line_pong(struct probe_memory *m)
{
    uint64_t seen = 0, value;

    do {
        do
            value = atomic_load_explicit(&m->ping_line, memory_order_acquire);
        while (value == seen);
        seen = value;
        atomic_store_explicit(&m->pong_line, value, memory_order_release);
    } while (value != LAST);
}

const struct probe probe_line = {"cache line", line_ping, line_pong};
