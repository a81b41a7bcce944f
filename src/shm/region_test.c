/* SPDX-License-Identifier: MIT */
/* Proof of regions: one suite for every backing, then what only some have. */
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/region.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)
#define NEW (BOTH | ENL_CREATE)
#define SIZE ((size_t)20000)

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* ---- backings ----------------------------------------------------------------------------------------------- */

enum backing { SHM, SVSHM, FILE_PATH, MEMFD };

struct kind {
    enum backing backing;
    const char *name;
    bool has_header;
};

static const struct kind kinds[] = {
    {SHM, "shm", false},           {SHM, "shm_header", true},     {SVSHM, "svshm", false},
    {SVSHM, "svshm_header", true}, {FILE_PATH, "file", false},    {FILE_PATH, "file_header", true},
    {MEMFD, "memfd", false},       {MEMFD, "memfd_header", true},
};

/* The address of the kind's object of that number, with options behind it. */
static const char *address(const struct kind *k, int number, const char *options)
{
    static char texts[8][512];
    static unsigned next;
    char *text = texts[next++ % 8];
    char name[64];

    (void)snprintf(name, sizeof name, "r%d", number);
    switch (k->backing) {
    case SHM:
        (void)snprintf(text, sizeof texts[0], "shm:/%s%s", test_name(name), options);
        break;
    case SVSHM:
        (void)snprintf(text, sizeof texts[0], "svshm:%s#%d%s", test_dir(), number, options);
        break;
    case FILE_PATH:
        (void)snprintf(text, sizeof texts[0], "file:%s%s", test_temp_path(name), options);
        break;
    case MEMFD:
        (void)snprintf(text, sizeof texts[0], "memfd:%s%s", name, options);
        break;
    }
    return text;
}

static unsigned header(const struct kind *k)
{
    return k->has_header ? ENL_HEADER : 0;
}

static struct enl_region *make(const struct kind *k)
{
    struct enl_region *r = NULL;

    CHECK_OK(enl_region_open(address(k, 1, "?size=20000"), NEW | header(k), NULL, &r));
    return r;
}

/* Another handle of what r has. */
static struct enl_region *again(const struct kind *k, struct enl_region *r, unsigned flags)
{
    struct enl_region *other = NULL;
    int fd;

    if (k->backing != MEMFD) {
        CHECK_OK(enl_region_open(address(k, 1, ""), flags | header(k), NULL, &other));
        return other;
    }
    fd = fcntl(enl_region_fd(r), F_DUPFD_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_OK(enl_region_adopt(fd, "fd:", flags | header(k), NULL, &other));
    return other;
}

static void end(const struct kind *k, struct enl_region *r)
{
    enl_region_close(r);
    if (k->backing == MEMFD)
        CHECK_EQ(enl_region_unlink(address(k, 1, "")), -ENOTSUP);
    else
        CHECK_OK(enl_region_unlink(address(k, 1, "")));
}

static uint64_t stat_of(struct enl_region *r, size_t offset)
{
    struct enl_region_stat stat;

    CHECK_OK(enl_region_stat(r, &stat));
    return *(uint64_t *)(void *)((char *)&stat + offset);
}

#define STAT(r, field) stat_of((r), offsetof(struct enl_region_stat, field))

/* ---- the suite ---------------------------------------------------------------------------------------------- */

static void is_zero_and_shared(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r = make(k);
    struct enl_region *other = again(k, r, BOTH);
    unsigned char *data = enl_region_data(r);

    CHECK_EQ(enl_region_size(r), SIZE);
    CHECK_EQ(enl_region_size(other), SIZE);
    CHECK_EQ((uintptr_t)data % 4096, 0);
    for (size_t i = 0; i < SIZE; i++)
        CHECK_EQ(data[i], 0);
    memset(data, 'x', SIZE);
    CHECK_MEM(enl_region_data(other), data, SIZE);
    CHECK_EQ(STAT(r, created), 1);
    CHECK_EQ(STAT(other, created), 0);
    CHECK_EQ(STAT(r, size), SIZE);
    CHECK_EQ(STAT(r, header), k->has_header);
    enl_region_close(other);
    end(k, r);
}

static void child_stores(void *argument)
{
    char *data = enl_region_data(argument);

    CHECK_STR(data, "from the parent");
    memcpy(data, "from the child", 15);
    enl_region_close(argument);
}

static void is_inherited_by_fork(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r;

    if (k->has_header && test_is_emulated())
        SKIP("the emulator does not keep a parent's membership from its children");
    r = make(k);
    memcpy(enl_region_data(r), "from the parent", 16);
    test_join(test_child(child_stores, r));
    CHECK_STR((char *)enl_region_data(r), "from the child");
    if (k->has_header)
        CHECK_EQ(enl_region_users(r, NULL, 0), 1);
    end(k, r);
}

static void makes_once_and_exclusively(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r, *other;

    if (k->backing == MEMFD)
        SKIP("memory without a name is always made");
    CHECK_EQ(enl_region_open(address(k, 1, ""), BOTH | header(k), NULL, &other), -ENOENT);
    CHECK_CONTAINS(enl_error_text(), "ENL_CREATE");
    r = make(k);
    CHECK_EQ(enl_region_open(address(k, 1, "?size=20000"), NEW | ENL_EXCLUSIVE | header(k), NULL,
                             &other),
             -EEXIST);
    CHECK_OK(enl_region_open(address(k, 1, "?size=100"), NEW | header(k), NULL, &other));
    CHECK_EQ(enl_region_size(other), SIZE);
    CHECK_EQ(STAT(other, created), 0);
    enl_region_close(other);
    CHECK_EQ(enl_region_open(address(k, 1, "?size=20001"), NEW | header(k), NULL, &other), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "there already with 20000 bytes, and 20001");
    end(k, r);
    CHECK_EQ(enl_region_open(address(k, 1, ""), BOTH | header(k), NULL, &other), -ENOENT);
    CHECK_EQ(enl_region_unlink(address(k, 1, "")), -ENOENT);
    CHECK_OK(enl_region_open(address(k, 1, "?size=1"), NEW | ENL_EXCLUSIVE | header(k), NULL, &r));
    end(k, r);
}

static void removed_while_attached_stays_for_its_users(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r, *fresh;

    if (k->backing == MEMFD)
        SKIP("memory without a name cannot be removed");
    r = make(k);
    strcpy(enl_region_data(r), "old");
    CHECK_OK(enl_region_unlink(address(k, 1, "")));
    fresh = make(k);
    CHECK_STR((char *)enl_region_data(fresh), "");
    CHECK_STR((char *)enl_region_data(r), "old");
    enl_region_close(r);
    end(k, fresh);
}

static void has_the_mode_given_whatever_the_umask(const void *argument)
{
    const struct kind *k = argument;
    const struct enl_settings settings = {.set = ENL_SET_MODE, .mode = 0620};
    const struct enl_settings capacity = {.set = ENL_SET_CAPACITY};
    struct enl_region *r;

    (void)umask(0777);
    CHECK_OK(enl_region_open(address(k, 1, "?size=1&mode=0666"), NEW | header(k), NULL, &r));
    CHECK_EQ(STAT(r, mode), 0666);
    CHECK_EQ(STAT(r, uid), getuid());
    CHECK_OK(enl_region_set(r, &settings));
    CHECK_EQ(STAT(r, mode), 0620);
    CHECK_EQ(enl_region_set(r, &capacity), -ENOTSUP);
    end(k, r);
}

static void try_to_open(void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r;
    char data[4];

    CHECK_EQ(enl_region_open(address(k, 1, ""), BOTH | header(k), NULL, &r), -EACCES);
    CHECK_OK(enl_region_open(address(k, 1, ""), ENL_READ | header(k), NULL, &r));
    CHECK_OK(enl_region_read(r, 0, data, 4));
    CHECK_MEM(data, "look", 4);
    enl_region_close(r);
}

static void others_have_the_rights_of_the_mode(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r;

    if (!test_is_root() || k->backing == MEMFD)
        SKIP("needs a name, and another user");
    CHECK_EQ(chmod(test_dir(), 0755), 0);
    CHECK_OK(enl_region_open(address(k, 1, "?size=4&mode=0644"), NEW | header(k), NULL, &r));
    memcpy(enl_region_data(r), "look", 4);
    test_as_user(try_to_open, (void *)(uintptr_t)k);
    end(k, r);
}

static void store_somewhere(void *argument)
{
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer has handlers of its own */
    (void)signal(SIGBUS, SIG_DFL);
    *(volatile char *)argument = 'x';
}

static void read_only_mappings_cannot_be_written(const void *argument)
{
    const struct kind *k = argument;
    struct rlimit no_core = {.rlim_cur = 0};
    struct enl_region *r = make(k);
    struct enl_region *reader = again(k, r, ENL_READ);

    CHECK_EQ(enl_region_write(reader, 0, "x", 1), -EACCES);
    CHECK_EQ(setrlimit(RLIMIT_CORE, &no_core), 0);
    test_join_killed(test_child(store_somewhere, enl_region_data(reader)), SIGSEGV);
    CHECK_EQ(*(char *)enl_region_data(r), 0);
    enl_region_close(reader);
    end(k, r);
}

static void grows_and_keeps_old_pointers_good(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r = make(k);
    struct enl_region *other = again(k, r, BOTH);
    char *first = enl_region_data(r);

    if (k->backing == SVSHM) {
        CHECK_EQ(enl_region_grow(r, 2 * SIZE), -ENOTSUP);
        enl_region_close(other);
        end(k, r);
        return;
    }
    strcpy(first, "before");
    for (size_t size = SIZE; size < 64 * SIZE; size *= 2)
        CHECK_OK(enl_region_grow(r, size));
    CHECK_OK(enl_region_grow(r, 1));
    CHECK_EQ(enl_region_size(r), 32 * SIZE);
    CHECK_STR((char *)enl_region_data(r), "before");
    strcpy(first, "after");
    CHECK_STR((char *)enl_region_data(r), "after");
    ((char *)enl_region_data(r))[32 * SIZE - 1] = 'e';
    CHECK_EQ(enl_region_size(other), SIZE);
    CHECK_EQ(STAT(other, size), 32 * SIZE);
    CHECK_OK(enl_region_grow(other, 0));
    CHECK_EQ(enl_region_size(other), 32 * SIZE);
    CHECK_EQ(((char *)enl_region_data(other))[32 * SIZE - 1], 'e');
    enl_region_close(other);
    end(k, r);
}

static void is_read_and_written_by_guarded_calls(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r = make(k);
    char text[8];

    CHECK_OK(enl_region_write(r, SIZE - 8, "guarded", 8));
    CHECK_OK(enl_region_read(r, SIZE - 8, text, 8));
    CHECK_STR(text, "guarded");
    CHECK_EQ(enl_region_read(r, SIZE - 7, text, 8), -EINVAL);
    CHECK_EQ(enl_region_read(r, SIZE_MAX, text, 8), -EINVAL);
    CHECK_EQ(enl_region_write(r, 1, text, SIZE_MAX), -EINVAL);
    CHECK_OK(enl_region_read(r, SIZE, NULL, 0));
    CHECK_EQ(enl_region_read(r, 0, NULL, 1), -EINVAL);
    end(k, r);
}

static void takes_advice(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r = make(k);
    int result;

    for (int advice = ENL_ADVICE_NORMAL; advice <= ENL_ADVICE_NO_DUMP; advice++) {
        result = enl_region_advise(r, 5000, 3000, (enum enl_advice)advice);
        if (advice != ENL_ADVICE_HUGE_PAGES || result != -ENOTSUP)
            CHECK_OK(result);
    }
    CHECK_EQ(enl_region_advise(r, 0, SIZE + 1, ENL_ADVICE_NORMAL), -EINVAL);
    CHECK_EQ(enl_region_advise(r, 0, 0, (enum enl_advice)99), -EINVAL);
    CHECK_OK(enl_region_flush(r, 0, 0));
    CHECK_OK(enl_region_flush(r, SIZE - 1, 1));
    end(k, r);
}

static void is_populated_and_locked_if_asked(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r;
    unsigned char resident[8];

    CHECK_OK(enl_region_open(address(k, 1, "?size=32768&populate&lock&huge"), NEW | header(k), NULL,
                             &r));
    CHECK_EQ(mincore(enl_region_data(r), 4096, resident), 0);
    CHECK_EQ(resident[0] & 1, 1);
    end(k, r);
}

static void lock_too_much(void *argument)
{
    const struct kind *k = argument;
    struct rlimit limit = {.rlim_cur = 65536, .rlim_max = 65536};
    struct enl_region *r;

    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    CHECK_EQ(enl_region_open(address(k, 1, "?size=262144&lock"), NEW | header(k), NULL, &r),
             -ENOMEM);
    CHECK_CONTAINS(enl_error_text(), "bytes, has 65536");
    if (k->backing != MEMFD)
        CHECK_EQ(enl_region_unlink(address(k, 1, "")), -ENOENT);
}

static void locking_beyond_the_limit_is_told(const void *argument)
{
    const struct kind *k = argument;

    if (!test_is_root())
        SKIP("the limit of others may be lower");
    if (mlock(NULL, 4096) == 0)
        SKIP("a sanitizer lets nothing be locked");
    CHECK_EQ(chmod(test_dir(), 0777), 0);
    test_as_user(lock_too_much, (void *)(uintptr_t)k);
}

static void tells_who_made_and_who_uses_it(const void *argument)
{
    const struct kind *k = argument;
    struct enl_region *r = make(k);
    pid_t pids[4] = {0};
    struct enl_region *other;

    if (k->backing != SVSHM && !k->has_header) {
        CHECK_EQ(enl_region_users(r, pids, 4), -ENOTSUP);
        CHECK_EQ(STAT(r, attached), ENL_UNKNOWN);
        CHECK_EQ(STAT(r, creator_pid), ENL_UNKNOWN);
        end(k, r);
        return;
    }
    CHECK_EQ(enl_region_users(r, pids, 4), 1);
    CHECK_EQ(pids[0], getpid());
    CHECK_EQ(STAT(r, attached), 1);
    CHECK_EQ(STAT(r, creator_pid), getpid());
    CHECK(STAT(r, attach_time) != ENL_UNKNOWN);
    CHECK_EQ(STAT(r, detach_time), ENL_UNKNOWN);
    other = again(k, r, BOTH);
    CHECK_EQ(STAT(r, attached), 2);
    CHECK_EQ(enl_region_users(r, pids, 4), 1);
    enl_region_close(other);
    CHECK_EQ(STAT(r, attached), 1);
    CHECK(STAT(r, detach_time) != ENL_UNKNOWN);
    if (k->has_header)
        CHECK_EQ(STAT(r, last_detach_pid), getpid());
    if (k->backing == SVSHM)
        CHECK_EQ(STAT(r, last_user_pid), getpid());
    end(k, r);
}

struct meeting {
    const struct kind *kind;
    struct enl_region *parent;
    struct test_gate *opened, *go;
};

static void use_until_killed(void *argument)
{
    struct meeting *m = argument;
    struct enl_region *r = again(m->kind, m->parent, BOTH);

    CHECK(r != NULL);
    test_gate_open(m->opened);
    test_gate_wait(m->go);
}

static void a_dead_user_is_no_user(const void *argument)
{
    const struct kind *k = argument;
    struct meeting m = {.kind = k, .opened = test_gate_new(), .go = test_gate_new()};
    pid_t pids[4];
    pid_t child;

    if (k->backing != SVSHM && !k->has_header)
        SKIP("nobody tells who has it open");
    m.parent = make(k);
    child = test_child(use_until_killed, &m);
    test_gate_wait(m.opened);
    CHECK_EQ(enl_region_users(m.parent, pids, 4), 2);
    CHECK(pids[0] == child || pids[1] == child);
    test_kill(child);
    /* what goes with its memory is there as long as somebody looks at that, as ps does */
    while (CHECK_OK(enl_region_users(m.parent, pids, 4)) > 1)
        (void)usleep(1000);
    CHECK_EQ(pids[0], getpid());
    end(k, m.parent);
}

static void survives_a_shortage_of_anything(const void *argument)
{
    const struct kind *k = argument;
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    struct enl_region *r;

    CHECK_EQ(enl_region_open(address(k, 1, "?size=1000000G"), NEW | header(k), NULL, &r) >= 0,
             false);
    CHECK_CONTAINS(enl_error_text(), "bytes");
    if (k->backing == SVSHM)
        return;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ(enl_region_open(address(k, 1, "?size=4097"), NEW | header(k), NULL, &r), -EFBIG);
    CHECK_CONTAINS(enl_error_text(), "bytes, has 4096 (the limit of files");
    if (k->backing != MEMFD)
        CHECK_EQ(enl_region_unlink(address(k, 1, "")), -ENOENT);
}

static void refuses_what_makes_no_sense(const void *argument)
{
    const struct kind *k = argument;
    const char *a = address(k, 1, "?size=10");
    struct enl_region *r = NULL;

    CHECK_EQ(enl_region_open(a, ENL_WRITE | ENL_CREATE, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_open(a, ENL_READ | ENL_CREATE, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_open(a, BOTH | ENL_EXCLUSIVE, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_open(a, 1u << 20, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_open(address(k, 1, ""), NEW, NULL, &r), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "size=");
    CHECK_EQ(enl_region_open(address(k, 1, "?size=0"), NEW, NULL, &r), -EINVAL);
    CHECK_EQ(enl_region_adopt(0, a, BOTH, NULL, &r), -EINVAL);
    CHECK(r == NULL);
}

#define SUITE(function)                                                                            \
    {                                                                                              \
#function, function                                                                        \
    }

static const struct {
    const char *name;
    void (*run)(const void *argument);
} suite[] = {
    SUITE(is_zero_and_shared),
    SUITE(is_inherited_by_fork),
    SUITE(makes_once_and_exclusively),
    SUITE(removed_while_attached_stays_for_its_users),
    SUITE(has_the_mode_given_whatever_the_umask),
    SUITE(others_have_the_rights_of_the_mode),
    SUITE(read_only_mappings_cannot_be_written),
    SUITE(grows_and_keeps_old_pointers_good),
    SUITE(is_read_and_written_by_guarded_calls),
    SUITE(takes_advice),
    SUITE(is_populated_and_locked_if_asked),
    SUITE(locking_beyond_the_limit_is_told),
    SUITE(tells_who_made_and_who_uses_it),
    SUITE(a_dead_user_is_no_user),
    SUITE(survives_a_shortage_of_anything),
    SUITE(refuses_what_makes_no_sense),
};

__attribute__((constructor)) static void add_suite(void)
{
    char name[128];

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (size_t j = 0; j < sizeof suite / sizeof suite[0]; j++) {
            (void)snprintf(name, sizeof name, "%s/%s", kinds[i].name, suite[j].name);
            test_add(name, suite[j].run, &kinds[i], NULL);
        }
    }
}
