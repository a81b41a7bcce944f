/* SPDX-License-Identifier: MIT */
/* USDT probes, by which tracers watch links from outside: a nop each. Without <sys/sdt.h>, nothing. */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H

#ifdef HAVE_SYS_SDT_H
#include <sys/sdt.h>
#define PROBE2(name, a, b) DTRACE_PROBE2(enlace, name, a, b)
#else
#define PROBE2(name, a, b) ((void)0)
#endif

#endif
