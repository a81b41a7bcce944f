/* SPDX-License-Identifier: MIT */
/* Memory that grows without being copied: small from malloc, large from the system, in huge pages where it has them. */
#ifndef KERNEL_BUFFER_H
#define KERNEL_BUFFER_H

#include <stddef.h>

struct buffer {
    char *bytes;
    size_t room;
};

/* Makes room for at least so many bytes, twice as much as there was if that is more; what is in it stays. -ENOMEM. */
int buffer_grow(struct buffer *b, size_t room);
/* Gives back what is not used of it. */
void buffer_trim(struct buffer *b, size_t used);
void buffer_free(struct buffer *b);

#endif
