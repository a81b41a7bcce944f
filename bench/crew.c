/* SPDX-License-Identifier: MIT */
/* The crew: forks the two processes, lets them meet, and ends them if need be. */
#include "crew.h"

#include "reference/futex.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void *crew_memory(size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED) {
        perror("bench: shared memory");
        exit(2);
    }
    return memory;
}

int crew_fail(struct crew *c, int error, const char *format, ...)
{
    va_list arguments;

    if (c->error[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(c->error, sizeof c->error, format, arguments);
        va_end(arguments);
    }
    return error;
}

void crew_meet(struct crew *c)
{
    uint32_t round = atomic_load_explicit(&c->round, memory_order_relaxed);

    /* The exchange makes the other side's earlier writes visible to the second one to come; the
     * release of the round, with the acquire below, makes the second one's visible to the first. */
    if (atomic_fetch_add_explicit(&c->arrived, 1, memory_order_acq_rel) == 1) {
        atomic_store_explicit(&c->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&c->round, round + 1, memory_order_release);
        futex_wake(&c->round);
        return;
    }
    while (atomic_load_explicit(&c->round, memory_order_acquire) == round)
        futex_wait(&c->round, round);
}

static _Noreturn void work_as(struct crew *c, const struct crew_work *work, enum place place,
                              enum side side, pid_t partner)
{
    int r = place_pin(place, side);

    if (r < 0)
        (void)crew_fail(c, r, "cannot run on the CPU wanted: %s", strerror(-r));
    else
        r = work->run(c, side);
    if (r < 0 && partner > 0)
        (void)kill(partner, SIGKILL);
    if (r >= 0 && side == SIDE_PING && (waitpid(partner, &r, 0) < 0 || r != 0))
        r = crew_fail(c, -ECHILD, "the answering process failed");
    _exit(r != 0);
}

/* The first process: forks the second one, which does not outlive it. */
static _Noreturn void lead(struct crew *c, const struct crew_work *work, enum place place)
{
    pid_t self = getpid(), partner;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (work->make != NULL && work->make(c) < 0)
        _exit(1);
    partner = fork();
    if (partner < 0) {
        (void)crew_fail(c, -errno, "fork: %s", strerror(errno));
        _exit(1);
    }
    if (partner > 0)
        work_as(c, work, place, SIDE_PING, partner);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self)
        _exit(1);
    work_as(c, work, place, SIDE_PONG, self);
}

/* True if the child ended in time. */
static bool await(pid_t child, uint64_t limit_ns)
{
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    int r;

    if (fd < 0)
        return false;
    do
        r = poll(&ended, 1, (int)(limit_ns / 1000000u));
    while (r < 0 && errno == EINTR);
    close(fd);
    return r > 0;
}

int crew_run(struct crew *c, const struct crew_work *work, enum place place, uint64_t limit_ns)
{
    int status, r = 0;
    pid_t child;

    c->error[0] = '\0';
    atomic_store(&c->arrived, 0);
    (void)fflush(NULL);
    child = fork();
    if (child < 0)
        return crew_fail(c, -errno, "fork: %s", strerror(errno));
    if (child == 0)
        lead(c, work, place);
    if (!await(child, limit_ns)) {
        r = crew_fail(c, -ETIME, "not done within %u s", (unsigned)(limit_ns / 1000000000u));
        (void)kill(child, SIGKILL);
    }
    if (waitpid(child, &status, 0) < 0 || status != 0)
        return r < 0 ? r : crew_fail(c, -ECHILD, "ended with wait status %#x", (unsigned)status);
    return r;
}
