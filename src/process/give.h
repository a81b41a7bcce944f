/* SPDX-License-Identifier: MIT */
/* What a child is given: the descriptors to be moved, and the text by which it finds links by name. */
#ifndef PROCESS_GIVE_H
#define PROCESS_GIVE_H

#include "kernel/spawn.h"

#include <enlace/process.h>

/* The variable of the environment, as in ENLACE_LINKS="jobs=1a:2f=fd:3?frame=u32 log=1a:30=fd:4": name,
 * device and inode of the descriptor (so that a stale text never opens something else), address. */
#define GIVE_VARIABLE "ENLACE_LINKS"
#define GIVE_ADDRESS_MAX 128
#define GIVE_NAME_MAX 64
#define GIVE_ENTRY_MAX (GIVE_NAME_MAX + 2 * 17 + GIVE_ADDRESS_MAX)

struct gifts {
    struct spawn_move moves[SPAWN_MOVES_MOST]; /* by rising number */
    size_t count;
    char text[sizeof GIVE_VARIABLE +
              (size_t)ENL_GIVE_MOST * GIVE_ENTRY_MAX]; /* NAME=value; value empty: no names */
};

/* Checks and prepares. -EINVAL, -EBADF, -ENOTSUP, -EAGAIN (unsent messages) with texts. */
int give_prepare(const struct enl_give give[], size_t count, struct gifts *ret_gifts);
bool give_has_names(const struct gifts *gifts);

/* In a forked child, which must not touch its environment: names are found in this text. Borrowed. */
void inherit_from(const char *text);

#endif
