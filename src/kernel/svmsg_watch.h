/* SPDX-License-Identifier: MIT */
/* A descriptor for a System V queue, which has none: a thread looks at the queue's record, again and again, and sets an
 * event accordingly. It is readable while messages wait, writable while the largest one fits. */
#ifndef KERNEL_SVMSG_WATCH_H
#define KERNEL_SVMSG_WATCH_H

#include <stddef.h>

struct svmsg_watch;

/* Starts the thread, which takes no signals. The descriptor belongs to the watch. A forked child has no such thread:
 * there the first svmsg_watch_look() starts one, and puts an event of the child's own in the descriptor's place. */
int svmsg_watch_start(int id, size_t largest, struct svmsg_watch **ret_watch, int *ret_fd);
/* Looks now: after a call of one's own, so that the descriptor tells what it has changed. */
void svmsg_watch_look(struct svmsg_watch *watch);
void svmsg_watch_stop(struct svmsg_watch *watch); /* NULL is allowed */

#endif
