/* SPDX-License-Identifier: MIT */
/* Several messages of a channel in one call. Those of one size that follow each other go behind one word, in a pack: small
 * ones take half of the memory then, which is what moves between the two processors. */
#include "link/channel.h"

#include <errno.h>

#define PACK_MOST 64u /* messages */
#define PACK_SHARE                                                                                 \
    16u /* of the ring at most: its space comes back when the last of them is received */

/* How many messages from the first one on go into a pack. */
static uint32_t run_of(const struct channel *c, const struct enl_message m[], size_t count)
{
    uint32_t units = lane_stride((uint32_t)m->size) / LANE_UNIT, run = 0, most;

    if (units == 0)
        return 1;
    most = c->out.units / PACK_SHARE / units;
    if (most > PACK_MOST)
        most = PACK_MOST;
    if (count < most)
        most = (uint32_t)count;
    while (run < most && m[run].size == m->size && m[run].fd_count == 0)
        run++;
    return run;
}

/* How many of them are in the lane now, or why there is no room for the first one. */
static ssize_t append_some(struct enl_link *l, struct channel *c, const struct enl_message m[],
                           size_t count)
{
    uint32_t size = (uint32_t)m->size, run = run_of(c, m, count);
    unsigned char *data;
    ssize_t sent;

    while (run > 1 && lane_pack(&c->out, size, run, &data) < 0)
        run /= 2;
    if (run <= 1) {
        sent = channel_append(l, c, m);
        return sent < 0 ? sent : 1;
    }
    if (size == LANE_UNIT)
        for (uint32_t i = 0; i < run; i++, data += LANE_UNIT)
            memcpy(data, m[i].data, LANE_UNIT);
    else
        for (uint32_t i = 0; i < run; i++, data += lane_stride(size))
            lane_copy_in(data, m[i].data, size);
    lane_pack_commit(&c->out, size, run);
    return run;
}

ssize_t channel_send_many(struct enl_link *l, const struct enl_message m[], size_t count,
                          bool may_block)
{
    struct channel *c = channel_of(l);
    size_t sent = 0;
    ssize_t r = 0;
    int result;

    (void)may_block;
    if (!channel_may(c->send_process)) {
        result = channel_prepare_send(l, false);
        if (result < 0)
            return result;
    }
    if (count == 0)
        return 0;
    do {
        for (; sent < count && r >= 0; sent += r > 0 ? (size_t)r : 0)
            r = append_some(l, c, &m[sent], count - sent);
        if (sent == 0)
            channel_settle_empty(l, c);
    } while (sent == 0 && r == -EAGAIN && channel_room_came(c) && (r = 0) == 0);
    if (sent == 0)
        return r;
    lane_publish(&c->out);
    result = channel_tell_all(l, c);
    return result < 0 ? result : (ssize_t)sent;
}

/* The others of several. What would be an error is left to the next call. */
ssize_t channel_receive_many(struct enl_link *l, struct enl_message m[], size_t count)
{
    struct channel *c = channel_of(l);
    struct lane_record record = {.data = NULL};
    size_t received = 0;

    while (received < count) {
        struct enl_message *to = &m[received];
        int found = lane_next_plain(&c->in, &record) ? 1 : lane_next(&c->in, &record);

        if (found == 0 && lane_extend(&c->in) == 1)
            continue;
        if (found != 1 || record.extra > 0 ||
            (record.size > to->capacity && (to->flags & ENL_TRUNCATE) == 0))
            break;
        to->size = record.size < to->capacity ? record.size : to->capacity;
        to->full_size = record.size;
        to->flags |= to->size < record.size ? ENL_TRUNCATED : 0;
        lane_copy_out(to->data, record.data, to->size);
        lane_advance(&c->in, record.end);
        received++;
    }
    if (received > 0) {
        lane_pass_skips(&c->in);
        lane_publish_head(&c->in);
        channel_tell_space(c);
        channel_settle(l, c);
    }
    return (ssize_t)received;
}
