/* SPDX-License-Identifier: MIT */
/* Sleeping on a 32-bit word that processes share, and waking who sleeps there.
 *
 * An interrupt has no window: with one thread the kernel reads a timeout that the handler spoils (interrupt_arm()),
 * with several the sleep is on two words, the second being `raised` (futex_waitv); where the kernel cannot do
 * that (before 5.16) the sleep is cut into slices of 50 ms. */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include <enlace/deadline.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct interrupt;

/* A sleep with ENL_FOREVER costs no timer, which is a tenth of a round trip on one CPU.
 *
 * Sleeps while the word holds `expected`: 0 if it was woken, the word differs, or for no reason: look again.
 * -ETIMEDOUT (at once for ENL_NOW), -ECANCELED if `who` (NULL: nobody can) is raised. No texts. */
int futex_wait(_Atomic uint32_t *word, uint32_t expected, enl_deadline until,
               struct interrupt *who);

/* Wakes at most `count` sleepers, in the order in which they came: how many there were. */
int futex_wake(_Atomic uint32_t *word, int count);

/* Adds to the word and wakes at most `count` sleepers in one step, between whose halves nobody can die: how many there
 * were. add is 1 to FUTEX_ADD_MOST, and the word's highest bit is set, or nothing sleeps there. */
#define FUTEX_ADD_MOST 2047
int futex_add_and_wake(_Atomic uint32_t *word, uint32_t add, int count);

/* Tests take the sleep on two words away. */
void futex_pretend_old_kernel(bool old);

#endif
