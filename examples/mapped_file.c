/* SPDX-License-Identifier: MIT */
/* A file processed by mapping it, and by reading it: the same result, and the times of both.
 *
 *     mapped_file [FILE]      without one, a file of its own of 16 MiB, and no times, which differ each time */
#include <enlace/enlace.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OWN_SIZE (16 << 20)
#define BUFFER_SIZE 65536
#define ROUNDS 5

struct sums {
    uint64_t bytes, lines, sum;
};

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static void process(const unsigned char *bytes, size_t size, struct sums *sums)
{
    sums->bytes += size;
    for (size_t i = 0; i < size; i++) {
        sums->lines += bytes[i] == '\n';
        sums->sum += bytes[i];
    }
}

/* Each part is copied into a buffer. */
static int by_reading(const char *path, struct sums *sums)
{
    static unsigned char buffer[BUFFER_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (fd < 0)
        return -1;
    while ((size = read(fd, buffer, sizeof buffer)) > 0)
        process(buffer, (size_t)size, sums);
    close(fd);
    return size < 0 ? -1 : 0;
}

/* No byte is copied; the first touch of each page is what costs. */
static int by_mapping(const char *address, struct sums *sums)
{
    struct enl_region *region;

    if (enl_region_open(address, ENL_READ, NULL, &region) < 0)
        return -1;
    (void)enl_region_advise(region, 0, 0, ENL_ADVICE_SEQUENTIAL);
    process(enl_region_data(region), enl_region_size(region), sums);
    enl_region_close(region);
    return 0;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The best of some rounds; the first one reads the disk, if it must. */
static double best_ms[2];

static int measure(int way, int (*run)(const char *, struct sums *), const char *where,
                   struct sums *ret_sums)
{
    double best = 0;

    for (int i = 0; i < ROUNDS; i++) {
        struct sums sums = {0, 0, 0};
        double start = now_ms();

        if (run(where, &sums) < 0)
            return failed(way == 0 ? "reading" : "mapping");
        if (i == 0 || now_ms() - start < best)
            best = now_ms() - start;
        *ret_sums = sums;
    }
    best_ms[way] = best;
    return 0;
}

/* Fills it by a mapping, too. */
static int make_file(const char *address)
{
    struct enl_region *region;
    char *data;

    if (enl_region_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, NULL, &region) < 0)
        return failed("make");
    data = enl_region_data(region);
    for (size_t i = 0; i < OWN_SIZE; i++)
        data[i] = (char)(i % 64 == 63 ? '\n' : 'a' + i % 26);
    enl_region_close(region);
    return 0;
}

int main(int count, char *words[])
{
    const char *path = count > 1 ? words[1] : "mapped_file.data";
    char address[4096];
    struct sums read_sums, mapped_sums;
    int result = 1;

    snprintf(address, sizeof address, "file:%s?size=16M", path);
    if (count < 2 && make_file(address) != 0)
        return 1;
    *strrchr(address, '?') = '\0';
    if (measure(0, by_reading, path, &read_sums) == 0 &&
        measure(1, by_mapping, address, &mapped_sums) == 0)
        result = memcmp(&read_sums, &mapped_sums, sizeof read_sums) != 0;
    if (result == 0)
        printf("%llu bytes, %llu lines, and the same sum both ways\n",
               (unsigned long long)mapped_sums.bytes, (unsigned long long)mapped_sums.lines);
    if (count > 1)
        printf("by reading %.2f ms, by mapping %.2f ms\n", best_ms[0], best_ms[1]);
    if (count < 2 && enl_region_unlink(address) < 0)
        return failed("remove");
    return result;
}
