/* SPDX-License-Identifier: MIT */
/* For builds with a sanitizer, which keeps books on each thread's memory: a child is a copy until it executes. */
#include "kernel/spawn.h"

const bool spawn_shares_memory = false;
