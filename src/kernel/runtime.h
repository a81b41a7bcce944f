/* SPDX-License-Identifier: MIT */
/* The runtime directory, in which names that are no path live: $ENLACE_DIR, else enlace in $XDG_RUNTIME_DIR, else a
 * private one of this user in /tmp. */
#ifndef KERNEL_RUNTIME_H
#define KERNEL_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

/* The path of a name: itself if it begins with a slash, else in the runtime directory, which is made if `make` says so
 * and trusted only if it is this user's (or named by the environment). Names in it have no slash. -EINVAL, -EPERM,
 * -ENAMETOOLONG and what mkdir says, with a text. */
int runtime_path(const char *name, bool make, char *ret_path, size_t size);

#endif
