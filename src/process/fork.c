/* SPDX-License-Identifier: MIT */
/* enl_fork: a function in a copy of this process. */
#include "kernel/fork.h"

#include "base/error.h"
#include "kernel/streams.h"
#include "link/link.h"
#include "process/children.h"
#include "process/exit.h"
#include "process/give.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_FLAGS (ENL_SPAWN_SESSION | ENL_SPAWN_GROUP | ENL_SPAWN_DIES_WITH_PARENT)

/* What the child has from its parent. */
struct inheritance {
    const struct enl_fork *how;
    const struct gifts *gifts;
    struct streams_hold streams;
};

static int be_child(void *argument)
{
    const struct inheritance *from = argument;
    int status;

    streams_in_child(&from->streams);
    link_refuse_all();
    inherit_from(from->gifts->text + sizeof GIVE_VARIABLE);
    status = from->how->run(from->how->argument);
    exit_run_handlers();
    streams_flush();
    return status & 0xff;
}

static int check(const struct enl_fork *how, struct enl_child **ret_child)
{
    if (how == NULL || how->run == NULL || ret_child == NULL)
        return error_set(-EINVAL, "enl_fork needs a function to run, and room for the child");
    if ((how->flags & ~KNOWN_FLAGS) != 0)
        return error_set(-EINVAL, "enl_fork does not know the flags %#x",
                         (unsigned)(how->flags & ~KNOWN_FLAGS));
    if (how->give_count > 0 && how->give == NULL)
        return error_set(-EINVAL, "enl_fork has a count without its list");
    return 0;
}

static int start(const struct enl_fork *how, const struct gifts *gifts, struct enl_child *c)
{
    struct inheritance inheritance = {.how = how, .gifts = gifts};
    struct fork_plan plan = {
        .moves = gifts->moves,
        .move_count = gifts->count,
        .tie_fd = -1,
        .new_session = (how->flags & ENL_SPAWN_SESSION) != 0,
        .new_group = (how->flags & (ENL_SPAWN_GROUP | ENL_SPAWN_SESSION)) == ENL_SPAWN_GROUP,
        .run = be_child,
        .argument = &inheritance,
    };
    struct spawned s;
    int result;

    if ((how->flags & ENL_SPAWN_DIES_WITH_PARENT) != 0) {
        result = tie_create(&c->tie);
        if (result < 0)
            return error_set(result, "cannot tie a child to this process: %s", strerror(-result));
        c->tied = true;
        plan.tie_fd = c->tie.fd;
    }
    streams_before_fork(&inheritance.streams);
    tie_keep_at_fork(c->tied ? &c->tie : NULL);
    result = fork_start(&plan, &s);
    tie_keep_at_fork(NULL);
    streams_in_parent(&inheritance.streams);
    if (result < 0)
        return error_set(result, "cannot fork: %s%s", strerror(-result),
                         s.step == SPAWN_DESCRIPTORS ? " (giving it its descriptors)" : "");
    c->pidfd = s.pidfd;
    c->pid = s.pid;
    c->own_group = plan.new_session || plan.new_group;
    return 0;
}

int enl_fork(const struct enl_fork *how, struct enl_child **ret_child)
{
    struct enl_child *c = NULL;
    struct gifts *gifts = NULL;
    int result = check(how, ret_child);

    if (result < 0)
        return result;
    children_sweep();
    gifts = malloc(sizeof *gifts);
    result = gifts == NULL ? error_set(-ENOMEM, "no memory to fork") : children_create(&c);
    if (result == 0)
        result = give_prepare(how->give, how->give_count, gifts);
    if (result == 0)
        result = start(how, gifts, c);
    free(gifts);
    if (result < 0) {
        if (c != NULL)
            children_destroy(c);
        return result;
    }
    children_add(c);
    *ret_child = c;
    return 0;
}
