/* SPDX-License-Identifier: MIT */
/* A file in memory without a name (memfd) that one process may write and all others may only read, because
 * the kernel has sealed it.
 *
 * Its maker maps it writable, then seals it: it can neither shrink (so no reader gets SIGBUS) nor grow, nobody
 * can write, punch or newly map it writable from then on, and the seals cannot be taken off. The mapping made
 * before stays writable; a forked child does not have it. */
#ifndef KERNEL_SEALED_H
#define KERNEL_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel calls those that segments are made of, and looking from outside finds them by. */
#define SEALED_NAME "enlace-segment"

/* An empty one, CLOEXEC, not yet sealed. -EMFILE, -ENFILE, -ENOMEM. */
int sealed_create(const char *name, int *ret_fd);
/* Lets its owner alone open it again, and only for reading; then puts all seals on. */
int sealed_close_up(int fd);
/* Seals an empty one for good, which only one of all who have it can do: 0, or -EPERM if another was first. */
int sealed_claim(int fd);
/* Whether a file that came from elsewhere is such a one, of exactly this size, and has memory for all of it, so that
 * reading charges nothing to the reader. -EBADMSG with a text that says what is wrong. Its offset and contents stay
 * as they are; what its maker allocated beyond its end is given back. ret_inode: which file in memory it is. */
int sealed_check(int fd, uint64_t size, uint64_t *ret_inode);

/* Maps a file of header_size + ring_size bytes, and behind it its last ring_size bytes once more, all in one piece; not
 * to be inherited by a forked child. Both sizes are multiples of the page. -ENOMEM with a text. */
int sealed_map(int fd, size_t header_size, size_t ring_size, bool writable, void **ret_memory);
void sealed_unmap(void *memory, size_t header_size, size_t ring_size);

/* What mappings consist of. */
size_t sealed_page_size(void);

#endif
