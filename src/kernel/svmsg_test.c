/* SPDX-License-Identifier: MIT */
/* Proof of svmsg.c and svmsg_watch.c: keys, choices, records, and every limit of the kernel, hit on purpose. */
#include "kernel/svmsg.h"

#include "kernel/clock.h"
#include "kernel/guarded.h"
#include "kernel/svmsg_watch.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <enlace/link.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM 64

static struct {
    long type;
    unsigned char bytes[ROOM];
} buffer;
static struct svmsg_message *const message = (struct svmsg_message *)(void *)&buffer;
static const struct svmsg_selector any = {.type = 0};

static int make(void)
{
    int id = -1;

    CHECK_OK(svmsg_create(0, 0600, &id));
    return id;
}

static ssize_t put(int id, long type, const char *text)
{
    buffer.type = type;
    memcpy(buffer.bytes, text, strlen(text));
    return svmsg_send(id, message, strlen(text), NULL);
}

static ssize_t get(int id, struct svmsg_selector selector)
{
    return svmsg_receive(id, message, ROOM, &selector, NULL);
}

/* ---- keys ----------------------------------------------------------------------------------------------------- */

static int32_t own_key(void)
{
    return 0x20000000 | getpid(); /* no other test's */
}

TEST(a_key_of_a_path_and_a_number_is_that_of_ftok)
{
    int32_t key, other;

    CHECK_OK(svmsg_key("/", 7, &key));
    CHECK_EQ(key, ftok("/", 7));
    CHECK_OK(svmsg_key("/", 8, &other));
    CHECK(key != other);
    CHECK_EQ(svmsg_key("nothing", 7, &key), -ENOENT);
}

TEST(a_queue_is_made_once_with_the_mode_given_whatever_the_umask)
{
    struct svmsg_facts facts;
    int id, other;

    (void)umask(0777);
    CHECK_EQ(svmsg_open(own_key(), ENL_READ, &id), -ENOENT);
    CHECK_OK(svmsg_create(own_key(), 0640, &id));
    CHECK_EQ(svmsg_create(own_key(), 0600, &other), -EEXIST);
    CHECK_OK(svmsg_open(own_key(), ENL_READ | ENL_WRITE, &other));
    CHECK_EQ(other, id);
    CHECK_OK(svmsg_facts(id, &facts));
    CHECK_EQ(facts.mode, 0640);
    CHECK_EQ(facts.uid, getuid());
    CHECK_OK(svmsg_remove(id));
    CHECK_EQ(svmsg_remove(id), -EIDRM);
    CHECK_EQ(svmsg_open(own_key(), ENL_READ, &id), -ENOENT);
}

static void open_without_right(void *argument)
{
    int32_t key = *(int32_t *)argument;
    int id;

    CHECK_EQ(svmsg_open(key, ENL_READ, &id), -EACCES);
    CHECK_EQ(svmsg_open(key, ENL_READ | ENL_WRITE, &id), -EACCES);
    CHECK_OK(svmsg_open(key, ENL_WRITE, &id));
    CHECK_EQ(get(id, any), -EACCES);
    CHECK_EQ(put(id, 1, "x"), 1);
    CHECK_EQ(svmsg_remove(id), -EPERM);
}

TEST(a_queues_mode_says_who_may_what)
{
    int32_t key = own_key();
    int id;

    if (!test_is_root())
        SKIP("another user is needed, whom only root can become");
    CHECK_OK(svmsg_create(key, 0622, &id));
    test_as_user(open_without_right, &key);
    CHECK_OK(svmsg_remove(id));
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

TEST(messages_are_chosen_by_their_types)
{
    int id = make();

    CHECK_EQ(get(id, any), -EAGAIN);
    CHECK_EQ(put(id, 3, "c"), 1);
    CHECK_EQ(put(id, 2, "b"), 1);
    CHECK_EQ(put(id, 5, "e"), 1);
    CHECK_EQ(put(id, 2, "B"), 1);
    CHECK_EQ(get(id, (struct svmsg_selector){.type = 4}), -EAGAIN);
    CHECK_EQ(get(id, (struct svmsg_selector){.type = -4}), 1);
    CHECK_EQ(buffer.bytes[0], 'b');
    CHECK_EQ(get(id, (struct svmsg_selector){.type = 3, .flags = SVMSG_ALL_BUT}), 1);
    CHECK_EQ(buffer.bytes[0], 'e');
    CHECK_EQ(get(id, (struct svmsg_selector){.type = 2}), 1);
    CHECK_EQ(buffer.bytes[0], 'B');
    CHECK_EQ(get(id, any), 1);
    CHECK_EQ(buffer.type, 3);
    CHECK_OK(svmsg_remove(id));
}

TEST(a_message_without_room_stays_unless_it_may_be_cut)
{
    struct svmsg_selector cuts = {.flags = SVMSG_CUT};
    int id = make();

    CHECK_EQ(put(id, 1, "hello"), 5);
    CHECK_EQ(svmsg_receive(id, message, 4, &any, NULL), -E2BIG);
    CHECK_EQ(svmsg_receive(id, message, 4, &cuts, NULL), 4);
    CHECK_MEM(buffer.bytes, "hell", 4);
    CHECK_EQ(get(id, any), -EAGAIN);
    CHECK_OK(svmsg_remove(id));
}

TEST(messages_are_looked_at_and_stay)
{
    int id = make();

    CHECK_EQ(put(id, 7, "one"), 3);
    CHECK_EQ(put(id, 8, "four"), 4);
    for (int again = 0; again < 2; again++) {
        ssize_t size = svmsg_peek(id, 1, message, ROOM);

        if (size == -ENOSYS)
            SKIP("this kernel cannot: %s", enl_error_text());
        CHECK_EQ(size, 4);
        CHECK_EQ(buffer.type, 8);
        CHECK_MEM(buffer.bytes, "four", 4);
        CHECK_EQ(svmsg_peek(id, 0, message, 2), -E2BIG);
        CHECK_EQ(svmsg_peek(id, 2, message, ROOM), -EAGAIN);
    }
    CHECK_EQ(get(id, any), 3);
    CHECK_OK(svmsg_remove(id));
    CHECK_EQ(svmsg_peek(id, 0, message, ROOM), -EIDRM);
}

static void wait_for_removal(void *argument)
{
    static const atomic_int never;
    ssize_t result;

    do
        result = svmsg_receive(*(int *)argument, message, ROOM, &any, &never);
    while (result == -EINTR);
    CHECK_EQ(result, -EIDRM);
    CHECK_CONTAINS(enl_error_text(), "removed");
}

TEST(who_waits_for_a_queue_that_is_removed_is_told)
{
    int id = make();
    pid_t child;

    if (!guarded_possible())
        SKIP("no restartable sequences on this machine, kernel or C library");
    child = test_child(wait_for_removal, &id);
    (void)usleep(10000); /* asleep or not, the answer is the same */
    CHECK_OK(svmsg_remove(id));
    test_join(child);
    CHECK_EQ(put(id, 1, "x"), -EIDRM);
    CHECK_EQ(get(id, any), -EIDRM);
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static void put_as_child(void *argument)
{
    CHECK_EQ(put(*(int *)argument, 1, "hello"), 5);
}

TEST(a_queue_tells_who_was_there_and_when)
{
    struct svmsg_facts facts;
    int id = make();
    pid_t child = test_child(put_as_child, &id);

    test_join(child);
    CHECK_EQ(put(id, 1, ""), 0);
    CHECK_EQ(get(id, any), 5);
    CHECK_OK(svmsg_facts(id, &facts));
    CHECK_EQ(facts.messages, 1);
    CHECK_EQ(facts.bytes, 0);
    CHECK_EQ(facts.sender, getpid());
    if (!test_is_emulated())
        CHECK_EQ(facts.receiver, getpid());
    CHECK(facts.change_time > 0);
    CHECK(facts.send_time >= facts.change_time);
    CHECK(facts.receive_time >= facts.send_time);
    CHECK_OK(svmsg_remove(id));
    CHECK_EQ(svmsg_facts(id, &facts), -EIDRM);
}

TEST(a_queues_record_is_changed_in_parts)
{
    uint32_t uid = test_is_root() ? 65534 : getuid();
    struct svmsg_facts facts;
    int id = make();

    CHECK_OK(svmsg_set_mode(id, 0604));
    CHECK_OK(svmsg_set_capacity(id, 100));
    CHECK_OK(svmsg_set_owner(id, uid, UINT32_MAX));
    CHECK_OK(svmsg_facts(id, &facts));
    CHECK_EQ(facts.mode, 0604);
    CHECK_EQ(facts.capacity, 100);
    CHECK_EQ(facts.uid, uid);
    CHECK_EQ(facts.gid, getgid());
    CHECK_OK(svmsg_remove(id));
    CHECK_EQ(svmsg_set_mode(id, 0600), -EIDRM);
}

static void change_without_right(void *argument)
{
    struct svmsg_facts facts;
    int id = *(int *)argument;

    CHECK_OK(svmsg_facts(id, &facts)); /* it is no secret: /proc/sysvipc/msg has it */
    CHECK_EQ(facts.capacity, 100);
    CHECK_EQ(svmsg_set_mode(id, 0666), -EPERM);
}

static void change_own(void *unused)
{
    struct svmsg_facts facts;
    int id = make();

    (void)unused;
    CHECK_OK(svmsg_set_capacity(id, 100));
    CHECK_OK(svmsg_set_mode(id, 0));
    CHECK_EQ(put(id, 1, "x"), -EACCES);
    CHECK_OK(
        svmsg_set_mode(id, 0600)); /* nobody may read it, but its owner can give the right back */
    CHECK_OK(svmsg_facts(id, &facts));
    CHECK_EQ(facts.capacity, 100);
    CHECK_EQ(facts.uid, getuid());
    CHECK_EQ(put(id, 1, "x"), 1);
    CHECK_OK(svmsg_remove(id));
}

TEST(a_record_that_may_not_be_read_is_known_all_the_same)
{
    int id;

    if (test_is_emulated())
        SKIP("the emulator does not know MSG_STAT_ANY");
    test_as_user(change_own, NULL);
    id = make();
    CHECK_OK(svmsg_set_capacity(id, 100));
    if (test_is_root())
        test_as_user(change_without_right, &id);
    CHECK_OK(svmsg_remove(id));
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static void exceed_capacity(void *unused)
{
    struct svmsg_limits limits;
    char expected[64];
    int id = make();

    (void)unused;
    svmsg_limits(&limits);
    CHECK_EQ(svmsg_set_capacity(id, limits.capacity + 1), -EPERM);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/kernel/msgmnb");
    (void)snprintf(expected, sizeof expected, "sysctl kernel.msgmnb=%zu", limits.capacity + 1);
    CHECK_CONTAINS(enl_error_text(), expected);
    CHECK_OK(svmsg_remove(id));
}

TEST(too_large_a_capacity_names_the_limit_to_an_ordinary_user)
{
    test_as_user(exceed_capacity, NULL);
}

/* In a namespace of its own, where a test may change the limits. */
static void change_limit(const char *path, const char *value)
{
    int fd;

    if (unshare(CLONE_NEWIPC) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWIPC) != 0)
        SKIP("limits cannot be changed here: no IPC namespace can be had");
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        SKIP("limits cannot be changed here: %s: %s", path, strerror(errno));
    CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
    CHECK_EQ(close(fd), 0);
}

TEST(too_many_queues_name_the_limit)
{
    int ids[3];

    change_limit("/proc/sys/kernel/msgmni", "3");
    for (int i = 0; i < 3; i++)
        ids[i] = make();
    CHECK_EQ(svmsg_create(0, 0600, &(int){0}), -ENOSPC);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/kernel/msgmni allows, 3:");
    CHECK_CONTAINS(enl_error_text(), "sysctl kernel.msgmni=6");
    for (int i = 0; i < 3; i++)
        CHECK_OK(svmsg_remove(ids[i]));
}

TEST(a_message_above_a_limit_that_was_lowered_names_it)
{
    int id;

    change_limit("/proc/sys/kernel/msgmax", "3");
    id = make();
    CHECK_EQ(put(id, 1, "four"), -EMSGSIZE);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/kernel/msgmax");
    CHECK_CONTAINS(enl_error_text(), "sysctl kernel.msgmax=4");
    CHECK_EQ(put(id, 1, "six"), 3);
    CHECK_OK(svmsg_remove(id));
}

/* ---- watching --------------------------------------------------------------------------------------------------- */

static short state_of(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK(poll(&item, 1, 0) >= 0);
    return item.revents;
}

static void await_state(int fd, short state)
{
    while (state_of(fd) != state) {
        CHECK(clock_now_ns() < test_until());
        (void)usleep(100);
    }
}

TEST(a_watched_queue_has_a_descriptor_that_tells_of_messages_and_of_space)
{
    struct svmsg_watch *watch;
    int id = make(), fd;

    CHECK_OK(svmsg_set_capacity(id, 100));
    CHECK_OK(svmsg_watch_start(id, 60, &watch, &fd));
    for (int again = 0; again < 3; again++) {
        CHECK_EQ(state_of(fd), POLLOUT);
        CHECK_EQ(put(id, 1, ""), 0);
        await_state(fd, POLLIN | POLLOUT);
        CHECK_EQ(put(id, 1, "0123456789012345678901234567890123456789x"), 41);
        await_state(fd, POLLIN);
        CHECK_EQ(get(id, any), 0);
        svmsg_watch_look(watch);
        CHECK_EQ(state_of(fd), POLLIN);
        CHECK_EQ(get(id, any), 41);
        svmsg_watch_look(watch);
    }
    CHECK_OK(svmsg_remove(id));
    await_state(fd, POLLIN | POLLOUT); /* the next call says why */
    svmsg_watch_stop(watch);
    svmsg_watch_stop(NULL);
}

struct watched {
    struct svmsg_watch *watch;
    int id, fd;
};

/* It has a thread and an event of its own from its first look on, or none at all. */
static void watch_in_child(void *argument)
{
    struct watched *w = argument;

    svmsg_watch_look(w->watch);
    CHECK_EQ(state_of(w->fd), POLLOUT);
    CHECK_EQ(put(w->id, 1, "x"), 1);
    await_state(w->fd, POLLIN | POLLOUT);
    CHECK_EQ(get(w->id, any), 1);
    svmsg_watch_look(w->watch);
    CHECK_EQ(state_of(w->fd), POLLOUT);
    svmsg_watch_stop(w->watch);
}

static void stop_in_child(void *argument)
{
    svmsg_watch_stop(((struct watched *)argument)->watch);
}

TEST(a_forked_child_leaves_its_parents_watch_alone)
{
    struct watched w;

    if (test_is_emulated())
        SKIP("the emulator cannot fork a program with threads");
    w.id = make();
    CHECK_OK(svmsg_watch_start(w.id, 60, &w.watch, &w.fd));
    for (int i = 0; i < 20; i++)
        test_join(test_child(i % 2 == 0 ? watch_in_child : stop_in_child, &w));
    CHECK_EQ(put(w.id, 1, "x"), 1);
    await_state(w.fd, POLLIN | POLLOUT);
    svmsg_watch_stop(w.watch);
    CHECK_OK(svmsg_remove(w.id));
}
