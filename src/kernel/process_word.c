/* SPDX-License-Identifier: MIT */
/* A number by which memory knows whether it is still in the process that it was made in. */
#include "kernel/process_word.h"

#include "kernel/memory.h"

#include <stddef.h>

#define PAGE 4096

_Atomic(uint32_t) *_Atomic process_word;
/* What a forked child has of it is its parent's number. A global, as above. */
static atomic_uint last_number;

static int make(_Atomic(uint32_t) **ret_word)
{
    _Atomic(uint32_t) *none = NULL;
    void *memory;
    int result = memory_create(PAGE, &memory);

    if (result < 0)
        return result;
    *ret_word = memory;
    /* of two threads one is first; acquire: its page is there */
    if (!atomic_compare_exchange_strong_explicit(&process_word, &none, *ret_word,
                                                 memory_order_acq_rel, memory_order_acquire)) {
        memory_close(memory, PAGE);
        *ret_word = none;
    }
    return 0;
}

int process_word_get(uint32_t *ret_number)
{
    _Atomic(uint32_t) *word = atomic_load_explicit(&process_word, memory_order_acquire);
    int result = word != NULL ? 0 : make(&word);
    uint32_t number, zero = 0;

    if (result < 0)
        return result;
    number = atomic_load_explicit(word, memory_order_relaxed);
    if (number == 0) {
        number = atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;
        if (!atomic_compare_exchange_strong_explicit(word, &zero, number, memory_order_relaxed,
                                                     memory_order_relaxed))
            number = zero;
    }
    *ret_number = number;
    return 0;
}
