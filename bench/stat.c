/* SPDX-License-Identifier: MIT */
/* Statistics: log-linear histograms and quantiles. */
#include "stat.h"

#include <stdlib.h>
#include <string.h>

#define SIXTEENTHS 16.0 /* of a nanosecond: the unit of the slots */

/* Values below 2^(SUB_BITS+1) have a slot each; above, each doubling is divided into 2^SUB_BITS. */
static size_t slot_of(uint64_t value)
{
    unsigned shift = 0;
    size_t slot;

    if (value >> (HISTOGRAM_SUB_BITS + 1) != 0)
        shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    slot = ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(value >> shift);
    return slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1;
}

/* The middle of a slot. */
static double slot_value(size_t slot)
{
    size_t shift = 0;

    if (slot >> (HISTOGRAM_SUB_BITS + 1) != 0)
        shift = (slot >> HISTOGRAM_SUB_BITS) - 1;
    return ((double)(slot - (shift << HISTOGRAM_SUB_BITS)) + 0.5) * (double)((uint64_t)1 << shift);
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

void histogram_add(struct histogram *h, double ns)
{
    h->slots[slot_of((uint64_t)(ns * SIXTEENTHS))]++;
    h->count++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++)
        into->slots[i] += from->slots[i];
    into->count += from->count;
}

double histogram_quantile(const struct histogram *h, double q)
{
    uint64_t before = 0, wanted = (uint64_t)(q * (double)h->count);

    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++) {
        before += h->slots[i];
        if (before > wanted || (before != 0 && before == h->count))
            return slot_value(i) / SIXTEENTHS;
    }
    return 0;
}

double histogram_mean(const struct histogram *h, double q)
{
    uint64_t left = (uint64_t)(q * (double)h->count), counted = 0;
    double sum = 0;

    if (left == 0)
        left = h->count;
    for (size_t i = 0; i < HISTOGRAM_SLOTS && counted < left; i++) {
        uint64_t here = h->slots[i] < left - counted ? h->slots[i] : left - counted;

        sum += slot_value(i) * (double)here;
        counted += here;
    }
    return counted == 0 ? 0 : sum / (double)counted / SIXTEENTHS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double stat_quantile(double values[], size_t count, double q)
{
    double position;
    size_t below;

    if (count == 0)
        return 0;
    qsort(values, count, sizeof values[0], compare);
    position = q * (double)(count - 1);
    below = (size_t)position;
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + (position - (double)below) * (values[below + 1] - values[below]);
}
