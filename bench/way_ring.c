/* SPDX-License-Identifier: MIT */
/* The ways of the reference ring, copying and in place. */
#include "way.h"

#include <string.h>

static int make(struct course *c)
{
    size_t bytes = c->pattern == PATTERN_ROUND_TRIP ? RING_BYTES_SMALL : RING_BYTES;
    int r;

    if (strcmp(c->what, "large") == 0)
        bytes = RING_BYTES_LARGE;
    r = ring_make(&c->ring[0], c->size, bytes);
    return r < 0 ? r : ring_make(&c->ring[1], c->size, bytes);
}

static void join(struct course *c, enum side side)
{
    c->side = side;
}

static struct ring *out(struct course *c)
{
    return &c->ring[c->side];
}

static struct ring *in(struct course *c)
{
    return &c->ring[!c->side];
}

static int loan(struct course *c, void **ret_data)
{
    *ret_data = ring_loan(out(c));
    return 0;
}

static int commit(struct course *c)
{
    ring_commit(out(c));
    return 0;
}

static int take(struct course *c, const void **ret_data)
{
    *ret_data = ring_take(in(c));
    return 0;
}

static int release(struct course *c)
{
    ring_release(in(c));
    return 0;
}

static int copy_in(struct course *c, const void *data)
{
    memcpy(ring_loan(out(c)), data, c->size);
    ring_commit(out(c));
    return 0;
}

static int copy_out(struct course *c, void *buffer)
{
    memcpy(buffer, ring_take(in(c)), c->size);
    ring_release(in(c));
    return 0;
}

const struct way way_ring = {
    .name = "ring",
    .make = make,
    .join = join,
    .send = copy_in,
    .receive = copy_out,
};

const struct way way_ring_in_place = {
    .name = "ring in place",
    .make = make,
    .join = join,
    .loan = loan,
    .commit = commit,
    .take = take,
    .release = release,
};
