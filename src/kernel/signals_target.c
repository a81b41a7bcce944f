/* SPDX-License-Identifier: MIT */
/* Signals as messages: sending them. */
#include "kernel/signals.h"

#include "kernel/descriptor.h"
#include "kernel/status.h"
#include "kernel/thread.h"
#include "kernel/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Set by tests, before a target is opened and signals are taken. */
static atomic_bool pretend_old;

void signal_pretend_old_kernel(bool old)
{
    atomic_store_explicit(&pretend_old, old, memory_order_relaxed);
}

bool signal_pretends_old_kernel(void)
{
    return atomic_load_explicit(&pretend_old, memory_order_relaxed);
}

static int send_info(const struct signal_target *target, int number, siginfo_t *info)
{
    struct stat status;
    long result;

    if (target->by_pidfd)
        result = syscall(SYS_pidfd_send_signal, target->fd, number, info, 0);
    else if (fstatat(target->fd, "status", &status, 0) != 0)
        return -ESRCH; /* what the directory belonged to has ended, whoever has its number now */
    else if (info == NULL)
        result = kill(target->pid, number);
    else
        result = syscall(SYS_rt_sigqueueinfo, target->pid, number, info);
    return result == 0 ? 0 : -errno;
}

static int open_pidfd(int32_t pid)
{
    long fd;

    if (signal_pretends_old_kernel())
        return -ENOSYS;
    fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        return (int)fd;
    return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno; /* a thread's number */
}

/* Threads have a directory too: -ESRCH. */
static int check_process(int directory_fd, int32_t pid)
{
    int64_t leader = 0;
    int fd = openat(directory_fd, "status", O_RDONLY | O_CLOEXEC);
    int result;

    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    result = status_number(fd, "Tgid:", &leader);
    descriptor_close(fd);
    return result < 0 || leader != pid ? -ESRCH : 0;
}

static int open_directory(int32_t pid)
{
    char path[32];
    int fd;
    int result;

    (void)snprintf(path, sizeof path, "/proc/%d", pid);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT && access("/proc/self", F_OK) == 0 ? -ESRCH : -errno;
    result = check_process(fd, pid);
    if (result == 0)
        return fd;
    descriptor_close(fd);
    return result;
}

int signal_target_open(int32_t pid, struct signal_target *ret_target)
{
    struct signal_target target = {.pid = pid, .by_pidfd = true};
    int result;

    target.fd = open_pidfd(pid);
    if (target.fd == -ENOSYS ||
        target.fd == -EPERM) { /* the second says a filter of system calls */
        target.by_pidfd = false;
        target.fd = open_directory(pid);
    }
    if (target.fd < 0)
        return target.fd;
    result = send_info(&target, 0, NULL);
    if (result < 0) {
        descriptor_close(target.fd);
        return result;
    }
    *ret_target = target;
    return 0;
}

void signal_target_close(struct signal_target *target)
{
    descriptor_close(target->fd);
    target->fd = -1;
}

static void describe_queued(int number, uint64_t value, siginfo_t *info)
{
    memset(info, 0, sizeof *info);
    info->si_signo = number;
    info->si_code = SI_QUEUE;
    info->si_pid = thread_process();
    info->si_uid = getuid();
    info->si_value.sival_ptr = (void *)(uintptr_t)value;
}

int signal_target_send(const struct signal_target *target, int number, uint64_t value)
{
    siginfo_t info;

    describe_queued(number, value, &info);
    return send_info(target, number, &info);
}

/* Its file of signals, by its number as this /proc counts it. */
static int open_status(const struct signal_target *target)
{
    char path[48];
    int64_t pid = -1;
    int fd;
    int result;

    if (!target->by_pidfd) {
        fd = openat(target->fd, "status", O_RDONLY | O_CLOEXEC);
        return fd >= 0 ? fd : errno == ESRCH || errno == ENOENT ? -ESRCH : -errno;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", target->fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    result = status_number(fd, "Pid:", &pid);
    descriptor_close(fd);
    if (result < 0)
        return result;
    if (pid <= 0)
        return -ESRCH;
    (void)snprintf(path, sizeof path, "/proc/%lld/status", (long long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int signal_target_pending(const struct signal_target *target, uint64_t set, bool *ret_pending)
{
    struct pollfd item = {.fd = target->fd, .events = POLLIN};
    uint64_t pending = 0;
    int fd = open_status(target);
    int result = fd < 0 ? fd : status_bits(fd, "ShdPnd:", &pending);

    descriptor_close(fd);
    /* only if it has not ended meanwhile was the file its own */
    if (target->by_pidfd && wait_look(&item, 1) > 0)
        return -ESRCH;
    if (result < 0)
        return result;
    *ret_pending = (pending & set) != 0;
    return 0;
}

int signal_send_number(enum signal_receiver to, int32_t id, int number, const uint64_t *value)
{
    siginfo_t info;
    long result;

    describe_queued(number, value != NULL ? *value : 0, &info);
    if (to == SIGNAL_TO_GROUP)
        result = kill(-id, number);
    else if (to == SIGNAL_TO_PROCESS)
        result = value != NULL ? syscall(SYS_rt_sigqueueinfo, id, number, &info) : kill(id, number);
    else
        result = value != NULL ? syscall(SYS_rt_tgsigqueueinfo, thread_process(), id, number, &info)
                               : syscall(SYS_tgkill, thread_process(), id, number);
    return result == 0 ? 0 : -errno;
}

int32_t signal_this_thread(void)
{
    return (int32_t)syscall(SYS_gettid);
}
