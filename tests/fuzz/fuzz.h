/* SPDX-License-Identifier: MIT */
/* What a fuzz target is made of: one function that is given any bytes, and what must then hold. */
#ifndef FUZZ_H
#define FUZZ_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Defined by each target, called by libFuzzer or by sample.c; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process where the condition does not hold; the driver then shows the input. */
#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

static inline _Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
    abort();
}

/* Which of the first descriptors are open, a bit each, in one system call. */
static inline uint64_t open_descriptors(void)
{
    struct pollfd fds[64];
    uint64_t open = 0;

    for (int i = 0; i < 64; i++)
        fds[i] = (struct pollfd){.fd = i};
    REQUIRE(poll(fds, 64, 0) >= 0);
    for (int i = 0; i < 64; i++)
        if (!(fds[i].revents & POLLNVAL))
            open |= UINT64_C(1) << i;
    return open;
}

#endif
