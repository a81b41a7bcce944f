/* SPDX-License-Identifier: MIT */
/* The stage: a process in which one worker is brought to one point and killed there, and the case checked. */
#include "stage.h"

#include "runner/runner.h"
#include "runner/test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

/* ---- what a failure tells besides: globals, because the runner asks without an argument ------------------ */

static const char *(*explain_before)(void);
static const struct stage *now;
static struct point here; /* a copy, as the worker does not have the list */
static size_t instructions;

static void doing(const struct stage *s, const char *what)
{
    atomic_store_explicit(&s->news->doing, what, memory_order_relaxed);
}

/* "program+0x1234", for addr2line. */
static void describe_place(uintptr_t place, char *ret_text, size_t size)
{
    Dl_info info = {0};
    const char *name, *slash;

    if (dladdr((const void *)place, &info) == 0 || info.dli_fname == NULL) {
        (void)snprintf(ret_text, size, "%#jx", (uintmax_t)place);
        return;
    }
    slash = strrchr(info.dli_fname, '/');
    name = slash != NULL ? slash + 1 : info.dli_fname;
    (void)snprintf(ret_text, size, "%s+%#jx%s%s", name,
                   (uintmax_t)(place - (uintptr_t)info.dli_fbase),
                   info.dli_sname != NULL ? " " : "", info.dli_sname != NULL ? info.dli_sname : "");
}

static const char *explain(void)
{
    static char text[2048];
    const struct point *p = &here;
    const char *more = explain_before != NULL ? explain_before() : NULL;
    const char *phase = atomic_load_explicit(&now->news->doing, memory_order_relaxed);
    char place[512];

    describe_place(p->place, place, sizeof place);
    if (now->kind == STAGE_RECORDS)
        (void)snprintf(text, sizeof text, "killed after the whole operation; %s", phase);
    else
        (void)snprintf(text, sizeof text, "killed %s instruction %zu of %zu, before %s%s%s%s; %s",
                       now->kind == STAGE_ENTERS ? "inside the system call after" : "after",
                       now->number, instructions, place, p->in_child ? " of its child" : "",
                       p->after_call ? ", just after a system call" : "",
                       p->after_store ? ", just after a store into shared memory" : "", phase);
    if (more != NULL && more[0] != '\0') {
        size_t used = strlen(text);

        (void)snprintf(text + used, sizeof text - used, "; %s", more);
    }
    return text;
}

/* ---- nothing is left --------------------------------------------------------------------------------- */

static void prepare_process(const struct stage *s)
{
    cpu_set_t one;
    int cpu = sched_getcpu();

    doing(s, "setting up");
    if (cpu >= 0) { /* a step is three times as cheap when nobody changes the processor */
        CPU_ZERO(&one);
        CPU_SET((unsigned)cpu, &one);
        (void)sched_setaffinity(0, sizeof one, &one);
    }
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)madvise(s->points, sizeof *s->points, MADV_DONTFORK);
}

/* What the worker has started comes to this process when the worker dies. */
static void await_orphans(const struct stage *s)
{
    doing(s, "waiting for the worker's own children to end");
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
        continue;
}

static void check_names(void)
{
    DIR *folder = opendir(test_dir());
    struct dirent *entry;

    CHECK(folder != NULL);
    while ((entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            FAIL("it left the name %s", entry->d_name);
    (void)closedir(folder);
}

/* ---- one point --------------------------------------------------------------------------------------- */

static void reach(const struct stage *s, struct tracee *t)
{
    s->news->missed = false;
    if (s->kind == STAGE_RECORDS)
        points_record(s->points, t, &s->news->steps);
    else if (s->kind == STAGE_COUNTS)
        (void)points_count_to(s->number, t, &s->news->steps);
    else if (!points_go_to(s->points, s->number, t, &s->news->steps) ||
             (s->kind == STAGE_ENTERS && !tracee_enter_call(t)))
        s->news->missed = true;
}

_Noreturn static void act(const struct stage *s)
{
    const struct crash_case *c = s->the_case;
    struct objects *objects;
    struct leaks *leaks;
    struct tracee t;
    bool over;

    prepare_process(s);
    objects = objects_before();
    leaks = leaks_before();
    if (c->set_up != NULL)
        c->set_up(s->state);
    doing(s, "bringing the worker there");
    if (!tracee_start(&t, c, s->state, &s->points->sequences)) {
        s->points->not_permitted = true;
        tracee_kill(&t);
        _exit(0);
    }
    reach(s, &t);
    over = tracee_is_over(&t);
    tracee_kill(&t);
    doing(s, "checking");
    c->check(s->state, over);
    await_orphans(s);
    doing(s, "looking for what is left");
    if (leaks_report(leaks) + objects_report(objects, STDERR_FILENO) > 0)
        FAIL("it left something behind");
    check_names();
    _exit(0);
}

/* CRASH_PATIENCE=S: for mutants, most of which are seen because something hangs. */
static unsigned patience_s(void)
{
    const char *text = getenv("CRASH_PATIENCE");
    unsigned long seconds = text != NULL ? strtoul(text, NULL, 10) : PATIENCE_S;

    return (unsigned)(seconds > 0 && seconds < 1000 ? seconds : PATIENCE_S) * test_time_scale();
}

/* A stage in which nothing happens any more is described, and fails the test. */
static void await_end(pid_t pid, const struct stage *s)
{
    struct pollfd item = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    const char *did = NULL;
    size_t steps = 0;

    CHECK(item.fd >= 0);
    while (poll(&item, 1, (int)patience_s() * 1000) == 0) {
        const char *does = atomic_load_explicit(&s->news->doing, memory_order_relaxed);
        size_t now_steps = atomic_load_explicit(&s->news->steps, memory_order_relaxed);

        if (does == did && now_steps == steps) {
            processes_describe(STDERR_FILENO);
            FAIL("nothing has happened for %u s", patience_s());
        }
        did = does;
        steps = now_steps;
    }
    (void)close(item.fd);
}

void stage_run(const struct stage *s)
{
    pid_t pid;

    memset(s->state, 0, s->the_case->state_size);
    now = s;
    here = s->points->list[s->number];
    instructions = s->points->count > 0 ? s->points->count - 1 : 0;
    explain_before = test_explain;
    test_explain = explain;
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        act(s);
    await_end(pid, s);
    test_join(pid);
    test_explain = explain_before;
}
