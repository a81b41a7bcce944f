/* SPDX-License-Identifier: MIT */
/* Proof that quantiles are those of the numbers given, to within what a histogram keeps. */
#include "runner/test.h"
#include "stat.h"

#include <math.h>

#define KEPT 0.008 /* of a value: half a slot */

static bool near(double value, double wanted)
{
    return fabs(value - wanted) <= wanted * KEPT + 1.0 / 16;
}

TEST(quantile_of_few_values_is_between_them)
{
    double values[] = {4, 1, 3, 2};

    CHECK(stat_quantile(values, 4, 0) == 1);
    CHECK(stat_quantile(values, 4, 1) == 4);
    CHECK(stat_quantile(values, 4, 0.5) == 2.5);
    CHECK(stat_quantile(values, 1, 0.9) == 1);
    CHECK(stat_quantile(values, 0, 0.5) == 0);
}

TEST(histogram_keeps_every_magnitude)
{
    static struct histogram h;
    double ns = 0.5;

    for (int i = 0; i < 80; i++) {
        histogram_clear(&h);
        histogram_add(&h, ns);
        CHECK(near(histogram_quantile(&h, 0.5), ns));
        CHECK(near(histogram_quantile(&h, 1), ns));
        ns *= 1.37;
    }
    CHECK(ns > 1e10);
}

TEST(histogram_tells_the_tail_from_the_middle)
{
    static struct histogram h;

    histogram_clear(&h);
    for (int i = 1; i <= 10000; i++)
        histogram_add(&h, i);
    CHECK_EQ(h.count, 10000);
    CHECK(near(histogram_quantile(&h, 0.5), 5000));
    CHECK(near(histogram_quantile(&h, 0.99), 9900));
    CHECK(near(histogram_quantile(&h, 0.999), 9990));
}

TEST(mean_leaves_the_slowest_out)
{
    static struct histogram h;

    histogram_clear(&h);
    for (int i = 0; i < 98; i++)
        histogram_add(&h, i < 49 ? 100 : 300);
    histogram_add(&h, 1e6);
    histogram_add(&h, 1e6);
    CHECK(near(histogram_mean(&h, 0.98), 200));
    CHECK(near(histogram_mean(&h, 1), (98 * 200 + 2e6) / 100));
}

TEST(histogram_without_values_says_zero)
{
    static struct histogram h;

    histogram_clear(&h);
    CHECK(histogram_quantile(&h, 0.5) == 0);
    CHECK(histogram_mean(&h, 0.98) == 0);
}

TEST(merged_histogram_holds_both)
{
    static struct histogram a, b;

    histogram_clear(&a);
    histogram_clear(&b);
    for (int i = 0; i < 60; i++)
        histogram_add(&a, 100);
    for (int i = 0; i < 40; i++)
        histogram_add(&b, 1000);
    histogram_merge(&a, &b);
    CHECK_EQ(a.count, 100);
    CHECK(near(histogram_quantile(&a, 0.5), 100));
    CHECK(near(histogram_quantile(&a, 0.7), 1000));
}
