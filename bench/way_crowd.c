/* SPDX-License-Identifier: MIT */
/* The way of a crowd: three pairs of processes go there and back at once, more than there are CPUs, so that whoever looks
 * instead of sleeping may keep the CPU from the very one it waits for. A piece of work is so many trips of each pair. */
#include "reference/futex.h"
#include "way.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAIRS 3u
#define MEMBERS (2 * PAIRS)
#define TRIPS 500u

struct member {
    _Alignas(128) _Atomic uint32_t go; /* the number of the piece of work that it is to do */
};

struct crowd {
    struct member members[MEMBERS];
    _Alignas(128) _Atomic uint32_t done; /* members, with this piece */
    _Atomic int failure;
};

/* One pair, before the fork: what both sides use. */
struct pair {
    struct enl_link *links[2];
    int fds[2]; /* there, back */
};

/* ---- a trip ------------------------------------------------------------------------------------- */

static int send_by(const struct pair *p, enum side side)
{
    uint64_t word = 1;
    ssize_t r;

    if (p->links[side] != NULL)
        r = enl_send(p->links[side], &word, sizeof word, ENL_FOREVER);
    else
        r = write(p->fds[side], &word, sizeof word) < 0 ? -errno : (ssize_t)sizeof word;
    return r < 0 ? (int)r : 0;
}

static int receive_by(const struct pair *p, enum side side)
{
    uint64_t word;
    ssize_t r;

    if (p->links[side] != NULL)
        r = enl_receive(p->links[side], &word, sizeof word, ENL_FOREVER);
    else
        r = read(p->fds[!side], &word, sizeof word) < 0 ? -errno : (ssize_t)sizeof word;
    return r < 0 ? (int)r : 0;
}

static int work_of(const struct pair *p, enum side side)
{
    int r = 0;

    for (unsigned i = 0; i < TRIPS && r == 0; i++) {
        r = side == SIDE_PING ? send_by(p, side) : receive_by(p, side);
        if (r == 0)
            r = side == SIDE_PING ? receive_by(p, side) : send_by(p, side);
    }
    return r;
}

/* ---- the members ---------------------------------------------------------------------------------- */

static _Noreturn void be_member(struct crowd *crowd, unsigned number, struct pair pairs[])
{
    struct member *self = &crowd->members[number];
    const struct pair *own = &pairs[number / 2];
    enum side side = number % 2 == 0 ? SIDE_PING : SIDE_PONG;

    for (unsigned i = 0; i < PAIRS; i++) /* of a pair each side uses its own end alone */
        for (int k = 0; k < 2; k++)
            if (&pairs[i] != own || k != (int)side)
                enl_close(pairs[i].links[k]);
    for (uint32_t piece = 0;; piece++) {
        int r;

        while (atomic_load_explicit(&self->go, memory_order_acquire) == piece)
            futex_wait(&self->go, piece);
        r = work_of(own, side);
        if (r < 0)
            atomic_store(&crowd->failure, r);
        atomic_fetch_add(&crowd->done, r < 0 ? MEMBERS : 1);
        futex_wake(&crowd->done);
    }
}

static int make_pair(struct course *c, struct pair *p)
{
    int r = 0;

    if (c->what[0] != '\0') {
        r = enl_pair(c->what, p->links);
        if (r < 0)
            (void)snprintf(c->error, sizeof c->error, "%s", enl_error_text());
        return r;
    }
    for (int k = 0; k < 2; k++) {
        p->fds[k] = eventfd(0, EFD_CLOEXEC);
        r = p->fds[k] < 0 ? -errno : r;
    }
    return r;
}

/* On one CPU if this process is, else on two, wherever on these the kernel likes. */
static int stay_on_two(void)
{
    cpu_set_t now, two;
    int cpus[2];

    if (sched_getaffinity(0, sizeof now, &now) != 0)
        return -errno;
    if (CPU_COUNT(&now) == 1)
        return 0;
    place_cpus(cpus);
    CPU_ZERO(&two);
    CPU_SET((unsigned)cpus[0], &two);
    CPU_SET((unsigned)cpus[1], &two);
    return sched_setaffinity(0, sizeof two, &two) != 0 ? -errno : 0;
}

static int make(struct course *c)
{
    struct pair pairs[PAIRS] = {{{NULL, NULL}, {-1, -1}}};
    struct crowd *crowd = mmap(NULL, sizeof *crowd, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    pid_t self = getpid();
    int r = stay_on_two();

    if (crowd == MAP_FAILED)
        return -ENOMEM;
    c->cell.memory = crowd;
    for (unsigned i = 0; i < PAIRS && r == 0; i++)
        r = make_pair(c, &pairs[i]);
    for (unsigned i = 0; i < MEMBERS && r == 0; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != self)
                _exit(1);
            be_member(crowd, i, pairs);
        }
        r = pid < 0 ? -errno : 0;
    }
    for (unsigned i = 0; i < PAIRS; i++)
        for (int k = 0; k < 2; k++)
            enl_close(pairs[i].links[k]);
    return r;
}

static int work(struct course *c)
{
    struct crowd *crowd = c->cell.memory;
    uint32_t done;

    atomic_store(&crowd->done, 0);
    for (unsigned i = 0; i < MEMBERS; i++) {
        /* pairs with the acquire in be_member() */
        atomic_fetch_add_explicit(&crowd->members[i].go, 1, memory_order_release);
        futex_wake(&crowd->members[i].go);
    }
    while ((done = atomic_load(&crowd->done)) < MEMBERS)
        futex_wait(&crowd->done, done);
    return atomic_load(&crowd->failure);
}

const struct way way_crowd = {.name = "crowd", .make = make, .work = work};
