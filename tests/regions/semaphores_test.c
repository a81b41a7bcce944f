/* SPDX-License-Identifier: MIT */
/* Programs that know nothing of enlace use its semaphores, and it theirs: bare C on sem_open and semop, and Python. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/sem.h>
#include <unistd.h>

#define PYTHON "/usr/bin/python3"

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static struct enl_sync *make(const char *address)
{
    struct enl_sync *s = NULL;

    CHECK_OK(enl_sync_open(address, ENL_CREATE | ENL_EXCLUSIVE, &s));
    return s;
}

static void end(struct enl_sync *s, const char *address)
{
    enl_sync_close(s);
    CHECK_OK(enl_sync_unlink(address));
}

static uint64_t value(struct enl_sync *s)
{
    struct enl_sync_stat stat;

    CHECK_OK(enl_sync_stat(s, &stat));
    return stat.value;
}

static const char *set_address(const char *options)
{
    static char address[300];

    (void)snprintf(address, sizeof address, "svsem:%s#9%s", test_dir(), options);
    return address;
}

/* ---- the libc's ------------------------------------------------------------------------------------------------ */

static void wait_bare(void *name)
{
    sem_t *bare = sem_open(name, 0);

    CHECK(bare != SEM_FAILED);
    while (sem_wait(bare) < 0)
        CHECK_EQ(errno, EINTR);
    CHECK_EQ(sem_close(bare), 0);
}

TEST(a_bare_program_waits_for_what_enlace_posts)
{
    char name[200], address[210];
    struct enl_sync *s;
    pid_t child;

    (void)snprintf(name, sizeof name, "/%s", test_name("bare"));
    (void)snprintf(address, sizeof address, "sem:%s", name);
    s = make(address);
    child = test_child(wait_bare, name);
    CHECK_OK(enl_semaphore_post(s, 1));
    test_join(child);
    CHECK_EQ(value(s), 0);
    end(s, address);
}

TEST(enlace_opens_what_a_bare_program_made)
{
    char name[200], address[220];
    struct enl_sync *s;
    sem_t *bare;

    (void)snprintf(name, sizeof name, "/%s", test_name("made"));
    (void)snprintf(address, sizeof address, "sem:%s?value=7", name);
    bare = sem_open(name, O_CREAT | O_EXCL, 0600, 3);
    CHECK(bare != SEM_FAILED);
    CHECK_OK(enl_sync_open(address, ENL_CREATE, &s)); /* the first value is of who made it */
    CHECK_EQ(value(s), 3);
    CHECK_OK(enl_semaphore_wait(s, ENL_NOW));
    CHECK_EQ(sem_trywait(bare), 0);
    CHECK_EQ(sem_close(bare), 0);
    end(s, address);
}

/* ---- the kernel's ---------------------------------------------------------------------------------------------- */

static void wait_in_set(void *unused)
{
    struct sembuf both[] = {{.sem_num = 0, .sem_op = -1}, {.sem_num = 1, .sem_op = -1}};
    int id = semget(ftok(test_dir(), 9), 0, 0);

    (void)unused;
    CHECK(id >= 0);
    CHECK_EQ(semop(id, both, 2), 0);
}

TEST(a_bare_program_waits_for_a_set)
{
    struct enl_semaphore_step first = {.index = 0, .change = 1}, second = {.index = 1, .change = 1};
    struct enl_sync *s = make(set_address("?count=2"));
    pid_t child = test_child(wait_in_set, NULL);

    CHECK_OK(enl_semaphore_operate(s, &first, 1, ENL_NOW));
    CHECK_OK(enl_semaphore_operate(s, &second, 1, ENL_NOW));
    test_join(child);
    CHECK_EQ(value(s), 0);
    end(s, set_address(""));
}

TEST(enlace_opens_a_set_that_a_bare_program_made)
{
    unsigned short values[] = {4, 0, 6};
    int id = semget(ftok(test_dir(), 9), 3, IPC_CREAT | IPC_EXCL | 0600);
    struct enl_sync *s;

    CHECK(id >= 0);
    CHECK_EQ(semctl(id, 0, SETALL, values), 0);
    CHECK_OK(enl_sync_open(set_address("?index=2"), 0, &s));
    CHECK_EQ(value(s), 6);
    enl_sync_close(s);
    CHECK_OK(enl_sync_open(set_address("?value=5"), ENL_CREATE, &s)); /* it has its values */
    CHECK_EQ(value(s), 4);
    enl_sync_close(s);
    CHECK_EQ(enl_sync_open(set_address("?index=3"), 0, &s), -EINVAL);
    CHECK_EQ(enl_sync_open(set_address("?count=4"), 0, &s), -EINVAL);
    CHECK_OK(enl_sync_unlink(set_address("")));
}

/* Whoever made the set died before it set the values: the next one does. */
TEST(a_set_that_was_left_half_made_is_finished)
{
    int id = semget(ftok(test_dir(), 9), 2, IPC_CREAT | IPC_EXCL | 0600);
    struct enl_sync *s;

    CHECK(id >= 0);
    CHECK_OK(enl_sync_open(set_address("?count=2&value=5"), ENL_CREATE, &s));
    CHECK_EQ(value(s), 5);
    CHECK_EQ(semctl(id, 1, GETVAL), 5);
    end(s, set_address(""));
}

TEST(values_mode_and_owner_are_set)
{
    struct enl_sync *s = make(set_address("?count=2&index=1&mode=0640"));
    struct enl_settings settings = {.set = ENL_SET_VALUE | ENL_SET_MODE, .value = 9, .mode = 0600};
    int id = semget(ftok(test_dir(), 9), 0, 0);
    struct enl_sync_stat stat;

    CHECK_OK(enl_sync_set(s, &settings));
    CHECK_EQ(semctl(id, 1, GETVAL), 9);
    CHECK_EQ(semctl(id, 0, GETVAL), 0);
    CHECK_OK(enl_sync_stat(s, &stat));
    CHECK_EQ(stat.mode, 0600);
    CHECK_EQ(stat.count, 2);
    CHECK_EQ(stat.value, 9);
    CHECK_EQ(stat.uid, getuid());
    CHECK(stat.change_time != ENL_UNKNOWN && stat.change_time > 0);
    settings = (struct enl_settings){.set = ENL_SET_VALUE, .value = 40000};
    CHECK_EQ(enl_sync_set(s, &settings), -ERANGE);
    if (test_is_root()) {
        settings = (struct enl_settings){.set = ENL_SET_OWNER, .uid = 65534, .gid = UINT32_MAX};
        CHECK_OK(enl_sync_set(s, &settings));
        CHECK_OK(enl_sync_stat(s, &stat));
        CHECK_EQ(stat.uid, 65534);
    }
    end(s, set_address(""));
}

/* ---- Python ---------------------------------------------------------------------------------------------------- */

static void python(const char *script, const char *argument, const char *expected)
{
    const char *const words[] = {PYTHON, "-B", "-c", script, argument, NULL};
    struct enl_run_output out;

    CHECK_OK(enl_run(&(struct enl_spawn){.argv = words}, NULL, test_until(), &out));
    CHECK_STR(out.error, "");
    CHECK_STR(out.output, expected);
    CHECK_EQ(out.status.number, 0);
    enl_run_free(&out);
}

TEST(python_uses_a_set_of_enlace)
{
    const char *const words[] = {PYTHON, "-B", "-c", "import sysv_ipc", NULL};
    struct enl_run_output out;
    struct enl_sync *s;
    bool there;

    if (test_is_emulated() || access(PYTHON, X_OK) != 0)
        SKIP("no Python runs here");
    CHECK_OK(enl_run(&(struct enl_spawn){.argv = words}, NULL, test_until(), &out));
    there = out.status.number == 0;
    enl_run_free(&out);
    if (!there)
        SKIP("Python has no module sysv_ipc here");
    s = make(set_address("?value=2"));
    python("import sys, sysv_ipc\n"
           "s = sysv_ipc.Semaphore(sysv_ipc.ftok(sys.argv[1], 9, True))\n"
           "print(s.value, oct(s.mode))\n"
           "s.acquire(); s.acquire()\n"
           "print(s.value)\n"
           "s.release(5)\n",
           test_dir(), "2 0o600\n0\n");
    CHECK_EQ(value(s), 5);
    end(s, set_address(""));
}
