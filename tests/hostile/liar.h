/* SPDX-License-Identifier: MIT */
/* A peer that meets like an honest one, and then writes into its own segment and its own socket whatever it likes. */
#ifndef HOSTILE_LIAR_H
#define HOSTILE_LIAR_H

#include <stddef.h>
#include <stdint.h>

struct enl_link;
struct channel_header;

/* What one link of this process lets it lie with: found in /proc, so that the library has no part in it. */
struct liar {
    struct channel_header *header; /* writable */
    uint32_t *ring;
    size_t ring_words;
    int socket_fd;
    uint64_t state;      /* of the random numbers */
    uint32_t tail, head; /* as they were when the lies began */
};

uint64_t liar_random(struct liar *liar);
/* Of the one link that this process has. */
void liar_begin(struct liar *liar, uint64_t seed);
/* One word, in a place and with a value that are likely to matter. */
void liar_lie(struct liar *liar);
/* Something over the socket; never waits. */
void liar_say(struct liar *liar);

#endif
