/* SPDX-License-Identifier: MIT */
/* Drives a fuzz target without libFuzzer: every seed, then so many mutations of them.
 *
 *     x_fuzz [-runs=N] [-seed=N] [FILE or DIRECTORY]...
 *
 * The same numbers give the same inputs. They run in a child; its death, or a run of over ten seconds, is
 * a failure, and the input that did it is shown in hexadecimal. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MAX 8192
#define SEEDS_MAX 256
#define RUN_SECONDS 10

struct input {
    size_t size;
    uint8_t bytes[INPUT_MAX];
};

/* Shared with the child, so that the input survives it. */
static struct input *current;

static struct input *seeds[SEEDS_MAX];
static size_t seed_count;
static uint64_t state = 1;

/* xorshift64*: repeatable on every machine, which rand() is not */
static uint64_t next_random(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(2685821657736338717)) >> 16;
}

static size_t below(size_t bound)
{
    return (size_t)(next_random() % bound);
}

static void load_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (!file || seed_count == SEEDS_MAX) {
        (void)fprintf(stderr, "%s: %s\n", path, file ? "too many seeds" : strerror(errno));
        exit(2);
    }
    seeds[seed_count] = calloc(1, sizeof *seeds[0]);
    if (!seeds[seed_count])
        abort();
    seeds[seed_count]->size = fread(seeds[seed_count]->bytes, 1, INPUT_MAX, file);
    seed_count++;
    (void)fclose(file);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort(), which asks the locale */
}

static void load(const char *path)
{
    struct dirent **entries;
    struct stat status;
    int count;

    if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode)) {
        load_file(path);
        return;
    }
    count = scandir(path, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        char file[4096];

        if (entries[i]->d_name[0] != '.') {
            (void)snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
            load_file(file);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static uint8_t odd_byte(void)
{
    static const uint8_t favourites[] = {0,   1,   '\n', ' ',  '%',  '&', '0',
                                         ':', '=', '?',  0x7f, 0x80, 0xff};

    return below(2) ? (uint8_t)next_random() : favourites[below(sizeof favourites)];
}

/* Moves the tail at place so that gap bytes fit in between; what goes past the room is lost. */
static void open_gap(struct input *in, size_t place, size_t gap)
{
    size_t tail = in->size - place;

    if (gap > INPUT_MAX - place)
        gap = INPUT_MAX - place;
    if (tail > INPUT_MAX - place - gap)
        tail = INPUT_MAX - place - gap;
    memmove(in->bytes + place + gap, in->bytes + place, tail);
    in->size = place + gap + tail;
}

static void mutate(struct input *in)
{
    size_t place = below(in->size + 1);
    size_t count = 1 + below(below(16) ? 8 : 2048);
    const struct input *other = seeds[below(seed_count)];

    switch (below(6)) {
    case 0:
        if (place < in->size)
            in->bytes[place] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (place < in->size)
            in->bytes[place] = odd_byte();
        break;
    case 2:
        open_gap(in, place, count);
        for (size_t i = place; i < place + count && i < in->size; i++)
            in->bytes[i] = odd_byte();
        break;
    case 3: /* leave some out */
        if (count > in->size - place)
            count = in->size - place;
        memmove(in->bytes + place, in->bytes + place + count, in->size - place - count);
        in->size -= count;
        break;
    case 4: /* repeat what stands before */
        count = count < place ? count : place;
        open_gap(in, place, count);
        memcpy(in->bytes + place, in->bytes + place - count,
               count < INPUT_MAX - place ? count : INPUT_MAX - place);
        break;
    default: /* go on as another one does */
        in->size = place;
        place = below(other->size + 1);
        count = other->size - place;
        count = count < INPUT_MAX - in->size ? count : INPUT_MAX - in->size;
        memcpy(in->bytes + in->size, other->bytes + place, count);
        in->size += count;
        break;
    }
}

/* A copy of its own size, so that a sanitizer sees a read past its end. */
static void run(void)
{
    uint8_t *copy = malloc(current->size ? current->size : 1);

    if (!copy)
        abort();
    memcpy(copy, current->bytes, current->size);
    (void)alarm(RUN_SECONDS);
    (void)LLVMFuzzerTestOneInput(copy, current->size);
    (void)alarm(0);
    free(copy);
}

static void run_all(unsigned long runs)
{
    for (size_t i = 0; i < seed_count; i++) {
        *current = *seeds[i];
        run();
    }
    for (unsigned long i = 0; i < runs; i++) {
        *current = *seeds[below(seed_count)];
        for (size_t times = 1 + below(8); times > 0; times--)
            mutate(current);
        run();
    }
}

static bool number_option(const char *argument, const char *name, unsigned long *ret_number)
{
    if (strncmp(argument, name, strlen(name)) != 0)
        return false;
    *ret_number = strtoul(argument + strlen(name), NULL, 10);
    return true;
}

int main(int argc, char *argv[])
{
    static struct input empty;
    unsigned long runs = 0;
    unsigned long seed = 1;
    int status;
    pid_t child;

    for (int i = 1; i < argc; i++)
        if (!number_option(argv[i], "-runs=", &runs) && !number_option(argv[i], "-seed=", &seed))
            load(argv[i]);
    if (seed_count == 0)
        seeds[seed_count++] = &empty;
    state = seed * 2 + 1; /* never 0, from which nothing would follow */
    current =
        mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (current == MAP_FAILED)
        return 2;
    child = fork();
    if (child == 0) {
        run_all(runs);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 2;
    if (status == 0) {
        (void)printf("%zu seeds and %lu mutations did no harm\n", seed_count, runs);
        return 0;
    }
    (void)printf("wait status %#x; -seed=%lu; the input was, in hexadecimal:\n", status, seed);
    for (size_t i = 0; i < current->size; i++)
        (void)printf("%02x", current->bytes[i]);
    (void)printf("\n");
    return 1;
}
