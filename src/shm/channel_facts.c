/* SPDX-License-Identifier: MIT */
/* Looking at channels from outside. */
#include "shm/channel_facts.h"

#include "kernel/descriptor.h"
#include "kernel/memory_files.h"
#include "kernel/pidfd.h"
#include "kernel/sealed.h"

#include <string.h>

void channel_facts_write(void *header, const char *name, uint32_t peer_pid, int peer_segment_fd)
{
    struct channel_facts *facts = (void *)((char *)header + CHANNEL_FACTS_AT);
    struct descriptor_facts peer;
    size_t size = strnlen(name, CHANNEL_NAME_SIZE - 1);

    facts->pid = (uint32_t)pidfd_own_number();
    facts->peer_pid = peer_pid;
    if (peer_segment_fd >= 0 && descriptor_facts(peer_segment_fd, &peer) >= 0)
        facts->peer_segment = peer.inode;
    memcpy(facts->name, name, size);
    facts->name[size] = '\0';
}

struct looking {
    void (*seen)(void *argument, const struct channel_view *view);
    void *argument;
};

/* Read, not mapped: a file that its owner can still cut off would end who maps it. */
static void look(void *argument, const struct memory_file *file)
{
    const struct looking *l = argument;
    struct channel_view view = {.pid = file->pid, .segment = file->inode, .uid = file->uid};

    if (descriptor_read_at(file->fd, &view.header, sizeof view.header, 0) != sizeof view.header ||
        view.header.magic != CHANNEL_MAGIC ||
        descriptor_read_at(file->fd, &view.facts, sizeof view.facts, CHANNEL_FACTS_AT) !=
            sizeof view.facts)
        return;
    view.facts.name[CHANNEL_NAME_SIZE - 1] = '\0';
    l->seen(l->argument, &view);
}

int channel_facts_see(pid_t pid, void (*seen)(void *argument, const struct channel_view *view),
                      void *argument)
{
    struct looking l = {seen, argument};

    return memory_files_find(pid, SEALED_NAME, look, &l);
}
