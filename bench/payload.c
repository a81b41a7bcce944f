/* SPDX-License-Identifier: MIT */
/* The content of the messages, in registers of two words so that it costs little beside their transport: what is stored and
 * then read as something longer would have to wait for the stores, and so for the other process's memory. */
#include "payload.h"

#include <string.h>

typedef uint64_t pair __attribute__((vector_size(16)));

#define STEP 0x9e3779b97f4a7c15u /* odd, so that the words of a message differ */
#define BLOCK (4 * sizeof(pair))
/* No function: without vector registers a call would give such a value back in another way than with them. */
#define BOTH(word) ((pair){(word), (word)})

uint64_t payload_write(void *data, size_t size, uint64_t head)
{
    unsigned char *at = data;
    pair next = {head, head + STEP}, sum = {0, 0}, sum2 = {0, 0};
    uint64_t total, word;

    for (; size >= BLOCK; size -= BLOCK, at += BLOCK) {
        pair next2 = next + BOTH(2 * STEP), next3 = next + BOTH(4 * STEP),
             next4 = next + BOTH(6 * STEP);

        memcpy(at, &next, sizeof next);
        memcpy(at + sizeof next, &next2, sizeof next);
        memcpy(at + 2 * sizeof next, &next3, sizeof next);
        memcpy(at + 3 * sizeof next, &next4, sizeof next);
        sum += next + next2;
        sum2 += next3 + next4;
        next += BOTH(8 * STEP);
    }
    sum += sum2;
    total = sum[0] + sum[1];
    word = next[0];
    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(at, &word, sizeof word);
        total += word;
        word += STEP;
    }
    return total;
}

uint64_t payload_read(const void *data, size_t size, uint64_t *ret_head)
{
    const unsigned char *at = data;
    pair sum = {0, 0}, sum2 = {0, 0}, next[4];
    uint64_t total, word;

    memcpy(ret_head, data, sizeof *ret_head);
    for (; size >= BLOCK; size -= BLOCK, at += BLOCK) {
        memcpy(&next[0], at, sizeof next[0]);
        memcpy(&next[1], at + sizeof next[0], sizeof next[0]);
        memcpy(&next[2], at + 2 * sizeof next[0], sizeof next[0]);
        memcpy(&next[3], at + 3 * sizeof next[0], sizeof next[0]);
        sum += next[0] + next[1];
        sum2 += next[2] + next[3];
    }
    sum += sum2;
    total = sum[0] + sum[1];
    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        total += word;
    }
    return total;
}
