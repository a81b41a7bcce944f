/* SPDX-License-Identifier: MIT */
/* The capabilities of a link in words. */
#ifndef TOOL_CAPABILITY_H
#define TOOL_CAPABILITY_H

#include <enlace/capability.h>
#include <stddef.h>
#include <stdint.h>

/* One row of what can be asked about a link, in the order in which it is shown. */
struct capability {
    const char *group; /* what it is about, the same for neighbours */
    uint32_t bit;      /* ENL_CAN_... */
    const char *can;   /* what it means if the link can */
    const char *cannot;
};

/* Row number index, or NULL past the last. */
const struct capability *capability_row(size_t index);

/* One bit of ENL_MEET_..., by number, in the order in which they are shown; NULL past the last. */
struct capability_meet {
    uint32_t bit;
    const char *name;
    const char *words;
};
const struct capability_meet *capability_meet(size_t index);

/* A number of participants: "1" or "many". out has QUANTITY_SIZE bytes. */
const char *capability_participants(char *out, uint32_t count);

/* A number of bytes, or "-" if it cannot be known. */
const char *capability_bytes(char *out, uint64_t bytes);

const char *capability_reach(uint32_t reach);
const char *capability_reach_words(uint32_t reach);

#endif
