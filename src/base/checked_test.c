/* SPDX-License-Identifier: MIT */
/* Proof that checked arithmetic tells of overflow and then writes nothing. */
#include "base/checked.h"
#include "runner/test.h"

TEST(sums_that_fit_are_given)
{
    uint64_t n = 0;

    CHECK(checked_add_u64(UINT64_MAX - 1, 1, &n));
    CHECK(n == UINT64_MAX);
    CHECK(checked_add_u64(0, 0, &n));
    CHECK(n == 0);
}

TEST(products_that_fit_are_given)
{
    uint64_t n = 0;

    CHECK(checked_multiply_u64(UINT64_MAX / 3, 3, &n));
    CHECK(n == UINT64_MAX);
    CHECK(checked_multiply_u64(UINT64_MAX, 0, &n));
    CHECK(n == 0);
}

TEST(what_overflows_is_told_and_not_written)
{
    uint64_t n = 7;

    CHECK(!checked_add_u64(UINT64_MAX, 1, &n));
    CHECK(!checked_multiply_u64(UINT64_MAX, 2, &n));
    CHECK(!checked_multiply_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &n));
    CHECK(n == 7);
}
