/* SPDX-License-Identifier: MIT */
/* A number by which memory knows whether it is still in the process that it was made in: a look at one word, where
 * asking for the process's id would cost a call. */
#ifndef KERNEL_PROCESS_WORD_H
#define KERNEL_PROCESS_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* On a page of its own that the kernel wipes in a forked child. NULL before the first process_word_get(). A
 * global, because it is the process's. */
extern _Atomic(uint32_t) *_Atomic process_word;

/* This process's number, never 0; another one than its parent's and those of the parent's other children. -ENOMEM with a
 * text. */
int process_word_get(uint32_t *ret_number);

static inline bool process_word_is(uint32_t number)
{
    /* who has a number has made the page; written by this process alone, before it made what is asked about */
    const _Atomic(uint32_t) *word = atomic_load_explicit(&process_word, memory_order_acquire);

    return word != NULL && atomic_load_explicit(word, memory_order_relaxed) == number;
}

#endif
