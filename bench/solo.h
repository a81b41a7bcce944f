/* SPDX-License-Identifier: MIT */
/* A duel of ways that are the work of one process: slices that alternate, as in a duel of two, without a floor. */
#ifndef BENCH_SOLO_H
#define BENCH_SOLO_H

#include "duel.h"

/* Both ways of the duel have `work`. What happened is in *result; a message is a piece of work. */
void solo_run(const struct duel *d, const struct duel_limits *limits, struct duel_result *result);

#endif
