/* SPDX-License-Identifier: MIT */
/* The content of the messages: every byte is written by the sender and read by the receiver. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* Fills size bytes (a multiple of 8, at least 8) that begin with head and are all derived from
 * it, and gives their checksum. */
uint64_t payload_write(void *data, size_t size, uint64_t head);

/* The checksum of size bytes as they are, and the head that they begin with. */
uint64_t payload_read(const void *data, size_t size, uint64_t *ret_head);

/* Adds the checksum of the next message: loss, doubling and a change of order show in the total. */
static inline uint64_t payload_total(uint64_t total, uint64_t checksum)
{
    return total * 31 + checksum;
}

#endif
