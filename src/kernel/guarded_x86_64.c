/* SPDX-License-Identifier: MIT */
/* Guarded system calls on x86-64. */
#include "kernel/guarded.h"

#include <errno.h>
#include <stddef.h>
#include <sys/rseq.h>

bool guarded_possible(void)
{
    return __rseq_size > 0; /* glibc has registered this thread, as every other */
}

static char *thread_area(void)
{
    char *thread;

    __asm__("movq %%fs:0, %0" : "=r"(thread));
    return thread + __rseq_offset;
}

/* The sequence is [1, 2), and its last instruction the call. While the kernel sleeps the address to return to is
 * 2, outside of it; before it is entered, inside: a signal then makes the kernel go on at 4, which the signature
 * in front of it allows. */
long guarded_call(const atomic_int *flag, long number, const long arguments[5])
{
    void **sequence = (void **)(thread_area() + offsetof(struct rseq, rseq_cs));
    register long fourth __asm__("r10") = arguments[3];
    register long fifth __asm__("r8") = arguments[4];
    long result = number;

    __asm__ volatile(".pushsection .data.rel.ro.enlace_guarded, \"aw\"\n\t"
                     ".balign 32\n"
                     "3:\n\t"
                     ".long 0, 0\n\t" /* version, flags */
                     ".quad 1f, 2f - 1f, 4f\n\t"
                     ".popsection\n\t"
                     "leaq 3b(%%rip), %%rcx\n\t"
                     "movq %%rcx, (%[sequence])\n"
                     "1:\n\t"
                     "cmpl $0, (%[flag])\n\t"
                     "jne 4f\n\t"
                     "syscall\n"
                     "2:\n\t"
                     "jmp 5f\n\t"
                     ".byte 0x0f, 0xb9, 0x3d\n\t" /* with the signature an instruction: ud1 */
                     ".long %c[signature]\n"
                     "4:\n\t"
                     "movq %[interrupted], %%rax\n"
                     "5:\n\t"
                     "movq $0, (%[sequence])"
                     : "+a"(result)
                     : "D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2]), "r"(fourth),
                       "r"(fifth), [flag] "r"(flag), [sequence] "r"(sequence),
                       [interrupted] "i"(-EINTR), [signature] "i"(RSEQ_SIG)
                     : "rcx", "r11", "cc", "memory");
    return result;
}
