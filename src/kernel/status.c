/* SPDX-License-Identifier: MIT */
/* Single lines of the kernel's files about processes and descriptors. */
#include "kernel/status.h"

#include "kernel/descriptor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_MOST 64 /* of the lines of interest; others are longer, and cut */

struct reader {
    int fd;
    char bytes[512];
    size_t used, have;
};

/* The next byte, or -1 at the end. */
static int next_byte(struct reader *r)
{
    if (r->used == r->have) {
        ssize_t size;

        do
            size = descriptor_read(r->fd, r->bytes, sizeof r->bytes);
        while (size == -EINTR);
        if (size <= 0)
            return -1;
        r->used = 0;
        r->have = (size_t)size;
    }
    return (unsigned char)r->bytes[r->used++];
}

/* Finds the line, however long those before it are; what stands behind the key goes to rest. */
static int find(int fd, const char *key, char rest[LINE_MOST])
{
    struct reader r = {.fd = fd};
    char line[LINE_MOST];
    size_t size = 0;
    int byte;

    while ((byte = next_byte(&r)) >= 0) {
        if (byte != '\n') {
            if (size < sizeof line - 1)
                line[size++] = (char)byte;
            continue;
        }
        line[size] = '\0';
        if (strncmp(line, key, strlen(key)) == 0) {
            (void)snprintf(rest, LINE_MOST, "%s", line + strlen(key));
            return 0;
        }
        size = 0;
    }
    return -ENOENT;
}

int status_bits(int fd, const char *key, uint64_t *ret_bits)
{
    char rest[LINE_MOST];
    int result = find(fd, key, rest);

    if (result == 0 && sscanf(rest, "%" SCNx64, ret_bits) != 1)
        result = -ENOENT;
    return result;
}

int status_number(int fd, const char *key, int64_t *ret_number)
{
    char rest[LINE_MOST];
    int result = find(fd, key, rest);

    if (result == 0 && sscanf(rest, "%" SCNd64, ret_number) != 1)
        result = -ENOENT;
    return result;
}
