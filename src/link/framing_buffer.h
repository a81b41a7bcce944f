/* SPDX-License-Identifier: MIT */
/* The buffers and the frames of framing.h, for the files that fill and read them. */
#ifndef LINK_FRAMING_BUFFER_H
#define LINK_FRAMING_BUFFER_H

#include "link/framing.h"

#define FRAMING_HEAD 4u /* bytes of size before a message of frame=u32 */

static inline size_t framing_overhead(enum frame frame)
{
    return frame == FRAME_U32 ? FRAMING_HEAD : frame == FRAME_LINE ? 1 : 0;
}

/* Bytes that wait in a buffer; none before its first use. */
static inline size_t framing_waiting(const struct framing_buffer *buffer)
{
    return buffer == NULL ? 0 : buffer->end - buffer->begin;
}

/* Sends what is left if that needs no waiting. */
void framing_last_flush(struct enl_link *l);

/* At a buffer's first use. */
int framing_buffer_make(struct framing_buffer **buffer, size_t size);

#endif
