/* SPDX-License-Identifier: MIT */
/* Proof of reserve.c: what is reserved is there, and what cannot be had is told with its limit. */
#include "shm/reserve.h"

#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
