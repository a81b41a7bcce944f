/* SPDX-License-Identifier: MIT */
/* What this process does with a signal: counts, interrupts and functions, without a handler of the program's own.
 *
 * Layout. Each signal has a slot with two versions of what to do; the lowest bit of `turn` says which one counts.
 * Ordering. One thread at a time changes a slot, under a lock, and with all signals blocked, so that no handler of
 * its own meets it there. It writes the version that does not count, and then the turn. A handler reads the turn, copies
 * the version that counts, and reads the turn again: if that is the same, the copy is whole, for a version is written
 * again only after another turn. It never waits for the writer, only begins anew after a change that is complete.
 * Fork. The lock is the number of the process that holds it: a forked child knows one that was held by its
 * parent. A version that was half written does not count. */
#include "kernel/disposition.h"

#include "base/error.h"
#include "base/signal_name.h"
#include "kernel/thread.h"
#include "process/signal_info.h"

#include <enlace/link.h>
#include <enlace/process.h>
#include <enlace/signal.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define KNOWN_FLAGS (ENL_SIGNAL_RESTART | ENL_SIGNAL_ONCE | ENL_SIGNAL_NESTED)

/* As in enl_disposition. */
struct version {
    atomic_int reaction;
    _Atomic(struct enl_link *) link;
    _Atomic(struct enl_child *) child;
    _Atomic(void (*)(const struct enl_signal_info *, void *)) run;
    _Atomic(void *) argument;
};

static struct slot {
    atomic_uint turn;
    atomic_uint count;
    struct version versions[2];
} slots[SIGNAL_NUMBER_MAX + 1]; /* a global, because a process has one disposition of a signal */
static atomic_int holder;

/* ---- the slots ----------------------------------------------------------------------------------------- */

static void lock(void)
{
    int self = thread_process();

    for (;;) {
        int found = 0;

        /* acquire: pairs with the release in unlock() */
        if (atomic_compare_exchange_weak_explicit(&holder, &found, self, memory_order_acquire,
                                                  memory_order_relaxed))
            return;
        if (found != 0 && found != self &&
            atomic_compare_exchange_strong_explicit(&holder, &found, self, memory_order_acquire,
                                                    memory_order_relaxed))
            return;
        thread_yield();
    }
}

static void unlock(void)
{
    atomic_store_explicit(&holder, 0, memory_order_release);
}

/* Under the lock. */
static void write_slot(struct slot *s, const struct enl_disposition *how)
{
    unsigned turn = atomic_load_explicit(&s->turn, memory_order_relaxed) + 1;
    struct version *v = &s->versions[turn & 1];

    /* not before the turn that took this version away: pairs with the fence in read_slot() */
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&v->reaction, how->reaction, memory_order_relaxed);
    atomic_store_explicit(&v->link, how->link, memory_order_relaxed);
    atomic_store_explicit(&v->child, how->child, memory_order_relaxed);
    atomic_store_explicit(&v->run, how->run, memory_order_relaxed);
    atomic_store_explicit(&v->argument, how->argument, memory_order_relaxed);
    /* release: pairs with the acquire in read_slot() */
    atomic_store_explicit(&s->turn, turn, memory_order_release);
}

static void read_slot(struct slot *s, struct enl_disposition *ret_how)
{
    unsigned turn, again;

    do {
        struct version *v;

        turn = atomic_load_explicit(&s->turn, memory_order_acquire);
        v = &s->versions[turn & 1];
        ret_how->reaction = atomic_load_explicit(&v->reaction, memory_order_relaxed);
        ret_how->link = atomic_load_explicit(&v->link, memory_order_relaxed);
        ret_how->child = atomic_load_explicit(&v->child, memory_order_relaxed);
        ret_how->run = atomic_load_explicit(&v->run, memory_order_relaxed);
        ret_how->argument = atomic_load_explicit(&v->argument, memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        again = atomic_load_explicit(&s->turn, memory_order_relaxed);
    } while (again != turn);
}

/* In a handler. */
static void handle(const struct signal_facts *facts)
{
    struct slot *s = &slots[facts->number];
    struct enl_disposition how = {0};
    struct enl_signal_info info;

    (void)atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
    read_slot(s, &how);
    if (how.reaction == ENL_SIGNAL_INTERRUPT && how.link != NULL)
        (void)enl_interrupt(how.link);
    if (how.reaction == ENL_SIGNAL_INTERRUPT && how.child != NULL)
        (void)enl_child_interrupt(how.child);
    if (how.reaction == ENL_SIGNAL_RUN) {
        signal_fill_info(facts, &info);
        how.run(&info, how.argument);
    }
}

/* ---- the calls ------------------------------------------------------------------------------------------- */

static bool is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
}

static int check(int number, const struct enl_disposition *how)
{
    struct enl_signal_kind kind;
    int result = enl_signal_describe(number, &kind);

    if (result < 0)
        return result;
    if (how == NULL)
        return error_set(-EINVAL, "what is to be done with the signal is NULL");
    if (!kind.can_change)
        return error_set(-EINVAL, "nobody can change what %s does", kind.name);
    if (how->reaction < ENL_SIGNAL_DEFAULT || how->reaction > ENL_SIGNAL_OTHER ||
        (how->flags & ~KNOWN_FLAGS) != 0)
        return error_set(-EINVAL, "a signal has no reaction %d with the flags %#x",
                         (int)how->reaction, (unsigned)how->flags);
    if (how->reaction == ENL_SIGNAL_INTERRUPT && how->link == NULL && how->child == NULL)
        return error_set(-EINVAL, "there is neither a link nor a child to be interrupted");
    if (how->reaction == ENL_SIGNAL_RUN && how->run == NULL)
        return error_set(-EINVAL, "there is no function to be run");
    if ((how->reaction == ENL_SIGNAL_COUNT || how->reaction == ENL_SIGNAL_INTERRUPT) &&
        is_fault(number))
        return error_set(-EINVAL, "%s is a fault: after a count it would come again, for ever",
                         kind.name);
    return 0;
}

static void ask(int number, struct enl_disposition *ret)
{
    struct disposition d = {0};

    *ret = (struct enl_disposition){0};
    (void)disposition_get(number, &d); /* of a number that is one it cannot fail */
    if (d.kind == DISPOSITION_OURS)
        read_slot(&slots[number], ret);
    else
        ret->reaction = d.kind == DISPOSITION_DEFAULT  ? ENL_SIGNAL_DEFAULT
                        : d.kind == DISPOSITION_IGNORE ? ENL_SIGNAL_IGNORE
                                                       : ENL_SIGNAL_OTHER;
    ret->flags = (d.restart ? ENL_SIGNAL_RESTART : 0) | (d.once ? ENL_SIGNAL_ONCE : 0) |
                 (d.nested ? ENL_SIGNAL_NESTED : 0);
    ret->masked = d.masked;
    memcpy(ret->other, d.other, sizeof ret->other);
}

/* Under the lock. The slot is filled before its handler is there, and stays as it is after that is gone, for one may
 * be running in another thread. */
static int install(int number, const struct enl_disposition *how)
{
    static const enum disposition_kind kinds[] = {
        [ENL_SIGNAL_DEFAULT] = DISPOSITION_DEFAULT, [ENL_SIGNAL_IGNORE] = DISPOSITION_IGNORE,
        [ENL_SIGNAL_COUNT] = DISPOSITION_OURS,      [ENL_SIGNAL_INTERRUPT] = DISPOSITION_OURS,
        [ENL_SIGNAL_RUN] = DISPOSITION_OURS,        [ENL_SIGNAL_OTHER] = DISPOSITION_OTHER};
    struct disposition d = {
        .kind = kinds[how->reaction],
        .masked = how->masked,
        .restart = (how->flags & ENL_SIGNAL_RESTART) != 0,
        .once = (how->flags & ENL_SIGNAL_ONCE) != 0,
        .nested = (how->flags & ENL_SIGNAL_NESTED) != 0,
    };

    memcpy(d.other, how->other, sizeof d.other);
    if (d.kind == DISPOSITION_OURS) {
        disposition_handle(handle);
        write_slot(&slots[number], how);
    }
    return disposition_set(number, &d);
}

int enl_disposition_set(int number, const struct enl_disposition *how,
                        struct enl_disposition *ret_before)
{
    struct enl_disposition before;
    int result = check(number, how);
    uint64_t mask;

    if (result < 0)
        return result;
    mask = signal_mask_change(SIGNAL_BLOCK, UINT64_MAX);
    lock();
    ask(number, &before);
    result = install(number, how);
    unlock();
    (void)signal_mask_change(SIGNAL_EXACTLY, mask);
    if (result < 0)
        return error_set(result, "signal %d is not to be changed: %s", number, strerror(-result));
    if (ret_before != NULL)
        *ret_before = before;
    return 0;
}

int enl_disposition_get(int number, struct enl_disposition *ret_how)
{
    struct enl_signal_kind kind;
    int result = enl_signal_describe(number, &kind);

    if (result == 0 && ret_how == NULL)
        return error_set(-EINVAL, "there is no room for what is done with the signal");
    if (result == 0)
        ask(number, ret_how);
    return result;
}

int enl_signal_count(int number)
{
    unsigned count;

    if (number <= 0 || number > SIGNAL_NUMBER_MAX)
        return -EINVAL;
    count = atomic_exchange_explicit(&slots[number].count, 0, memory_order_relaxed);
    return count > INT_MAX ? INT_MAX : (int)count;
}
