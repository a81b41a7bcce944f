/* SPDX-License-Identifier: MIT */
/* All of enlace. Each header here also stands alone, and their order does not matter. */
#ifndef ENLACE_ENLACE_H
#define ENLACE_ENLACE_H

#include <enlace/capability.h>
#include <enlace/deadline.h>
#include <enlace/error.h>
#include <enlace/inspect.h>
#include <enlace/link.h>
#include <enlace/message.h>
#include <enlace/process.h>
#include <enlace/region.h>
#include <enlace/signal.h>
#include <enlace/sync.h>
#include <enlace/version.h>

#endif
