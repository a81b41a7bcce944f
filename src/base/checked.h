/* SPDX-License-Identifier: MIT */
/* Arithmetic that tells when it overflows: true and the result, or false and nothing written. */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool checked_add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
    uint64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret_sum = sum;
    return true;
}

static inline bool checked_multiply_u64(uint64_t a, uint64_t b, uint64_t *ret_product)
{
    uint64_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret_product = product;
    return true;
}

#endif
