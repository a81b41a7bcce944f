/* SPDX-License-Identifier: MIT */
/* The verdict: medians of ratios against bars. */
#include "verdict.h"

#include <string.h>

double verdict_ratio(const struct row *row, const enum distance *distance, double q,
                     size_t *ret_pairs)
{
    static double ratios[DUEL_PAIRS_MAX];
    const struct duel_result *result = row->result;
    size_t count = 0;

    for (uint32_t i = 0; i < result->pair_count; i++)
        if (distance == NULL || result->pairs[i].distance == *distance)
            ratios[count++] = result->pairs[i].ratio;
    if (ret_pairs != NULL)
        *ret_pairs = count;
    return stat_quantile(ratios, count, q);
}

double verdict_mean(const struct tally *t)
{
    return t->messages == 0 ? 0 : (double)t->elapsed_ns / (double)t->messages;
}

/* Near and far together. */
static double mean_of(const struct tally tallies[2])
{
    struct tally all = {
        .messages = tallies[0].messages + tallies[1].messages,
        .elapsed_ns = tallies[0].elapsed_ns + tallies[1].elapsed_ns,
    };

    return verdict_mean(&all);
}

static void judge_times(struct verdict *v, const struct bar *bar, const struct row *row)
{
    const struct duel_result *result = row->result;

    if (result == NULL || result->error < 0 || result->pair_count == 0 || result->mismatches > 0)
        return;
    v->judged = true;
    v->subject = mean_of(result->tallies[0]);
    v->reference = mean_of(result->tallies[1]);
    v->ratio = verdict_ratio(row, NULL, 0.5, NULL);
    v->p10 = verdict_ratio(row, NULL, 0.1, NULL);
    v->p90 = verdict_ratio(row, NULL, 0.9, NULL);
    if (bar->better == BETTER_HIGHER) {
        double quickest = v->p10;

        v->ratio = 1 / v->ratio;
        v->p10 = 1 / v->p90;
        v->p90 = 1 / quickest;
    }
}

static void judge_calls(struct verdict *v, const struct call_row *row)
{
    if (!row->done)
        return;
    v->judged = true;
    v->subject = row->calls[0].each;
    v->reference = row->calls[1].each;
    v->bar *= (v->reference + row->allowed) / v->reference;
    v->ratio = v->p10 = v->p90 = v->subject / v->reference;
}

void verdict_reach(const struct rows *rows, const struct bar *bar, struct verdict *ret_verdict)
{
    const struct row *row = rows_find(rows, bar->row);
    struct verdict v = {.bar = bar->bar};

    if (row != NULL)
        judge_times(&v, bar, row);
    else
        judge_calls(&v, rows_find_calls(rows, bar->row));
    v.held = v.judged && (bar->better == BETTER_LOWER ? v.ratio <= v.bar : v.ratio >= v.bar);
    *ret_verdict = v;
}
