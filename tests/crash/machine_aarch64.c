/* SPDX-License-Identifier: MIT */
/* The processor is an ARM of 64 bit. A loop of load-exclusive and store-exclusive never ends when it is stepped:
 * the processor must have the atomic instructions of ARMv8.1, which libc and compiler then use. */
#include "machine.h"

#include <asm/ptrace.h>
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define BREAKPOINTS 0x402 /* the register set NT_ARM_HW_BREAK, which not every libc names */
#define SVC_MASK 0xffe0001fu
#define SVC 0xd4000001u
/* all four bytes, in programs, enabled */
#define EXECUTES (0xfu << 5 | 2u << 1 | 1u)

/* As <asm/ptrace.h> has it, with those that are used. */
struct breakpoints {
    uint32_t info;
    uint32_t padding;
    struct {
        uint64_t address;
        uint32_t control;
        uint32_t padding;
    } registers[MACHINE_BREAKPOINTS];
};

const bool machine_steps = true;

uintptr_t machine_place(pid_t pid)
{
    struct user_pt_regs registers;
    struct iovec part = {.iov_base = &registers, .iov_len = sizeof registers};

    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &part) != 0)
        return 0;
    return (uintptr_t)registers.pc;
}

uintptr_t machine_caller(pid_t pid)
{
    struct user_pt_regs registers;
    struct iovec part = {.iov_base = &registers, .iov_len = sizeof registers};

    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &part) != 0)
        return 0;
    return (uintptr_t)registers.regs[30];
}

bool machine_is_call(uintptr_t place)
{
    uint32_t instruction;

    memcpy(&instruction, (const void *)place, sizeof instruction);
    return (instruction & SVC_MASK) == SVC;
}

int machine_break(pid_t pid, unsigned number, uintptr_t place)
{
    struct breakpoints set = {0};
    struct iovec part = {.iov_base = &set, .iov_len = sizeof set};

    if (ptrace(PTRACE_GETREGSET, pid, (void *)BREAKPOINTS, &part) != 0 || part.iov_len < sizeof set)
        return -ENOTSUP;
    set.registers[number].address = place;
    set.registers[number].control = EXECUTES;
    part.iov_len = sizeof set;
    return ptrace(PTRACE_SETREGSET, pid, (void *)BREAKPOINTS, &part) == 0 ? 0 : -ENOTSUP;
}
