/* SPDX-License-Identifier: MIT */
/* Proof of memory.c. */
#include "kernel/memory.h"

#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <string.h>

static void look(void *memory)
{
    CHECK_EQ(*(char *)memory, 0);
}

TEST(a_buffer_is_empty_in_a_forked_child)
{
    void *memory;

    if (test_is_emulated())
        SKIP("the emulator does not wipe memory at a fork");
    CHECK_OK(memory_create(10000, &memory));
    memset(memory, 'x', 10000);
    test_join(test_child(look, memory));
    CHECK_EQ(*(char *)memory, 'x');
    memory_close(memory, 10000);
}

TEST(too_large_a_buffer_is_an_error_that_names_its_size)
{
    void *memory;

    CHECK_EQ(memory_create(SIZE_MAX & ~(size_t)4095, &memory), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "message=");
    memory_close(NULL, 10);
}
