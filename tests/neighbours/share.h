/* SPDX-License-Identifier: MIT */
/* Several builds of the library share locks in one region. */
#ifndef SHARE_H
#define SHARE_H

#include <stdint.h>

/* One of `parties` processes that meet at the region's address, count so many rounds under its locks, and find the
 * sum at the end. `deaths` of them die with the mutex, as one that `dies` does; each death is told to exactly one of the
 * others. The status. */
int share(const char *address, uint32_t rounds, uint32_t parties, uint32_t deaths, int dies);

#endif
