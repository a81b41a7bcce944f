/* SPDX-License-Identifier: MIT */
/* Restartable sequences, which libc has registered for each thread. */
#include "sequence.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>

bool sequence_at(pid_t pid, uintptr_t place, struct sequence *ret)
{
    const char *area = (const char *)__builtin_thread_pointer() + __rseq_offset;
    const struct rseq_cs *s;
    long word;

    if (__rseq_size == 0)
        return false;
    errno = 0;
    word = ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)(area + offsetof(struct rseq, rseq_cs)),
                  NULL);
    s = (const struct rseq_cs *)word; /* a constant, here as there */
    if (errno != 0 || s == NULL || place < s->start_ip ||
        place >= s->start_ip + s->post_commit_offset)
        return false;
    *ret = (struct sequence){.end = (uintptr_t)(s->start_ip + s->post_commit_offset),
                             .elsewhere = (uintptr_t)s->abort_ip};
    return true;
}
