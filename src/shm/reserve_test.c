/* SPDX-License-Identifier: MIT */
/* Proof of reserve.c: what is reserved is there, and what cannot be had is told with its limit. */
#include "shm/reserve.h"

#include "runner/test.h"
#include "shm/memory_group_test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static int memory_file(void)
{
    int fd = memfd_create("reserve", MFD_CLOEXEC);

    CHECK(fd >= 0);
    return fd;
}

TEST(each_byte_of_a_reserved_file_has_memory)
{
    int fd = memory_file();
    struct stat s;

    CHECK_OK(reserve_memory(fd, 100000, "the file"));
    CHECK_EQ(fstat(fd, &s), 0);
    CHECK_EQ(s.st_size, 100000);
    CHECK(s.st_blocks * 512 >= s.st_size);
    CHECK_OK(reserve_memory(fd, 10, "the file"));
    CHECK_EQ(fstat(fd, &s), 0);
    CHECK_EQ(s.st_size, 100000);
    (void)close(fd);
}

TEST(a_size_beyond_the_limit_of_files_is_told_and_is_no_signal)
{
    struct rlimit limit = {.rlim_cur = 65536, .rlim_max = 65536};
    int fd = memory_file();

    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ(reserve_memory(fd, 65537, "the file"), -EFBIG);
    CHECK_CONTAINS(enl_error_text(), "the file needs 65537 bytes, has 65536");
    CHECK_OK(reserve_memory(fd, 65536, "the file"));
    (void)close(fd);
}

static bool may_mount(const char *path, const char *options)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(path, 0700) != 0)
        return false;
    return mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

TEST(a_full_file_system_is_told_and_keeps_nothing)
{
    const char *path = test_temp_path("small");
    struct stat s;
    char name[4096];
    int fd;

    if (!may_mount(path, "size=64k"))
        SKIP("no file system can be mounted here");
    (void)snprintf(name, sizeof name, "%s/file", path);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(reserve_memory(fd, 65536 + 4096, "the file"), -ENOSPC);
    CHECK_CONTAINS(enl_error_text(), "the file needs 69632 bytes, has 65536 free in this tmpfs");
    CHECK_EQ(fstat(fd, &s), 0);
    CHECK_EQ(s.st_blocks, 0);
    CHECK_EQ(s.st_size, 0);
    CHECK_OK(reserve_memory(fd, 65536, "the file"));
    CHECK_EQ(reserve_memory(fd, 65537, "the file"), -ENOSPC);
    CHECK_CONTAINS(enl_error_text(), "has 0 free");
    (void)close(fd);
    CHECK_EQ(umount(path), 0);
    CHECK_EQ(rmdir(path), 0);
}

TEST(more_than_the_machine_has_is_told_and_ends_nobody)
{
    struct sysinfo info;
    size_t size;
    int fd = memory_file();

    CHECK_EQ(sysinfo(&info), 0);
    if ((info.totalram + info.totalswap) > (SIZE_MAX / 4) / info.mem_unit)
        SKIP("all of memory is no size here");
    size = (size_t)(info.totalram + info.totalswap) * info.mem_unit;
    CHECK_EQ(reserve_memory(fd, size, "the file"), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "the file needs ");
    CHECK_CONTAINS(enl_error_text(), " bytes of memory, has ");
    (void)close(fd);
}

/* ---- cgroups ---------------------------------------------------------------------------------------------- */

#define GROUP_LIMIT 16777216

static void reserve_in_group(const char *folder)
{
    int fd = memory_file();

    CHECK_EQ(reserve_memory(fd, (size_t)4 * GROUP_LIMIT, "the file"), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "the file needs 67108864 bytes of memory, has ");
    CHECK_CONTAINS(enl_error_text(), "within the limit of the memory cgroup ");
    CHECK_CONTAINS(enl_error_text(), folder);
    CHECK_OK(reserve_memory(fd, GROUP_LIMIT / 4, "the file"));
    CHECK_EQ(reserve_memory(fd, GROUP_LIMIT, "the file"), -ENOMEM);
    (void)close(fd);
}

TEST(the_limit_of_a_memory_cgroup_is_told_and_ends_nobody)
{
    memory_group_run(GROUP_LIMIT, reserve_in_group);
}
