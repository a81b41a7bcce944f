/* SPDX-License-Identifier: MIT */
/* Numbers with units: read from the command line, and printed for people. */
#ifndef TOOL_QUANTITY_H
#define TOOL_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUANTITY_SIZE 32 /* room for every printed one */

/* False if the text is anything else than one such number in range. */
bool quantity_parse_count(const char *text, uint64_t most, uint64_t *ret_count);
/* "4096", "64k", "1M", "2G": bytes, as in addresses. */
bool quantity_parse_size(const char *text, uint64_t *ret_bytes);
bool quantity_parse_integer(const char *text, int64_t *ret_integer);
/* "500ms", "1.5s", "2m"; units ns, us, ms, s, m, h; without one it is seconds. */
bool quantity_parse_duration(const char *text, int64_t *ret_ns);

/* Each writes at most QUANTITY_SIZE bytes and returns out. */
const char *quantity_bytes(char *out,
                           uint64_t bytes); /* "64 KiB" where that is exact, else "65543 B" */
const char *quantity_duration(char *out, double ns);               /* "4.1 us" */
const char *quantity_rate(char *out, double a_second);             /* "1.24 M/s" */
const char *quantity_throughput(char *out, double bytes_a_second); /* "3.1 GB/s" */

#endif
