/* SPDX-License-Identifier: MIT */
/* Memory floors. */
#include "reference/memory.h"

#include "clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COPY_TRIES 9
#define COPY_BYTES (64u << 20) /* copied in one try, however small the piece */
#define TOUCH_PAGES 512u

typedef uint64_t words __attribute__((vector_size(32)));

/* Reads all of it; four sums at a time, so that no addition waits for another one. */
static uint64_t read_all(const void *data, size_t size)
{
    const unsigned char *at = data;
    words sums[4] = {{0}}, next[4];

    for (size_t i = 0; i + sizeof next <= size; i += sizeof next) {
        memcpy(next, at + i, sizeof next);
        for (int k = 0; k < 4; k++)
            sums[k] += next[k];
    }
    sums[0] += sums[1] + sums[2] + sums[3];
    return sums[0][0] + sums[0][1] + sums[0][2] + sums[0][3];
}

/* A turn is passed on by the ping line; its last value is left for the next use to reset. */
static void await_turn(struct probe_memory *m, uint64_t turn)
{
    while (atomic_load_explicit(&m->ping_line, memory_order_acquire) != turn)
        ;
}

void memory_write_turns(struct probe_memory *m, void *shared, size_t size, unsigned rounds,
                        struct histogram *h)
{
    uint64_t start;

    for (uint64_t turn = 0; turn < 2 * (uint64_t)rounds; turn += 2) {
        await_turn(m, turn);
        start = clock_now();
        memset(shared, (int)turn, size);
        histogram_add(h, (double)(clock_now() - start));
        atomic_store_explicit(&m->ping_line, turn + 1, memory_order_release);
    }
    await_turn(m, 2 * (uint64_t)rounds);
    atomic_store_explicit(&m->ping_line, 0, memory_order_relaxed);
}

void memory_read_turns(struct probe_memory *m, const void *shared, size_t size, unsigned rounds,
                       struct histogram *h)
{
    volatile uint64_t sink;
    uint64_t start;

    for (uint64_t turn = 1; turn < 2 * (uint64_t)rounds; turn += 2) {
        await_turn(m, turn);
        start = clock_now();
        sink = read_all(shared, size);
        histogram_add(h, (double)(clock_now() - start));
        atomic_store_explicit(&m->ping_line, turn + 1, memory_order_release);
    }
    (void)sink;
}

void memory_copy(size_t size, struct histogram *h)
{
    unsigned char *from = malloc(size), *to = malloc(size);
    size_t pieces = COPY_BYTES / size;

    if (from != NULL && to != NULL) {
        memset(from, 1, size);
        memset(to, 2, size);
        for (int try = 0; try < COPY_TRIES; try++) {
            uint64_t start = clock_now();

            for (size_t i = 0; i < pieces; i++) {
                memcpy(to, from, size);
                __asm__ volatile("" : : "r"(to) : "memory"); /* what is copied is wanted */
            }
            histogram_add(h, (double)(clock_now() - start) / (double)pieces);
        }
    }
    free(from);
    free(to);
}

double memory_touch_ns(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = TOUCH_PAGES * page;
    uint64_t start, ns;
    unsigned char *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return 0;
    start = clock_now();
    for (size_t i = 0; i < size; i += page)
        memory[i] = 1;
    ns = clock_now() - start;
    (void)munmap(memory, size);
    return (double)ns / TOUCH_PAGES;
}
