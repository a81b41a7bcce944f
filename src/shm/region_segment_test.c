/* SPDX-License-Identifier: MIT */
/* Proof of regions that are System V segments: keys, ids, places, their files of leases. */
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/region.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)
#define NEW (BOTH | ENL_CREATE)

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* Of this process alone: others may be tested beside it. */
static key_t key(void)
{
    return 0x45000000 + (key_t)getpid();
}

static const char *keyed(const char *options)
{
    static char texts[4][64];
    static unsigned next;
    char *text = texts[next++ % 4];

    (void)snprintf(text, sizeof texts[0], "svshm:%#x%s", (unsigned)key(), options);
    return text;
}

static struct enl_region *open_region(const char *address, unsigned flags)
{
    struct enl_region *r;

    CHECK_OK(enl_region_open(address, flags, NULL, &r));
    return r;
}

static struct enl_region_stat stat_of(struct enl_region *r)
{
    struct enl_region_stat stat;

    CHECK_OK(enl_region_stat(r, &stat));
    return stat;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

TEST(a_segment_is_that_of_shmget)
{
    struct enl_region *r = open_region(keyed("?size=5000&mode=0640"), NEW);
    int id = shmget(key(), 5000, 0);
    char *bare = shmat(id, NULL, 0);
    struct enl_region_stat stat = stat_of(r);
    char address[64];

    CHECK_EQ(stat.id, id);
    CHECK_EQ(stat.attached, 2);
    CHECK_EQ(stat.mode, 0640);
    CHECK_EQ(stat.creator_uid, getuid());
    CHECK_EQ(stat.last_user_pid, getpid());
    strcpy(bare, "from shmat");
    CHECK_STR((char *)enl_region_data(r), "from shmat");
    enl_region_close(r);
    (void)snprintf(address, sizeof address, "svshm:?id=%d", id);
    r = open_region(address, ENL_READ);
    CHECK_STR((char *)enl_region_data(r), "from shmat");
    CHECK_EQ(shmdt(bare), 0);
    CHECK_OK(enl_region_unlink(keyed("")));
    CHECK_EQ(enl_region_open(keyed(""), ENL_READ, NULL, &r), -ENOENT);
    enl_region_close(r);
}

TEST(a_segment_of_ftok_is_found_by_path_and_number)
{
    struct enl_region *r;

    write_file("path", "");
    r = open_region("svshm:path#7?size=100", NEW);
    CHECK(shmget(ftok("path", 7), 100, 0) == (int)stat_of(r).id);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("svshm:path#7"));
    CHECK_EQ(enl_region_open("svshm:nowhere#7?size=100", NEW, NULL, &r), -ENOENT);
    CHECK_EQ(unlink("path"), 0);
}

TEST(a_segment_is_attached_where_it_is_asked_for)
{
    struct enl_region *r = open_region("svshm:?size=5000", BOTH);
    void *place = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uintptr_t at = ((uintptr_t)place + SHMLBA - 1) / SHMLBA * SHMLBA;
    char address[128];
    struct enl_region *there;

    (void)snprintf(address, sizeof address, "svshm:?id=%llu&at=0x%llx",
                   (unsigned long long)stat_of(r).id, (unsigned long long)at);
    CHECK_EQ(enl_region_open(address, BOTH, NULL, &there), -EINVAL); /* something is there */
    CHECK_EQ(munmap(place, 1 << 20), 0);
    there = open_region(address, BOTH);
    CHECK((uintptr_t)enl_region_data(there) == at);
    memcpy(enl_region_data(r), "same", 4);
    CHECK_MEM(enl_region_data(there), "same", 4);
    enl_region_close(there);
    (void)snprintf(address, sizeof address, "svshm:?size=5000&at=0x%llx",
                   (unsigned long long)(uintptr_t)enl_region_data(r));
    CHECK_EQ(enl_region_open(address, BOTH, NULL, &there), -EINVAL); /* r is there */
    CHECK_CONTAINS(enl_error_text(), "something is there");
    CHECK_EQ(enl_region_open("svshm:?id=1&at=here", BOTH, NULL, &there), -EINVAL);
    CHECK_EQ(enl_region_open("svshm:?id=1&at=17", BOTH, NULL, &there), -EINVAL);
    CHECK_EQ(enl_region_open("svshm:1?id=1", BOTH, NULL, &there), -EINVAL);
    enl_region_close(r);
}

TEST(a_segment_without_a_key_goes_with_its_last_user)
{
    struct enl_region *r = open_region("svshm:?size=100", BOTH);
    int id = (int)stat_of(r).id;
    struct shmid_ds record;

    CHECK_EQ(shmctl(id, IPC_STAT, &record), 0);
    enl_region_close(r);
    CHECK_EQ(shmctl(id, IPC_STAT, &record), -1);
    CHECK_EQ(enl_region_open("svshm:?size=100", ENL_READ, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_unlink("svshm:"), -EINVAL);
}

static const char *companion(struct enl_region *r)
{
    static char path[128];
    struct stat space;

    CHECK_EQ(stat("/proc/self/ns/ipc", &space), 0);
    (void)snprintf(path, sizeof path, "/dev/shm/enlace.svshm.%llx.%llu",
                   (unsigned long long)space.st_ino, (unsigned long long)stat_of(r).id);
    return path;
}

TEST(a_segment_with_a_header_has_a_file_for_its_leases)
{
    struct enl_region *r = open_region(keyed("?size=100&mode=0620"), NEW | ENL_HEADER);
    struct enl_region *other;
    struct stat s;
    char path[128];

    (void)snprintf(path, sizeof path, "%s", companion(r));
    CHECK_EQ(stat(path, &s), 0);
    CHECK_EQ(s.st_mode & 0777, 0660);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(enl_region_open(keyed(""), BOTH | ENL_HEADER, NULL, &other), -ESTALE);
    CHECK_CONTAINS(enl_error_text(), "2 processes have it attached");
    CHECK_EQ(enl_region_open(keyed(""), ENL_READ | ENL_HEADER, NULL, &other), -ESTALE);
    enl_region_close(r);
    r = open_region(keyed(""), BOTH | ENL_HEADER); /* alone: the file is renewed */
    other = open_region(keyed(""), ENL_READ | ENL_HEADER);
    enl_region_close(other);
    CHECK_EQ(access(path, F_OK), 0);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(keyed("")));
    CHECK_EQ(access(path, F_OK), -1);
}

/* A segment removed by others leaves its file; a later one of the same number must not take it for its own. */
TEST(a_file_of_an_older_segment_is_renewed)
{
    struct enl_region *r = open_region(keyed("?size=100"), NEW | ENL_HEADER);
    uint64_t wrong = 1;
    int fd = open(companion(r), O_RDWR | O_CLOEXEC);

    enl_region_close(r);
    CHECK_EQ(pwrite(fd, &wrong, sizeof wrong, 0), sizeof wrong);
    r = open_region(keyed(""), BOTH | ENL_HEADER);
    CHECK_EQ(pread(fd, &wrong, sizeof wrong, 0), sizeof wrong);
    CHECK(wrong != 1);
    (void)close(fd);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(keyed("")));
}

static void plant(void *argument)
{
    int fd = open(argument, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    CHECK(fd >= 0);
    (void)close(fd);
}

TEST(a_file_of_leases_that_a_stranger_made_is_refused)
{
    struct enl_region *r;
    struct enl_region *other;
    char path[128];

    if (!test_is_root())
        SKIP("needs another user");
    r = open_region(keyed("?size=100"), NEW | ENL_HEADER);
    (void)snprintf(path, sizeof path, "%s", companion(r));
    CHECK_EQ(unlink(path), 0);
    test_as_user(plant, path);
    CHECK_EQ(enl_region_open(keyed(""), BOTH | ENL_HEADER, NULL, &other), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "belongs to user");
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(keyed("")));
}
