/* SPDX-License-Identifier: MIT */
/* Waiting for a semaphore of the libc for a while, whatever somebody does to the clock of the day meanwhile. */
#ifndef KERNEL_POSIXSEM_SLEEP_H
#define KERNEL_POSIXSEM_SLEEP_H

#include <semaphore.h>
#include <stdint.h>

/* 0: taken; -ETIMEDOUT, -EINTR. */
int posixsem_sleep(sem_t *semaphore, int64_t ns);

#endif
