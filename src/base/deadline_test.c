/* SPDX-License-Identifier: MIT */
/* Proof of the arithmetic of deadlines at its edges. */
#include "base/deadline.h"
#include "runner/test.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

TEST(a_deadline_lies_ahead_of_now)
{
    CHECK_EQ(deadline_after_ns(DAY_NS, 1), DAY_NS + 1);
    CHECK_EQ(deadline_after_ms(DAY_NS, 500), DAY_NS + 500000000);
    CHECK_EQ(deadline_after_ns(0, 1), 1);
    CHECK_EQ(deadline_after_ms(0, 1), 1000000);
}

TEST(what_is_not_ahead_is_now)
{
    CHECK_EQ(deadline_after_ns(DAY_NS, 0), ENL_NOW);
    CHECK_EQ(deadline_after_ns(DAY_NS, -1), ENL_NOW);
    CHECK_EQ(deadline_after_ns(DAY_NS, INT64_MIN), ENL_NOW);
    CHECK_EQ(deadline_after_ms(DAY_NS, 0), ENL_NOW);
    CHECK_EQ(deadline_after_ms(DAY_NS, -1), ENL_NOW);
    CHECK_EQ(deadline_after_ms(DAY_NS, INT64_MIN), ENL_NOW);
}

TEST(what_lies_past_the_range_is_forever)
{
    CHECK_EQ(deadline_after_ns(DAY_NS, INT64_MAX), ENL_FOREVER);
    CHECK_EQ(deadline_after_ns(DAY_NS, INT64_MAX - DAY_NS), ENL_FOREVER);
    CHECK_EQ(deadline_after_ns(DAY_NS, INT64_MAX - DAY_NS - 1), INT64_MAX - 1);
    CHECK_EQ(deadline_after_ns(INT64_MAX, 1), ENL_FOREVER);
    CHECK_EQ(deadline_after_ms(DAY_NS, INT64_MAX), ENL_FOREVER);
    CHECK_EQ(deadline_after_ms(0, INT64_MAX / 1000000 + 1), ENL_FOREVER);
    CHECK_EQ(deadline_after_ms(0, INT64_MAX / 1000000), INT64_MAX / 1000000 * 1000000);
    CHECK_EQ(deadline_after_ms(DAY_NS, INT64_MAX / 1000000), ENL_FOREVER);
}

TEST(what_is_left_is_never_negative)
{
    CHECK_EQ(deadline_left_ns(DAY_NS + 5, DAY_NS), 5);
    CHECK_EQ(deadline_left_ns(DAY_NS, DAY_NS), 0);
    CHECK_EQ(deadline_left_ns(DAY_NS - 1, DAY_NS), 0);
    CHECK_EQ(deadline_left_ns(ENL_NOW, DAY_NS), 0);
    CHECK_EQ(deadline_left_ns(ENL_NOW, 0), 0);
    CHECK_EQ(deadline_left_ns(-1, 0), 0);
    CHECK_EQ(deadline_left_ns(INT64_MIN, INT64_MAX), 0);
    CHECK_EQ(deadline_left_ns(ENL_FOREVER, DAY_NS), INT64_MAX);
    CHECK_EQ(deadline_left_ns(ENL_FOREVER, INT64_MAX), INT64_MAX);
}

TEST(a_duration_is_split_into_seconds_and_nanoseconds)
{
    struct timespec t = deadline_timespec(0);

    CHECK_EQ(t.tv_sec, 0);
    CHECK_EQ(t.tv_nsec, 0);
    t = deadline_timespec(1999999999);
    CHECK_EQ(t.tv_sec, 1);
    CHECK_EQ(t.tv_nsec, 999999999);
    t = deadline_timespec(DAY_NS);
    CHECK_EQ(t.tv_sec, 86400);
    CHECK_EQ(t.tv_nsec, 0);
}

/* The kernel refuses a timespec past its range; the longest duration must come out as one that it takes. */
TEST(the_longest_duration_fits_a_timespec)
{
    struct timespec t = deadline_timespec(INT64_MAX);

    CHECK_EQ(t.tv_sec, INT64_C(9223372036));
    CHECK_EQ(t.tv_nsec, 854775807);
}
