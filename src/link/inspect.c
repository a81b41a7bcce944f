/* SPDX-License-Identifier: MIT */
/* enl_inspect_channels(): ends are found one by one, and then looked for once more, to tell each what the other one
 * has done. */
#include <enlace/inspect.h>

#include "base/error.h"
#include "shm/channel_facts.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct list {
    struct enl_channel_end *ends;
    size_t count; /* filled */
    size_t room;
    size_t found; /* may be more */
};

/* Of a copy that nobody else has. */
static uint32_t load(const _Atomic(uint32_t) *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static uint32_t flags_of(const struct channel_header *header)
{
    uint32_t ended = load(&header->ended);

    return ((load(&header->sleep) & CHANNEL_ASLEEP) != 0 ? ENL_END_WAITS_FOR_MESSAGE : 0u) |
           ((load(&header->space_sleep) & CHANNEL_ASLEEP) != 0 ? ENL_END_WAITS_FOR_SPACE : 0u) |
           ((ended & CHANNEL_SENDS_NO_MORE) != 0 ? ENL_END_SENDS_NO_MORE : 0u) |
           ((ended & CHANNEL_CLOSED) != 0 ? ENL_END_CLOSED : 0u);
}

static void fill(struct enl_channel_end *end, const struct channel_view *view)
{
    const struct channel_header *header = &view->header;

    memset(end, 0, sizeof *end);
    end->segment = view->segment;
    end->pid = view->pid;
    end->uid = view->uid;
    end->ring_bytes = end->largest_message = end->sent_messages = end->received_messages =
        end->sent_bytes = end->queued_messages = end->queued_bytes = end->sleeps = end->rings =
            ENL_UNKNOWN;
    _Static_assert(sizeof end->name == sizeof view->facts.name, "a name is as long as the other");
    memcpy(end->name, view->facts.name, sizeof end->name);
    if (header->version != CHANNEL_VERSION || header->layout != CHANNEL_LAYOUT) {
        end->flags = ENL_END_OTHER_VERSION;
        return;
    }
    end->peer_segment = view->facts.peer_segment;
    end->peer_pid = (int32_t)view->facts.peer_pid;
    end->flags = flags_of(header);
    end->ring_bytes = header->ring_bytes;
    end->largest_message = header->largest;
    end->sent_messages = load(&header->sent);
    end->received_messages = load(&header->received);
    end->sent_bytes = (uint64_t)load(&header->tail) * LANE_UNIT;
    end->sleeps = load(&header->sleep) / CHANNEL_SLEEP_STEP;
    end->rings = load(&header->rings);
}

static struct enl_channel_end *find(const struct list *l, uint64_t segment)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->ends[i].segment == segment)
            return &l->ends[i];
    return NULL;
}

/* A file that a forked child has inherited is that of the process which says so. */
static void add(void *argument, const struct channel_view *view)
{
    struct list *l = argument;
    struct enl_channel_end *known = find(l, view->segment);

    if (known != NULL) {
        if ((uint32_t)view->pid == view->facts.pid)
            fill(known, view);
        return;
    }
    l->found++;
    if (l->count < l->room)
        fill(&l->ends[l->count++], view);
}

/* Both counts run modulo 2^32; what makes no sense, because the two were read at different moments or one of
 * them lies, is nothing queued. */
static uint64_t between(uint64_t sent, uint64_t received)
{
    uint32_t there = (uint32_t)(sent - received);

    return there <= UINT32_MAX / 2 ? there : 0;
}

/* What an end has sent and the other one not received takes both to tell. */
static void join(void *argument, const struct channel_view *view)
{
    const struct list *l = argument;
    struct enl_channel_end *end = find(l, view->facts.peer_segment);

    if (end == NULL || (end->flags & ENL_END_OTHER_VERSION) != 0 ||
        (end->peer_segment != 0 && end->peer_segment != view->segment) ||
        view->header.version != CHANNEL_VERSION || view->header.layout != CHANNEL_LAYOUT)
        return;
    if (end->queued_messages != ENL_UNKNOWN && (uint32_t)view->pid != view->facts.pid)
        return;
    end->peer_segment = view->segment; /* also where it has not heard of the other one yet */
    end->queued_bytes = between(end->sent_bytes / LANE_UNIT, load(&view->header.head)) * LANE_UNIT;
    end->queued_messages = between(end->sent_messages, load(&view->header.received));
    end->peer_pid = view->pid;
}

ssize_t enl_inspect_channels(int32_t pid, struct enl_channel_end ret_ends[], size_t count)
{
    struct list l = {.ends = ret_ends, .room = count};
    int result;

    if (pid < 0 || (ret_ends == NULL && count > 0))
        return error_set(-EINVAL, "enl_inspect_channels needs a process and room for its ends");
    result = channel_facts_see(pid, add, &l);
    if (result >= 0 && l.count > 0)
        result = channel_facts_see(0, join, &l);
    if (result < 0)
        return result;
    return (ssize_t)l.found;
}
