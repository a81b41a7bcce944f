/* SPDX-License-Identifier: MIT */
/* Starting a program in a new process: the plan of what the child does before it executes, and its start. */
#include "kernel/spawn.h"

#include "kernel/child.h"
#include "kernel/descriptor.h"
#include "kernel/tie.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers of newer kernels that not every libc knows; the same on all machines. */
#define CALL_CLOSE_RANGE 436
#define CLONE_WITH_PIDFD 0x1000
/* On 32 bit the plain calls take 16-bit ids. libc's own change the ids of every thread, by signals. */
#ifdef SYS_setresuid32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETRESUID SYS_setresuid
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETGROUPS SYS_setgroups
#endif

#define STACK_BYTES                                                                                \
    ((size_t)64 * 1024) /* a path, a folder's entries, and calls: far less is used */

static atomic_uint pretended; /* by tests alone */

void spawn_pretend(unsigned without)
{
    atomic_store_explicit(&pretended, without, memory_order_relaxed);
}

static bool without(unsigned what)
{
    return (atomic_load_explicit(&pretended, memory_order_relaxed) & what) != 0;
}

/* What the child tells of its failure: one write, smaller than a pipe takes at once; or left in memory. */
struct failure {
    int step;
    int result;
};

/* Set when a child was seen to share memory, as an emulator's do not: then later ones need no pipe to tell. A global,
 * because it is a fact of the machine. */
static atomic_bool sharing_is_known;

/* What the parent hands to the child. */
struct birth {
    const struct spawn_plan *plan;
    sigset_t mask; /* of the parent before */
    int report_fd; /* -1: `failure` is seen here */
    struct failure failure;
    char *stack; /* grows down to a detached one's second child's, which ends where this begins */
    bool shares; /* memory with the child */
    volatile bool shared; /* the child sets it: seen here if it does */
};

/* ---- descriptors, in the child ------------------------------------------------------------------------- */

/* An entry of a folder, as the kernel writes it. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

static int number_of(const char *text)
{
    int n = 0;

    if (*text < '0' || *text > '9')
        return -1;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (*text - '0');
    return n;
}

/* The range without the call for it: as /proc lists them, or all that there may be. */
static void close_one_by_one(unsigned first, unsigned last)
{
    _Alignas(struct entry) char buffer[2048];
    int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct rlimit limit;
    long size;

    if (folder < 0) {
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1u << 20)
            limit.rlim_cur = 1u << 20;
        for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++)
            (void)close((int)fd);
        return;
    }
    while ((size = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < size;) {
            const struct entry *e = (const void *)(buffer + at);
            int fd = number_of(e->name);

            if (fd >= 0 && fd != folder && (unsigned)fd >= first && (unsigned)fd <= last)
                (void)close(fd);
            at += e->size;
        }
    (void)close(folder);
}

static void close_range_of(unsigned first, unsigned last)
{
    if (first > last)
        return;
    if (without(SPAWN_WITHOUT_CLOSE_RANGE) || syscall(CALL_CLOSE_RANGE, first, last, 0u) != 0)
        close_one_by_one(first, last);
}

static void close_others(const int keep[], size_t count)
{
    unsigned next = 3;

    for (size_t i = 0; i < count; i++)
        if (keep[i] >= (int)next) {
            close_range_of(next, (unsigned)keep[i] - 1);
            next = (unsigned)keep[i] + 1;
        }
    close_range_of(next, INT_MAX);
}

/* A copy of the descriptor with a number above least. */
static int copy_above(int fd, int least)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, least + 1);

    return copy >= 0 ? copy : -errno;
}

static int null_above(int least)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int copy;

    if (fd < 0)
        return -errno;
    copy = copy_above(fd, least);
    (void)close(fd);
    return copy;
}

/* First every source gets a number above all targets, or one move might close what another one needs. */
int spawn_place_descriptors(const struct spawn_move moves[], size_t count, int *spare_fd)
{
    int highest = count > 0 && moves[count - 1].to > 2 ? moves[count - 1].to : 2;
    int copies[SPAWN_MOVES_MOST];
    int keep[SPAWN_MOVES_MOST + 1];

    if (*spare_fd >= 0) {
        int copy = copy_above(*spare_fd, highest);

        if (copy < 0)
            return copy;
        *spare_fd = copy;
    }
    for (size_t i = 0; i < count; i++) {
        copies[i] = moves[i].from == SPAWN_NULL_DEVICE ? null_above(highest)
                                                       : copy_above(moves[i].from, highest);
        if (copies[i] < 0)
            return copies[i];
    }
    for (size_t i = 0; i < count; i++) {
        if (dup2(copies[i], moves[i].to) < 0)
            return -errno;
        keep[i] = moves[i].to;
    }
    keep[count] = *spare_fd; /* the highest, or -1 */
    close_others(keep, count + 1);
    return 0;
}

/* ---- steps, in the child ------------------------------------------------------------------------------- */

/* The address sanitizer takes the child's stack for a broken one where a call does not return. */
#define ON_OWN_STACK __attribute__((no_sanitize_address))

ON_OWN_STACK _Noreturn static void fail(struct birth *b, enum spawn_step step, int result)
{
    struct failure f = {.step = (int)step, .result = result};

    b->failure = f;
    while (b->report_fd >= 0 && write(b->report_fd, &f, sizeof f) < 0 && errno == EINTR)
        continue;
    _exit(127);
}

/* exec gives back what was caught, but until then no handler of the parent may run. */
static void reset_signals(bool keep_ignored)
{
    static const unsigned char none[64]; /* the kernel's struct for SIG_DFL, whatever its layout */
    struct sigaction act;

    for (int number = 1; number < NSIG; number++) {
        if (sigaction(number, NULL, &act) != 0) {
            /* the libc's own; posix_spawn() of glibc, which make uses, leaves them ignored */
            (void)syscall(SYS_rt_sigaction, number, none, NULL, (size_t)8);
            continue;
        }
        if (act.sa_handler == SIG_DFL)
            continue;
        if (keep_ignored && act.sa_handler == SIG_IGN)
            continue;
        memset(&act, 0, sizeof act);
        act.sa_handler = SIG_DFL;
        (void)sigaction(number, &act, NULL);
    }
}

static int set_limits(const struct spawn_plan *plan)
{
    for (size_t i = 0; i < plan->limit_count; i++) {
        uint64_t pair[2] = {plan->limits[i].soft, plan->limits[i].hard};

        if (syscall(SYS_prlimit64, 0, plan->limits[i].resource, pair, NULL) != 0)
            return -errno;
    }
    return 0;
}

/* By the bare calls: libc's would signal every thread of the parent to do the same. */
static int set_user(const struct spawn_plan *plan)
{
    uint32_t user = plan->user, group = plan->group;

    if (syscall(CALL_SETGROUPS, 1, &group) != 0 && (errno != EPERM || geteuid() == 0))
        return -errno;
    if (syscall(CALL_SETRESGID, group, group, group) != 0 ||
        syscall(CALL_SETRESUID, user, user, user) != 0)
        return -errno;
    return 0;
}

static int result_of(long result)
{
    return result >= 0 ? 0 : -errno;
}

/* Looks the program up as the shell does: a folder where it may not be executed is passed over, but told if
 * no other has it. */
static int execute(const struct spawn_plan *plan)
{
    char *const *argv = (char *const *)(uintptr_t)plan->argv;
    char *const *environment = (char *const *)(uintptr_t)plan->environment;
    size_t name_size = strlen(plan->program);
    const char *folder = plan->search;
    int result = -ENOENT;
    char path[PATH_MAX];

    if (strchr(plan->program, '/') != NULL)
        return result_of(execve(plan->program, argv, environment));
    for (const char *end = folder; *end != '\0'; folder = end + 1) {
        size_t size;

        end = strchrnul(folder, ':');
        size = (size_t)(end - folder);
        if (size + name_size + 2 > sizeof path)
            continue;
        memcpy(path, folder, size);
        path[size] = '/';
        memcpy(path + size + (size > 0), plan->program, name_size + 1);
        (void)execve(path, argv, environment);
        if (errno == EACCES)
            result = -EACCES;
        else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV)
            return -errno;
    }
    return result;
}

/* Everything after the birth; does not return. */
ON_OWN_STACK _Noreturn static void become(struct birth *b)
{
    const struct spawn_plan *plan = b->plan;
    sigset_t none;
    int result;

    reset_signals(plan->keep_signals);
    if (plan->new_session && setsid() < 0)
        fail(b, SPAWN_SESSION, -errno);
    if (plan->new_group && setpgid(0, 0) != 0)
        fail(b, SPAWN_GROUP, -errno);
    if (plan->tie_fd >= 0 && (result = tie_self(plan->tie_fd)) < 0)
        fail(b, SPAWN_TIE, result);
    if ((result = spawn_place_descriptors(plan->moves, plan->move_count, &b->report_fd)) < 0)
        fail(b, SPAWN_DESCRIPTORS, result);
    if (plan->set_niceness && setpriority(PRIO_PROCESS, 0, plan->niceness) != 0)
        fail(b, SPAWN_NICE, -errno);
    if ((result = set_limits(plan)) < 0)
        fail(b, SPAWN_LIMITS, result);
    if (plan->processors != NULL &&
        syscall(SYS_sched_setaffinity, 0, plan->processors_bytes, plan->processors) < 0)
        fail(b, SPAWN_PROCESSORS, -errno);
    if (plan->set_user && (result = set_user(plan)) < 0)
        fail(b, SPAWN_USER, result);
    if (plan->directory != NULL && chdir(plan->directory) != 0)
        fail(b, SPAWN_DIRECTORY, -errno);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, plan->keep_signals ? &b->mask : &none, NULL);
    fail(b, SPAWN_EXECUTE, execute(plan));
}

ON_OWN_STACK static int run_child(void *argument)
{
    become(argument);
}

/* The first of two: its end leaves the second one to init. */
ON_OWN_STACK static int run_middle(void *argument)
{
    struct birth *b = argument;
    int flags = CLONE_VFORK | SIGCHLD | (b->shares ? CLONE_VM : 0);

    b->shared = true;
    if (clone(run_child, b->stack, flags, b) < 0)
        fail(b, SPAWN_CLONE, -errno);
    _exit(0);
}

ON_OWN_STACK static int run_alone(void *argument)
{
    struct birth *b = argument;

    b->shared = true;
    become(b);
}

/* ---- the parent ---------------------------------------------------------------------------------------- */

static int give_birth(struct birth *b, struct spawned *ret)
{
    int (*run)(void *) = b->plan->detached ? run_middle : run_alone;
    int flags = CLONE_VFORK | SIGCHLD | (b->shares ? CLONE_VM : 0);
    char *top = b->stack + STACK_BYTES;
    pid_t pid = -1;

    ret->pidfd = -1;
    errno = EINVAL;
    if (!without(SPAWN_WITHOUT_PIDFD))
        pid = clone(run, top, flags | CLONE_WITH_PIDFD, b, &ret->pidfd);
    if (pid < 0 && errno == EINVAL) { /* an emulator: the child is ours, so its number is too */
        pid = clone(run, top, flags, b);
        ret->pidfd = pid < 0 ? -1 : child_open(pid);
    }
    ret->pid = pid;
    return pid < 0 ? -errno : 0;
}

/* What the child said, if anything. After the birth it has executed or failed, and has left word in memory; but where
 * that was not shared, the sleep until then may not have been, either: then its exec closes the pipe. */
static int read_failure(const struct birth *b, int fd, struct spawned *ret)
{
    struct failure f = b->failure;
    ssize_t size = 0;

    if (!b->shared) {
        do
            size = read(fd, &f, sizeof f);
        while (size < 0 && errno == EINTR);
        if (size != (ssize_t)sizeof f)
            return 0;
    }
    ret->step = (enum spawn_step)f.step;
    return f.result;
}

/* The first of two ends at once; so does a child that failed. */
static void collect(struct spawned *ret)
{
    struct child_end end;

    if (ret->pidfd >= 0)
        (void)child_collect(ret->pidfd, true, &end);
    else
        while (waitpid(ret->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    descriptor_close(ret->pidfd);
    ret->pidfd = -1;
}

static int start_with(struct birth *b, int report[2], struct spawned *ret)
{
    sigset_t all;
    int cancels;
    int result;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancels);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &b->mask);
    b->report_fd = report[1];
    tie_enter_birth();
    result = give_birth(b, ret);
    tie_leave_birth();
    (void)pthread_sigmask(SIG_SETMASK, &b->mask, NULL);
    ret->step = SPAWN_CLONE;
    descriptor_close(report[1]);
    if (result == 0)
        result = read_failure(b, report[0], ret);
    if (b->shared)
        atomic_store_explicit(&sharing_is_known, true, memory_order_relaxed);
    descriptor_close(report[0]);
    if (ret->pid > 0 && (result < 0 || b->plan->detached))
        collect(ret);
    if (result == 0 && !b->plan->detached && ret->pidfd < 0)
        result = -EMFILE; /* it runs, and only its number is known */
    (void)pthread_setcancelstate(cancels, NULL);
    return result;
}

int spawn_start(const struct spawn_plan *plan, struct spawned *ret)
{
    /* two stacks in one: the second child's lies below */
    size_t size = plan->detached ? 2 * STACK_BYTES : STACK_BYTES;
    struct birth b = {.plan = plan,
                      .shares = spawn_shares_memory && !without(SPAWN_WITHOUT_SHARING)};
    int report[2] = {-1, -1};
    int saved = errno;
    int result;

    *ret = (struct spawned){.pidfd = -1, .pid = -1, .step = SPAWN_CLONE};
    if (!(b.shares && atomic_load_explicit(&sharing_is_known, memory_order_relaxed)) &&
        pipe2(report, O_CLOEXEC) != 0)
        return -errno;
    b.stack =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (b.stack == MAP_FAILED) {
        result = -errno;
        descriptor_close(report[0]);
        descriptor_close(report[1]);
        return result;
    }
    if (plan->detached)
        b.stack += STACK_BYTES;
    result = start_with(&b, report, ret);
    (void)munmap(plan->detached ? b.stack - STACK_BYTES : b.stack, size);
    errno = saved;
    return result;
}
