/* SPDX-License-Identifier: MIT */
/* System calls: a tracer that counts what both processes call between marks. */
#include "calls.h"

#include "crew.h"
#include "slice.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIPS 200u
#define LOOKS 100u
#define LIMIT_NS 20000000000u
#define MARK 0x656e6c63 /* a prctl() that the kernel does not know */
#define PROCESSES_MAX 8
#define SYSCALL_STOP (SIGTRAP | 0x80)

struct call_stage {
    struct crew crew;
    struct course course;
    uint32_t waiting;
};

static struct call_stage *stage_of(struct crew *c)
{
    return (struct call_stage *)(void *)c;
}

static void mark(int on)
{
    (void)prctl(MARK, on, 0, 0, 0);
}

static int fail(struct call_stage *s, const struct course *c, int r, const char *what)
{
    return crew_fail(&s->crew, r, "%s, %s: %s", c->way->name, what,
                     c->error[0] != '\0' ? c->error : strerror(-r));
}

static int make(struct crew *crew)
{
    struct call_stage *s = stage_of(crew);
    int r = s->course.way->make(&s->course);

    return r < 0 ? fail(s, &s->course, r, "setting up") : 0;
}

/* What is done at the first use only does not count. */
static int warm_up(struct course *c, void *buffer)
{
    int r = 0;

    for (int i = 0; i < 2 && r == 0; i++) {
        bool sends = (i == 0) == (c->side == SIDE_PING);

        do
            r = sends ? c->way->send(c, buffer) : c->way->receive(c, buffer);
        while (r == -EAGAIN);
    }
    return r;
}

static int count_trips(struct course *c, void *buffer)
{
    int r = 0;

    mark(1);
    for (uint32_t i = 0; i < TRIPS && r == 0; i++) {
        r = c->side == SIDE_PING ? c->way->send(c, buffer) : c->way->receive(c, buffer);
        if (r == 0)
            r = c->side == SIDE_PING ? c->way->receive(c, buffer) : c->way->send(c, buffer);
    }
    mark(0);
    return r;
}

static int count_ready(struct call_stage *s, struct course *c, void *buffer)
{
    int r = 0;

    if (c->side == SIDE_PONG)
        crew_meet(&s->crew);
    mark(1);
    for (uint32_t i = 0; i < s->waiting && r == 0; i++)
        r = c->side == SIDE_PING ? c->way->send(c, buffer) : c->way->receive(c, buffer);
    mark(0);
    if (c->side == SIDE_PING)
        crew_meet(&s->crew);
    return r;
}

/* -EAGAIN is the right answer to the first one. */
static int count_looks(struct call_stage *s, struct course *c, void *buffer)
{
    int r = 0;

    for (uint32_t i = 0; i < LOOKS && r == 0; i++) {
        mark(c->side == SIDE_PONG);
        if (c->side == SIDE_PONG && c->way->receive(c, buffer) != -EAGAIN)
            r = -EPROTO;
        mark(0);
        crew_meet(&s->crew);
        mark(c->side == SIDE_PING);
        if (c->side == SIDE_PING)
            r = c->way->send(c, buffer);
        mark(0);
        crew_meet(&s->crew);
        mark(c->side == SIDE_PONG);
        if (c->side == SIDE_PONG && r == 0)
            r = c->way->receive(c, buffer);
        mark(0);
    }
    return r;
}

static int run(struct crew *crew, enum side side)
{
    struct call_stage *s = stage_of(crew);
    struct course c = s->course;
    struct seat seat;
    int r = seat_init(&seat, crew, &c);

    if (r < 0)
        return r;
    c.way->join(&c, side);
    r = warm_up(&c, seat.out);
    if (r == 0 && c.wait == WAIT_LOOK) {
        r = count_looks(s, &c, seat.out);
    } else if (r == 0) {
        r = count_trips(&c, seat.out);
        if (r == 0)
            r = count_ready(s, &c, seat.out);
    }
    if (r == 0)
        crew_meet(&s->crew); /* one must not end what the other one still receives from */
    if (c.way->end != NULL)
        c.way->end(&c);
    return r < 0 ? fail(s, &c, r, "counting its calls") : 0;
}

static _Noreturn void be_traced(struct call_stage *s)
{
    static const struct crew_work work = {.make = make, .run = run};

    if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) {
        (void)crew_fail(&s->crew, -errno, "tracing is not allowed here: %s", strerror(errno));
        _exit(1);
    }
    (void)raise(SIGSTOP);
    _exit(crew_run(&s->crew, &work, PLACE_FREE, LIMIT_NS) < 0);
}

/* Which of the traced processes are between marks. */
struct tracing {
    pid_t pids[PROCESSES_MAX];
    bool on[PROCESSES_MAX];
};

static bool *between_marks(struct tracing *t, pid_t pid)
{
    for (int i = 0; i < PROCESSES_MAX; i++) {
        if (t->pids[i] == 0)
            t->pids[i] = pid;
        if (t->pids[i] == pid)
            return &t->on[i];
    }
    return &t->on[PROCESSES_MAX - 1];
}

static void at_syscall(struct tracing *t, pid_t pid, struct calls *calls)
{
    struct __ptrace_syscall_info info;
    bool *on = between_marks(t, pid);

    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    if (info.entry.nr == SYS_prctl && info.entry.args[0] == MARK)
        *on = info.entry.args[1] != 0;
    else if (*on && info.entry.nr < CALLS_KINDS_MAX)
        calls->counts[info.entry.nr]++;
}

/* Until the last traced process has ended. */
static void trace(pid_t child, struct calls *calls)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL;
    struct tracing tracing = {{0}, {false}};
    int status;
    pid_t pid;

    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        return;
    (void)ptrace(PTRACE_SETOPTIONS, child, 0, options);
    (void)ptrace(PTRACE_SYSCALL, child, 0, 0);
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        int deliver = 0;

        if (!WIFSTOPPED(status))
            continue;
        if (WSTOPSIG(status) == SYSCALL_STOP)
            at_syscall(&tracing, pid, calls);
        else if (WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP)
            deliver = WSTOPSIG(status);
        (void)ptrace(PTRACE_SYSCALL, pid, 0, deliver);
    }
}

static void conclude(struct call_stage *s, struct calls *calls)
{
    uint64_t total = 0;

    for (size_t i = 0; i < CALLS_KINDS_MAX; i++)
        total += calls->counts[i];
    calls->messages = s->course.wait == WAIT_LOOK ? LOOKS : 2 * TRIPS + s->waiting;
    calls->each = (double)total / calls->messages;
    if (s->crew.error[0] != '\0' || total == 0) {
        calls->error = -ECANCELED;
        (void)snprintf(calls->text, sizeof calls->text, "%s",
                       s->crew.error[0] != '\0' ? s->crew.error : "nothing could be traced");
    }
}

void calls_count(const struct entry *e, const struct calls_plan *plan, struct calls *ret_calls)
{
    struct call_stage *s = crew_memory(sizeof *s);
    pid_t child;

    memset(ret_calls, 0, sizeof *ret_calls);
    s->course.way = e->way;
    s->course.what = e->what;
    s->course.size = plan->size;
    s->course.pattern = PATTERN_ROUND_TRIP;
    s->course.wait = plan->wait;
    s->waiting = plan->waiting;
    (void)fflush(NULL);
    child = fork();
    if (child == 0)
        be_traced(s);
    if (child < 0)
        (void)crew_fail(&s->crew, -errno, "fork: %s", strerror(errno));
    else
        trace(child, ret_calls);
    conclude(s, ret_calls);
    (void)munmap(s, sizeof *s);
}

static const char *call_name(size_t number)
{
    static const struct {
        long number;
        const char *name;
    } names[] = {
        {SYS_read, "read"},
        {SYS_write, "write"},
        {SYS_readv, "readv"},
        {SYS_writev, "writev"},
        {SYS_preadv2, "preadv2"},
        {SYS_pwritev2, "pwritev2"},
        {SYS_sendto, "sendto"},
        {SYS_recvfrom, "recvfrom"},
        {SYS_sendmsg, "sendmsg"},
        {SYS_recvmsg, "recvmsg"},
        {SYS_ppoll, "ppoll"},
        {SYS_fcntl, "fcntl"},
        {SYS_sendmmsg, "sendmmsg"},
        {SYS_recvmmsg, "recvmmsg"},
        {SYS_futex, "futex"},
        {SYS_mq_timedsend, "mq_timedsend"},
        {SYS_mq_timedreceive, "mq_timedreceive"},
        {SYS_msgsnd, "msgsnd"},
        {SYS_msgrcv, "msgrcv"},
        {SYS_ioctl, "ioctl"},
        {SYS_rt_sigprocmask, "rt_sigprocmask"},
        {SYS_rt_sigtimedwait, "rt_sigtimedwait"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == (long)number)
            return names[i].name;
    return NULL;
}

void calls_text(const struct calls *calls, char *ret_text, size_t size)
{
    size_t used = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < CALLS_KINDS_MAX && used < size; i++) {
        const char *name = call_name(i), *comma = used > 0 ? ", " : "";

        if (calls->counts[i] == 0)
            continue;
        if (name != NULL)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s %u", comma, name,
                                     calls->counts[i]);
        else
            used += (size_t)snprintf(ret_text + used, size - used, "%s#%zu %u", comma, i,
                                     calls->counts[i]);
    }
}
