/* SPDX-License-Identifier: MIT */
/* The version of the library that runs. */
#include <enlace/version.h>

const char *enl_version(void)
{
    return ENL_VERSION;
}
