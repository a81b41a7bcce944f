/* SPDX-License-Identifier: MIT */
/* What the tests of this folder do to children: scripts of the shell. */
#ifndef PROCESS_SHELL_TEST_H
#define PROCESS_SHELL_TEST_H

#include "kernel/signals.h"
#include "kernel/spawn.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <stdlib.h>

/* With TEST_OLD_KERNEL=1 all of a program's tests go without what old kernels lack. */
static inline unsigned old_kernel(void)
{
    return getenv("TEST_OLD_KERNEL") == NULL
               ? 0
               : SPAWN_WITHOUT_SHARING | SPAWN_WITHOUT_PIDFD | SPAWN_WITHOUT_CLOSE_RANGE;
}

__attribute__((constructor)) static void pretend_old_kernel(void)
{
    spawn_pretend(old_kernel());
    signal_pretend_old_kernel(old_kernel() != 0);
}

/* "sh -c script", with flags and gifts. */
static inline struct enl_child *start_shell(const char *script, uint32_t flags,
                                            const struct enl_give *give, size_t count)
{
    const char *const words[] = {"sh", "-c", script, NULL};
    struct enl_spawn how = {.argv = words, .flags = flags, .give = give, .give_count = count};
    struct enl_child *c;

    CHECK_OK(enl_spawn(&how, &c));
    return c;
}

static inline int collect(struct enl_child *c, enum enl_change change)
{
    struct enl_status status;

    CHECK_OK(enl_child_wait(c, test_until(), &status));
    CHECK_EQ(status.change, change);
    enl_child_close(c);
    return status.number;
}

/* Starts a shell that says a line when it is ready, and waits for that. */
static inline struct enl_child *start_ready(const char *script, uint32_t flags,
                                            struct enl_link **ret_out)
{
    struct enl_link *ends[2];
    struct enl_give give[] = {{.fd = 1}};
    struct enl_child *c;
    char text[64];

    CHECK_OK(enl_pair("pipe:?frame=line", ends));
    give[0].link = ends[1];
    c = start_shell(script, flags, give, 1);
    enl_close(ends[1]);
    CHECK_OK(enl_receive(ends[0], text, sizeof text, test_until()));
    *ret_out = ends[0];
    return c;
}

#endif
