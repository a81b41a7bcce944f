/* SPDX-License-Identifier: MIT */
/* Processes make, open, enlarge and remove one region at once, and some are killed at it: whoever has it open has it
 * whole. */
#include "runner/test.h"

#include <dirent.h>
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)
#define NEW (BOTH | ENL_CREATE)
#define WORKERS 6
#define ROUNDS 150
#define KILLS 60

struct pair {
    uint32_t first, second;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static int fill(void *data, size_t size, void *argument)
{
    struct pair *p = data;

    (void)size, (void)argument;
    CHECK_EQ(p->first, 0);
    CHECK_EQ(p->second, 0);
    p->first = 7;
    p->second = 7;
    return 0;
}

static const struct enl_field fields[] = {
    ENL_FIELD(struct pair, first),
    ENL_FIELD(struct pair, second),
};

static const struct enl_layout layout = {
    .name = "pair", .size = sizeof(struct pair), .field_count = 2, .fields = fields, .init = fill};

struct storm {
    char address[300];
    unsigned seed;
    bool for_ever;
};

/* A maker that lives and comes to nothing for two seconds is one that the machine does not let run: in the end it does. */
static int open_in_the_end(const struct storm *s, unsigned flags, struct enl_region **ret)
{
    int result;

    do
        result = enl_region_open(s->address, flags, &layout, ret);
    while (result == -EBUSY && !s->for_ever && enl_in_ns(1) < test_until());
    return result;
}

static void use(const struct storm *s, unsigned flags, bool grows)
{
    struct enl_region *r;
    struct pair *p;
    int result = open_in_the_end(s, flags, &r);

    /* Without ENL_CREATE there may be none, or one that a dead process has left half made. */
    if (result < 0 && (flags & ENL_CREATE) == 0 &&
        (result == -ENOENT || result == -EAGAIN || result == -ESTALE))
        return;
    if (result < 0 && (flags & ENL_EXCLUSIVE) != 0 && result == -EEXIST)
        return;
    /* A remover died in the middle: the next one removes it. Or a maker that dies takes its time. */
    if ((result == -ESTALE || result == -EBUSY) && s->for_ever)
        return;
    CHECK_OK(result);
    p = enl_region_data(r);
    CHECK_EQ(p->first, 7);
    CHECK_EQ(p->second, 7);
    if (flags != ENL_READ)
        CHECK(enl_region_users(r, NULL, 0) >= 1);
    if (grows)
        CHECK_OK(enl_region_grow(r, 100000));
    enl_region_close(r);
}

static void work(void *argument)
{
    struct storm *s = argument;
    unsigned seed = s->seed * 7919 + (unsigned)getpid();
    bool grows = strncmp(s->address, "svshm:", 6) != 0;

    for (int i = 0; i < ROUNDS || s->for_ever; i++) {
        int what = rand_r(&seed) / 16 % 8;
        int result;

        if (what == 0) {
            result = enl_region_unlink(s->address);
            CHECK(result == 0 || result == -ENOENT);
        } else {
            use(s,
                what == 1   ? ENL_READ
                : what == 2 ? BOTH
                : what == 3 ? NEW | ENL_EXCLUSIVE
                            : NEW,
                grows && what == 4);
        }
    }
}

static const char *const addresses[] = {"shm:/%s", "svshm:%s#1", "file:%s/pair"};

static void begin(struct storm *s, size_t i, bool for_ever)
{
    const char *name = i == 0 ? test_name("pair") : test_dir();

    /* one of three forms, each with one name in it */
    (void)snprintf(s->address, sizeof s->address, "%.*s%s%s", (int)strcspn(addresses[i], "%"),
                   addresses[i], name, strchr(addresses[i], '%') + 2);
    s->for_ever = for_ever;
}

static void end_storm(const struct storm *s)
{
    struct enl_region *r;
    int result = enl_region_unlink(s->address);

    CHECK(result == 0 || result == -ENOENT);
    CHECK_OK(enl_region_open(s->address, NEW, &layout, &r));
    CHECK_EQ(((struct pair *)enl_region_data(r))->second, 7);
    CHECK_EQ(enl_region_users(r, NULL, 0), 1);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(s->address));
}

TEST(a_storm_of_users_and_removers_finds_regions_whole, .stress = true, .deadline_s = 90)
{
    struct storm s = {.seed = (unsigned)time(NULL)};
    pid_t workers[WORKERS];

    for (size_t i = 0; i < 3; i++) {
        begin(&s, i, false);
        for (int w = 0; w < WORKERS; w++) {
            s.seed++;
            workers[w] = test_child(work, &s);
        }
        for (int w = 0; w < WORKERS; w++)
            test_join(workers[w]);
        end_storm(&s);
    }
}

/* A process that dies between a segment's making or removal and that of its companion may leave the companion. */
static void remove_companions(void)
{
    DIR *folder = opendir("/dev/shm");
    struct dirent *entry;
    char path[300];

    CHECK(folder != NULL);
    while ((entry = readdir(folder)) != NULL) {
        (void)snprintf(path, sizeof path, "/dev/shm/%s", entry->d_name);
        if (strncmp(entry->d_name, "enlace.svshm.", 13) == 0)
            (void)unlink(path);
    }
    (void)closedir(folder);
}

TEST(a_storm_with_deaths_finds_regions_whole, .stress = true, .deadline_s = 90)
{
    struct storm s = {.seed = (unsigned)time(NULL)};
    pid_t workers[WORKERS];

    if (!test_is_root())
        SKIP("needs an IPC namespace and a /dev/shm of its own");
    for (size_t i = 0; i < 3; i++) {
        begin(&s, i, true);
        for (int w = 0; w < WORKERS; w++)
            workers[w] = test_child(work, &s);
        for (int k = 0; k < KILLS; k++) {
            int w = rand_r(&s.seed) / 16 % WORKERS;

            (void)usleep((useconds_t)(rand_r(&s.seed) / 16 % 3000));
            test_kill(workers[w]);
            workers[w] = test_child(work, &s);
        }
        for (int w = 0; w < WORKERS; w++)
            test_kill(workers[w]);
        end_storm(&s);
    }
    remove_companions();
}
