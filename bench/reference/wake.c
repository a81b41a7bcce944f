/* SPDX-License-Identifier: MIT */
/* The wake-up floors: each side sleeps until the other one wakes it, by futex and by eventfd. */
#include "clock.h"
#include "reference/futex.h"
#include "reference/probe.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LAST 2u /* the words alternate between 0 and 1 until the last one */

/* The release pairs with the acquire in await_change(): what was written before is seen after. */
static void set(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
    futex_wake(word);
}

static uint32_t await_change(_Atomic uint32_t *word, uint32_t seen)
{
    uint32_t value;

    while ((value = atomic_load_explicit(word, memory_order_acquire)) == seen)
        futex_wait(word, seen);
    return value;
}

static void futex_ping(struct probe_memory *m, uint64_t for_ns, struct histogram *h)
{
    uint64_t start = clock_now(), last = start, now;
    uint32_t value = 0;

    do {
        value ^= 1;
        set(&m->ping_word, value);
        (void)await_change(&m->pong_word, value ^ 1);
        now = clock_now();
        histogram_add(h, (double)(now - last));
        last = now;
    } while (now - start < for_ns);
    set(&m->ping_word, LAST);
    (void)await_change(&m->pong_word, value);
    atomic_store_explicit(&m->ping_word, 0, memory_order_relaxed);
    atomic_store_explicit(&m->pong_word, 0, memory_order_relaxed);
}

static void futex_pong(struct probe_memory *m)
{
    uint32_t value = 0;

    do {
        value = await_change(&m->ping_word, value);
        set(&m->pong_word, value);
    } while (value != LAST);
}

const struct probe probe_futex = {"futex", futex_ping, futex_pong};

int probe_make(struct probe_memory *m)
{
    m->ping_fd = eventfd(0, EFD_CLOEXEC);
    m->pong_fd = eventfd(0, EFD_CLOEXEC);
    return m->ping_fd < 0 || m->pong_fd < 0 ? -errno : 0;
}

static void add(int fd, uint64_t value)
{
    if (write(fd, &value, sizeof value) != sizeof value)
        _exit(1);
}

static uint64_t take(int fd)
{
    uint64_t value;

    if (read(fd, &value, sizeof value) != sizeof value)
        _exit(1);
    return value;
}

static void eventfd_ping(struct probe_memory *m, uint64_t for_ns, struct histogram *h)
{
    uint64_t start = clock_now(), last = start, now;

    do {
        add(m->ping_fd, 1);
        (void)take(m->pong_fd);
        now = clock_now();
        histogram_add(h, (double)(now - last));
        last = now;
    } while (now - start < for_ns);
    add(m->ping_fd, LAST);
    (void)take(m->pong_fd);
}

static void eventfd_pong(struct probe_memory *m)
{
    uint64_t value;

    do {
        value = take(m->ping_fd);
        add(m->pong_fd, 1);
    } while (value != LAST);
}

const struct probe probe_eventfd = {"eventfd", eventfd_ping, eventfd_pong};
