/* SPDX-License-Identifier: MIT */
/* Sleeping for a link, for the files that make up link.c's side of the contract. */
#ifndef LINK_SLEEP_H
#define LINK_SLEEP_H

#include "link/link.h"

/* Sleeps until events may hold, and goes on meanwhile with what is left to be sent. 0: look again. */
int link_sleep(struct enl_link *l, unsigned events, enl_deadline until);

/* Until something can be sent: 0, or -EAGAIN, -ETIMEDOUT, -ECANCELED. */
int link_wait_for_space(struct enl_link *l, enl_deadline until);

#endif
