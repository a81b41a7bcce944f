/* SPDX-License-Identifier: MIT */
/* The content of the messages, four words at a time so that it costs little beside their
 * transport. */
#include "payload.h"

#include <string.h>

typedef uint64_t words __attribute__((vector_size(32)));

#define STEP 0x9e3779b97f4a7c15u /* odd, so that the words of a message differ */

static uint64_t words_sum(const words *w)
{
    return (*w)[0] + (*w)[1] + (*w)[2] + (*w)[3];
}

uint64_t payload_write(void *data, size_t size, uint64_t head)
{
    const words step = {4 * STEP, 4 * STEP, 4 * STEP, 4 * STEP};
    words next = {head, head + STEP, head + 2 * STEP, head + 3 * STEP};
    words sum = {0, 0, 0, 0};
    unsigned char *at = data;
    uint64_t total;

    for (; size >= sizeof next; size -= sizeof next, at += sizeof next) {
        memcpy(at, &next, sizeof next);
        sum += next;
        next += step;
    }
    total = words_sum(&sum);
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t word = next[i];

        memcpy(at + 8 * i, &word, sizeof word);
        total += word;
    }
    return total;
}

uint64_t payload_read(const void *data, size_t size, uint64_t *ret_head)
{
    const unsigned char *at = data;
    words sum = {0, 0, 0, 0}, next;
    uint64_t total, word;

    memcpy(ret_head, data, sizeof *ret_head);
    for (; size >= sizeof next; size -= sizeof next, at += sizeof next) {
        memcpy(&next, at, sizeof next);
        sum += next;
    }
    total = words_sum(&sum);
    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        total += word;
    }
    return total;
}
