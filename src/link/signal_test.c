/* SPDX-License-Identifier: MIT */
/* Proof of signal: what is special about a link whose messages are the signals of a process. */
#include <enlace/enlace.h>

#include "runner/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void need_true_numbers(void)
{
    if (test_is_emulated())
        SKIP("the emulator gives real-time signals numbers of its own");
}

static struct enl_link *open_receiver(const char *names)
{
    struct enl_link *link = NULL;
    char address[128];

    if (strstr(names, "RT") != NULL)
        need_true_numbers();
    (void)snprintf(address, sizeof address, "signal:%s", names);
    CHECK_OK(enl_open(address, ENL_READ, &link));
    return link;
}

static struct enl_link *open_sender(const char *names, pid_t pid)
{
    struct enl_link *link = NULL;
    char address[128];

    (void)snprintf(address, sizeof address, "signal:%s?pid=%d", names, pid);
    CHECK_OK(enl_open(address, ENL_WRITE, &link));
    return link;
}

static ssize_t send_value(struct enl_link *l, int64_t type, uintptr_t value, enl_deadline until)
{
    struct enl_message m = {.data = &value, .size = sizeof value, .type = type};

    return enl_send_message(l, &m, until);
}

static void send_ok(struct enl_link *l, int64_t type, uintptr_t value)
{
    CHECK_EQ(send_value(l, type, value, test_until()), sizeof value);
}

struct got {
    int64_t type;
    uintptr_t value;
    struct enl_peer sender;
};

static struct got receive_matching(struct enl_link *l, enum enl_match_kind kind, int64_t type)
{
    struct enl_match match = {.kind = kind, .type = type};
    struct got got = {.type = 0};
    struct enl_message m = {.data = &got.value, .capacity = sizeof got.value};

    CHECK_EQ(enl_receive_message(l, &match, test_until(), &m), sizeof got.value);
    got.type = m.type;
    got.sender = m.sender;
    return got;
}

static struct got receive(struct enl_link *l)
{
    return receive_matching(l, ENL_MATCH_ANY, 0);
}

static ssize_t receive_none(struct enl_link *l)
{
    uintptr_t value;

    return enl_receive(l, &value, sizeof value, ENL_NOW);
}

static bool is_blocked(int number)
{
    sigset_t set;

    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
    return sigismember(&set, number) == 1;
}

/* ---- merging and queueing ------------------------------------------------------------------------------------- */

TEST(ordinary_signals_merge_and_realtime_ones_do_not)
{
    struct enl_link *in = open_receiver("USR1,RTMIN+2");
    struct enl_link *out = open_sender("USR1,RTMIN+2", getpid());

    for (uintptr_t value = 1; value <= 3; value++) {
        send_ok(out, SIGUSR1, value);
        send_ok(out, SIGRTMIN + 2, value);
    }
    CHECK_EQ(receive(in).value, 1);
    for (uintptr_t value = 1; value <= 3; value++) {
        struct got got = receive(in);

        CHECK_EQ(got.type, SIGRTMIN + 2);
        CHECK_EQ(got.value, value);
    }
    CHECK_EQ(receive_none(in), -EAGAIN);
    enl_close(in);
    enl_close(out);
}

TEST(the_address_says_what_its_signals_can)
{
    struct enl_caps caps;

    CHECK_OK(enl_address_caps("signal:USR1", &caps));
    CHECK_EQ(caps.can & (ENL_CAN_MERGE | ENL_CAN_ORDER | ENL_CAN_TYPES),
             ENL_CAN_MERGE | ENL_CAN_ORDER);
    CHECK_OK(enl_address_caps("signal:RTMIN", &caps));
    CHECK_EQ(caps.can & (ENL_CAN_MERGE | ENL_CAN_ORDER | ENL_CAN_TYPES), ENL_CAN_ORDER);
    CHECK_EQ(caps.largest_message, sizeof(uintptr_t));
    CHECK_OK(enl_address_caps("signal:RTMIN,RTMAX", &caps));
    CHECK_EQ(caps.can & (ENL_CAN_MERGE | ENL_CAN_ORDER | ENL_CAN_TYPES), ENL_CAN_TYPES);
    CHECK_OK(enl_address_caps("signal:RTMIN,USR1?pid=1", &caps));
    CHECK_EQ(caps.can & (ENL_CAN_MERGE | ENL_CAN_ORDER | ENL_CAN_TYPES),
             ENL_CAN_MERGE | ENL_CAN_TYPES);
    CHECK_OK(enl_address_caps("signal:CHLD?details", &caps));
    CHECK_EQ(caps.largest_message, sizeof(struct enl_signal));
}

/* ---- what comes ------------------------------------------------------------------------------------------------ */

TEST(types_choose_among_several_signals)
{
    struct enl_link *in = open_receiver("RTMIN+1,RTMIN+2,RTMIN+3");
    struct enl_link *out = open_sender("RTMIN+1,RTMIN+2,RTMIN+3", getpid());

    for (uintptr_t value = 1; value <= 2; value++)
        for (int place = 3; place >= 1; place--)
            send_ok(out, SIGRTMIN + place, value);
    CHECK_EQ(receive_matching(in, ENL_MATCH_TYPE, SIGRTMIN + 3).value, 1);
    CHECK_EQ(receive_matching(in, ENL_MATCH_UP_TO, SIGRTMIN + 2).type, SIGRTMIN + 1);
    CHECK_EQ(receive_matching(in, ENL_MATCH_ALL_BUT, SIGRTMIN + 1).type, SIGRTMIN + 2);
    CHECK_EQ(receive(in).type, SIGRTMIN + 1);
    CHECK_EQ(receive(in).type, SIGRTMIN + 2);
    CHECK_EQ(receive(in).type, SIGRTMIN + 3);
    CHECK_EQ(receive_none(in), -EAGAIN);
    send_ok(out, 0, 5); /* the first name */
    CHECK_EQ(receive(in).type, SIGRTMIN + 1);
    CHECK_EQ(send_value(out, SIGRTMIN + 4, 1, ENL_NOW), -EINVAL);
    enl_close(in);
    enl_close(out);
}

static void send_other_then_wanted(void *argument)
{
    struct enl_link *out = open_sender("RTMIN+1,RTMIN+2", *(pid_t *)argument);

    send_ok(out, SIGRTMIN + 1, 1);
    send_ok(out, SIGRTMIN + 2, 2);
    enl_close(out);
}

/* What waits and was not asked for neither wakes the receiver nor is lost. */
TEST(a_receive_of_one_type_sleeps_while_another_waits)
{
    struct enl_match match = {.kind = ENL_MATCH_TYPE, .type = SIGRTMIN + 2};
    struct enl_link *in = open_receiver("RTMIN+1,RTMIN+2");
    struct enl_link *out = open_sender("RTMIN+1,RTMIN+2", getpid());
    uintptr_t value;
    struct enl_message m = {.data = &value, .capacity = sizeof value};
    pid_t self = getpid(), child;

    send_ok(out, SIGRTMIN + 1, 7);
    CHECK_EQ(enl_receive_message(in, &match, ENL_NOW, &m), -EAGAIN);
    CHECK_EQ(enl_receive_message(in, &match, enl_in_ms(50), &m), -ETIMEDOUT);
    for (int forever = 0; forever < 2; forever++) {
        child = test_child(send_other_then_wanted, &self);
        m.capacity = sizeof value;
        CHECK_EQ(enl_receive_message(in, &match, forever ? ENL_FOREVER : test_until(), &m),
                 sizeof value);
        CHECK_EQ(value, 2);
        test_join(child);
    }
    CHECK_EQ(receive(in).value, 7);
    CHECK_EQ(receive(in).value, 1);
    CHECK_EQ(receive(in).value, 1);
    CHECK_EQ(receive_none(in), -EAGAIN);
    enl_close(in);
    enl_close(out);
}

TEST(a_sender_is_named_if_the_kernel_vouches_for_it)
{
    struct enl_link *in = open_receiver("USR1");
    struct enl_link *out = open_sender("USR1", getpid());
    struct got got;

    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    got = receive(in);
    CHECK_EQ(got.type, SIGUSR1);
    CHECK_EQ(got.value, 0);
    CHECK_EQ(got.sender.pid, getpid());
    CHECK_EQ(got.sender.uid, getuid());
    send_ok(out, 0, 1); /* a sender with a value says himself who he is */
    CHECK_EQ(receive(in).sender.pid, 0);
    enl_close(in);
    enl_close(out);
}

TEST(details_tell_sender_code_and_value)
{
    struct enl_link *in = open_receiver("CHLD,RTMIN?details");
    struct enl_link *out = open_sender("RTMIN", getpid());
    struct enl_signal signal = {.number = 0};
    pid_t child;

    send_ok(out, 0, 42);
    CHECK_EQ(enl_receive(in, &signal, sizeof(uintptr_t), ENL_NOW), -EMSGSIZE);
    CHECK_EQ(enl_receive(in, &signal, sizeof signal, ENL_NOW), sizeof signal);
    CHECK_EQ(signal.number, SIGRTMIN);
    CHECK_EQ(signal.code, SI_QUEUE);
    CHECK_EQ(signal.value, 42);
    CHECK_EQ(signal.pid, getpid());
    CHECK_EQ(signal.uid, getuid());
    child = fork();
    CHECK_OK(child);
    if (child == 0)
        _exit(7);
    CHECK_EQ(enl_receive(in, &signal, sizeof signal, test_until()), sizeof signal);
    CHECK_EQ(signal.number, SIGCHLD);
    CHECK_EQ(signal.code, CLD_EXITED);
    CHECK_EQ(signal.pid, child);
    CHECK_EQ(signal.status, 7);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    enl_close(in);
    enl_close(out);
}

TEST(several_are_received_in_one_call)
{
    struct enl_link *in = open_receiver("RTMIN");
    struct enl_link *out = open_sender("RTMIN", getpid());
    struct enl_message m[40];
    uintptr_t values[40];

    for (uintptr_t i = 0; i < 20; i++)
        send_ok(out, 0, i);
    for (int i = 0; i < 40; i++)
        m[i] = (struct enl_message){.data = &values[i], .capacity = sizeof values[i]};
    m[5].capacity = 1;
    CHECK_EQ(enl_receive_messages(in, m, 40, ENL_NOW), 5); /* no further than there is room */
    CHECK_EQ(enl_receive_messages(in, m, 5, ENL_NOW), 5);
    CHECK_EQ(values[4], 9);
    m[5].capacity = sizeof values[5];
    CHECK_EQ(enl_receive_messages(in, m, 40, ENL_NOW), 10);
    for (uintptr_t i = 0; i < 10; i++)
        CHECK_EQ(values[i], 10 + i);
    CHECK_EQ(m[9].type, SIGRTMIN);
    CHECK_EQ(enl_receive_messages(in, m, 40, ENL_NOW), -EAGAIN);
    enl_close(in);
    enl_close(out);
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static void check_refused(const char *address, unsigned flags, int result, const char *text)
{
    struct enl_link *link;

    if (enl_open(address, flags, &link) != result)
        FAIL("%s was to be refused with %d: %s", address, result, enl_error_text());
    CHECK_CONTAINS(enl_error_text(), text);
}

TEST(addresses_that_make_no_sense_are_refused_with_a_reason)
{
    check_refused("signal:", ENL_READ, -EINVAL, "no name");
    check_refused("signal:USR3", ENL_READ, -EINVAL, "\"USR3\", is no signal");
    check_refused("signal:USR3", ENL_READ, -EINVAL, "did you mean \"USR1\"?");
    check_refused("signal:USR1,TREM", ENL_READ, -EINVAL, "number 2, \"TREM\"");
    check_refused("signal:USR1,TREM", ENL_READ, -EINVAL, "did you mean \"TERM\"?");
    check_refused("signal:32", ENL_READ, -EINVAL, "\"32\"");
    check_refused("signal:65", ENL_READ, -EINVAL, "\"65\"");
    check_refused("signal:%01", ENL_READ, -EINVAL, "\\x01");
    check_refused("signal:USR1,,USR2", ENL_READ, -EINVAL, "number 2 is missing");
    check_refused("signal:USR1,", ENL_READ, -EINVAL, "number 2 is missing");
    check_refused("signal:USR1,USR2,10", ENL_READ, -EINVAL, "1 and 3 are both USR1");
    check_refused("signal:KILL", ENL_READ, -EINVAL, "KILL cannot be received");
    check_refused("signal:USR1,SIGSTOP", ENL_READ, -EINVAL, "2: STOP cannot be received");
    check_refused("signal:USR1", ENL_WRITE, -EINVAL, "?pid=N");
    check_refused("signal:USR1?pid=1", ENL_READ, -EINVAL, "ENL_WRITE");
    check_refused("signal:USR1?pid=0", ENL_WRITE, -EINVAL, "1 to");
    check_refused("signal:USR1?pid=1&details", ENL_WRITE, -EINVAL, "details");
    check_refused("signal:USR1", ENL_READ | ENL_WRITE, -ENOTSUP, "one way");
    check_refused("signal:USR1?pid=4194304", ENL_WRITE, -ENOENT, "no process 4194304");
}

TEST(a_signal_belongs_to_one_link_of_a_process)
{
    struct enl_link *in = open_receiver("USR1,USR2"), *other;

    check_refused("signal:USR2", ENL_READ, -EADDRINUSE, "USR2");
    check_refused("signal:RTMIN,USR1", ENL_READ, -EADDRINUSE, "USR1");
    check_refused("signal:USR1", ENL_READ | ENL_CREATE | ENL_EXCLUSIVE, -EEXIST, "USR1");
    other = open_receiver("RTMIN"); /* what was refused with USR1 is not taken */
    CHECK_EQ(raise(SIGUSR2), 0);
    CHECK_EQ(raise(SIGRTMIN), 0);
    CHECK_EQ(receive(other).type, SIGRTMIN);
    CHECK_EQ(receive_none(other), -EAGAIN);
    CHECK_EQ(receive(in).type, SIGUSR2);
    enl_close(in);
    in = open_receiver("USR1");
    enl_close(in);
    enl_close(other);
}

/* ---- the mask ------------------------------------------------------------------------------------------------ */

TEST(a_close_unblocks_what_the_link_blocked_and_nothing_else)
{
    struct enl_link *in;
    sigset_t own;

    CHECK_EQ(sigemptyset(&own), 0);
    CHECK_EQ(sigaddset(&own, SIGUSR2), 0);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &own, NULL), 0);
    in = open_receiver("USR1,USR2");
    CHECK(is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
    enl_close(in);
    CHECK(!is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
}

/* Unread ones would end this process now. */
TEST(what_is_unread_at_the_close_is_gone)
{
    struct enl_link *in = open_receiver("TERM,RTMIN");

    CHECK_EQ(raise(SIGTERM), 0);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(kill(getpid(), SIGRTMIN), 0);
    enl_close(in);
    CHECK(!is_blocked(SIGTERM) && !is_blocked(SIGRTMIN));
}

static void *close_there(void *link)
{
    enl_close(link);
    return NULL;
}

TEST(a_close_by_another_thread_leaves_the_openers_mask)
{
    struct enl_link *in = open_receiver("USR1");
    pthread_t thread;

    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(pthread_create(&thread, NULL, close_there, in), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(is_blocked(SIGUSR1));
    in = open_receiver("USR1"); /* the signal is free for another link */
    CHECK_EQ(receive(in).type, SIGUSR1);
    enl_close(in);
}

static void *receive_there(void *link)
{
    return (void *)(intptr_t)receive(link).type;
}

TEST(threads_started_later_may_receive)
{
    struct enl_link *in = open_receiver("USR1");
    pthread_t thread;
    void *type = NULL;

    CHECK_EQ(pthread_create(&thread, NULL, receive_there, in), 0);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(pthread_join(thread, &type), 0);
    CHECK_EQ((intptr_t)type, SIGUSR1);
    enl_close(in);
}

static void *wait_twice(void *barrier)
{
    (void)pthread_barrier_wait(barrier);
    (void)pthread_barrier_wait(barrier);
    return NULL;
}

TEST(a_thread_that_would_get_the_signal_instead_is_told)
{
    pthread_barrier_t barrier;
    struct enl_link *in;
    pthread_t thread;

    need_true_numbers();
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, wait_twice, &barrier), 0);
    (void)pthread_barrier_wait(&barrier);
    check_refused("signal:RTMIN,USR1", ENL_READ, -EBUSY, "does not block USR1");
    CHECK(!is_blocked(SIGUSR1));
    (void)pthread_barrier_wait(&barrier);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
    in = open_receiver("RTMIN,USR1");
    enl_close(in);
}

/* ---- processes ------------------------------------------------------------------------------------------------ */

static void close_copy_and_receive_own(void *argument)
{
    struct enl_link *in;

    enl_close(argument);
    CHECK(!is_blocked(SIGUSR1));
    in = open_receiver("USR1");
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(receive(in).type, SIGUSR1);
    enl_close(in);
}

static void go_on_with_copy(void *argument)
{
    CHECK_EQ(receive_none(argument), -EAGAIN); /* what waits for the parent is the parent's */
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(receive(argument).type, SIGUSR1);
    enl_close(argument);
}

TEST(each_process_receives_its_own_signals)
{
    struct enl_link *in = open_receiver("USR1");

    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    test_join(test_child(close_copy_and_receive_own, in));
    test_join(test_child(go_on_with_copy, in));
    CHECK_EQ(receive(in).type, SIGUSR1);
    CHECK_EQ(receive_none(in), -EAGAIN);
    enl_close(in);
}

static void do_nothing(void *argument)
{
    (void)argument;
}

TEST(a_sender_learns_that_the_process_has_ended)
{
    struct enl_link *out;
    pid_t child = test_child(do_nothing, NULL);

    out = open_sender("CONT", child);
    test_join(child);
    CHECK_EQ(send_value(out, 0, 1, ENL_FOREVER), -EPIPE);
    CHECK_CONTAINS(enl_error_text(), "has ended");
    CHECK_EQ(enl_drain(out, ENL_FOREVER), -EPIPE);
    enl_close(out);
}

static void send_to_oneself(void *argument)
{
    struct enl_link *in = open_receiver("RTMIN");
    struct enl_link *out = open_sender("RTMIN", getpid());

    (void)argument;
    send_ok(out, 0, 3);
    CHECK_EQ(receive(in).value, 3);
    enl_close(in);
    enl_close(out);
}

TEST(an_ordinary_user_sends_and_receives_his_own)
{
    need_true_numbers();
    test_as_user(send_to_oneself, NULL);
}

static void send_to_root(void *argument)
{
    char address[64];

    (void)snprintf(address, sizeof address, "signal:USR1?pid=%d", *(pid_t *)argument);
    check_refused(address, ENL_WRITE, -EPERM, "CAP_KILL");
}

TEST(a_process_of_another_user_is_refused_when_it_is_opened)
{
    pid_t self = getpid();

    if (!test_is_root())
        SKIP("needs a process of another user: run as root");
    test_as_user(send_to_root, &self);
}

/* ---- limits --------------------------------------------------------------------------------------------------- */

/* A parent may raise the limit of its child: here the child is who sends, to itself, and waits. */
struct full {
    struct test_gate *gate;
    struct rlimit before;
};

static void send_when_full(void *argument)
{
    const struct full *f = argument;
    struct rlimit none = {0, f->before.rlim_max};
    struct enl_link *in = open_receiver("RTMIN");
    struct enl_link *out = open_sender("RTMIN", getpid());

    CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &none), 0);
    CHECK_EQ(send_value(out, 0, 1, ENL_NOW), -EAGAIN);
    CHECK_CONTAINS(enl_error_text(), "RLIMIT_SIGPENDING");
    CHECK_EQ(send_value(out, 0, 1, enl_in_ms(5)), -ETIMEDOUT);
    CHECK_CONTAINS(enl_error_text(), "RLIMIT_SIGPENDING");
    test_gate_open(f->gate);
    CHECK_EQ(send_value(out, 0, 2, ENL_FOREVER), sizeof(uintptr_t));
    CHECK_EQ(receive(in).value, 2);
    CHECK_EQ(receive_none(in), -EAGAIN);
    enl_close(in);
    enl_close(out);
}

TEST(a_full_queue_is_explained_and_waited_for)
{
    struct full f = {.gate = test_gate_new()};
    pid_t child;

    need_true_numbers();
    CHECK_EQ(getrlimit(RLIMIT_SIGPENDING, &f.before), 0);
    child = test_child(send_when_full, &f);
    test_gate_wait(f.gate);
    CHECK_EQ(prlimit(child, RLIMIT_SIGPENDING, &f.before, NULL), 0);
    test_join(child);
}

TEST(what_waits_is_known_as_far_as_the_kernel_tells)
{
    struct enl_link *in = open_receiver("USR1,USR2,RTMIN");
    struct enl_link *out = open_sender("USR1,RTMIN", getpid());
    struct enl_stat stat;

    CHECK_OK(enl_drain(out, ENL_NOW));
    CHECK_OK(enl_link_stat(in, &stat));
    CHECK_EQ(stat.queued_messages, 0);
    send_ok(out, SIGUSR1, 1);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK_EQ(enl_drain(out, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_link_stat(in, &stat));
    CHECK_EQ(stat.queued_messages, 2);
    send_ok(out, SIGRTMIN, 1);
    CHECK_OK(enl_link_stat(in, &stat));
    CHECK(stat.queued_messages == ENL_UNKNOWN);
    for (int i = 0; i < 3; i++)
        (void)receive(in);
    CHECK_OK(enl_drain(out, ENL_NOW));
    enl_close(in);
    enl_close(out);
}

TEST(the_descriptor_is_ready_while_a_signal_waits)
{
    struct enl_link *in = open_receiver("USR1");
    struct pollfd item = {.fd = enl_link_fd(in), .events = POLLIN};

    CHECK_OK(item.fd);
    CHECK_EQ(poll(&item, 1, 0), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(poll(&item, 1, 1000), 1);
    CHECK_EQ(enl_link_events(in), ENL_READABLE);
    CHECK_EQ(receive(in).type, SIGUSR1);
    CHECK_EQ(poll(&item, 1, 0), 0);
    enl_close(in);
}

/* Bare calls on both sides: sigqueue to a link, and a link to sigtimedwait. */
static void send_barely(void *argument)
{
    for (int i = 0; i < 10; i++)
        CHECK_EQ(sigqueue(*(pid_t *)argument, SIGRTMIN, (union sigval){.sival_int = i}), 0);
}

static void receive_barely(void *argument)
{
    siginfo_t info;
    sigset_t set;

    CHECK_EQ(sigemptyset(&set), 0);
    CHECK_EQ(sigaddset(&set, SIGRTMIN + 1), 0);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    test_gate_open(argument);
    for (uintptr_t i = 0; i < 10; i++) {
        CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN + 1);
        CHECK_EQ(info.si_code, SI_QUEUE);
        CHECK_EQ(info.si_pid, getppid());
        CHECK_EQ((uintptr_t)info.si_value.sival_ptr, i);
    }
}

TEST(bare_calls_are_peers)
{
    struct test_gate *gate = test_gate_new();
    struct enl_link *in = open_receiver("RTMIN"), *out;
    pid_t self = getpid(), child = test_child(send_barely, &self);

    for (int i = 0; i < 10; i++)
        CHECK_EQ((int)receive(in).value, i);
    test_join(child);
    child = test_child(receive_barely, gate);
    out = open_sender("RTMIN+1", child);
    test_gate_wait(gate);
    for (uintptr_t i = 0; i < 10; i++)
        send_ok(out, 0, i);
    test_join(child);
    enl_close(in);
    enl_close(out);
}
