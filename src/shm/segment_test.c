/* SPDX-License-Identifier: MIT */
/* Proof of segment.c: what its owner has closed up nobody else changes, what comes from elsewhere is looked at first,
 * and what cannot be had is told. */
#include "shm/segment.h"

#include "kernel/sealed.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Numbers that not every libc knows; the same on all machines. */
#define ADD_SEALS 1033
#define GET_SEALS 1034
#define SEALS_WANTED (1 | 2 | 4 | 16)
#define KEEP_SIZE 1
#define PUNCH_HOLE 2
#define COLLAPSE_RANGE 8
#define ZERO_RANGE 16
#define INSERT_RANGE 32
#define MAKE_HUGE 4u /* MFD_HUGETLB */
#define HEADER 1000
#define RING ((size_t)65536)

static unsigned char pattern_at(size_t i)
{
    return (unsigned char)(i * 31 + 7);
}

static void make_segment(struct segment *s)
{
    CHECK_OK(segment_create(HEADER, RING, s));
    memset(s->header, 0x5a, s->header_size);
    for (size_t i = 0; i < RING; i++)
        s->ring[i] = pattern_at(i);
}

static void check_untouched(const struct segment *s)
{
    struct stat status;

    CHECK_EQ(fstat(s->fd, &status), 0);
    CHECK_EQ(status.st_size, s->header_size + s->ring_size);
    CHECK(status.st_blocks * 512 >= status.st_size);
    for (size_t i = 0; i < s->header_size; i++)
        CHECK_EQ(((unsigned char *)s->header)[i], 0x5a);
    for (size_t i = 0; i < 2 * RING; i++)
        CHECK_EQ(s->ring[i], pattern_at(i % RING));
}

/* ---- what a segment is ------------------------------------------------------------------------------------- */

TEST(a_segment_is_zeroed_and_its_ring_goes_on_in_itself)
{
    struct segment s;

    CHECK_OK(segment_create(HEADER, RING, &s));
    CHECK_EQ(s.header_size, sealed_page_size());
    CHECK_EQ(s.ring_size, RING);
    for (size_t i = 0; i < 2 * RING; i++)
        CHECK_EQ(s.ring[i], 0);
    memcpy(s.ring + RING - 3, "across", 6);
    CHECK_MEM(s.ring, "oss", 3);
    CHECK_MEM(s.ring + 2 * RING - 3, "acr", 3);
    segment_unmap(&s);
    CHECK(s.header == NULL);
    segment_unmap(&s);
}

TEST(a_peer_reads_what_the_owner_writes)
{
    struct segment own, peers;

    make_segment(&own);
    CHECK_OK(segment_map(own.fd, HEADER, RING, &peers));
    CHECK_EQ(peers.fd, -1);
    CHECK_EQ(peers.header_size, own.header_size);
    CHECK_MEM(peers.header, own.header, own.header_size);
    CHECK_MEM(peers.ring, own.ring, 2 * RING);
    own.ring[RING - 1] = 1;
    CHECK_EQ(peers.ring[2 * RING - 1], 1);
    segment_unmap(&own);
    CHECK_EQ(peers.ring[RING - 1], 1); /* as long as one maps it */
    segment_unmap(&peers);
}

TEST(sizes_that_no_segment_has_are_refused)
{
    struct segment s;

    CHECK_EQ(segment_create(0, RING, &s), -EINVAL);
    CHECK_EQ(segment_create(HEADER, 0, &s), -EINVAL);
    CHECK_EQ(segment_create(HEADER, RING + 8, &s), -EINVAL);
    CHECK_EQ(segment_create(SIZE_MAX - 1, RING, &s), -EFBIG);
    CHECK_EQ(segment_create(HEADER, SIZE_MAX & ~(size_t)0xfffff, &s), -EFBIG);
    CHECK_EQ(segment_map(0, HEADER, RING + 8, &s), -EINVAL);
}

static void find_nothing(void *argument)
{
    struct segment *s = argument;
    unsigned char *parts[] = {s->header, s->ring, s->ring + s->ring_size};

    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(msync(parts[i], sealed_page_size(), MS_ASYNC), -1);
        CHECK_EQ(errno, ENOMEM); /* nothing is mapped there */
    }
}

TEST(a_forked_child_has_no_part_of_a_segment)
{
    struct segment own, peers;

    if (test_is_emulated())
        SKIP("the emulator gives children what madvise keeps from them");
    make_segment(&own);
    CHECK_OK(segment_map(own.fd, HEADER, RING, &peers));
    test_join(test_child(find_nothing, &own));
    test_join(test_child(find_nothing, &peers));
    check_untouched(&own);
    segment_unmap(&peers);
    segment_unmap(&own);
}

/* ---- attacks ----------------------------------------------------------------------------------------------- */

/* One thing that a peer may try. Each says nothing if it was refused; a success of the call alone is a failure of the
 * test, though most of them would also be seen by the owner. */
#define REFUSED(expression) CHECK((long)(expression) < 0)
#define REFUSED_WITH(expression, error)                                                            \
    do {                                                                                           \
        REFUSED(expression);                                                                       \
        CHECK_EQ(errno, error);                                                                    \
    } while (false)

static void try_to_write(int fd)
{
    char bytes[64];
    struct iovec v = {bytes, sizeof bytes};
    int from[2];
    int source = memfd_create("source", MFD_CLOEXEC);

    memset(bytes, 'x', sizeof bytes);
    REFUSED(pwrite(fd, bytes, sizeof bytes, 0));
    REFUSED(pwrite(fd, bytes, 1, (off_t)RING));
    REFUSED(pwritev(fd, &v, 1, 100));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    REFUSED(write(fd, bytes, sizeof bytes));
    CHECK_EQ(lseek(fd, 0, SEEK_END) > 0, 1);
    REFUSED(write(fd, bytes, sizeof bytes));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);

    CHECK_EQ(write(source, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    CHECK_EQ(lseek(source, 0, SEEK_SET), 0);
    REFUSED(sendfile(fd, source, NULL, sizeof bytes));
    REFUSED(copy_file_range(source, NULL, fd, NULL, sizeof bytes, 0));
    CHECK_EQ(pipe2(from, O_CLOEXEC), 0);
    CHECK_EQ(write(from[1], bytes, sizeof bytes), (ssize_t)sizeof bytes);
    REFUSED(splice(from[0], NULL, fd, NULL, sizeof bytes, 0));
    (void)close(from[0]);
    (void)close(from[1]);
    (void)close(source);
}

static void try_to_resize(int fd, off_t size)
{
    static const int modes[] = {PUNCH_HOLE | KEEP_SIZE, COLLAPSE_RANGE, ZERO_RANGE,
                                ZERO_RANGE | KEEP_SIZE, INSERT_RANGE};
    char path[40];

    REFUSED_WITH(ftruncate(fd, 0), EPERM);
    REFUSED_WITH(ftruncate(fd, size - 1), EPERM);
    REFUSED_WITH(ftruncate(fd, size + 1), EPERM);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    REFUSED(truncate(path, 0));
    REFUSED(truncate(path, 2 * size));
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        REFUSED(fallocate(fd, modes[i], 0, (off_t)sealed_page_size()));
    REFUSED(fallocate(fd, 0, 0, 2 * size));
    REFUSED(fallocate(fd, KEEP_SIZE, size, size));
}

static void try_to_map(int fd, size_t size)
{
    unsigned char *memory;

    REFUSED_WITH((intptr_t)mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
    REFUSED_WITH((intptr_t)mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
    memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED);
    REFUSED_WITH(mprotect(memory, size, PROT_READ | PROT_WRITE), EACCES);
    if (!test_is_emulated()) /* which takes all advice and follows little */
        REFUSED(madvise(memory, size, MADV_REMOVE));
    (void)madvise(memory, size, MADV_DONTNEED); /* takes away the peer's own page table */
    (void)madvise(memory, size, MADV_FREE);
    memory = mremap(memory, size, size * 2, MREMAP_MAYMOVE);
    CHECK(memory != MAP_FAILED);
    REFUSED_WITH(mprotect(memory, size, PROT_READ | PROT_WRITE), EACCES);
    CHECK_EQ(munmap(memory, size * 2), 0);

    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0); /* a copy is its own */
    CHECK(memory != MAP_FAILED);
    memset(memory, 'x', size);
    if (!test_is_emulated())
        REFUSED(madvise(memory, size, MADV_REMOVE));
    CHECK_EQ(munmap(memory, size), 0);
}

static void try_mapped(const struct segment *peers)
{
    void *parts[] = {peers->header, peers->ring, peers->ring + peers->ring_size};

    for (size_t i = 0; i < 3; i++) {
        REFUSED_WITH(mprotect(parts[i], sealed_page_size(), PROT_READ | PROT_WRITE), EACCES);
        if (!test_is_emulated())
            REFUSED(madvise(parts[i], sealed_page_size(), MADV_REMOVE));
    }
    /* The two mappings cannot be made one that may be written either. */
    REFUSED((intptr_t)mremap(peers->ring, peers->ring_size, peers->ring_size * 3, 0));
}

static void try_to_unseal(int fd)
{
    int seals = fcntl(fd, GET_SEALS);

    CHECK_EQ(seals & SEALS_WANTED, SEALS_WANTED);
    for (int seal = 0; seal < 64; seal++)
        REFUSED_WITH(fcntl(fd, ADD_SEALS, seal), EPERM);
    CHECK_EQ(fcntl(fd, GET_SEALS), seals);
}

/* Through another description, which the file's mode refuses to all but root, and the seals to root as well. */
static void try_opened_again(int fd, size_t size)
{
    static const int ways[] = {O_RDWR, O_WRONLY, O_RDWR | O_TRUNC, O_WRONLY | O_APPEND};
    char path[40];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int again = open(path, ways[i] | O_CLOEXEC);

        CHECK(again < 0 || geteuid() == 0);
        if (again < 0)
            continue;
        try_to_write(again);
        try_to_resize(again, (off_t)size);
        if ((ways[i] & O_ACCMODE) == O_RDWR)
            try_to_map(again, size);
        try_to_unseal(again);
        (void)close(again);
    }
}

/* With the mode changed, as its own uid may; and with a name, which it cannot get. */
static void try_names(int fd, size_t size)
{
    char path[40];

    if (fchmod(fd, 0666) == 0) {
        int again;

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        again = open(path, O_RDWR | O_CLOEXEC);
        if (again >= 0) {
            try_to_write(again);
            try_to_resize(again, (off_t)size);
            try_to_map(again, size);
            try_to_unseal(again);
            (void)close(again);
        }
        CHECK_EQ(fchmod(fd, 0400), 0);
    }
    REFUSED(linkat(fd, "", AT_FDCWD, "name", AT_EMPTY_PATH));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    REFUSED(linkat(AT_FDCWD, path, AT_FDCWD, "name", AT_SYMLINK_FOLLOW));
}

/* The memory of the owner itself, which only who may trace it can write: not another uid. */
static void try_the_owner(pid_t owner, const struct segment *own)
{
    char bytes[8] = "xxxxxxx";
    struct iovec here = {bytes, sizeof bytes};
    struct iovec there = {own->ring, sizeof bytes};
    char path[64];
    int fd;

    REFUSED(process_vm_writev(owner, &here, 1, &there, 1, 0));
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)owner);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd < 0);
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)owner, own->fd);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd < 0);
}

struct victim {
    struct segment own;
    pid_t pid;
    uid_t uid;
};

static void attack(void *argument)
{
    const struct victim *v = argument;
    size_t size = v->own.header_size + v->own.ring_size;
    int fd = dup(v->own.fd);
    struct segment peers;

    CHECK(fd >= 0);
    CHECK_OK(segment_map(fd, HEADER, RING, &peers));
    try_to_write(fd);
    try_to_resize(fd, (off_t)size);
    try_to_map(fd, size);
    try_mapped(&peers);
    try_to_unseal(fd);
    try_opened_again(fd, size);
    try_names(fd, size);
    if (geteuid() != v->uid && geteuid() != 0)
        try_the_owner(v->pid, &v->own);
    CHECK_OK(segment_map(fd, HEADER, RING, &(struct segment){.fd = -1})); /* it is what it was */
    segment_unmap(&peers);
    (void)close(fd);
}

static void be_attacked(bool as_user)
{
    struct victim v = {.pid = getpid(), .uid = geteuid()};

    make_segment(&v.own);
    test_join(as_user ? test_child_as_user(attack, &v) : test_child(attack, &v));
    check_untouched(&v.own);
    v.own.ring[5] = (unsigned char)~pattern_at(5); /* the owner goes on writing */
    CHECK_EQ(v.own.ring[RING + 5], (unsigned char)~pattern_at(5));
    segment_unmap(&v.own);
}

static void be_attacked_by_the_like(void *nothing)
{
    (void)nothing;
    be_attacked(false);
}

TEST(nobody_of_the_same_uid_changes_a_segment)
{
    be_attacked(false);
    test_as_user(be_attacked_by_the_like, NULL);
}

TEST(nobody_of_another_uid_changes_a_segment)
{
    if (!test_is_root())
        SKIP("only root can be two users");
    be_attacked(true);
}

static void write_through_the_mapping(void *argument)
{
    struct victim *v = argument;
    struct segment peers;

    CHECK_OK(segment_map(v->own.fd, HEADER, RING, &peers));
    CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR); /* sanitizers have a handler */
    *(volatile unsigned char *)peers.ring = 1;
}

TEST(a_store_into_a_peers_segment_ends_who_stores)
{
    struct victim v = {.pid = getpid()};
    struct rlimit none = {0, 0};

    make_segment(&v.own);
    CHECK_EQ(setrlimit(RLIMIT_CORE, &none), 0);
    test_join_killed(test_child(write_through_the_mapping, &v), SIGSEGV);
    check_untouched(&v.own);
    segment_unmap(&v.own);
}

/* ---- foreign files ------------------------------------------------------------------------------------------ */

static size_t file_size(void)
{
    return segment_header_size(HEADER) + RING;
}

static int memory_file(unsigned flags, size_t size, bool filled, int seals)
{
    int fd = memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

    if (fd < 0)
        return -1;
    CHECK_EQ(ftruncate(fd, (off_t)size), 0);
    if (filled)
        CHECK_EQ(fallocate(fd, 0, 0, (off_t)size), 0);
    if (seals != 0)
        CHECK_EQ(fcntl(fd, ADD_SEALS, seals), 0);
    return fd;
}

static void refused(int fd, const char *because)
{
    struct segment s;

    CHECK(fd >= 0);
    CHECK_EQ(segment_map(fd, HEADER, RING, &s), -EBADMSG);
    CHECK_CONTAINS(enl_error_text(), because);
    (void)close(fd);
}

TEST(a_file_that_lacks_a_seal_is_refused)
{
    static const int seals[] = {1, 2, 4, 16};

    refused(memory_file(0, file_size(), true, 0), "has the seals 0");
    for (size_t i = 0; i < 4; i++)
        refused(memory_file(0, file_size(), true, SEALS_WANTED & ~seals[i]), "not all of 0x17");
}

TEST(a_file_of_another_size_is_refused)
{
    size_t page = sealed_page_size();

    refused(memory_file(0, file_size() - page, true, SEALS_WANTED), "not the agreed");
    refused(memory_file(0, file_size() + page, true, SEALS_WANTED), "not the agreed");
    refused(memory_file(0, 0, false, SEALS_WANTED), "has 0 bytes");
}

TEST(a_file_with_holes_is_refused_though_it_hides_them)
{
    size_t size = file_size();
    int fd = memory_file(0, size, false, 0);

    refused(memory_file(0, size, false, SEALS_WANTED), "has holes: 0 blocks");
    /* As many blocks as it needs, but beyond its end. */
    CHECK_EQ(fallocate(fd, KEEP_SIZE, (off_t)size, (off_t)size), 0);
    CHECK_EQ(fcntl(fd, ADD_SEALS, SEALS_WANTED), 0);
    refused(fd, "has holes: 0 blocks");
    fd = memory_file(0, size, true, 0);
    CHECK_EQ(fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 0, (off_t)sealed_page_size()), 0);
    CHECK_EQ(fallocate(fd, KEEP_SIZE, (off_t)size, (off_t)sealed_page_size() * 4), 0);
    CHECK_EQ(fcntl(fd, ADD_SEALS, SEALS_WANTED), 0);
    refused(fd, "has holes");
}

TEST(a_file_that_is_no_memory_is_refused)
{
    int ends[2];

    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    refused(ends[0], "no file in memory");
    refused(ends[1], "no file in memory");
    refused(open("/dev/zero", O_RDWR | O_CLOEXEC), "no file in memory");
    refused(open("/proc/self/mem", O_RDWR | O_CLOEXEC), "no file in memory");
    refused(open(".", O_RDONLY | O_CLOEXEC), "the peer's segment");
    refused(open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600), "the peer's segment");
    CHECK_EQ(unlink("file"), 0);
}

TEST(a_file_of_huge_pages_is_refused)
{
    size_t size = (size_t)4 << 20;
    int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MAKE_HUGE);
    struct segment s;

    if (fd < 0)
        SKIP("this machine has no huge pages for files");
    CHECK_EQ(ftruncate(fd, (off_t)size), 0);
    CHECK_EQ(fcntl(fd, ADD_SEALS, SEALS_WANTED), 0);
    CHECK_EQ(segment_map(fd, HEADER, size - segment_header_size(HEADER), &s), -EBADMSG);
    CHECK_CONTAINS(enl_error_text(), "huge pages");
    (void)close(fd);
}

TEST(a_file_passed_only_for_reading_is_refused)
{
    struct segment own;
    char path[40];

    make_segment(&own);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", own.fd);
    refused(open(path, O_RDONLY | O_CLOEXEC), "not passed for reading and writing");
    segment_unmap(&own);
}

/* ---- what cannot be had ------------------------------------------------------------------------------------- */

static void limit(int resource, rlim_t most)
{
    struct rlimit l;

    CHECK_EQ(getrlimit(resource, &l), 0);
    l.rlim_cur = most < l.rlim_max ? most : l.rlim_max;
    CHECK_EQ(setrlimit(resource, &l), 0);
}

TEST(a_segment_beyond_the_limit_of_files_is_told_and_is_no_signal)
{
    struct segment s;

    limit(RLIMIT_FSIZE, 65536);
    CHECK_EQ(segment_create(HEADER, RING, &s), -EFBIG);
    CHECK_CONTAINS(enl_error_text(), "has 65536");
}

TEST(a_segment_without_a_descriptor_is_told)
{
    struct segment s;
    int fds[64];
    int count = 0;

    limit(RLIMIT_NOFILE, 32);
    while ((fds[count] = dup(0)) >= 0)
        count++;
    CHECK_EQ(segment_create(HEADER, RING, &s), -EMFILE);
    CHECK_CONTAINS(enl_error_text(), "needs one more descriptor, this process has 32");
    while (count > 0)
        (void)close(fds[--count]);
    CHECK_OK(segment_create(HEADER, RING, &s));
    segment_unmap(&s);
}

static size_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    CHECK(file != NULL);
    CHECK_EQ(fscanf(file, "%lu", &pages), 1);
    (void)fclose(file);
    return pages * sealed_page_size();
}

TEST(a_segment_without_address_space_is_told)
{
    size_t room = (size_t)1 << 26, taken = address_space();
    struct segment s, peers;

    if (taken > 16 * room || test_is_emulated())
        SKIP("this build has taken address space for purposes of its own");
    make_segment(&s);
    limit(RLIMIT_AS, taken + room);
    CHECK_EQ(segment_create(HEADER, room, &peers), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "bytes of address space, this process has");
    limit(RLIMIT_AS, 4096);
    CHECK_EQ(segment_map(s.fd, HEADER, RING, &peers), -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "of address space");
    limit(RLIMIT_AS, RLIM_INFINITY); /* the runner looks for what is left */
    segment_unmap(&s);
}
