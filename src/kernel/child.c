/* SPDX-License-Identifier: MIT */
/* A child of this process by its pidfd: waiting and signalling. */
#include "kernel/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers that not every libc knows; the same on all machines. */
#define CALL_PIDFD_OPEN 434
#define CALL_PIDFD_SEND_SIGNAL 424
#define BY_PIDFD 3 /* of waitid */

/* As the kernel writes it, whatever the width of libc's times. */
struct usage {
    long user_s, user_us, system_s, system_us;
    long largest_kib;
    long others[13];
};

const int child_signal_terminate = SIGTERM;
const int child_signal_kill = SIGKILL;
const int child_signal_continue = SIGCONT;

int child_open(pid_t pid)
{
    long fd = syscall(CALL_PIDFD_OPEN, pid, 0u);

    return fd >= 0 ? (int)fd : -errno;
}

static int wait_for_change(int kind, int id, int options, pid_t *ret_pid, struct child_end *ret_end)
{
    struct usage usage;
    siginfo_t info;
    long result;

    memset(&info, 0, sizeof info);
    memset(&usage, 0, sizeof usage);
    do
        result = syscall(SYS_waitid, kind, id, &info, options, &usage);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return -errno;
    if (info.si_pid == 0)
        return -EAGAIN;
    *ret_pid = info.si_pid;
    *ret_end = (struct child_end){
        .change = info.si_code == CLD_EXITED    ? CHILD_EXITED
                  : info.si_code == CLD_KILLED  ? CHILD_KILLED
                  : info.si_code == CLD_DUMPED  ? CHILD_DUMPED
                  : info.si_code == CLD_STOPPED ? CHILD_STOPPED
                  : info.si_code == CLD_TRAPPED ? CHILD_STOPPED
                                                : CHILD_CONTINUED,
        .number = info.si_status,
        .user_ns = (int64_t)usage.user_s * 1000000000 + (int64_t)usage.user_us * 1000,
        .system_ns = (int64_t)usage.system_s * 1000000000 + (int64_t)usage.system_us * 1000,
        .largest_bytes = (uint64_t)usage.largest_kib * 1024,
    };
    return 0;
}

static int change(int pidfd, int options, struct child_end *ret_end)
{
    pid_t pid;

    return wait_for_change(BY_PIDFD, pidfd, options, &pid, ret_end);
}

bool child_is_ours(int pidfd)
{
    struct child_end end;
    int result = change(pidfd, WEXITED | WNOWAIT | WNOHANG, &end);

    return result == 0 || result == -EAGAIN;
}

int child_find_ended(pid_t *ret_pid)
{
    struct child_end end;

    return wait_for_change(P_ALL, 0, WEXITED | WNOWAIT | WNOHANG, ret_pid, &end);
}

int child_collect_number(pid_t pid, struct child_end *ret_end)
{
    return wait_for_change(P_PID, pid, WEXITED | WNOHANG, &pid, ret_end);
}

int child_collect(int pidfd, bool may_block, struct child_end *ret_end)
{
    return change(pidfd, WEXITED | (may_block ? 0 : WNOHANG), ret_end);
}

/* What stays must be asked for apart from what is taken; stops come before the end. */
int child_look(int pidfd, bool may_block, struct child_end *ret_end)
{
    int result = 0;

    if (may_block)
        result = change(pidfd, WEXITED | WSTOPPED | WCONTINUED | WNOWAIT, ret_end);
    if (result < 0)
        return result;
    result = change(pidfd, WSTOPPED | WCONTINUED | WNOHANG, ret_end);
    if (result == -EAGAIN || result == -ECHILD) /* one that has ended has no stops to wait for */
        result = change(pidfd, WEXITED | WNOWAIT | WNOHANG, ret_end);
    return result;
}

int child_signal(int pidfd, int signal, bool with_value, intptr_t value)
{
    siginfo_t info;
    long result;

    memset(&info, 0, sizeof info);
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = (void *)value;
    result = syscall(CALL_PIDFD_SEND_SIGNAL, pidfd, signal, with_value ? &info : NULL, 0u);
    return result == 0 ? 0 : -errno;
}

int child_signal_group(pid_t group, int signal)
{
    return kill(-group, signal) == 0 ? 0 : -errno;
}

int child_adopt_orphans(bool adopt)
{
    return prctl(PR_SET_CHILD_SUBREAPER, adopt ? 1L : 0L, 0L, 0L, 0L) == 0 ? 0 : -errno;
}
