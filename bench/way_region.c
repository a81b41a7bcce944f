/* SPDX-License-Identifier: MIT */
/* Ways to make shared memory, map it, and let it go: enlace's, and the bare calls. Both have memory behind every byte
 * before they go on, as a region has: without that the bare calls would promise memory and not give it. */
#include "way.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define NAME "/enlace-bench"
#define POPULATE_WRITE 23 /* MADV_POPULATE_WRITE, Linux 5.14 */

static const char *address_of(struct course *c, char *room, size_t size)
{
    (void)snprintf(room, size, "%s%s?size=%zu", c->what, strcmp(c->what, "shm:") == 0 ? NAME : "",
                   c->size);
    return room;
}

static int work_region(struct course *c)
{
    bool named = strcmp(c->what, "shm:") == 0;
    struct enl_region *region;
    char address[64];
    int r = enl_region_open(address_of(c, address, sizeof address),
                            ENL_READ | ENL_WRITE | ENL_CREATE | (named ? ENL_EXCLUSIVE : 0), NULL,
                            &region);

    if (r < 0)
        return r;
    *(volatile char *)enl_region_data(region) = 1;
    enl_region_close(region);
    return named ? enl_region_unlink("shm:" NAME) : 0;
}

static int map_and_close(struct course *c, int fd)
{
    void *memory = MAP_FAILED;
    int r = fd < 0 ? -errno : -posix_fallocate(fd, 0, (off_t)c->size);

    if (r == 0)
        memory = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (r == 0 && memory == MAP_FAILED)
        r = -errno;
    if (r == 0) {
        *(volatile char *)memory = 1;
        (void)munmap(memory, c->size);
    }
    if (fd >= 0)
        (void)close(fd);
    return r;
}

static int work_memfd(struct course *c)
{
    return map_and_close(c, memfd_create("bench", MFD_CLOEXEC));
}

static int work_shm_open(struct course *c)
{
    int fd = shm_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600);
    int r = map_and_close(c, fd);

    if (fd >= 0)
        (void)shm_unlink(NAME);
    return r;
}

static int work_shmget(struct course *c)
{
    int id = shmget(IPC_PRIVATE, c->size, 0600);
    void *memory;
    int r;

    if (id < 0)
        return -errno;
    memory = shmat(id, NULL, 0);
    r = (intptr_t)memory == -1 ? -errno : 0;
    (void)shmctl(id, IPC_RMID, NULL);
    if (r < 0)
        return r;
    if (madvise(memory, c->size, POPULATE_WRITE) < 0)
        memset(memory, 0, c->size);
    *(volatile char *)memory = 1;
    (void)shmdt(memory);
    return 0;
}

const struct way way_region = {.name = "enlace", .work = work_region};
const struct way way_memfd = {.name = "memfd_create", .work = work_memfd};
const struct way way_shm_open = {.name = "shm_open", .work = work_shm_open};
const struct way way_shmget = {.name = "shmget", .work = work_shmget};
