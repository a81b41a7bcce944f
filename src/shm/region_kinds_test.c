/* SPDX-License-Identifier: MIT */
/* Proof of what only some regions have: truncation, devices, private mappings, seals, full systems. */
#include "runner/test.h"
#include "shm/memory_group_test.h"

#include <enlace/error.h>
#include <enlace/region.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)
#define NEW (BOTH | ENL_CREATE)

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static struct enl_region *open_region(const char *address, unsigned flags)
{
    struct enl_region *r;

    CHECK_OK(enl_region_open(address, flags, NULL, &r));
    return r;
}

static const char *format(const char *form, ...) __attribute__((format(printf, 1, 2)));

static const char *format(const char *form, ...)
{
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];
    va_list arguments;

    va_start(arguments, form);
    (void)vsnprintf(text, sizeof texts[0], form, arguments);
    va_end(arguments);
    return text;
}

static struct enl_region_stat stat_of(struct enl_region *r)
{
    struct enl_region_stat stat;

    CHECK_OK(enl_region_stat(r, &stat));
    return stat;
}

static void store_somewhere(void *argument)
{
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer has handlers of its own */
    (void)signal(SIGBUS, SIG_DFL);
    *(volatile char *)argument = 'x';
}

static void dies_of(void *place, int signal)
{
    struct rlimit no_core = {.rlim_cur = 0};

    CHECK_EQ(setrlimit(RLIMIT_CORE, &no_core), 0);
    test_join_killed(test_child(store_somewhere, place), signal);
}

/* ---- filters ------------------------------------------------------------------------------------------------ */

/* A filter of system calls, in the kernel's numbers, which not every libc has a header for. */
struct step {
    uint16_t code;
    uint8_t if_true, if_false;
    uint32_t number;
};
#define LOAD(offset)                                                                               \
    {                                                                                              \
        0x20, 0, 0, (offset)                                                                       \
    }
#define AND(number)                                                                                \
    {                                                                                              \
        0x54, 0, 0, (number)                                                                       \
    }
#define IF_EQUAL(number, skip_true, skip_false)                                                    \
    {                                                                                              \
        0x15, (skip_true), (skip_false), (number)                                                  \
    }
#define ANSWER(number)                                                                             \
    {                                                                                              \
        0x06, 0, 0, (number)                                                                       \
    }
#define CALL_NUMBER 0
#define CALL_FLAGS (16 + 2 * 8) /* the third argument; its lower half */
#define ANSWER_ERRNO 0x00050000u
#define ANSWER_ALLOW 0x7fff0000u
#define FILTER_MODE 2

static bool filter_calls(const struct step *steps, unsigned short count)
{
    const struct {
        unsigned short count;
        const struct step *steps;
    } filter = {count, steps};

    return !test_is_emulated() && *(const char *)&(const int){1} == 1 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, FILTER_MODE, &filter) == 0;
}

#define FILTER(steps) filter_calls((steps), sizeof(steps) / sizeof(steps)[0])

/* As in a container that lets no process look into another one. */
static bool forbid_copies(void)
{
    static const struct step steps[] = {
        LOAD(CALL_NUMBER),
        IF_EQUAL(SYS_process_vm_readv, 1, 0),
        IF_EQUAL(SYS_process_vm_writev, 0, 1),
        ANSWER(ANSWER_ERRNO | EPERM),
        ANSWER(ANSWER_ALLOW),
    };

    return FILTER(steps);
}

/* Lets the kernel say of O_TMPFILE what older file systems say. */
static bool forbid_nameless_files(void)
{
    static const struct step steps[] = {
        LOAD(CALL_NUMBER),    IF_EQUAL(SYS_openat, 0, 4),
        LOAD(CALL_FLAGS),     AND(O_TMPFILE & ~O_DIRECTORY),
        IF_EQUAL(0, 1, 0),    ANSWER(ANSWER_ERRNO | EOPNOTSUPP),
        ANSWER(ANSWER_ALLOW),
    };
    return FILTER(steps);
}

/* ---- truncation --------------------------------------------------------------------------------------------- */

static void survive_truncation(struct enl_region *r, const char *path)
{
    char *data = enl_region_data(r);
    char bytes[100];

    memset(data, 'x', 20000);
    CHECK_EQ(truncate(path, 5000), 0);
    CHECK_EQ(stat_of(r).size, 5000);
    CHECK_EQ(stat_of(r).mapped_size, 20000);
    CHECK_OK(enl_region_read(r, 4900, bytes, 100));
    CHECK_EQ(bytes[99], 'x');
    CHECK_EQ(enl_region_read(r, 4901, bytes, 100), -ENXIO);
    CHECK_CONTAINS(enl_error_text(), "was truncated to 5000 bytes");
    CHECK_EQ(enl_region_read(r, 19900, bytes, 100), -ENXIO);
    CHECK_EQ(enl_region_write(r, 19900, bytes, 100), -ENXIO);
    CHECK_EQ(enl_region_write(r, 4950, bytes, 100), -ENXIO);
    CHECK_OK(enl_region_write(r, 4900, bytes, 100));
    CHECK_EQ(stat_of(r).size, 5000); /* nobody made it longer */
    dies_of(data + 19900, SIGBUS);
    CHECK_OK(enl_region_grow(r, 20000));
    CHECK_OK(enl_region_read(r, 19900, bytes, 100));
    CHECK_EQ(bytes[99], 0);
}

TEST(guarded_calls_survive_a_truncated_file)
{
    struct enl_region *r = open_region("file:region?size=20000", NEW);

    survive_truncation(r, "region");
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:region"));
}

TEST(guarded_calls_survive_truncated_shared_memory)
{
    char address[300];
    char path[300];
    struct enl_region *r;

    (void)snprintf(address, sizeof address, "shm:/%s?size=20000", test_name("cut"));
    (void)snprintf(path, sizeof path, "/dev/shm/%s", test_name("cut"));
    r = open_region(address, NEW);
    survive_truncation(r, path);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink(address));
}

TEST(guarded_calls_need_no_call_that_a_filter_may_forbid)
{
    static char bytes[200000];
    static char back[200000];
    struct enl_region *r;

    if (!forbid_copies())
        SKIP("this kernel cannot filter system calls");
    r = open_region("file:region?size=200000", NEW);
    memset(bytes, 'y', sizeof bytes);
    CHECK_OK(enl_region_write(r, 0, bytes, sizeof bytes));
    CHECK_OK(enl_region_read(r, 0, back, sizeof back));
    CHECK_MEM(back, bytes, sizeof back);
    CHECK_EQ(truncate("region", 100000), 0);
    CHECK_EQ(enl_region_read(r, 50000, back, 100000), -ENXIO);
    CHECK_EQ(enl_region_write(r, 50000, bytes, 100000), -ENXIO);
    CHECK_OK(enl_region_read(r, 0, back, 100000));
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:region"));
    r = open_region("file:region?size=20000", NEW);
    survive_truncation(r, "region");
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:region"));
}

/* ---- files, devices, private mappings ----------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

TEST(a_file_is_mapped_as_it_is_and_changed)
{
    struct enl_region *r;
    char text[16] = "";
    int fd;

    write_file("file", "some text");
    r = open_region("file:file", BOTH);
    CHECK_EQ(enl_region_size(r), 9);
    CHECK_MEM(enl_region_data(r), "some text", 9);
    memcpy(enl_region_data(r), "much", 4);
    CHECK_OK(enl_region_flush(r, 0, 0));
    fd = open("file", O_RDONLY | O_CLOEXEC);
    CHECK_EQ(read(fd, text, 15), 9);
    CHECK_STR(text, "much text");
    (void)close(fd);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:file"));
}

TEST(a_private_mapping_changes_no_file)
{
    struct enl_region *r;
    struct enl_region *shared;
    char text[4];

    write_file("file", "some text");
    CHECK_EQ(chmod("file", 0400), 0);
    r = open_region("file:file?private", BOTH);
    CHECK_OK(enl_region_write(r, 0, "mine", 4));
    CHECK_OK(enl_region_read(r, 0, text, 4));
    CHECK_MEM(text, "mine", 4);
    shared = open_region("file:file", ENL_READ);
    CHECK_MEM(enl_region_data(shared), "some", 4);
    CHECK_EQ(enl_region_flush(r, 0, 0), -ENOTSUP);
    CHECK_EQ(enl_region_grow(r, 100), -ENOTSUP);
    enl_region_close(shared);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:file"));
}

TEST(a_part_of_a_file_is_mapped_from_a_page_on)
{
    long page = sysconf(_SC_PAGESIZE);
    struct enl_region *whole = open_region(format("file:file?size=%ld", 3 * page), NEW);
    struct enl_region *part;

    ((char *)enl_region_data(whole))[2 * page] = 'p';
    part = open_region(format("file:file?offset=%ld", 2 * page), BOTH);
    CHECK_EQ(enl_region_size(part), page);
    CHECK_EQ(*(char *)enl_region_data(part), 'p');
    CHECK_EQ(enl_region_open("file:file?offset=1", BOTH, NULL, &part), -EINVAL);
    CHECK_EQ(enl_region_open(format("file:file?offset=%ld", 3 * page), BOTH, NULL, &part), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "lies at its end");
    CHECK_OK(enl_region_grow(part, 2 * (size_t)page));
    CHECK_OK(enl_region_grow(whole, 0));
    CHECK_EQ(enl_region_size(whole), 4 * page);
    enl_region_close(part);
    enl_region_close(whole);
    CHECK_OK(enl_region_unlink("file:file"));
}

TEST(a_device_is_mapped)
{
    struct enl_region *r;

    CHECK_EQ(enl_region_open("file:/dev/zero", BOTH, NULL, &r), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "a device has no size");
    r = open_region("file:/dev/zero?size=8192&private", BOTH);
    CHECK_EQ(enl_region_size(r), 8192);
    ((char *)enl_region_data(r))[8191] = 1;
    CHECK_OK(enl_region_write(r, 0, "x", 1));
    CHECK_EQ(enl_region_grow(r, 10000), -ENOTSUP);
    enl_region_close(r);
}

TEST(what_cannot_be_mapped_is_told)
{
    struct enl_region *r;
    int ends[2];

    CHECK_EQ(enl_region_open("file:/", ENL_READ, NULL, &r), -ENODEV);
    CHECK_EQ(enl_region_open("file:no/such/folder?size=1", NEW, NULL, &r), -ENOENT);
    CHECK_CONTAINS(enl_error_text(), "its folder is not there");
    CHECK_EQ(enl_region_open("shm:/a/b?size=1", NEW, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_open("shm:name?size=1", NEW, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_open("pipe:", BOTH, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_open(NULL, BOTH, NULL, &r), -EINVAL);
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(enl_region_adopt(ends[0], "fd:", ENL_READ, NULL, &r), -ENODEV);
    CHECK_EQ(enl_region_adopt(ends[0], "fd:", BOTH, NULL, &r), -EACCES);
    CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC); /* still the caller's */
    CHECK_EQ(enl_region_adopt(-1, "fd:", ENL_READ, NULL, &r), -EBADF);
    CHECK_EQ(enl_region_open("fd:", ENL_READ, NULL, &r), -EINVAL);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(an_empty_file_is_finished_by_who_may_make_it)
{
    struct enl_region *r;

    write_file("file", "");
    CHECK_EQ(enl_region_open("file:file", BOTH, NULL, &r), -EAGAIN);
    CHECK_CONTAINS(enl_error_text(), "has no size");
    r = open_region("file:file?size=100", NEW);
    CHECK_EQ(enl_region_size(r), 100);
    CHECK_EQ(stat_of(r).created, 1);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:file"));
}

/* ---- memory files ------------------------------------------------------------------------------------------- */

TEST(a_sealed_memory_file_keeps_size_and_contents)
{
    struct enl_region *r = open_region("memfd:sealed?size=10000", NEW);
    struct enl_region *other;
    int fd = fcntl(enl_region_fd(r), F_DUPFD_CLOEXEC, 0);

    CHECK_EQ(enl_region_seal(r, 1u << 10), -EINVAL);
    CHECK_EQ(enl_region_seal(r, ENL_SEAL_WRITE), -EBUSY);
    CHECK_CONTAINS(enl_error_text(), "ENL_SEAL_FUTURE_WRITE");
    CHECK_OK(enl_region_seal(r, ENL_SEAL_SHRINK | ENL_SEAL_GROW | ENL_SEAL_FUTURE_WRITE));
    CHECK_EQ(stat_of(r).seals, ENL_SEAL_SHRINK | ENL_SEAL_GROW | ENL_SEAL_FUTURE_WRITE);
    CHECK_EQ(ftruncate(fd, 1), -1);
    CHECK_EQ(enl_region_grow(r, 20000), -EPERM);
    CHECK_OK(enl_region_write(r, 0, "mine", 4)); /* its own mapping stays */
    CHECK_EQ(enl_region_adopt(fd, "fd:", BOTH, NULL, &other), -EPERM);
    CHECK_OK(enl_region_adopt(fd, "fd:", ENL_READ, NULL, &other));
    CHECK_MEM(enl_region_data(other), "mine", 4);
    CHECK_OK(enl_region_seal(r, ENL_SEAL_SEAL));
    CHECK_EQ(enl_region_seal(r, ENL_SEAL_WRITE), -EPERM);
    enl_region_close(other);
    enl_region_close(r);
}

TEST(only_memory_files_can_be_sealed)
{
    struct enl_region *r = open_region("file:file?size=10", NEW);

    CHECK_EQ(enl_region_seal(r, ENL_SEAL_GROW), -ENOTSUP);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:file"));
    r = open_region("svshm:?size=10", BOTH);
    CHECK_EQ(enl_region_seal(r, ENL_SEAL_GROW), -ENOTSUP);
    CHECK_EQ(enl_region_fd(r), -ENOTSUP);
    enl_region_close(r);
}

TEST(an_inherited_descriptor_is_opened_by_its_number)
{
    struct enl_region *r = open_region("memfd:?size=10", BOTH);
    struct enl_region *other;
    int fd = fcntl(enl_region_fd(r), F_DUPFD, 0); /* inherited, as a child finds it */

    other = open_region(format("fd:%d", fd), BOTH);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    memcpy(enl_region_data(r), "same", 4);
    CHECK_MEM(enl_region_data(other), "same", 4);
    enl_region_close(other);
    CHECK_EQ(fcntl(fd, F_GETFD), -1);
    CHECK_EQ(enl_region_open(format("fd:%d", fd), BOTH, NULL, &other), -EBADF);
    enl_region_close(r);
}

TEST(huge_pages_are_had_or_done_without)
{
    struct enl_region *r = open_region("memfd:?size=3M&huge", BOTH);
    struct enl_region_stat stat = stat_of(r);

    CHECK(stat.page_size >= 4096);
    CHECK_EQ(stat.page_size > 65536 ? enl_region_size(r) % stat.page_size : 0, 0);
    CHECK(enl_region_size(r) >= 3 << 20);
    CHECK_OK(enl_region_write(r, (3 << 20) - 1, "x", 1));
    CHECK_OK(enl_region_grow(r, 5 << 20));
    ((char *)enl_region_data(r))[(5 << 20) - 1] = 'y';
    enl_region_close(r);
}

/* ---- full systems ------------------------------------------------------------------------------------------- */

static bool mount_over(const char *path, const char *options)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

TEST(a_full_dev_shm_is_told)
{
    struct enl_region *r;
    struct enl_region *small;

    if (!mount_over("/dev/shm", "size=64k,mode=1777"))
        SKIP("no file system can be mounted here");
    CHECK_EQ(enl_region_open("shm:/big?size=128k", NEW, NULL, &r), -ENOSPC);
    CHECK_CONTAINS(enl_error_text(), "shm:/big needs 131072 bytes, has 65536 free in this tmpfs");
    CHECK_EQ(access("/dev/shm/big", F_OK), -1);
    r = open_region("shm:/fits?size=32k", NEW);
    CHECK_EQ(enl_region_grow(r, 128 << 10), -ENOSPC);
    CHECK_EQ(enl_region_size(r), 32 << 10);
    CHECK_EQ(stat_of(r).size, 32 << 10);
    small = open_region("shm:/small?size=1", NEW | ENL_HEADER);
    CHECK_EQ(enl_region_open("shm:/more?size=32k", NEW | ENL_HEADER, NULL, &r), -ENOSPC);
    enl_region_close(small);
    enl_region_close(r);
    CHECK_EQ(umount2("/dev/shm", MNT_DETACH), 0);
}

TEST(every_page_of_a_region_is_there_when_the_rest_is_full)
{
    struct enl_region *r;
    int fd;
    char page[4096] = "";

    if (!mount_over("/dev/shm", "size=64k,mode=1777"))
        SKIP("no file system can be mounted here");
    r = open_region("shm:/mine?size=32k", NEW);
    fd = open("/dev/shm/others", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, page, sizeof page) == (ssize_t)sizeof page)
        continue;
    memset(enl_region_data(r), 'x', 32 << 10); /* no SIGBUS */
    (void)close(fd);
    enl_region_close(r);
    CHECK_EQ(umount2("/dev/shm", MNT_DETACH), 0);
}

TEST(holes_that_cannot_be_filled_are_told_before_a_header_is_written)
{
    struct enl_region *r;
    int holes, others;
    char page[4096] = "";

    if (!mount_over("/dev/shm", "size=64k,mode=1777"))
        SKIP("no file system can be mounted here");
    holes = open("/dev/shm/holes", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK_EQ(ftruncate(holes, 32 << 10), 0);
    others = open("/dev/shm/others", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (write(others, page, sizeof page) == (ssize_t)sizeof page)
        continue;
    CHECK_EQ(enl_region_open("shm:/holes?size=1k", NEW | ENL_HEADER, NULL, &r), -ENOSPC);
    CHECK_EQ(ftruncate(others, 0), 0);
    r = open_region("shm:/holes?size=1k", NEW | ENL_HEADER);
    (void)close(holes);
    (void)close(others);
    enl_region_close(r);
    CHECK_EQ(umount2("/dev/shm", MNT_DETACH), 0);
}

static void make_in_group(const char *folder)
{
    struct enl_region *r;

    (void)folder;
    CHECK_EQ(enl_region_open("memfd:?size=64M", BOTH, NULL, &r), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "within the limit of the memory cgroup");
    CHECK_EQ(enl_region_open("svshm:?size=64M", BOTH, NULL, &r), -ENOMEM);
    CHECK_EQ(enl_region_open("shm:/big?size=64M", NEW, NULL, &r), -ENOMEM);
    r = open_region("svshm:?size=1M", BOTH);
    memset(enl_region_data(r), 'x', 1 << 20);
    enl_region_close(r);
}

TEST(the_limit_of_a_memory_cgroup_is_told)
{
    memory_group_run(16777216, make_in_group);
}

/* ---- file systems that name a file at once --------------------------------------------------------------------- */

static int refuse_to_fill(void *data, size_t size, void *argument)
{
    (void)data, (void)size, (void)argument;
    return -ENODATA;
}

TEST(a_file_that_is_named_at_once_is_finished_or_removed)
{
    struct rlimit limit = {.rlim_cur = 65536, .rlim_max = RLIM_INFINITY};
    struct enl_layout layout = {.name = "x", .size = 1, .init = refuse_to_fill};
    struct enl_region *r;

    if (!forbid_nameless_files())
        SKIP("this build or kernel cannot filter system calls");
    (void)umask(0777);
    r = open_region("file:bare?size=100&mode=0640", NEW);
    CHECK_EQ(stat_of(r).created, 1);
    CHECK_EQ(stat_of(r).mode, 0640);
    CHECK_EQ(stat_of(r).size, 100);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:bare"));
    r = open_region("file:headed?size=100", NEW | ENL_HEADER | ENL_EXCLUSIVE);
    CHECK_EQ(stat_of(r).created, 1);
    CHECK_EQ(enl_region_open("file:headed?size=1", NEW | ENL_EXCLUSIVE, NULL, &r), -EEXIST);
    enl_region_close(r);
    CHECK_OK(enl_region_unlink("file:headed"));
    CHECK_EQ(enl_region_open("file:unfilled", NEW, &layout, &r), -ENODATA);
    CHECK_EQ(access("unfilled", F_OK), -1);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ(enl_region_open("file:large?size=1M", NEW, NULL, &r), -EFBIG);
    CHECK_EQ(access("large", F_OK), -1);
}
