/* SPDX-License-Identifier: MIT */
/* The libc's semaphores: by name, and without one in memory of relatives. Their bytes are the libc's own: programs of
 * another libc, or of other widths, cannot use them. */
#ifndef KERNEL_POSIXSEM_H
#define KERNEL_POSIXSEM_H

#include <enlace/deadline.h>
#include <stdbool.h>
#include <stdint.h>

struct interrupt;
struct posixsem;

#define POSIXSEM_NAME_MOST 251         /* with its slash */
#define POSIXSEM_VALUE_MOST 2147483647 /* SEM_VALUE_MAX, everywhere on Linux */

/* Named: "/NAME". Makes it with this mode, whatever the umask: -EEXIST if it is there. */
int posixsem_create(const char *name, uint32_t mode, unsigned value,
                    struct posixsem **ret_semaphore);
/* -ENOENT, -EACCES; needs the right to read and to write. */
int posixsem_open(const char *name, struct posixsem **ret_semaphore);
int posixsem_unlink(const char *name);
/* Without a name: shared with the children that this process forks from now on. */
int posixsem_create_unnamed(unsigned value, struct posixsem **ret_semaphore);
void posixsem_close(struct posixsem *semaphore); /* NULL is allowed */

int posixsem_post(struct posixsem *semaphore); /* -EOVERFLOW with a text */
/* -EAGAIN (ENL_NOW), -ETIMEDOUT, -ECANCELED if who, which may be NULL, is raised.
 *
 * The libc's waiters are woken one for one: a process that is killed after it was woken, and before it took what it
 * was woken for, leaves another asleep while the value is not zero. So a sleep is looked up from 20 times a second,
 * and that is also how soon an interrupt is seen at the latest. */
int posixsem_wait(struct posixsem *semaphore, enl_deadline until, struct interrupt *who);
unsigned posixsem_value(struct posixsem *semaphore);
/* Of a named one, now: mode and owner of the file that the libc keeps it in. */
int posixsem_facts(const char *name, uint32_t *ret_mode, uint32_t *ret_uid, uint32_t *ret_gid);

#endif
