/* SPDX-License-Identifier: MIT */
/* Where objects of a test lie: a file with a roster and some bytes, without a region. */
#ifndef SYNC_PLACE_TEST_H
#define SYNC_PLACE_TEST_H

#include "runner/test.h"
#include "shm/roster.h"
#include "sync/sync.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACE_SLOTS 16u
#define PLACE_DATA 8192u

/* Inherited by the children of a test, each of which joins with its first call. */
struct place {
    int fd;
    unsigned char *memory; /* the roster, then the data */
    unsigned char *data;
    struct roster *roster;
};

static inline size_t place_size(void)
{
    return roster_size(PLACE_SLOTS) + PLACE_DATA;
}

static inline void place_make(struct place *p)
{
    p->fd = CHECK_OK(open(test_temp_path("place"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK_EQ(ftruncate(p->fd, (off_t)place_size()), 0);
    p->memory = mmap(NULL, place_size(), PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
    CHECK((void *)p->memory != MAP_FAILED);
    p->data = p->memory + roster_size(PLACE_SLOTS);
    roster_format(p->memory, PLACE_SLOTS);
    CHECK_OK(roster_open(p->memory, roster_size(PLACE_SLOTS), p->fd, &p->roster));
}

static inline void place_end(struct place *p)
{
    roster_close(p->roster);
    CHECK_EQ(munmap(p->memory, place_size()), 0);
    close(p->fd);
    CHECK_EQ(unlink(test_temp_path("place")), 0);
}

static inline int place_try(struct place *p, size_t offset, uint32_t kind, uint32_t flags,
                            unsigned how, struct enl_sync **ret)
{
    struct enl_sync_options o = {.size = sizeof o, .kind = kind, .flags = flags};

    return sync_create(p->data + offset, p->roster, &o, how, ret);
}

/* The object at an offset, made if need be. */
static inline struct enl_sync *place_open(struct place *p, size_t offset, uint32_t kind,
                                          uint32_t flags)
{
    struct enl_sync *s;

    CHECK_OK(place_try(p, offset, kind, flags, ENL_CREATE, &s));
    return s;
}

__attribute__((constructor)) static void place_explain(void)
{
    test_explain = enl_error_text;
}

#endif
