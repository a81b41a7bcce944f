/* SPDX-License-Identifier: MIT */
/* Guarded system calls on aarch64. */
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

    __asm__("mrs %0, tpidr_el0" : "=r"(thread));
    return thread + __rseq_offset;
}

/* The sequence is [1, 2), and its last instruction the call. While the kernel sleeps the address to return to is
 * 2, outside of it; before it is entered, inside: a signal then makes the kernel go on at 4, which the signature
 * in front of it allows. */
long guarded_call(const atomic_int *flag, long number, const long arguments[5])
{
    void **sequence = (void **)(thread_area() + offsetof(struct rseq, rseq_cs));
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = arguments[0];
    register long x1 __asm__("x1") = arguments[1];
    register long x2 __asm__("x2") = arguments[2];
    register long x3 __asm__("x3") = arguments[3];
    register long x4 __asm__("x4") = arguments[4];

    __asm__ volatile(".pushsection .data.rel.ro.enlace_guarded, \"aw\"\n\t"
                     ".balign 32\n"
                     "3:\n\t"
                     ".long 0, 0\n\t" /* version, flags */
                     ".quad 1f, 2f - 1f, 4f\n\t"
                     ".popsection\n\t"
                     "adrp x9, 3b\n\t"
                     "add x9, x9, :lo12:3b\n\t"
                     "str x9, [%[sequence]]\n"
                     "1:\n\t"
                     "ldr w9, [%[flag]]\n\t"
                     "cbnz w9, 4f\n\t"
                     "svc #0\n"
                     "2:\n\t"
                     "b 5f\n\t"
                     ".inst %c[signature]\n"
                     "4:\n\t"
                     "mov x0, %[interrupted]\n"
                     "5:\n\t"
                     "str xzr, [%[sequence]]"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3),
                       "r"(x4), [flag] "r"(flag), [sequence] "r"(sequence),
                       [interrupted] "i"(-EINTR), [signature] "i"(RSEQ_SIG_CODE)
                     : "x9", "cc", "memory");
    return x0;
}
