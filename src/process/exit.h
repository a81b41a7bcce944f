/* SPDX-License-Identifier: MIT */
/* Exit handlers, for a child that ends without exit(). */
#ifndef PROCESS_EXIT_H
#define PROCESS_EXIT_H

/* Runs those that this process has registered, the last one first, each once. */
void exit_run_handlers(void);

#endif
