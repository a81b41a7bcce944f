/* SPDX-License-Identifier: MIT */
/* Signals as messages: taking them. */
#include "kernel/signals.h"

#include "base/deadline.h"
#include "base/signal_name.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/disposition.h"
#include "kernel/guarded.h"
#include "kernel/signal_set.h"
#include "kernel/status.h"
#include "kernel/wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The call is made directly: libc's copies the timeout, which a handler must be able to reach, and changes the
 * code of signals that were sent to a thread. */
#ifdef SYS_rt_sigtimedwait_time64
#define SIGTIMEDWAIT SYS_rt_sigtimedwait_time64
#else
#define SIGTIMEDWAIT SYS_rt_sigtimedwait
#endif

#define WORD_BITS (sizeof(unsigned long) * 8)

/* ---- the mask ---------------------------------------------------------------------------------------------- */

void signal_mask_add(uint64_t set, struct signal_mask *ret_mask)
{
    sigset_t wanted, before;

    signal_set_fill(set, &wanted);
    (void)pthread_sigmask(SIG_BLOCK, &wanted, &before);
    ret_mask->added = set & ~signal_set_bits(&before);
    ret_mask->thread = pthread_self();
}

void signal_mask_restore(const struct signal_mask *mask, bool drop)
{
    struct signal_facts facts;
    sigset_t added;

    if (!pthread_equal(mask->thread, pthread_self()))
        return;
    while (drop && signal_take(mask->added, NULL, false, &facts) == 0)
        continue;
    signal_set_fill(mask->added, &added);
    (void)pthread_sigmask(SIG_UNBLOCK, &added, NULL);
}

uint64_t signal_mask_change(enum signal_change change, uint64_t set)
{
    static const int how[] = {
        [SIGNAL_BLOCK] = SIG_BLOCK, [SIGNAL_UNBLOCK] = SIG_UNBLOCK, [SIGNAL_EXACTLY] = SIG_SETMASK};
    sigset_t wanted, before;

    signal_set_fill(set, &wanted);
    (void)pthread_sigmask(how[change], &wanted, &before);
    return signal_set_bits(&before);
}

/* The lowest of them that is not in the thread's mask, or 0. */
static int open_number(uint64_t set, int tasks_fd, const char *thread)
{
    char path[64];
    uint64_t blocked = 0;
    int fd;
    int result;

    (void)snprintf(path, sizeof path, "%.40s/status", thread);
    fd = openat(tasks_fd, path, O_RDONLY | O_CLOEXEC);
    result = fd < 0 ? -errno : status_bits(fd, "SigBlk:", &blocked);
    descriptor_close(fd);
    if (result < 0)
        return 0; /* it has just ended */
    for (int number = 1; number <= SIGNAL_NUMBER_MAX; number++)
        if ((set & ~blocked & SIGNAL_BIT(number)) != 0)
            return number;
    return 0;
}

bool signal_finds_open_thread(uint64_t set, int *ret_thread, int *ret_number)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    int number = 0;

    if (tasks == NULL)
        return false;
    while (number == 0 && (entry = readdir(tasks)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        number = open_number(set, dirfd(tasks), entry->d_name);
        if (number != 0 && sscanf(entry->d_name, "%d", ret_thread) != 1)
            *ret_thread = 0;
    }
    (void)closedir(tasks);
    *ret_number = number;
    return number != 0;
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

/* What the kernel says for a reason of its own depends on the signal. */
static void decode_cause(const siginfo_t *info, struct signal_facts *facts)
{
    switch (info->si_signo) {
    case SIGCHLD:
        facts->pid = info->si_pid;
        facts->uid = info->si_uid;
        facts->status = info->si_status;
        break;
    case SIGILL:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGTRAP:
    case SIGSYS:
        facts->address = (uintptr_t)info->si_addr;
        break;
    default: /* a descriptor's, by SIGIO or the signal that it was told to send instead */
        facts->fd = info->si_fd;
        facts->band = (uint32_t)info->si_band;
    }
}

void signal_decode(const siginfo_t *info, struct signal_facts *facts)
{
    *facts = (struct signal_facts){.number = info->si_signo, .code = info->si_code};
    if (info->si_code == SI_TIMER) {
        facts->timer = info->si_timerid;
        facts->overrun = info->si_overrun;
        facts->value = (uintptr_t)info->si_value.sival_ptr;
    } else if (info->si_code == SI_SIGIO) {
        facts->fd = info->si_fd;
        facts->band = (uint32_t)info->si_band;
    } else if (info->si_code > SI_USER && info->si_code < SI_KERNEL) {
        decode_cause(info, facts);
    } else {
        facts->pid = info->si_pid;
        facts->uid = info->si_uid;
        if (info->si_code < 0)
            facts->value = (uintptr_t)info->si_value.sival_ptr;
    }
}

/* As the kernel takes them, on 32 bit too. */
struct timeout {
    int64_t seconds;
    int64_t nanoseconds;
};

struct kernel_set {
    unsigned long words[SIGNAL_NUMBER_MAX / WORD_BITS];
};

static struct kernel_set kernel_set_of(uint64_t set)
{
    struct kernel_set words;

    for (size_t i = 0; i < SIGNAL_NUMBER_MAX / WORD_BITS; i++)
        words.words[i] = (unsigned long)(set >> (i * WORD_BITS));
    return words;
}

static int take(uint64_t set, const struct timeout *timeout, struct signal_facts *ret_facts)
{
    struct kernel_set wanted = kernel_set_of(set);
    siginfo_t info;

    if (syscall(SIGTIMEDWAIT, &wanted, &info, timeout, sizeof wanted) < 0)
        return -errno;
    signal_decode(&info, ret_facts);
    return 0;
}

/* Without a timeout: the kernel's timer for one that is never reached costs a tenth of a round trip. */
static int take_guarded(uint64_t set, const atomic_int *unless, struct signal_facts *ret_facts)
{
    struct kernel_set wanted = kernel_set_of(set);
    siginfo_t info;
    long arguments[5] = {(long)&wanted, (long)&info, 0, sizeof wanted};
    long result = guarded_call(unless, SIGTIMEDWAIT, arguments);

    if (result < 0)
        return (int)result;
    signal_decode(&info, ret_facts);
    return 0;
}

int signal_take(uint64_t set, struct interrupt *who, bool may_block, struct signal_facts *ret_facts)
{
    static const struct timeout none;
    struct timeout forever = {.seconds = INT64_MAX / 2000000000};
    int result;

    if (!may_block)
        return take(set, &none, ret_facts);
    if (guarded_possible() && !signal_pretends_old_kernel())
        return take_guarded(set, &who->raised, ret_facts);
    result = interrupt_arm(who, &forever.nanoseconds);
    if (result == 0)
        result = take(set, &forever, ret_facts);
    interrupt_disarm(who);
    return result < 0 && interrupt_raised(who) ? -EINTR : result;
}

int signal_take_until(uint64_t set, enl_deadline until, struct signal_facts *ret_facts)
{
    int result;

    do {
        int64_t left = until == ENL_NOW ? 0 : deadline_left_ns(until, clock_now_ns());
        const struct timeout timeout = {.seconds = left / 1000000000,
                                        .nanoseconds = left % 1000000000};

        result = take(set, &timeout, ret_facts);
    } while (result == -EINTR);
    return result;
}

int signal_fd(uint64_t set, int fd, int *ret_fd)
{
    sigset_t wanted;

    signal_set_fill(set, &wanted);
    fd = signalfd(fd, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

ssize_t signal_take_many(int fd, struct signal_facts facts[], size_t count)
{
    struct signalfd_siginfo infos[SIGNAL_BATCH];
    ssize_t size;

    if (count > SIGNAL_BATCH)
        count = SIGNAL_BATCH;
    size = read(fd, infos, count * sizeof infos[0]);
    if (size < 0)
        return -errno;
    count = (size_t)size / sizeof infos[0];
    for (size_t i = 0; i < count; i++)
        facts[i] = (struct signal_facts){
            .number = (int32_t)infos[i].ssi_signo,
            .code = infos[i].ssi_code,
            .value = infos[i].ssi_ptr,
            .pid = (int32_t)infos[i].ssi_pid,
            .uid = infos[i].ssi_uid,
            .status = infos[i].ssi_status,
            .fd = infos[i].ssi_fd,
            .band = infos[i].ssi_band,
            .timer = (int32_t)infos[i].ssi_tid,
            .overrun = (int32_t)infos[i].ssi_overrun,
            .address = infos[i].ssi_addr,
        };
    return (ssize_t)count;
}

uint64_t signal_pending(uint64_t set)
{
    sigset_t all;

    (void)sigemptyset(&all);
    (void)sigpending(&all);
    return signal_set_bits(&all) & set;
}
