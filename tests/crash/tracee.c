/* SPDX-License-Identifier: MIT */
/* A worker under ptrace: started, stepped or run to a point, and killed there. */
#include "tracee.h"

#include "machine.h"
#include "runner/test.h"
#include "sequence.h"

#include <errno.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENT_OF(status) ((status) >> 16)
#define SYSTEM_CALL_STOP (SIGTRAP | 0x80)
#define LOOK_NS 20000 /* from one look whether it sleeps to the next */
/* Looks in a row before it is helped: a sleep shorter than that was for something else. */
#define LOOKS_BEFORE_HELP 20
#define NAPS_BEFORE_HELP 3 /* or so many sleeps: it looks again and again by itself */

/* Not every libc names the type of ptrace's first argument. */
#define trace(request, pid, data) ptrace((request), (pid), NULL, (void *)(uintptr_t)(data))

/* ---- the worker -------------------------------------------------------------------------------------- */

/* The mark of the end: the first instruction of this function. */
static _Noreturn __attribute__((noinline)) void operation_is_over(void)
{
    for (;;)
        (void)pause();
}

static _Noreturn void work(const struct crash_case *c, void *state)
{
    if (c->prepare != NULL)
        c->prepare(state);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(errno);
    (void)raise(SIGSTOP);
    c->operate(state);
    operation_is_over();
}

/* ---- waiting for it ---------------------------------------------------------------------------------- */

static void must(long result, const char *what)
{
    if (result < 0)
        test_fail("%s: %s", what, strerror(errno));
}

/* The letter of the process's state and how often it has given up the processor by itself. */
static char look(pid_t pid, unsigned long *ret_switches)
{
    char path[64], line[256], state = '?';
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return state;
    while (fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "State: %c", &state);
        (void)sscanf(line, "voluntary_ctxt_switches: %lu", ret_switches);
    }
    (void)fclose(file);
    return state;
}

static void rest(void)
{
    const struct timespec moment = {.tv_nsec = LOOK_NS};

    (void)ppoll(NULL, 0, &moment, NULL);
}

enum wait { WAIT_STOPPED, WAIT_SLEEPS, WAIT_SLEEPS_FOR_OTHERS };

/* Waits for its next stop, or until it was seen asleep that often, in one and the same sleep or in several. */
static enum wait await(struct tracee *t, pid_t pid, unsigned looks, int *ret_status,
                       bool *ret_slept)
{
    unsigned long before = 0, switches = 0;
    unsigned asleep = 0;

    for (;;) {
        pid_t ended = waitpid(pid, ret_status, __WALL | WNOHANG);
        char state;

        must(ended, "waitpid");
        if (ended == pid)
            return WAIT_STOPPED;
        state = look(pid, &switches);
        if (state != 'S' && state != 'D')
            asleep = 0;
        else
            asleep = switches == before ? asleep + 1 : 1;
        t->naps += asleep == 1 && state == 'S';
        *ret_slept = *ret_slept || asleep > 0;
        before = switches;
        if (asleep >= looks ||
            (asleep > 0 &&
             t->naps > NAPS_BEFORE_HELP)) /* 'D': for its own child, or for the machine */
            return state == 'S' ? WAIT_SLEEPS_FOR_OTHERS : WAIT_SLEEPS;
        rest();
    }
}

/* Its next stop, and help when it sleeps. */
static void await_stop(struct tracee *t, pid_t pid, bool may_sleep, int *ret_status,
                       bool *ret_slept)
{
    const struct crash_case *c = t->the_case;
    enum wait w = may_sleep ? WAIT_SLEEPS : WAIT_STOPPED;

    while (may_sleep &&
           (w = await(t, pid, LOOKS_BEFORE_HELP, ret_status, ret_slept)) != WAIT_STOPPED) {
        unsigned long switches = t->switches;

        if (c->help == NULL)
            break;
        if (w == WAIT_SLEEPS)
            continue; /* for the machine: whoever runs on may yet sleep for others */
        (void)look(pid, &switches);
        if (switches != t->switches) { /* or it was helped already */
            t->switches = switches;
            t->naps = 0;
            c->help(t->state);
        }
    }
    if (!may_sleep || w != WAIT_STOPPED)
        must(waitpid(pid, ret_status, __WALL), "waitpid");
}

static void must_be_stopped(const struct tracee *t, pid_t pid, int status)
{
    const char *who = pid == t->worker ? "the worker" : "its child";

    if (WIFSTOPPED(status))
        return;
    if (WIFSIGNALED(status))
        test_fail("%s was killed by signal %d (%s) in the middle of the operation", who,
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
    test_fail("%s exited with status %d in the middle of the operation", who, WEXITSTATUS(status));
}

/* ---- start ------------------------------------------------------------------------------------------- */

static bool set_options(const struct tracee *t)
{
    long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;

    if (t->the_case->follow_child)
        options |=
            PTRACE_O_TRACEVFORK | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    return trace(PTRACE_SETOPTIONS, t->worker, options) == 0;
}

bool tracee_start(struct tracee *t, const struct crash_case *c, void *state,
                  struct tracee_sequences *sequences)
{
    uintptr_t begin = (uintptr_t)c->operate;
    int status;

    *t = (struct tracee){.sequences = sequences,
                         .the_case = c,
                         .state = state,
                         .end = (uintptr_t)operation_is_over,
                         .switches = 0};
    (void)fflush(NULL);
    t->worker = fork();
    must(t->worker, "fork");
    if (t->worker == 0)
        work(c, state);
    must(waitpid(t->worker, &status, 0), "waitpid");
    if (WIFEXITED(status) && (WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == ENOSYS))
        return false;
    must_be_stopped(t, t->worker, status);
    if (!set_options(t))
        return false;
    while (machine_place(t->worker) != begin) {
        must(trace(PTRACE_SINGLESTEP, t->worker, 0), "PTRACE_SINGLESTEP");
        must(waitpid(t->worker, &status, 0), "waitpid");
        must_be_stopped(t, t->worker, status);
    }
    return true;
}

/* ---- stepping ---------------------------------------------------------------------------------------- */

static pid_t current(const struct tracee *t)
{
    return t->child > 0 ? t->child : t->worker;
}

uintptr_t tracee_place(const struct tracee *t)
{
    return machine_place(current(t));
}

bool tracee_is_over(const struct tracee *t)
{
    return t->child == 0 && machine_place(t->worker) == t->end;
}

static bool is_birth(int status)
{
    int event = EVENT_OF(status);

    return event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE;
}

/* A process was born. The worker's first child is followed, any other one let go. */
static void greet(struct tracee *t, pid_t parent)
{
    unsigned long pid = 0;
    int status;

    must(ptrace(PTRACE_GETEVENTMSG, parent, NULL, &pid), "PTRACE_GETEVENTMSG");
    must(waitpid((pid_t)pid, &status, __WALL), "waitpid");
    if (parent == t->worker && !t->had_child) {
        t->had_child = true;
        t->child = (pid_t)pid;
        return;
    }
    must(trace(PTRACE_DETACH, (pid_t)pid, 0), "PTRACE_DETACH");
}

/* The followed child has executed or ended: from now on nobody follows it. */
static void let_child_go(struct tracee *t, int status)
{
    if (WIFSTOPPED(status))
        must(trace(PTRACE_DETACH, t->child, 0), "PTRACE_DETACH");
    t->child = 0;
}

/* Resumes by that request until the next stop that is not a signal's, which is handed on. False: the
 * one who was resumed is the worker no longer, or the child no longer. */
static bool resume(struct tracee *t, int request, bool may_sleep, bool *ret_slept, int *ret_status)
{
    pid_t pid = current(t);
    int signal = 0;

    *ret_slept = false;
    for (;;) {
        int stopped_by;

        must(trace(request, pid, signal), "ptrace");
        await_stop(t, pid, may_sleep, ret_status, ret_slept);
        if (pid == t->child &&
            (!WIFSTOPPED(*ret_status) || EVENT_OF(*ret_status) == PTRACE_EVENT_EXEC)) {
            let_child_go(t, *ret_status);
            /* the worker has been running since the birth: its stop is awaited now */
            must(waitpid(t->worker, ret_status, __WALL), "waitpid");
            must_be_stopped(t, t->worker, *ret_status);
            return false;
        }
        must_be_stopped(t, pid, *ret_status);
        if (is_birth(*ret_status)) {
            greet(t, pid);
            if (t->child == pid || t->child == 0)
                continue; /* a grandchild, or a second child */
            must(trace(PTRACE_SINGLESTEP, pid, 0), "ptrace");
            return false;
        }
        stopped_by = WSTOPSIG(*ret_status);
        if (stopped_by == SIGTRAP || stopped_by == SYSTEM_CALL_STOP)
            return true;
        signal = stopped_by;
    }
}

/* A sequence is one step, to its end: the numbers of its breakpoints are used by nobody else. */
static void run_through(struct tracee *t, const struct sequence *s, struct step *ret)
{
    const uintptr_t begin = tracee_place(t);
    int status;

    if (machine_break(t->worker, 2, s->end) < 0 || machine_break(t->worker, 3, s->elsewhere) < 0)
        test_skip("restartable sequences cannot be passed without breakpoints");
    ret->after_call = true; /* that is what they are made for */
    ret->slept = false;
    do {
        bool slept;

        (void)resume(t, PTRACE_CONT, true, &slept, &status);
        ret->slept = ret->slept || slept;
    } while (tracee_place(t) == begin);
}

static const struct sequence *known_sequence(const struct tracee *t, uintptr_t entry)
{
    for (unsigned i = 0; i < t->sequences->count; i++)
        if (t->sequences->list[i].entry == entry)
            return &t->sequences->list[i].sequence;
    return NULL;
}

static void learn_sequence(struct tracee *t, uintptr_t entry)
{
    struct tracee_sequences *known = t->sequences;
    struct sequence s;

    if (!sequence_at(t->worker, tracee_place(t), &s) || known_sequence(t, entry) != NULL)
        return;
    if (known->count == sizeof known->list / sizeof known->list[0])
        test_fail("there are more restartable sequences than the harness knows");
    known->list[known->count].entry = entry;
    known->list[known->count++].sequence = s;
}

/* Whether the place is in the code that the kernel shares with all processes. */
static bool is_shared_code(uintptr_t place)
{
    const ElfW(Ehdr) *head = (const void *)getauxval(AT_SYSINFO_EHDR);
    const ElfW(Phdr) * part;

    if (head == NULL || place < (uintptr_t)head)
        return false;
    part = (const void *)((const char *)head + head->e_phoff);
    for (unsigned i = 0; i < head->e_phnum; i++)
        if (part[i].p_type == PT_LOAD &&
            place - (uintptr_t)head < part[i].p_offset + part[i].p_memsz)
            return true;
    return false;
}

/* It reads the clock, and begins anew when that goes on meanwhile: who is stepped through it on a busy machine never comes
 * to its end. Nothing is stored there. So the call is a part of the step that makes it. */
static void leave_shared_code(struct tracee *t)
{
    const uintptr_t caller = machine_caller(t->worker);
    bool slept;
    int status;

    if (caller == 0 || machine_break(t->worker, 2, caller) < 0)
        return;
    do
        (void)resume(t, PTRACE_CONT, false, &slept, &status);
    while (machine_place(t->worker) != caller);
    (void)machine_break(t->worker, 2, t->end); /* where it stops anyway */
}

void tracee_step(struct tracee *t, struct step *ret)
{
    const uintptr_t place = tracee_place(t);
    const struct sequence *s = t->child == 0 ? known_sequence(t, place) : NULL;
    bool is_call = machine_is_call(place);
    int status;

    ret->after_call = is_call;
    if (s != NULL)
        run_through(t, s, ret);
    else
        (void)resume(t, PTRACE_SINGLESTEP, is_call, &ret->slept, &status);
    if (t->child == 0 && is_shared_code(tracee_place(t)))
        leave_shared_code(t);
    if (t->child == 0)
        learn_sequence(t, place);
    ret->place = machine_place(current(t));
    ret->in_child = t->child > 0;
    if (ret->place == 0)
        test_fail("the next instruction of the worker cannot be told");
}

/* The worker runs until its child is born, or the child until nobody follows it, or to the end. */
static int run_until_family_changes(struct tracee *t)
{
    const bool has_child = t->child > 0;
    int result = has_child ? 0 : machine_break(t->worker, 1, t->end);
    bool slept;
    int status;

    while (result == 0 && has_child == (t->child > 0) && !tracee_is_over(t))
        (void)resume(t, PTRACE_CONT, t->the_case->help != NULL && !has_child, &slept, &status);
    return result;
}

int tracee_run_to(struct tracee *t, bool in_child, uintptr_t place, unsigned times)
{
    unsigned seen = 0;
    int result = 0;

    if (in_child)
        result = run_until_family_changes(t);
    if (in_child && t->child == 0)
        return result;
    if (result == 0)
        result = machine_break(current(t), 0, place);
    if (result == 0 && !in_child)
        result = machine_break(t->worker, 1, t->end);
    while (result == 0 && seen < times) {
        bool slept;
        int status;

        if (!in_child && t->child > 0) {
            result = run_until_family_changes(t);
            continue;
        }
        (void)resume(t, PTRACE_CONT, t->the_case->help != NULL && !in_child, &slept, &status);
        if (in_child != (t->child > 0)) {
            if (in_child)
                return false;
            continue;
        }
        if (machine_place(current(t)) == place)
            seen++;
        else if (tracee_is_over(t))
            return false;
    }
    return result < 0 ? result : true;
}

void tracee_forget_place(struct tracee *t)
{
    /* where it stops anyway */
    if (t->child == 0 && machine_break(t->worker, 0, t->end) < 0)
        test_fail("a breakpoint cannot be moved");
}

bool tracee_enter_call(struct tracee *t)
{
    bool slept = false;
    int status;

    for (unsigned stop = 0; stop < 2; stop++) {
        must(trace(PTRACE_SYSCALL, t->worker, 0), "PTRACE_SYSCALL");
        if (await(t, t->worker, 1, &status, &slept) != WAIT_STOPPED)
            return true;
        must_be_stopped(t, t->worker, status);
    }
    return false;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

void tracee_kill(struct tracee *t)
{
    int status;

    must(kill(t->worker, SIGKILL), "kill");
    do
        must(waitpid(t->worker, &status, __WALL), "waitpid");
    while (WIFSTOPPED(status));
    /* the child may have been killed by what makes it die with the worker */
    if (t->child > 0 && trace(PTRACE_DETACH, t->child, 0) != 0 && errno != ESRCH)
        test_fail("PTRACE_DETACH: %s", strerror(errno));
    t->child = 0;
}
