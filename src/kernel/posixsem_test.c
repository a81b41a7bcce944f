/* SPDX-License-Identifier: MIT */
/* Proof of posixsem.c: names, modes, limits, peers on the bare calls, interrupts, and deaths of waiters. */
#include "kernel/posixsem.h"

#include "kernel/clock.h"
#include "kernel/wait.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static const char *own_name(void)
{
    static char name[200];

    (void)snprintf(name, sizeof name, "/%s", test_name("semaphore"));
    return name;
}

static struct posixsem *make(unsigned value)
{
    struct posixsem *s = NULL;

    CHECK_OK(posixsem_create(own_name(), 0600, value, &s));
    return s;
}

static void end(struct posixsem *s)
{
    posixsem_close(s);
    CHECK_OK(posixsem_unlink(own_name()));
}

TEST(a_name_is_made_once_and_found_by_others)
{
    struct posixsem *s = make(2), *other;

    CHECK_EQ(posixsem_create(own_name(), 0600, 0, &other), -EEXIST);
    CHECK_OK(posixsem_open(own_name(), &other));
    CHECK_OK(posixsem_wait(other, ENL_NOW, NULL));
    CHECK_EQ(posixsem_value(s), 1);
    posixsem_close(other);
    end(s);
    CHECK_EQ(posixsem_open(own_name(), &other), -ENOENT);
    CHECK_EQ(posixsem_unlink(own_name()), -ENOENT);
}

TEST(what_is_too_short_for_a_semaphore_is_refused)
{
    struct posixsem *s = make(1), *other;
    const char *name = own_name();
    char path[300];

    /* where glibc keeps it, or the other libcs */
    (void)snprintf(path, sizeof path, "/dev/shm/sem.%s", name + 1);
    if (access(path, F_OK) != 0)
        (void)snprintf(path, sizeof path, "/dev/shm%s", name);
    CHECK_EQ(truncate(path, sizeof(sem_t) - 1), 0);
    CHECK_EQ(posixsem_open(name, &other), -EBADMSG);
    CHECK_EQ(truncate(path, 0), 0);
    CHECK_EQ(posixsem_open(name, &other), -EBADMSG);
    CHECK_CONTAINS(enl_error_text(), "has 0 bytes");
    CHECK_CONTAINS(enl_error_text(), path);
    end(s);
}

TEST(the_mode_is_the_one_asked_for_whatever_the_umask)
{
    struct posixsem *s;
    uint32_t mode, uid, gid;

    (void)umask(077);
    CHECK_OK(posixsem_create(own_name(), 0646, 0, &s));
    CHECK_OK(posixsem_facts(own_name(), &mode, &uid, &gid));
    CHECK_EQ(mode, 0646);
    CHECK_EQ(uid, getuid());
    end(s);
}

static void post_bare(void *argument)
{
    sem_t *bare = sem_open(argument, 0);

    CHECK(bare != SEM_FAILED);
    CHECK_EQ(sem_post(bare), 0);
    CHECK_EQ(sem_close(bare), 0);
}

TEST(a_program_on_the_bare_calls_posts_and_waits)
{
    struct posixsem *s = make(0);
    char name[200];
    pid_t child;
    sem_t *bare;

    (void)snprintf(name, sizeof name, "%s", own_name());
    child = test_child(post_bare, name);
    CHECK_OK(posixsem_wait(s, test_until(), NULL));
    test_join(child);
    CHECK_OK(posixsem_post(s));
    bare = sem_open(name, 0);
    CHECK(bare != SEM_FAILED);
    CHECK_EQ(sem_trywait(bare), 0);
    CHECK_EQ(sem_close(bare), 0);
    end(s);
}

TEST(trying_and_deadlines_answer)
{
    struct posixsem *s = make(0);
    int64_t before = clock_now_ns();

    CHECK_EQ(posixsem_wait(s, ENL_NOW, NULL), -EAGAIN);
    CHECK_EQ(posixsem_wait(s, before + 120 * MS, NULL), -ETIMEDOUT);
    CHECK(clock_now_ns() >= before + 120 * MS);
    CHECK_EQ(posixsem_wait(s, before, NULL), -ETIMEDOUT);
    CHECK_OK(posixsem_post(s));
    CHECK_OK(posixsem_wait(s, before, NULL)); /* a deadline that has passed takes what is there */
    end(s);
}

TEST(above_the_highest_value_is_told)
{
    struct posixsem *s = make(POSIXSEM_VALUE_MOST);

    CHECK_EQ(posixsem_post(s), -EOVERFLOW);
    CHECK_CONTAINS(enl_error_text(), "2147483647");
    CHECK_EQ(posixsem_value(s), POSIXSEM_VALUE_MOST);
    end(s);
}

static void take_once(void *argument)
{
    CHECK_OK(posixsem_wait(argument, test_until(), NULL));
}

TEST(one_without_a_name_is_for_relatives)
{
    struct posixsem *s;
    pid_t child;

    CHECK_OK(posixsem_create_unnamed(1, &s));
    CHECK_OK(posixsem_wait(s, ENL_NOW, NULL));
    child = test_child(take_once, s);
    CHECK_OK(posixsem_post(s));
    test_join(child);
    CHECK_EQ(posixsem_value(s), 0);
    posixsem_close(s);
}

static struct interrupt interrupt;

static void raise_it(int signal)
{
    (void)signal;
    (void)interrupt_raise(&interrupt);
}

TEST(a_handler_interrupts)
{
    struct posixsem *s = make(0);
    struct sigaction action = {.sa_handler = raise_it, .sa_flags = SA_RESTART};

    interrupt_init(&interrupt);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    (void)ualarm(30000, 0);
    CHECK_EQ(posixsem_wait(s, test_until(), &interrupt), -ECANCELED);
    CHECK_EQ(posixsem_wait(s, test_until(), &interrupt), -ECANCELED); /* until it is cleared */
    interrupt_clear(&interrupt);
    CHECK_EQ(posixsem_wait(s, ENL_NOW, &interrupt), -EAGAIN);
    interrupt_fini(&interrupt);
    end(s);
}

static void *raise_from_thread(void *argument)
{
    (void)argument;
    (void)interrupt_raise(&interrupt);
    return NULL;
}

TEST(another_thread_interrupts)
{
    struct posixsem *s = make(0);
    pthread_t thread;

    interrupt_init(&interrupt);
    CHECK_EQ(pthread_create(&thread, NULL, raise_from_thread, NULL), 0);
    CHECK_EQ(posixsem_wait(s, test_until(), &interrupt), -ECANCELED);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    interrupt_fini(&interrupt);
    end(s);
}

static void wait_for_good(void *argument)
{
    (void)posixsem_wait(argument, ENL_FOREVER, NULL);
}

/* A waiter that dies takes nothing; what is posted afterwards goes to one who lives. */
TEST(a_waiter_that_is_killed_takes_nothing)
{
    struct posixsem *s = make(0);

    for (int i = 0; i < 20; i++) {
        pid_t doomed = test_child(wait_for_good, s);
        pid_t other = test_child(take_once, s);

        if (i % 2 == 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        test_kill(doomed);
        CHECK_OK(posixsem_post(s));
        test_join(other);
    }
    CHECK_EQ(posixsem_value(s), 0);
    end(s);
}

static void open_as_stranger(void *argument)
{
    struct posixsem *s;

    CHECK_EQ(posixsem_open(argument, &s), -EACCES);
}

TEST(who_may_not_is_refused)
{
    char name[200];
    struct posixsem *s = make(0);

    if (!test_is_root())
        SKIP("needs another user");
    (void)snprintf(name, sizeof name, "%s", own_name());
    test_as_user(open_as_stranger, name);
    end(s);
}
