/* SPDX-License-Identifier: MIT */
/* Exit handlers: with arguments, in reverse order, once, in the process that registered them. */
#include "process/exit.h"

#include "base/error.h"
#include "kernel/thread.h"

#include <enlace/process.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct handler {
    struct handler *next;
    void (*run)(void *argument);
    void *argument;
    int process; /* which registered it; a forked child has a copy */
};

/* Globals, because a process ends once. Threads push; whoever ends the process pops, and a handler may push. */
static _Atomic(struct handler *) handlers;
static atomic_int registered; /* 0, or 1: exit() knows of us */

/* Takes them all at once, since a pop of one could meet a push of the same address again; those that a handler
 * registers come in the next round, before the rest. */
void exit_run_handlers(void)
{
    struct handler *rest = NULL;

    for (;;) {
        /* acquire: pairs with the release in enl_at_exit() */
        struct handler *added = atomic_exchange_explicit(&handlers, NULL, memory_order_acquire);
        struct handler *last = added;
        struct handler *h;

        if (added != NULL) {
            while (last->next != NULL)
                last = last->next;
            last->next = rest;
            rest = added;
        }
        h = rest;
        if (h == NULL)
            return;
        rest = h->next;
        if (h->process == thread_process())
            h->run(h->argument);
        free(h);
    }
}

int enl_at_exit(void (*run)(void *argument), void *argument)
{
    struct handler *h;

    if (run == NULL)
        return error_set(-EINVAL, "the handler is NULL");
    h = malloc(sizeof *h);
    if (h == NULL)
        return error_set(-ENOMEM, "no memory for an exit handler");
    if (atomic_exchange(&registered, 1) == 0 && atexit(exit_run_handlers) != 0) {
        atomic_store(&registered, 0);
        free(h);
        return error_set(-ENOMEM, "no memory for an exit handler");
    }
    *h = (struct handler){.run = run, .argument = argument, .process = thread_process()};
    h->next = atomic_load_explicit(&handlers, memory_order_relaxed);
    /* release: pairs with the acquire in exit_run_handlers() */
    while (!atomic_compare_exchange_weak_explicit(&handlers, &h->next, h, memory_order_release,
                                                  memory_order_relaxed))
        continue;
    return 0;
}

int enl_set_buffering(FILE *stream, enum enl_buffering policy)
{
    static const int modes[] = {
        [ENL_BUFFER_NONE] = _IONBF, [ENL_BUFFER_LINE] = _IOLBF, [ENL_BUFFER_FULL] = _IOFBF};

    if (stream == NULL || policy < ENL_BUFFER_NONE || policy > ENL_BUFFER_FULL)
        return error_set(-EINVAL,
                         "enl_set_buffering needs a stream, and a policy from ENL_BUFFER_NONE to "
                         "ENL_BUFFER_FULL");
    if (setvbuf(stream, NULL, modes[policy], policy == ENL_BUFFER_NONE ? 0 : BUFSIZ) != 0)
        return error_set(-EINVAL, "the stream does not take this policy");
    return 0;
}
