/* SPDX-License-Identifier: MIT */
/* Proof of svmsg.c: how queues come, change and go: removal under waiters, the kernel's record, queues without a key,
 * many starters. */
#include "link/svmsg_rig_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/msg.h>
#include <unistd.h>

/* ---- removal --------------------------------------------------------------------------------------------------- */

struct waiter {
    enl_deadline until;
    bool sends;
    struct test_gate *open;
};

static void wait_until_removed(void *argument)
{
    const struct waiter *w = argument;
    struct enl_link *l = open_ok(address_of(""), w->sends ? ENL_WRITE : ENL_READ);
    ssize_t result;

    test_gate_open(w->open);
    result = w->sends ? enl_send(l, (char[8192]){0}, 8192, w->until)
                      : enl_receive(l, (char[16]){0}, 16, w->until);
    CHECK_EQ(result, -EIDRM);
    CHECK_CONTAINS(enl_error_text(), "removed");
    enl_close(l);
}

static void remove_under(struct waiter *w, void (*wait)(void *argument))
{
    struct enl_link *l = make("");
    pid_t child;

    while (w->sends && enl_send(l, (char[8192]){0}, 8192, ENL_NOW) >= 0)
        continue;
    w->open = test_gate_new();
    child = test_child(wait, w);
    test_gate_wait(w->open);
    (void)usleep(
        20000); /* asleep or not yet there, the answer is the same; without the queue there is no opening */
    CHECK_OK(enl_unlink(address_of("")));
    test_join(child);
    CHECK_EQ(enl_send(l, "x", 1, ENL_NOW), -EIDRM);
    CHECK_EQ(enl_receive(l, (char[16]){0}, 16, ENL_NOW), -EIDRM);
    CHECK_EQ(enl_link_stat(l, &(struct enl_stat){0}), -EIDRM);
    CHECK_EQ(enl_link_set(l, &(struct enl_settings){.set = ENL_SET_MODE, .mode = 0600}), -EIDRM);
    enl_close(l);
}

TEST(who_waits_for_good_is_told_that_the_queue_was_removed)
{
    remove_under(&(struct waiter){.until = ENL_FOREVER}, wait_until_removed);
    remove_under(&(struct waiter){.until = ENL_FOREVER, .sends = true}, wait_until_removed);
}

TEST(who_waits_until_a_deadline_is_told_that_the_queue_was_removed)
{
    remove_under(&(struct waiter){.until = test_until()}, wait_until_removed);
    remove_under(&(struct waiter){.until = test_until(), .sends = true}, wait_until_removed);
}

static void *wait_in_thread(void *argument)
{
    wait_until_removed(argument);
    return NULL;
}

static void wait_beside_another_thread(void *argument)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, wait_in_thread, argument), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(who_waits_in_a_thread_is_told_that_the_queue_was_removed)
{
    remove_under(&(struct waiter){.until = ENL_FOREVER}, wait_beside_another_thread);
    remove_under(&(struct waiter){.until = ENL_FOREVER, .sends = true}, wait_beside_another_thread);
}

/* ---- the record ------------------------------------------------------------------------------------------------- */

static void send_hello(void *argument)
{
    CHECK_EQ(enl_send(argument, "hello", 5, ENL_NOW), 5);
}

TEST(a_queue_tells_who_was_there_last_and_when)
{
    struct enl_link *l = make("");
    struct enl_stat stat;
    pid_t child;

    CHECK_OK(enl_link_stat(l, &stat));
    CHECK_EQ(stat.last_sender_pid, 0);
    CHECK_EQ(stat.last_send_time, 0);
    CHECK(stat.last_change_time >= 1000000000);
    child = test_child(send_hello, l);
    test_join(child);
    CHECK_OK(enl_link_stat(l, &stat));
    CHECK_EQ(stat.last_sender_pid, child);
    CHECK(stat.last_send_time >= stat.last_change_time);
    CHECK_EQ(enl_receive(l, (char[16]){0}, 16, ENL_NOW), 5);
    CHECK_OK(enl_link_stat(l, &stat));
    if (!test_is_emulated())
        CHECK_EQ(stat.last_receiver_pid, getpid());
    CHECK(stat.last_receive_time >= stat.last_send_time);
    CHECK_EQ(stat.mode, 0600);
    CHECK_EQ(stat.uid, getuid());
    CHECK(stat.waiting_senders == ENL_UNKNOWN);
    end(l);
}

static void raise_capacity(void *unused)
{
    struct enl_settings settings = {.set = ENL_SET_CAPACITY, .capacity = 1 << 20};
    struct enl_link *ends[2];

    (void)unused;
    CHECK_OK(enl_pair("svmsg:", ends));
    CHECK_EQ(enl_link_set(ends[1], &settings), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/kernel/msgmnb");
    enl_close(ends[0]);
    enl_close(ends[1]);
    CHECK_EQ(enl_pair("svmsg:?capacity=1M", ends), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "sysctl kernel.msgmnb=1048576");
}

TEST(a_capacity_changes_within_its_limits)
{
    struct enl_settings settings = {.set = ENL_SET_CAPACITY, .capacity = 9000};
    struct enl_link *l = make("");
    struct enl_stat stat;

    CHECK_OK(enl_link_set(l, &settings));
    CHECK_OK(enl_link_stat(l, &stat));
    CHECK_EQ(stat.capacity_bytes, 9000);
    CHECK_EQ(enl_send(l, (char[8192]){0}, 8192, ENL_NOW), 8192);
    CHECK_EQ(enl_send(l, (char[809]){0}, 809, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_send(l, (char[808]){0}, 808, ENL_NOW), 808);
    settings.capacity = 8191;
    CHECK_EQ(enl_link_set(l, &settings), -EINVAL); /* its largest message would never fit again */
    CHECK_CONTAINS(enl_error_text(), "8191");
    end(l);
    test_as_user(raise_capacity, NULL);
}

static void use_without_right(void *unused)
{
    struct enl_settings settings = {.set = ENL_SET_MODE, .mode = 0666};
    struct enl_link *l;

    (void)unused;
    CHECK_EQ(enl_open(address_of(""), ENL_READ, &l), -EACCES);
    CHECK(enl_error_text()[0] != '\0');
    l = open_ok(address_of(""), ENL_WRITE);
    CHECK_EQ(enl_send(l, "hello", 5, ENL_NOW), 5);
    CHECK_EQ(enl_link_set(l, &settings), test_is_emulated() ? -EACCES : -EPERM);
    CHECK(enl_error_text()[0] != '\0');
    enl_close(l);
    CHECK_EQ(enl_unlink(address_of("")), -EPERM);
}

TEST(the_mode_says_who_may_send_and_who_receive)
{
    struct enl_link *l;

    if (!test_is_root())
        SKIP("another user is needed, whom only root can become");
    l = make("?mode=622");
    test_as_user(use_without_right, NULL);
    CHECK_EQ(enl_receive(l, (char[16]){0}, 16, ENL_NOW), 5);
    end(l);
}

/* ---- queues without a key ------------------------------------------------------------------------------------- */

/* Others of this machine may make queues and remove them meanwhile: this one is known by its capacity. */
static unsigned own_capacity(void)
{
    return 1000 + (unsigned)getpid() % 15000;
}

static int queue_count(void)
{
    struct msginfo info;
    struct msqid_ds queue;
    int highest = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&info);
    int count = 0;

    CHECK(highest >= 0);
    for (int i = 0; i <= highest; i++)
        count += msgctl(i, MSG_STAT, &queue) >= 0 && queue.msg_qbytes == own_capacity();
    return count;
}

struct pair {
    struct enl_link *ends[2];
    struct test_gate *go;
};

static void make_pair(struct pair *p)
{
    char address[64];

    (void)snprintf(address, sizeof address, "svmsg:?capacity=%u", own_capacity());
    CHECK_OK(enl_pair(address, p->ends));
}

static void use_and_close(void *argument)
{
    struct pair *p = argument;

    enl_close(p->ends[0]);
    test_gate_wait(p->go);
    CHECK_EQ(enl_send(p->ends[1], "hello", 5, ENL_FOREVER), 5);
    enl_close(p->ends[1]);
}

static void receive_and_close(void *argument)
{
    struct pair *p = argument;

    enl_close(p->ends[1]);
    CHECK_EQ(enl_receive(p->ends[0], (char[16]){0}, 16, ENL_FOREVER), 5);
    enl_close(p->ends[0]);
}

TEST(a_queue_without_a_key_goes_with_its_last_process)
{
    struct pair p = {.go = test_gate_new()};
    pid_t sender, receiver;

    make_pair(&p);
    CHECK_EQ(queue_count(), 1);
    sender = test_child(use_and_close, &p);
    receiver = test_child(receive_and_close, &p);
    enl_close(p.ends[0]);
    enl_close(p.ends[1]);
    CHECK_EQ(queue_count(), 1); /* two relatives still have it */
    test_gate_open(p.go);
    test_join(sender);
    test_join(receiver);
    CHECK_EQ(queue_count(), 0);
}

static void sleep_for_good(void *unused)
{
    (void)unused;
    for (;;)
        (void)pause();
}

TEST(a_dead_relative_does_not_keep_a_queue_without_a_key)
{
    struct pair p;
    pid_t child;

    make_pair(&p);
    child = test_child(sleep_for_good, NULL);
    enl_close(p.ends[1]);
    test_kill(child);
    enl_close(p.ends[0]);
    CHECK_EQ(queue_count(), 0);
}

/* ---- starters ----------------------------------------------------------------------------------------------------- */

#define STARTERS 4

struct start {
    struct test_gate *go;
    atomic_int *winners;
    unsigned flags;
};

static void start(void *argument)
{
    const struct start *s = argument;
    struct enl_link *l = NULL;
    int result;

    test_gate_meet(s->go, STARTERS);
    result = enl_open(address_of(""), ENL_WRITE | s->flags, &l);
    if (result == 0)
        CHECK_EQ(enl_send(l, "x", 1, ENL_NOW), 1);
    else
        CHECK_EQ(result, -EEXIST);
    atomic_fetch_add(s->winners, result == 0);
    enl_close(l);
}

TEST(of_many_starters_all_get_the_one_queue_or_one_alone, .stress = true)
{
    struct start s = {.go = test_gate_new(), .winners = test_shared(sizeof(atomic_int))};

    for (int round = 0; round < 20; round++) {
        bool exclusive = round % 2 == 1;
        pid_t children[STARTERS];
        struct enl_stat stat;
        struct enl_link *l;

        s.flags = ENL_CREATE | (exclusive ? ENL_EXCLUSIVE : 0);
        for (int i = 0; i < STARTERS; i++)
            children[i] = test_child(start, &s);
        for (int i = 0; i < STARTERS; i++)
            test_join(children[i]);
        CHECK_EQ(atomic_exchange(s.winners, 0), exclusive ? 1 : STARTERS);
        l = open_ok(address_of(""), ENL_READ);
        CHECK_OK(enl_link_stat(l, &stat));
        CHECK_EQ(stat.queued_messages, exclusive ? 1 : STARTERS);
        end(l);
    }
}
