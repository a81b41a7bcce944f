/* SPDX-License-Identifier: MIT */
/* What this process does with a signal when it comes. */
#include "kernel/disposition.h"

#include "kernel/signal_set.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* What a program may have said of its children's signal, and is given back with the rest. */
#define FLAGS_OF_CHILDREN (SA_NOCLDSTOP | SA_NOCLDWAIT)

/* A global, because a process has its handlers once. Written before the first handler is installed. */
static _Atomic(void (*)(const struct signal_facts *)) ours;

static void on_signal(int number, siginfo_t *info, void *context)
{
    /* acquire: pairs with the release in disposition_handle() */
    void (*handle)(const struct signal_facts *) = atomic_load_explicit(&ours, memory_order_acquire);
    struct signal_facts facts;
    int saved = errno;

    (void)number;
    (void)context;
    signal_decode(info, &facts);
    handle(&facts);
    errno = saved;
}

void disposition_handle(void (*handle)(const struct signal_facts *facts))
{
    atomic_store_explicit(&ours, handle, memory_order_release);
}

int disposition_set(int number, const struct disposition *how)
{
    struct sigaction act;

    memset(&act, 0, sizeof act);
    signal_set_fill(how->masked, &act.sa_mask);
    /* on an alternate stack where the thread has one: it may have it because there is no other room */
    act.sa_flags = SA_ONSTACK | ((int)how->other[1] & FLAGS_OF_CHILDREN) |
                   (how->restart ? SA_RESTART : 0) | (how->once ? (int)SA_RESETHAND : 0) |
                   (how->nested ? SA_NODEFER : 0);
    switch (how->kind) {
    case DISPOSITION_DEFAULT:
        act.sa_handler = SIG_DFL;
        break;
    case DISPOSITION_IGNORE:
        act.sa_handler = SIG_IGN;
        break;
    case DISPOSITION_OURS:
        act.sa_flags |= SA_SIGINFO;
        act.sa_sigaction = on_signal;
        break;
    case DISPOSITION_OTHER:
        act.sa_flags = (int)how->other[1];
        act.sa_handler = (void (*)(int))(uintptr_t)how->other[0];
        break;
    }
    return sigaction(number, &act, NULL) == 0 ? 0 : -errno;
}

static enum disposition_kind kind_of(const struct sigaction *act)
{
    /* first, for one that was once handled keeps its flags */
    if (act->sa_handler == SIG_DFL)
        return DISPOSITION_DEFAULT;
    if (act->sa_handler == SIG_IGN)
        return DISPOSITION_IGNORE;
    if ((act->sa_flags & SA_SIGINFO) != 0 && act->sa_sigaction == on_signal)
        return DISPOSITION_OURS;
    return DISPOSITION_OTHER;
}

int disposition_get(int number, struct disposition *ret_how)
{
    struct sigaction act;

    if (sigaction(number, NULL, &act) != 0)
        return -errno;
    *ret_how = (struct disposition){
        .kind = kind_of(&act),
        .masked = signal_set_bits(&act.sa_mask),
        .restart = (act.sa_flags & SA_RESTART) != 0,
        .once = (act.sa_flags & (int)SA_RESETHAND) != 0,
        .nested = (act.sa_flags & SA_NODEFER) != 0,
    };
    if (ret_how->kind == DISPOSITION_OTHER)
        ret_how->other[0] = (uintptr_t)act.sa_handler; /* one field of two types */
    ret_how->other[1] = (uint32_t)act.sa_flags;
    return 0;
}
