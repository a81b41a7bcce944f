/* SPDX-License-Identifier: MIT */
/* The version of enlace: of these headers, and of the library that runs. */
#ifndef ENLACE_VERSION_H
#define ENLACE_VERSION_H

#include <enlace/export.h>

ENL_BEGIN

#define ENL_VERSION_MAJOR 0
#define ENL_VERSION_MINOR 1
#define ENL_VERSION_PATCH 0
#define ENL_VERSION "0.1.0"

/* The version of the library in use, such as "0.1.0". Never fails; any thread, fork child or signal
 * handler may call it. */
ENL_PUBLIC const char *enl_version(void);

ENL_END

#endif
