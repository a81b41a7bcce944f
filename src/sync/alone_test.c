/* SPDX-License-Identifier: MIT */
/* Proof of objects that stand alone by name: addresses, modes, removal, and bells. */
#include "sync/semaphores_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

static const char *named(const char *scheme, const char *options)
{
    static char text[2][400];
    static unsigned next;
    char *address = text[next++ % 2];

    (void)snprintf(address, sizeof text[0], "%s:%s%s%s", scheme, scheme[0] == 's' ? "/" : "",
                   test_name("alone"), options);
    return address;
}

static struct enl_sync *make(const char *options)
{
    struct enl_sync *s = NULL;

    CHECK_OK(enl_sync_open(named("shm", options), ENL_CREATE, &s));
    way_handles[0] = s;
    return s;
}

static void end(struct enl_sync *s)
{
    enl_sync_close(s);
    CHECK_OK(enl_sync_unlink(named("shm", "")));
}

TEST(what_is_no_address_of_an_object_is_refused)
{
    static const char *const bad[] = {
        "shm:/a?kind=lock",
        "shm:/a?kind=mutex&value=1",
        "shm:/a?kind=event&owned",
        "shm:/a?autoreset",
        "shm:/a?recursive",
        "shm:/a?owned&value=0",
        "shm:/a?owned&value=241",
        "shm:/a?owned&value=1&pollable",
        "memfd:a?pollable",
        "shm:/a?value=268435456",
        "shm:/a?kind=barrier",
        "shm:/a?kind=barrier&value=121",
        "sem:jobs",
        "sem:/a/b",
        "sem:/",
        "sem:/a?owned",
        "svsem:jobs",
        "svsem:1?value=32768",
        "svsem:1?count=0",
        "svsem:0",
        "mutex:/a",
        "",
    };
    struct enl_sync *s;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (enl_sync_open(bad[i], ENL_CREATE, &s) != -EINVAL)
            FAIL("%s was taken for an address", bad[i]);
        CHECK(enl_error_text()[0] != '\0');
    }
    CHECK_EQ(enl_sync_open("sem:/a", ENL_EXCLUSIVE, &s), -EINVAL);
    CHECK_EQ(enl_sync_open("sem:/a", 1u << 20, &s), -EINVAL);
}

TEST(what_has_no_name_is_not_removed)
{
    CHECK_EQ(enl_sync_unlink("memfd:"), -ENOTSUP);
    CHECK_EQ(enl_sync_unlink("memfd:a"), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), "memfd:a has no name");
    CHECK_EQ(enl_sync_unlink("sem:"), -EINVAL);
    CHECK_EQ(enl_sync_unlink("svsem:"), -EINVAL);
    CHECK_EQ(enl_sync_unlink("shm:/enlace-test-none"), -ENOENT);
    CHECK_EQ(enl_sync_unlink(NULL), -EINVAL);
}

static int do_nothing(void *argument)
{
    (void)argument;
    return 0;
}

TEST(a_handle_that_is_missing_is_told)
{
    int (*const calls[])(struct enl_sync *) = {
        enl_mutex_unlock,      enl_mutex_consistent, enl_rwlock_unlock,
        enl_rwlock_consistent, enl_condition_signal, enl_condition_broadcast,
        enl_sync_destroy,      enl_sync_fd,          enl_sync_interrupt,
    };
    int (*const waits[])(struct enl_sync *, enl_deadline) = {
        enl_mutex_lock,     enl_rwlock_read, enl_rwlock_write,
        enl_semaphore_wait, enl_event_wait,  enl_barrier_wait,
    };
    const struct enl_semaphore_step step = {.change = 1};
    const struct enl_settings settings = {.set = 0};
    struct enl_sync_stat stat;
    struct enl_sync *s = make("?kind=once");

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        CHECK_EQ(calls[i](NULL), -EINVAL);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        CHECK_EQ(waits[i](NULL, ENL_FOREVER), -EINVAL);
    CHECK_EQ(enl_semaphore_post(NULL, 1), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "the handle is NULL");
    CHECK_EQ(enl_event_set(NULL, 1), -EINVAL);
    CHECK_EQ(enl_semaphore_operate(NULL, &step, 1, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_condition_wait(NULL, NULL, ENL_FOREVER), -EINVAL);
    CHECK_EQ(enl_once_run(NULL, do_nothing, NULL, ENL_FOREVER), -EINVAL);
    CHECK_EQ(enl_once_run(s, NULL, NULL, ENL_FOREVER), -EINVAL);
    CHECK_EQ(enl_sync_stat(NULL, &stat), -EINVAL);
    CHECK_EQ(enl_sync_stat(s, NULL), -EINVAL);
    CHECK_EQ(enl_sync_set(NULL, &settings), -EINVAL);
    CHECK_EQ(enl_sync_set(s, NULL), -EINVAL);
    CHECK_EQ(enl_sync_open(named("shm", ""), 0, NULL), -EINVAL);
    enl_sync_interrupt_clear(NULL);
    enl_sync_close(NULL);
    end(s);
}

TEST(every_kind_stands_alone)
{
    static const char *const options[] = {
        "?kind=mutex",    "?kind=mutex&recursive", "?kind=rwlock",    "?kind=condition",
        "?kind=once",     "?kind=event&autoreset", "?kind=semaphore", "?kind=barrier&value=2",
        "?owned&value=3",
    };
    struct enl_sync_stat stat, other_stat;
    struct enl_sync *s, *other;

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        s = make(options[i]);
        CHECK_OK(enl_sync_open(named("shm", ""), 0, &other)); /* whatever it is */
        CHECK_OK(enl_sync_stat(s, &stat));
        CHECK_OK(enl_sync_stat(other, &other_stat));
        CHECK_EQ(stat.kind, other_stat.kind);
        CHECK_EQ(stat.flags, other_stat.flags);
        CHECK_EQ(stat.mode, 0600);
        enl_sync_close(other);
        CHECK_EQ(enl_sync_open(named("shm", options[i]), ENL_CREATE | ENL_EXCLUSIVE, &other),
                 -EEXIST);
        CHECK_OK(enl_sync_open(named("shm", options[i]), ENL_CREATE, &other));
        enl_sync_close(other);
        end(s);
        CHECK_EQ(enl_sync_open(named("shm", options[i]), 0, &other), -ENOENT);
        CHECK_EQ(enl_sync_unlink(named("shm", "")), -ENOENT);
    }
}

TEST(another_kind_than_asked_for_is_told)
{
    struct enl_sync *s = make("?kind=mutex"), *other;

    CHECK_EQ(enl_sync_open(named("shm", "?kind=event"), 0, &other), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "mutex");
    CHECK_EQ(enl_sync_open(named("shm", "?kind=mutex&recursive"), ENL_CREATE, &other), -EINVAL);
    end(s);
}

TEST(a_lock_by_name_locks)
{
    struct enl_sync *s = make("?kind=mutex"), *other;

    CHECK_OK(enl_sync_open(named("shm", ""), 0, &other));
    CHECK_OK(enl_mutex_lock(s, ENL_NOW));
    CHECK_EQ(enl_mutex_lock(other, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_mutex_unlock(s));
    enl_sync_close(other);
    end(s);
}

struct held {
    struct enl_sync *s;
    struct test_gate *has;
    bool reads;
};

static void hold_lock(void *argument)
{
    struct held *h = argument;

    CHECK_OK(h->reads ? enl_rwlock_read(h->s, ENL_NOW) : enl_mutex_lock(h->s, ENL_NOW));
    test_gate_open(h->has);
    for (;;)
        (void)pause();
}

TEST(who_has_a_lock_is_told_to_who_looks)
{
    struct held h = {.s = make("?kind=mutex"), .has = test_gate_new()};
    struct enl_sync_stat stat;
    struct enl_sync *other;
    pid_t child;

    CHECK_OK(enl_sync_open(named("shm", ""), 0, &other));
    CHECK_OK(enl_sync_stat(other, &stat));
    CHECK_EQ(stat.holders, 0);
    CHECK_EQ(stat.holder_pid, 0);
    CHECK_EQ(stat.contended, 0);
    child = test_child(hold_lock, &h);
    test_gate_wait(h.has);
    do { /* a deadline may pass before the call has begun to wait */
        CHECK_EQ(enl_mutex_lock(h.s, clock_now_ns() + MS), -ETIMEDOUT);
        CHECK_OK(enl_sync_stat(other, &stat));
    } while (stat.contended == 0);
    CHECK_EQ(stat.holders, 1);
    CHECK_EQ(stat.holder_pid, child);
    CHECK_EQ(stat.waiters, 0);
    test_kill(child);
    CHECK_EQ(enl_mutex_lock(other, test_until()), -EOWNERDEAD);
    CHECK_OK(enl_mutex_consistent(other));
    CHECK_OK(enl_mutex_unlock(other));
    CHECK_OK(enl_sync_stat(h.s, &stat));
    CHECK_EQ(stat.deaths, 1);
    enl_sync_close(other);
    end(h.s);
}

TEST(readers_of_a_lock_are_counted_while_they_live)
{
    struct held h = {.s = make("?kind=rwlock"), .has = test_gate_new(), .reads = true};
    struct enl_sync_stat stat;
    pid_t children[2];

    for (int i = 0; i < 2; i++)
        children[i] = test_child(hold_lock, &h);
    test_gate_wait_times(h.has, 2);
    CHECK_OK(enl_sync_stat(h.s, &stat));
    CHECK_EQ(stat.holders, 2);
    CHECK_EQ(stat.holder_pid, 0);
    for (int i = 0; i < 2; i++)
        test_kill(children[i]);
    do
        CHECK_OK(enl_sync_stat(h.s, &stat));
    while (stat.holders > 0 && clock_now_ns() < test_until());
    CHECK_EQ(stat.holders, 0);
    end(h.s);
}

TEST(modes_are_those_asked_for_and_change)
{
    const struct enl_settings wider = {.set = ENL_SET_MODE, .mode = 0666};
    struct enl_sync_stat stat;
    struct enl_sync *s;

    (void)umask(077);
    s = make("?mode=0640");
    CHECK_OK(enl_sync_stat(s, &stat));
    CHECK_EQ(stat.mode, 0640);
    CHECK_OK(enl_sync_set(s, &wider));
    CHECK_OK(enl_sync_stat(s, &stat));
    CHECK_EQ(stat.mode, 0666);
    CHECK_EQ(stat.uid, getuid());
    end(s);
}

static void use_memory(void *s)
{
    CHECK_OK(enl_semaphore_post(s, 1));
}

TEST(one_without_a_name_is_for_relatives)
{
    static const char *const addresses[] = {"memfd:", "sem:", "svsem:", "memfd:?owned&value=1"};
    struct enl_sync *s;

    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(enl_sync_open(addresses[i], ENL_CREATE, &s));
        test_join(test_child(use_memory, s));
        CHECK_OK(enl_semaphore_wait(s, test_until()));
        CHECK_EQ(enl_semaphore_wait(s, ENL_NOW), -EAGAIN);
        enl_sync_close(s);
    }
    CHECK_OK(enl_sync_open(addresses[3], ENL_CREATE, &s));
    CHECK_OK(enl_semaphore_wait(s, ENL_NOW));
    enl_sync_close(s);
}

/* ---- bells --------------------------------------------------------------------------------------------------------- */

static bool rings(struct enl_sync *s)
{
    struct pollfd item = {.fd = CHECK_OK(enl_sync_fd(s)), .events = POLLIN};

    return CHECK_OK(poll(&item, 1, 0)) == 1;
}

static void await_bell(struct enl_sync *s)
{
    struct pollfd item = {.fd = CHECK_OK(enl_sync_fd(s)), .events = POLLIN};

    CHECK_EQ(poll(&item, 1, (int)((test_until() - clock_now_ns()) / MS)), 1);
}

TEST(a_bell_rings_while_there_is_something)
{
    struct enl_sync *s = make("?pollable"), *other;

    CHECK(!rings(s));
    CHECK_OK(enl_sync_open(named("shm", ""), 0, &other));
    CHECK_OK(enl_semaphore_post(other, 2));
    CHECK(rings(s));
    CHECK_OK(enl_semaphore_wait(s, ENL_NOW));
    CHECK(rings(other));
    CHECK_OK(enl_semaphore_wait(s, ENL_NOW));
    CHECK(!rings(s));
    CHECK(!rings(other));
    CHECK_EQ(enl_semaphore_wait(other, ENL_NOW), -EAGAIN);
    enl_sync_close(other);
    end(s);
    s = make("?kind=event&pollable");
    CHECK_OK(enl_event_set(s, 5));
    CHECK(rings(s));
    CHECK_EQ(enl_event_wait(s, ENL_NOW), 5);
    CHECK(!rings(s));
    end(s);
}

TEST(what_has_no_bell_says_so)
{
    static const char *const options[] = {"", "?kind=event", "?kind=mutex", "?owned&value=1"};
    struct enl_sync *s;

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        s = make(options[i]);
        CHECK_EQ(enl_sync_fd(s), -ENOTSUP);
        CHECK_CONTAINS(enl_error_text(), "pollable");
        end(s);
    }
    CHECK_OK(enl_sync_open("sem:", ENL_CREATE, &s));
    CHECK_EQ(enl_sync_fd(s), -ENOTSUP);
    enl_sync_close(s);
    s = make("");
    CHECK_EQ(enl_sync_open(named("shm", "?pollable"), ENL_CREATE, (struct enl_sync **)&s), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "pollable");
    end(s);
}

#define RINGS 3000

static void post_all(void *s)
{
    for (int i = 0; i < RINGS; i++)
        CHECK_OK(enl_semaphore_post(s, 1));
}

/* Who waits in poll alone misses nothing. */
TEST(a_poller_misses_nothing, .stress = true, .deadline_s = 60)
{
    struct enl_sync *s = make("?pollable");
    pid_t children[2];
    int taken = 0;

    for (int i = 0; i < 2; i++)
        children[i] = test_child(post_all, s);
    while (taken < 2 * RINGS) {
        await_bell(s);
        while (enl_semaphore_wait(s, ENL_NOW) == 0)
            taken++;
    }
    for (int i = 0; i < 2; i++)
        test_join(children[i]);
    CHECK(!rings(s));
    end(s);
}

struct ringing {
    struct enl_sync *s;
    _Atomic unsigned posted;
};

static void post_for_ever(void *argument)
{
    struct ringing *r = argument;

    for (;;) {
        CHECK_OK(enl_semaphore_post(r->s, 1));
        atomic_fetch_add(&r->posted, 1);
    }
}

static void take_for_ever(void *argument)
{
    struct ringing *r = argument;

    for (;;)
        (void)enl_semaphore_wait(r->s, clock_now_ns() + MS);
}

/* Killed at any moment, those who post and those who take leave the bell telling the truth. */
TEST(deaths_leave_the_bell_true, .stress = true, .deadline_s = 60)
{
    struct ringing *r = test_shared(sizeof *r);
    unsigned seed = (unsigned)getpid();

    r->s = make("?pollable");
    for (int i = 0; i < 60 && test_has_time(); i++) {
        pid_t poster = test_child(post_for_ever, r), taker = test_child(take_for_ever, r);

        nap(INT64_C(1000) * (rand_r(&seed) % 2000));
        test_kill(poster);
        test_kill(taker);
        while (enl_semaphore_wait(r->s, ENL_NOW) == 0)
            ;
        CHECK(!rings(r->s));
        CHECK_OK(enl_semaphore_post(r->s, 1));
        CHECK(rings(r->s));
        CHECK_OK(enl_semaphore_wait(r->s, ENL_NOW));
    }
    end(r->s);
}
