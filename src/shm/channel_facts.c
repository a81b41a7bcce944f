/* SPDX-License-Identifier: MIT */
/* Looking at channels from outside. */
#include "shm/channel_facts.h"

#include "kernel/descriptor.h"
#include "kernel/memory_files.h"
#include "kernel/pidfd.h"
#include "kernel/sealed.h"

#include <string.h>

static struct channel_facts *facts_of(void *header)
{
    return (void *)((char *)header + CHANNEL_FACTS_AT);
}

void channel_facts_write(void *header, const char *name)
{
    struct channel_facts *facts = facts_of(header);
    size_t size = strnlen(name, CHANNEL_NAME_SIZE - 1);

    facts->pid = (uint32_t)pidfd_own_number();
    memcpy(facts->name, name, size);
    facts->name[size] = '\0';
}

void channel_facts_write_peer(void *header, uint32_t peer_pid, uint64_t peer_segment)
{
    facts_of(header)->peer_pid = peer_pid;
    facts_of(header)->peer_segment = peer_segment;
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
