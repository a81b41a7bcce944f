/* SPDX-License-Identifier: MIT */
/* A child in the hands of the program: waiting, signalling, ending. */
#include "base/deadline.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/thread.h"
#include "process/children.h"
#include "process/status.h"

#include <errno.h>
#include <string.h>

#define LOOK_NS INT64_C(10000000) /* at stops, of which the kernel sends no event */

/* ---- waiting ------------------------------------------------------------------------------------------- */

static int lost(const struct enl_child *c)
{
    return error_set(-ECHILD,
                     "process %d is no child of this process any more: somebody else collected it "
                     "(wait(), or SIGCHLD ignored), or this is a forked copy",
                     (int)c->pid);
}

static int refuse(const struct enl_child *c)
{
    if (c == NULL)
        return error_set(-EINVAL, "the child is NULL");
    if (c->parent != thread_process())
        return lost(c);
    return 0;
}

static int result_of(struct enl_child *c, int result, struct enl_status *ret_status)
{
    if (result == 0 && ret_status != NULL)
        status_fill(&c->end, ret_status);
    if (result == -ECHILD)
        return lost(c);
    if (result == -EAGAIN)
        return error_note(-EAGAIN, "the child runs");
    return result < 0
               ? error_set(result, "cannot collect process %d: %s", (int)c->pid, strerror(-result))
               : 0;
}

/* Until it has ended, without collecting it. */
static int wait_for_end(struct enl_child *c, enl_deadline until)
{
    struct interrupt *who[] = {&c->interrupt};
    struct pollfd fds[2] = {{.fd = c->pidfd, .events = POLLIN}};

    return wait_for(fds, 1, who, 1, until);
}

int enl_child_wait(struct enl_child *c, enl_deadline until, struct enl_status *ret_status)
{
    int result = refuse(c);

    if (result < 0)
        return result;
    children_sweep();
    result = children_collect(c);
    if (result == -EAGAIN && until != ENL_NOW) {
        result = wait_for_end(c, until);
        if (result < 0)
            return result;
        result = children_collect(c);
    }
    return result_of(c, result, ret_status);
}

/* The end is told when all that came before it was. */
static int look(struct enl_child *c, bool may_block, struct enl_status *ret_status)
{
    struct child_end change = {0};
    int result = c->ended ? 0 : child_look(c->pidfd, may_block, &change);

    if (result < 0)
        return result;
    if (c->ended || change.change <= CHILD_DUMPED)
        return enl_child_wait(c, ENL_NOW, ret_status);
    if (ret_status != NULL)
        status_fill(&change, ret_status);
    return 0;
}

int enl_child_wait_change(struct enl_child *c, enl_deadline until, struct enl_status *ret_status)
{
    int result = refuse(c);

    if (result < 0)
        return result;
    children_sweep();
    while ((result = look(c, false, ret_status)) == -EAGAIN && until != ENL_NOW) {
        int64_t soon = clock_now_ns() + LOOK_NS;

        result = wait_for_end(c, soon < until ? soon : until);
        if (result < 0 && (result != -ETIMEDOUT || clock_now_ns() >= until))
            return result;
    }
    return result == -ECHILD ? lost(c) : result_of(c, result, NULL);
}

int enl_child_fd(const struct enl_child *c)
{
    int result = refuse(c);

    return result < 0 ? result : c->pidfd;
}

int32_t enl_child_pid(const struct enl_child *c)
{
    return c == NULL ? error_set(-EINVAL, "the child is NULL") : (int32_t)c->pid;
}

int enl_child_interrupt(struct enl_child *c)
{
    return c == NULL ? -EINVAL : interrupt_raise(&c->interrupt);
}

void enl_child_interrupt_clear(struct enl_child *c)
{
    if (c != NULL)
        interrupt_clear(&c->interrupt);
}

void enl_child_close(struct enl_child *c)
{
    if (c != NULL)
        children_let_go(c);
    children_sweep();
}

int enl_reap(void)
{
    return children_sweep_all();
}

int enl_adopt_orphans(int on)
{
    int result = child_adopt_orphans(on != 0);

    return result < 0 ? error_set(result, "cannot adopt orphans: %s", strerror(-result)) : 0;
}

int enl_reap_any(int32_t *ret_pid, struct enl_status *ret_status)
{
    struct child_end end;
    pid_t pid;
    int result = children_collect_any(&pid, &end);

    if (result == -EAGAIN)
        return error_note(-EAGAIN, "no child has ended now");
    if (result < 0)
        return error_set(result, "there is no child to be collected");
    if (ret_pid != NULL)
        *ret_pid = (int32_t)pid;
    if (ret_status != NULL)
        status_fill(&end, ret_status);
    return 0;
}

/* ---- signalling ---------------------------------------------------------------------------------------- */

static int explain(const struct enl_child *c, int result, int signal)
{
    if (result >= 0)
        return 0;
    if (result == -ESRCH)
        return error_set(result, "process %d has ended", (int)c->pid);
    return error_set(result, "cannot send signal %d to process %d: %s", signal, (int)c->pid,
                     strerror(-result));
}

/* The group's number is not given away while the child is not collected, and it is collected under our eyes. */
static int signal_scope(struct enl_child *c, int signal, enum enl_scope scope)
{
    switch (scope) {
    case ENL_CHILD_ALONE:
        return child_signal(c->pidfd, signal, false, 0);
    case ENL_CHILD_GROUP:
        return child_signal_group(c->pid, signal);
    default:
        return child_signal_tree(c->pid, c->pidfd, signal);
    }
}

static int check_scope(const struct enl_child *c, enum enl_scope scope)
{
    int result = refuse(c);

    if (result < 0)
        return result;
    if (scope != ENL_CHILD_ALONE && scope != ENL_CHILD_GROUP && scope != ENL_CHILD_TREE)
        return error_set(-EINVAL, "there is no scope %d", (int)scope);
    if (scope == ENL_CHILD_GROUP && !c->own_group)
        return error_set(-EINVAL,
                         "process %d has no group of its own: start it with "
                         "ENL_SPAWN_GROUP or ENL_SPAWN_SESSION",
                         (int)c->pid);
    if (c->ended)
        return error_set(-ESRCH, "process %d has ended and was collected", (int)c->pid);
    if (c->lost)
        return lost(c);
    return 0;
}

/* Whether it is still our child, so that its number is its own; its end is not collected. */
static int check_ours(struct enl_child *c, enum enl_scope scope)
{
    if (scope == ENL_CHILD_ALONE)
        return 0; /* the pidfd knows */
    return child_is_ours(c->pidfd) ? 0 : lost(c);
}

int enl_child_signal(struct enl_child *c, int signal, enum enl_scope scope)
{
    int result = check_scope(c, scope);

    if (result == 0)
        result = check_ours(c, scope);
    if (result < 0)
        return result;
    return explain(c, signal_scope(c, signal, scope), signal);
}

int enl_child_signal_value(struct enl_child *c, int signal, intptr_t value)
{
    int result = check_scope(c, ENL_CHILD_ALONE);

    return result < 0 ? result : explain(c, child_signal(c->pidfd, signal, true, value), signal);
}

/* ---- ending -------------------------------------------------------------------------------------------- */

int enl_child_end(struct enl_child *c, enum enl_scope scope, enl_deadline until,
                  struct enl_status *ret_status)
{
    int result = check_scope(c, scope);

    if (result == -ESRCH)
        return enl_child_wait(c, ENL_NOW, ret_status);
    if (result == 0)
        result = check_ours(c, scope);
    if (result < 0)
        return result;
    if (until != ENL_NOW) {
        (void)signal_scope(c, child_signal_terminate, scope);
        if (scope != ENL_CHILD_TREE)
            (void)signal_scope(c, child_signal_continue, scope); /* a stopped one could not obey */
        result = wait_for_end(c, until);
        if (result < 0 && result != -ETIMEDOUT)
            return result;
    }
    /* before it is collected: until then neither its number nor its group's can be another's */
    (void)signal_scope(c, child_signal_kill, scope);
    result = wait_for_end(c, ENL_FOREVER);
    if (result < 0)
        return result;
    return result_of(c, children_collect(c), ret_status);
}
