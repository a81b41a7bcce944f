/* SPDX-License-Identifier: MIT */
/* How a child ended, from the kernel layer's words to the public ones. */
#ifndef PROCESS_STATUS_H
#define PROCESS_STATUS_H

#include "kernel/child.h"

#include <enlace/process.h>

void status_fill(const struct child_end *end, struct enl_status *ret_status);

#endif
