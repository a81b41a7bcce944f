/* SPDX-License-Identifier: MIT */
/* Counts allocations. The programs of the suite are linked with --wrap for each of the calls, so
 * that those of the library, which is part of the program, are seen; libc's own are not. */
#ifndef CONFORMANCE_ALLOCATION_H
#define CONFORMANCE_ALLOCATION_H

/* How often memory was allocated or mapped, by any thread, since the last start. */
void allocation_count_start(void);
unsigned allocation_count(void);

#endif
