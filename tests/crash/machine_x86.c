/* SPDX-License-Identifier: MIT */
/* The processor is an x86, of 64 or 32 bit. */
#include "machine.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#ifdef __x86_64__
#define NEXT_INSTRUCTION offsetof(struct user, regs.rip)
#else
#define NEXT_INSTRUCTION offsetof(struct user, regs.eip)
#endif
#define DEBUG_REGISTER(n) (offsetof(struct user, u_debugreg) + (n) * sizeof(long))

const bool machine_steps = true;

uintptr_t machine_place(pid_t pid)
{
    long place;

    errno = 0;
    place = ptrace(PTRACE_PEEKUSER, pid, (void *)NEXT_INSTRUCTION, NULL);
    return errno == 0 ? (uintptr_t)place : 0;
}

uintptr_t machine_caller(pid_t pid)
{
#ifdef __x86_64__
    long stack, place;

    errno = 0;
    stack = ptrace(PTRACE_PEEKUSER, pid, (void *)offsetof(struct user, regs.rsp), NULL);
    place = errno == 0 ? ptrace(PTRACE_PEEKDATA, pid, (void *)stack, NULL) : 0;
    return errno == 0 ? (uintptr_t)place : 0;
#else
    (void)pid;
    return 0;
#endif
}

bool machine_is_call(uintptr_t place)
{
    static const unsigned char calls[][2] = {{0x0f, 0x05}, {0x0f, 0x34}, {0xcd, 0x80}};

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (memcmp((const void *)place, calls[i], sizeof calls[i]) == 0)
            return true;
    return false;
}

int machine_break(pid_t pid, unsigned number, uintptr_t place)
{
    unsigned long control;

    errno = 0;
    control = (unsigned long)ptrace(PTRACE_PEEKUSER, pid, (void *)DEBUG_REGISTER(7), NULL);
    if (errno != 0 ||
        ptrace(PTRACE_POKEUSER, pid, (void *)DEBUG_REGISTER(number), (void *)place) != 0)
        return -ENOTSUP;
    /* local enable; type and length 0 mean "executes" */
    control |= 1ul << (2 * number);
    if (ptrace(PTRACE_POKEUSER, pid, (void *)DEBUG_REGISTER(7), (void *)control) != 0)
        return -ENOTSUP;
    return 0;
}
