/* SPDX-License-Identifier: MIT */
/* Messages on byte streams: what a link's framing is made of. Receiving is in framing_receive.c, sending in
 * framing_send.c. */
#include "link/framing.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/memory.h"
#include "kernel/pipe.h"
#include "link/framing_buffer.h"
#include "link/link.h"

#include <errno.h>

#define SEND_ROOM                                                                                  \
    65536u /* of the out buffer, beside the largest message, if no larger batch is asked for */

const char *const framing_words[] = {
    [FRAME_U32] = "u32", [FRAME_LINE] = "line", [FRAME_RAW] = "raw", [FRAME_RAW + 1] = NULL};

int framing_describe(const struct address *a, bool atomic, struct enl_caps *caps)
{
    enum frame frame = (enum frame)address_value(a, "frame");
    uint64_t message = address_value(a, "message");
    uint64_t most = PIPE_ATOMIC - framing_overhead(frame);

    if (frame == FRAME_RAW)
        caps->can &= ~(ENL_CAN_BOUNDARIES | ENL_CAN_EMPTY | ENL_CAN_BATCH);
    if (frame == FRAME_LINE)
        caps->can &= ~ENL_CAN_SEND_FILE; /* it has to be looked through for newlines */
    if (frame == FRAME_RAW && address_value(a, "batch") > 0)
        return error_set(-EINVAL, "batch= needs messages: not together with frame=raw");
    if (atomic && address_given(a, "message") && message > most)
        return error_set(-EINVAL,
                         "message=%llu: above %llu bytes the writes of several senders are torn; "
                         "writers=one allows it",
                         (unsigned long long)message, (unsigned long long)most);
    if (atomic && address_value(a, "batch") > PIPE_ATOMIC)
        return error_set(-EINVAL,
                         "batch=%llu: above %u bytes the writes of several senders are torn; "
                         "writers=one allows it",
                         (unsigned long long)address_value(a, "batch"), PIPE_ATOMIC);
    caps->largest_message = atomic && message > most ? most : message;
    return 0;
}

void framing_init(struct enl_link *l, const struct framing_bytes *bytes, const struct address *a,
                  bool atomic)
{
    struct framing *f = &l->framing;
    enum frame frame = (enum frame)address_value(a, "frame");
    size_t largest = (size_t)address_value(a, "message");
    size_t batch = (size_t)address_value(a, "batch");

    *f = (struct framing){
        .bytes = bytes,
        .frame = frame,
        .largest = largest,
        .batch = batch,
        .atomic = atomic,
        .in_size = largest + FRAMING_HEAD > FRAMING_READ_AHEAD ? largest + FRAMING_HEAD
                                                               : FRAMING_READ_AHEAD,
        .out_size = largest + FRAMING_HEAD + (batch > SEND_ROOM ? batch : SEND_ROOM),
        .out_busy = ATOMIC_FLAG_INIT,
    };
    l->batches = batch > 0;
}

int framing_buffer_make(struct framing_buffer **buffer, size_t size)
{
    void *memory;
    int result;

    if (*buffer != NULL)
        return 0;
    result = memory_create(sizeof **buffer + size, &memory);
    if (result == 0)
        *buffer = memory;
    return result;
}

void framing_fini(struct enl_link *l)
{
    struct framing *f = &l->framing;

    if (f->bytes == NULL)
        return;
    framing_last_flush(l);
    for (unsigned i = 0; i < f->fds.count; i++)
        descriptor_close(f->fds.fds[i]);
    memory_close(f->in, sizeof *f->in + f->in_size);
    memory_close(f->out, sizeof *f->out + f->out_size);
    f->in = f->out = NULL;
}
