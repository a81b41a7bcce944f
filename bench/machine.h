/* SPDX-License-Identifier: MIT */
/* The machine on which a run was made, as far as its figures depend on it; nothing that names
 * it. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct machine {
    char cpu[128];
    char kernel[96]; /* its release and the architecture */
    int cores;
    int cpus[2]; /* of "split" */
    char date[32];
    bool virtual_cpus;
    bool raised; /* place_raise_session() */
    /* machine_finish(): of the time of all CPUs since machine_start(), in percent */
    double others; /* used by other processes */
    double stolen; /* given to other virtual machines */
    uint64_t start_ns, start_busy, start_stolen;
};

void machine_start(struct machine *ret_machine);
void machine_finish(struct machine *m);

#endif
