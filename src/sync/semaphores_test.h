/* SPDX-License-Identifier: MIT */
/* Ways in which semaphores come to be, for suites that are run for each of them. */
#ifndef SYNC_SEMAPHORES_TEST_H
#define SYNC_SEMAPHORES_TEST_H

#include "kernel/clock.h"
#include "sync/place_test.h"

#include <enlace/region.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MS INT64_C(1000000)

struct way {
    const char *name;
    uint32_t kind;       /* in a place, */
    const char *region;  /* or in a region at this address; or alone, with an address */
    const char *address; /* up to the name, */
    const char *options; /* and behind it, besides the value; or NULL */
    bool owned;
};

static struct place way_place;
static __attribute__((unused)) struct enl_region *way_region;

/* Handles that are else known from shared memory alone, where a search for leaks does not look. */
static __attribute__((unused)) struct enl_sync *volatile way_handles[2];

static inline const char *way_address(const struct way *way, unsigned value)
{
    static char address[600];
    char options[100];

    (void)snprintf(options, sizeof options, "?value=%u%s%s", value, way->owned ? "&owned" : "",
                   way->options != NULL ? way->options : "");
    if (strncmp(way->address, "svsem:", 6) == 0)
        (void)snprintf(address, sizeof address, "svsem:%s#7%s", test_dir(), options);
    else
        (void)snprintf(address, sizeof address, "%s%s%s%s", way->address,
                       way->address[0] == 'f' ? "" : "/", test_name("way"), options);
    return address;
}

static inline struct enl_sync *way_make(const struct way *way, unsigned value)
{
    struct enl_sync *s = NULL;
    struct enl_sync_options o = {.size = sizeof o, .kind = way->kind, .value = value};

    if (way->address != NULL) {
        CHECK_OK(enl_sync_open(way_address(way, value), ENL_CREATE | ENL_EXCLUSIVE, &s));
        way_handles[0] = s;
        return s;
    }
    if (way->region != NULL) {
        CHECK_OK(enl_region_open(way->region, ENL_READ | ENL_WRITE | ENL_CREATE | ENL_HEADER, NULL,
                                 &way_region));
        CHECK_OK(enl_sync_at(way_region, 64, &o, ENL_CREATE, &s));
        way_handles[0] = s;
        return s;
    }
    place_make(&way_place);
    CHECK_OK(sync_create(way_place.data, way_place.roster, &o, ENL_CREATE, &s));
    way_handles[0] = s;
    return s;
}

static inline void way_end(const struct way *way, struct enl_sync *s)
{
    enl_sync_close(s);
    if (way->region != NULL)
        enl_region_close(way_region);
    else if (way->address != NULL)
        CHECK_OK(enl_sync_unlink(way_address(way, 1)));
    else
        place_end(&way_place);
}

static inline uint64_t way_value(struct enl_sync *s)
{
    struct enl_sync_stat stat;

    CHECK_OK(enl_sync_stat(s, &stat));
    return stat.value;
}

static inline void nap(int64_t ns) /* below a second */
{
    (void)nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

/* One line of a suite, and its registration for each way. */
struct suite_line {
    const char *name;
    void (*run)(const void *way);
    struct test_options options;
};

static inline void suite_register(const struct suite_line lines[], size_t line_count,
                                  const struct way ways[], size_t way_count)
{
    char name[200];

    for (size_t i = 0; i < way_count; i++)
        for (size_t j = 0; j < line_count; j++) {
            (void)snprintf(name, sizeof name, "%s/%s", ways[i].name, lines[j].name);
            test_add(name, lines[j].run, &ways[i], &lines[j].options);
        }
}

#endif
