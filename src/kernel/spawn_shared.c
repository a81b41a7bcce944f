/* SPDX-License-Identifier: MIT */
/* A child shares its parent's memory until it executes: nothing is copied. */
#include "kernel/spawn.h"

const bool spawn_shares_memory = true;
