/* SPDX-License-Identifier: MIT */
/* Proof of mq.c, beside the conformance suite: names, sizes, kept messages, adopted descriptors, signals, and peers
 * on the bare calls. */
#include "link/link.h"
#include "runner/test.h"

#include <enlace/error.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *address_of(const char *options)
{
    static char addresses[4][200];
    static unsigned next;
    char *address = addresses[next++ % 4];

    (void)snprintf(address, sizeof addresses[0], "mq:/%s%s", test_name("q"), options);
    return address;
}

static const char *name(void)
{
    return address_of("") + strlen("mq:");
}

static struct enl_link *open_ok(const char *address, unsigned flags)
{
    struct enl_link *l = NULL;

    CHECK_OK(enl_open(address, flags, &l));
    return l;
}

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* ---- addresses -------------------------------------------------------------------------------------------- */

TEST(what_is_no_name_of_a_queue_is_refused)
{
    static const char *const bad[] = {
        "mq:jobs",
        "mq:/",
        "mq:/a/b",
        "mq:/a/",
        "mq:/.",
        "mq:/..",
        "mq:/x?depth=0",
        "mq:/x?depth=65537",
        "mq:/x?depth=2k",
        "mq:/x?message=0",
        "mq:/x?mode=8",
        "mq:?depth=3",
        "mq:?mode=600",
        "mq:/x?batch=4k",
        "mq:/x?message=17M",
        "mq:/x?depth=1&depth=2",
    };
    char longest[300] = "mq:/";

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (enl_address_caps(bad[i], NULL) != -EINVAL)
            FAIL("%s was taken for an address", bad[i]);
        CHECK(enl_error_text()[0] != '\0');
    }
    memset(longest + 4, 'x', 255);
    CHECK_OK(enl_address_caps(longest, NULL));
    longest[4 + 255] = 'x';
    CHECK_EQ(enl_address_caps(longest, NULL), -EINVAL);
}

TEST(an_address_without_a_name_is_for_descriptors_alone)
{
    struct enl_link *l;

    CHECK_EQ(enl_open("mq:", ENL_READ, &l), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "NAME");
    CHECK_EQ(enl_unlink("mq:"), -EINVAL);
    CHECK_EQ(enl_adopt(STDIN_FILENO, "mq:/x", &l), -EINVAL);
    CHECK_EQ(enl_adopt(STDIN_FILENO, "mq:", &l), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), "not of a POSIX queue");
}

TEST(a_queue_has_the_size_that_its_maker_asked_for)
{
    struct enl_link *l = open_ok(address_of("?depth=3&message=100"), ENL_READ | ENL_CREATE);
    struct enl_stat stat;

    CHECK_EQ(enl_link_caps(l)->largest_message, 100);
    CHECK_EQ(enl_link_caps(l)->capacity, 300);
    CHECK_OK(enl_link_stat(l, &stat));
    CHECK_EQ(stat.capacity_messages, 3);
    CHECK_EQ(stat.capacity_bytes, 300);
    enl_close(l);
    /* who opens it finds what it is, whatever the presets are */
    l = open_ok(address_of(""), ENL_WRITE);
    CHECK_EQ(enl_link_caps(l)->largest_message, 100);
    CHECK_EQ(enl_send(l, address_of(""), 101, ENL_NOW), -EMSGSIZE);
    enl_close(l);
    /* who asks for no more than it has gets it, who asks for more must know */
    enl_close(open_ok(address_of("?depth=3&message=100"), ENL_WRITE | ENL_CREATE));
    CHECK_EQ(enl_open(address_of("?depth=4"), ENL_WRITE | ENL_CREATE, &l), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "depth=3 and message=100");
    CHECK_EQ(enl_open(address_of("?message=101"), ENL_WRITE, &l), -EINVAL);
    CHECK_OK(enl_unlink(address_of("")));
}

static void ask_for_too_much(void *unused)
{
    struct rlimit limit = {.rlim_cur = 5000, .rlim_max = 5000};
    struct enl_link *l;

    (void)unused;
    CHECK_EQ(enl_open(address_of("?depth=65000"), ENL_READ | ENL_CREATE, &l), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/fs/mqueue/msg_max");
    CHECK_EQ(enl_open(address_of("?message=16M"), ENL_READ | ENL_CREATE, &l), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "/proc/sys/fs/mqueue/msgsize_max");
    CHECK_EQ(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
    CHECK_EQ(enl_open(address_of("?depth=1"), ENL_READ | ENL_CREATE, &l), -EMFILE);
    CHECK_CONTAINS(enl_error_text(), "RLIMIT_MSGQUEUE");
    CHECK_EQ(enl_open(address_of(""), ENL_READ, &l), -ENOENT);
}

TEST(a_limit_of_the_kernel_is_named_to_who_meets_it)
{
    test_as_user(ask_for_too_much, NULL);
}

static void open_for_sending_alone(void *unused)
{
    struct enl_link *l;

    (void)unused;
    CHECK_EQ(enl_open(address_of(""), ENL_READ, &l), -EACCES);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(enl_open(address_of(""), ENL_READ | ENL_WRITE, &l), -EACCES);
    l = open_ok(address_of(""), ENL_WRITE);
    CHECK_EQ(enl_send(l, "hello", 5, ENL_NOW), 5);
    enl_close(l);
    CHECK(enl_unlink(address_of("")) < 0);
    CHECK_CONTAINS(enl_error_text(), "may not");
}

TEST(the_mode_says_who_may_send_and_who_receive)
{
    struct enl_link *l;

    if (!test_is_root())
        SKIP("another user is needed, whom only root can become");
    l = open_ok(address_of("?mode=622"), ENL_READ | ENL_CREATE);
    test_as_user(open_for_sending_alone, NULL);
    CHECK_EQ(enl_receive(l, (char[16]){0}, 16, ENL_NOW), 5);
    enl_close(l);
    CHECK_OK(enl_unlink(address_of("")));
}

/* ---- messages --------------------------------------------------------------------------------------------- */

static void look_for_kept(void *argument)
{
    CHECK_EQ(enl_receive(argument, (char[16]){0}, 16, ENL_NOW), -EAGAIN);
}

TEST(a_message_without_room_is_kept_with_its_priority_and_by_its_process)
{
    struct enl_link *l = open_ok(address_of(""), ENL_READ | ENL_WRITE | ENL_CREATE);
    struct enl_message out = {.data = (char[]){"hello"}, .size = 5, .priority = 7};
    char text[16];
    struct enl_message in = {.data = text, .capacity = sizeof text};
    struct enl_stat stat;

    CHECK_EQ(enl_send_message(l, &out, ENL_NOW), 5);
    CHECK_EQ(enl_receive(l, text, 4, ENL_NOW), -EMSGSIZE);
    CHECK_CONTAINS(enl_error_text(), "has 5 bytes, the buffer 4");
    CHECK_OK(enl_link_stat(l, &stat));
    CHECK_EQ(stat.queued_messages, 1);
    CHECK_EQ(stat.queued_bytes, 5);
    CHECK_EQ(enl_link_events(l) & ENL_READABLE, ENL_READABLE);
    if (!test_is_emulated())
        test_join(test_child(look_for_kept, l));
    CHECK_EQ(enl_receive_message(l, NULL, ENL_NOW, &in), 5);
    CHECK_EQ(in.priority, 7);
    CHECK_MEM(text, "hello", 5);
    CHECK_EQ(enl_receive(l, text, sizeof text, ENL_NOW), -EAGAIN);
    enl_close(l);
    CHECK_OK(enl_unlink(address_of("")));
}

TEST(a_priority_that_the_kernel_does_not_know_is_refused)
{
    struct enl_link *l = open_ok(address_of(""), ENL_READ | ENL_WRITE | ENL_CREATE);
    struct enl_message m = {.data = (char[]){"x"}, .size = 1, .priority = 32768};

    CHECK_EQ(enl_send_message(l, &m, ENL_NOW), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "32767");
    m.priority = 32767;
    CHECK_EQ(enl_send_message(l, &m, ENL_NOW), 1);
    CHECK_EQ(enl_peek(l, 0, &m), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), "peek");
    enl_close(l);
    CHECK_OK(enl_unlink(address_of("")));
}

TEST(messages_that_wait_do_not_make_a_sender_ready)
{
    struct enl_link *receiver = open_ok(address_of("?depth=2"), ENL_READ | ENL_CREATE);
    struct enl_link *sender = open_ok(address_of(""), ENL_WRITE);
    struct pollfd item = {.events = POLLIN};

    CHECK_OK(item.fd = enl_link_fd(sender));
    CHECK_EQ(enl_send(sender, "one", 3, ENL_NOW), 3);
    CHECK_EQ(poll(&item, 1, 0), 0);
    CHECK_EQ(enl_link_events(sender), ENL_WRITABLE);
    CHECK_EQ(enl_poll(&sender, 1, enl_in_ms(5)), -ETIMEDOUT);
    CHECK_EQ(enl_send(sender, "two", 3, ENL_NOW), 3);
    CHECK_OK(enl_link_want(sender, ENL_WRITABLE));
    CHECK_EQ(poll(&item, 1, 0), 0);
    CHECK_EQ(enl_receive(receiver, (char[8192]){0}, 8192, ENL_NOW), 3);
    CHECK_EQ(poll(&item, 1, 0), 1);
    enl_close(sender);
    enl_close(receiver);
    CHECK_OK(enl_unlink(address_of("")));
}

/* ---- told by a signal --------------------------------------------------------------------------------------- */

static volatile sig_atomic_t told;
static void *told_of;

static void be_told(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    told++;
    told_of = info->si_value.sival_ptr;
}

TEST(a_queue_tells_of_a_message_by_the_signal_asked_for)
{
    struct sigaction action = {.sa_sigaction = be_told, .sa_flags = SA_SIGINFO};
    struct enl_settings settings = {.set = ENL_SET_NOTIFY, .notify = (uint64_t)SIGRTMIN};
    struct enl_link *l, *ends[2];
    char text[16];

    if (test_is_emulated())
        SKIP("the emulator has no mq_notify");
    l = open_ok(address_of(""), ENL_READ | ENL_WRITE | ENL_CREATE);
    CHECK_EQ(sigaction(SIGRTMIN, &action, NULL), 0);
    for (int round = 1; round <= 2; round++) {
        CHECK_OK(enl_link_set(l, &settings));
        CHECK_EQ(enl_send(l, "one", 3, ENL_NOW), 3);
        CHECK_EQ(enl_send(l, "two", 3, ENL_NOW), 3);
        CHECK_EQ(told, round);
        CHECK(told_of == l);
        CHECK_EQ(enl_receive(l, text, sizeof text, ENL_NOW), 3);
        CHECK_EQ(enl_receive(l, text, sizeof text, ENL_NOW), 3);
    }
    CHECK_OK(enl_link_set(l, &settings));
    settings.notify = 0;
    CHECK_OK(enl_link_set(l, &settings));
    CHECK_EQ(enl_send(l, "three", 5, ENL_NOW), 5);
    CHECK_EQ(told, 2);
    settings.notify = 65;
    CHECK_EQ(enl_link_set(l, &settings), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "signal 65");
    enl_close(l);
    CHECK_OK(enl_unlink(address_of("")));
    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(enl_link_set(ends[0], &settings), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), "signal");
    enl_close(ends[0]);
    enl_close(ends[1]);
}

/* ---- peers that know nothing of enlace ------------------------------------------------------------------------ */

/* Answers each message with its text backwards, at the priority that it had. */
static void answer_bare(void *unused)
{
    mqd_t in = mq_open(name(), O_RDONLY), out;
    char text[8192], answers[200];
    unsigned priority;
    ssize_t size;

    (void)unused;
    CHECK(in != (mqd_t)-1);
    (void)snprintf(answers, sizeof answers, "%s-answers", name());
    out = mq_open(answers, O_WRONLY);
    CHECK(out != (mqd_t)-1);
    while ((size = mq_receive(in, text, sizeof text, &priority)) > 0) {
        for (ssize_t i = 0; i < size / 2; i++) {
            char kept = text[i];

            text[i] = text[size - 1 - i];
            text[size - 1 - i] = kept;
        }
        CHECK_EQ(mq_send(out, text, (size_t)size, priority), 0);
    }
    CHECK_EQ(size, 0);
    CHECK_EQ(mq_close(in) | mq_close(out), 0);
}

TEST(a_program_on_the_bare_calls_is_a_peer)
{
    struct enl_link *questions = open_ok(address_of(""), ENL_WRITE | ENL_CREATE);
    struct enl_link *answers = open_ok(address_of("-answers"), ENL_READ | ENL_CREATE);
    struct enl_message out = {.data = (char[]){"hello"}, .size = 5};
    char text[100];
    struct enl_message in = {.data = text, .capacity = sizeof text};
    pid_t child = test_child(answer_bare, NULL);

    for (out.priority = 0; out.priority < 50; out.priority++) {
        CHECK_EQ(enl_send_message(questions, &out, test_until()), 5);
        CHECK_EQ(enl_receive_message(answers, NULL, test_until(), &in), 5);
        CHECK_MEM(text, "olleh", 5);
        CHECK_EQ(in.priority, out.priority);
    }
    CHECK_EQ(enl_send(questions, "", 0, test_until()), 0);
    test_join(child);
    enl_close(questions);
    enl_close(answers);
    CHECK_OK(enl_unlink(address_of("")));
    CHECK_OK(enl_unlink(address_of("-answers")));
}

static void check_adopted(struct enl_link *l, int fd, int mode)
{
    char text[16];

    CHECK_EQ(enl_receive(l, text, sizeof text, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_receive(l, text, sizeof text, enl_in_ms(5)), -ETIMEDOUT);
    CHECK_EQ(enl_send(l, "hello", 5, ENL_FOREVER), 5);
    CHECK_EQ(enl_receive(l, text, sizeof text, ENL_FOREVER), 5);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, mode); /* others may share it: as it was */
}

TEST(a_descriptor_that_is_there_already_is_used_in_the_mode_that_it_has)
{
    for (int i = 0; i < 2; i++) {
        int mode = i == 0 ? 0 : O_NONBLOCK;
        mqd_t fd = mq_open(name(), O_RDWR | O_CREAT | mode, 0600, NULL);
        struct enl_link *l = NULL;
        char address[32];

        CHECK(fd != (mqd_t)-1);
        (void)snprintf(address, sizeof address, "fd:%d?frame=line", (int)fd);
        CHECK_EQ(enl_open(address, ENL_READ, &l), -EINVAL);
        CHECK_CONTAINS(enl_error_text(), "none of the options");
        (void)snprintf(address, sizeof address, "fd:%d", (int)fd);
        if (i == 0)
            l = open_ok(address, ENL_READ | ENL_WRITE);
        else
            CHECK_OK(enl_adopt((int)fd, "mq:", &l));
        check_adopted(l, (int)fd, mode);
        enl_close(l);
        CHECK_EQ(fcntl((int)fd, F_GETFD), -1);
        CHECK_OK(enl_unlink(address_of("")));
    }
}

TEST(a_queue_is_given_to_programs_that_are_executed)
{
    struct enl_link *l = open_ok(address_of(""), ENL_READ | ENL_WRITE | ENL_CREATE);
    char address[64], expected[32];

    CHECK_OK(enl_unlink(address_of("")));
    CHECK_OK(link_export(l, address, sizeof address));
    (void)snprintf(expected, sizeof expected, "fd:%d", l->fd);
    CHECK_STR(address, expected);
    CHECK_EQ(fcntl(l->fd, F_GETFD), 0);
    enl_close(l);
}
