/* SPDX-License-Identifier: MIT */
/* Proof of signals as messages: what merges and what queues, what is told of each, whose mask changes, and that no
 * signal goes to a later process of the same number. */
#include "kernel/signals.h"

#include "base/signal_name.h"
#include "kernel/descriptor.h"
#include "kernel/thread.h"
#include "kernel/wait.h"
#include "runner/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USR1 SIGNAL_BIT(SIGUSR1)

static struct interrupt target;

static uint64_t realtime(int place)
{
    if (test_is_emulated())
        SKIP("the emulator gives real-time signals numbers of its own");
    return SIGNAL_BIT(SIGRTMIN + place);
}

static uint64_t blocked_now(void)
{
    uint64_t bits = 0;
    sigset_t set;

    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
    for (int number = 1; number <= SIGNAL_NUMBER_MAX; number++)
        bits |= sigismember(&set, number) == 1 ? SIGNAL_BIT(number) : 0;
    return bits;
}

static void block(uint64_t set)
{
    struct signal_mask mask;

    signal_mask_add(set, &mask);
    interrupt_init(&target);
}

static struct signal_facts take(uint64_t set)
{
    struct signal_facts facts = {.number = 0};

    CHECK_OK(signal_take(set, &target, false, &facts));
    return facts;
}

static int take_none(uint64_t set)
{
    struct signal_facts facts;

    return signal_take(set, &target, false, &facts);
}

static struct signal_target open_target(pid_t pid)
{
    struct signal_target t = {.fd = -1};

    CHECK_OK(signal_target_open(pid, &t));
    return t;
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

TEST(ordinary_signals_merge_and_realtime_ones_queue)
{
    struct signal_target self = open_target(getpid());

    block(USR1 | realtime(2));
    for (uint64_t value = 1; value <= 5; value++) {
        CHECK_OK(signal_target_send(&self, SIGUSR1, value));
        CHECK_OK(signal_target_send(&self, SIGRTMIN + 2, value));
    }
    CHECK_EQ(take(USR1).value, 1);
    CHECK_EQ(take_none(USR1), -EAGAIN);
    for (uint64_t value = 1; value <= 5; value++)
        CHECK_EQ(take(realtime(2)).value, value);
    CHECK_EQ(take_none(USR1 | realtime(2)), -EAGAIN);
    signal_target_close(&self);
}

TEST(lowest_number_is_taken_first_of_those_asked_for)
{
    struct signal_target self = open_target(getpid());
    uint64_t set = USR1 | realtime(1) | realtime(3);

    block(set);
    CHECK_OK(signal_target_send(&self, SIGRTMIN + 3, 1));
    CHECK_OK(signal_target_send(&self, SIGRTMIN + 1, 2));
    CHECK_OK(signal_target_send(&self, SIGUSR1, 3));
    CHECK(signal_pending(set) == set);
    CHECK_EQ(take(realtime(1) | realtime(3)).number, SIGRTMIN + 1);
    CHECK_EQ(take(set).number, SIGUSR1);
    CHECK(signal_pending(set) == realtime(3));
    CHECK_EQ(take(set).number, SIGRTMIN + 3);
    CHECK_EQ(take_none(set), -EAGAIN);
    signal_target_close(&self);
}

TEST(a_value_is_as_large_as_a_pointer)
{
    struct signal_target self = open_target(getpid());

    block(realtime(0));
    CHECK_OK(signal_target_send(&self, SIGRTMIN, UINTPTR_MAX));
    CHECK(take(realtime(0)).value == UINTPTR_MAX);
    signal_target_close(&self);
}

static void check_sender(const struct signal_facts *facts, int code)
{
    CHECK_EQ(facts->code, code);
    CHECK_EQ(facts->pid, getpid());
    CHECK_EQ(facts->uid, getuid());
}

/* Each way to take one tells the same. */
static void send_all_kinds(const struct signal_target *self)
{
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_OK(signal_target_send(self, SIGRTMIN, 7));
    CHECK_EQ(syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), SIGRTMIN + 1), 0);
    CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_ptr = (void *)(uintptr_t)9}),
             0);
}

static void check_all_kinds(const struct signal_facts *user, const struct signal_facts *ours,
                            const struct signal_facts *thread, const struct signal_facts *libcs)
{
    check_sender(user, SI_USER);
    CHECK_EQ(user->value, 0);
    check_sender(ours, SI_QUEUE);
    CHECK_EQ(ours->value, 7);
    check_sender(thread, SI_TKILL);
    CHECK_EQ(thread->value, 0);
    check_sender(libcs, SI_QUEUE);
    CHECK_EQ(libcs->value, 9);
}

TEST(sender_code_and_value_are_told)
{
    uint64_t set = USR1 | realtime(0) | realtime(1) | realtime(2);
    struct signal_target self = open_target(getpid());
    struct signal_facts facts[4], got[SIGNAL_BATCH];
    int fd;

    block(set);
    send_all_kinds(&self);
    facts[0] = take(USR1);
    facts[1] = take(realtime(0));
    facts[2] = take(realtime(1));
    facts[3] = take(realtime(2));
    check_all_kinds(&facts[0], &facts[1], &facts[2], &facts[3]);
    CHECK_OK(signal_fd(set, -1, &fd));
    CHECK_EQ(signal_take_many(fd, got, SIGNAL_BATCH), -EAGAIN);
    send_all_kinds(&self);
    CHECK_EQ(signal_take_many(fd, got, SIGNAL_BATCH), 4);
    /* what was sent to the thread comes before what was sent to the process */
    CHECK_EQ(got[0].number, SIGRTMIN + 1);
    check_all_kinds(&got[1], &got[2], &got[0], &got[3]);
    descriptor_close(fd);
    signal_target_close(&self);
}

TEST(a_childs_end_is_told)
{
    struct signal_facts facts;
    pid_t child;

    block(SIGNAL_BIT(SIGCHLD));
    child = fork();
    CHECK_OK(child);
    if (child == 0)
        _exit(3);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    facts = take(SIGNAL_BIT(SIGCHLD));
    CHECK_EQ(facts.code, CLD_EXITED);
    CHECK_EQ(facts.pid, child);
    CHECK_EQ(facts.uid, getuid());
    CHECK_EQ(facts.status, 3);
}

TEST(a_timers_and_a_descriptors_signal_are_told)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    struct signal_facts facts;
    timer_t timer;
    int fds[2];

    block(realtime(0) | realtime(1));
    event.sigev_value.sival_ptr = (void *)(uintptr_t)5;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &soon, NULL), 0);
    while (signal_pending(realtime(0)) == 0)
        thread_yield();
    facts = take(realtime(0));
    CHECK_EQ(facts.code, SI_TIMER);
    CHECK_EQ(facts.value, 5);
    CHECK_EQ(facts.overrun, 0);
    CHECK_EQ(timer_delete(timer), 0);

    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(fcntl(fds[0], F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(fds[0], F_SETSIG, SIGRTMIN + 1), 0);
    CHECK_EQ(fcntl(fds[0], F_SETFL, O_ASYNC), 0);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    facts = take(realtime(1));
    CHECK_EQ(facts.code, POLL_IN);
    CHECK_EQ(facts.fd, fds[0]);
    CHECK((facts.band & POLLIN) != 0);
    CHECK_EQ(facts.pid, 0);
    descriptor_close(fds[0]);
    descriptor_close(fds[1]);
}

TEST(a_descriptor_tells_of_the_signals_that_it_was_made_for)
{
    struct signal_target self = open_target(getpid());
    struct pollfd item = {.events = POLLIN};
    int same;

    block(realtime(0) | realtime(1));
    CHECK_OK(signal_fd(realtime(0), -1, &item.fd));
    CHECK_OK(signal_target_send(&self, SIGRTMIN + 1, 0));
    CHECK_EQ(wait_look(&item, 1), 0);
    CHECK_OK(signal_fd(realtime(1), item.fd, &same));
    CHECK_EQ(same, item.fd);
    CHECK_EQ(wait_look(&item, 1), 1);
    CHECK_EQ(take(realtime(1)).number, SIGRTMIN + 1);
    CHECK_EQ(wait_look(&item, 1), 0);
    descriptor_close(item.fd);
    signal_target_close(&self);
}

/* ---- sleeping ---------------------------------------------------------------------------------------------- */

static void on_signal(int signal)
{
    (void)signal;
    (void)interrupt_raise(&target);
}

static void need_one_thread(void)
{
    if (!thread_is_alone())
        SKIP("this libc does not tell that there is one thread: plain blocking calls are not used");
}

static void storm(int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    struct signal_facts facts;

    need_one_thread();
    block(realtime(0));
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    for (int i = 0; i < 5000 && test_has_time(); i++) {
        struct itimerval timer = {.it_value = {.tv_usec = 1 + rand() % 60}};

        CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
        while (!interrupt_raised(&target))
            CHECK_EQ(signal_take(realtime(0), &target, true, &facts), -EINTR);
        interrupt_clear(&target);
    }
    interrupt_fini(&target);
}

TEST(no_handlers_interrupt_of_a_take_is_lost, .stress = true)
{
    storm(0);
}

TEST(no_handlers_interrupt_of_a_take_is_lost_with_restart, .stress = true)
{
    storm(SA_RESTART);
}

/* Without restartable sequences it sleeps with a timeout, which a handler makes invalid. */
TEST(no_handlers_interrupt_of_a_take_is_lost_the_old_way, .stress = true)
{
    signal_pretend_old_kernel(true);
    storm(0);
}

TEST(no_handlers_interrupt_of_a_take_is_lost_the_old_way_with_restart, .stress = true)
{
    signal_pretend_old_kernel(true);
    storm(SA_RESTART);
}

static void send_one(void *argument)
{
    struct signal_target parent = open_target(*(pid_t *)argument);

    CHECK_OK(signal_target_send(&parent, SIGRTMIN, 11));
    signal_target_close(&parent);
}

TEST(a_sleeping_take_is_woken_by_its_signal)
{
    struct signal_facts facts;
    pid_t self = getpid();

    need_one_thread();
    block(realtime(0));
    for (int i = 0; i < 20; i++) {
        pid_t child = test_child(send_one, &self);

        CHECK_OK(signal_take(realtime(0), &target, true, &facts));
        CHECK_EQ(facts.value, 11);
        CHECK_EQ(facts.pid, child);
        test_join(child);
    }
}

/* ---- the mask ---------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t handled;

static void count(int signal)
{
    (void)signal;
    handled++;
}

TEST(a_mask_gives_back_only_what_it_took)
{
    uint64_t before = blocked_now();
    struct signal_mask own, mask;

    signal_mask_add(USR1, &own);
    signal_mask_add(USR1 | realtime(0), &mask);
    CHECK(mask.added == realtime(0));
    CHECK(blocked_now() == (before | USR1 | realtime(0)));
    signal_mask_restore(&mask, true);
    CHECK(blocked_now() == (before | USR1));
    signal_mask_restore(&own, true);
    CHECK(blocked_now() == before);
}

TEST(what_waits_when_a_mask_ends_is_dropped_or_has_its_effect)
{
    struct signal_target self = open_target(getpid());
    struct signal_mask mask;

    CHECK(signal(SIGUSR1, count) != SIG_ERR);
    CHECK(signal(SIGRTMIN, count) != SIG_ERR);
    for (int drop = 0; drop < 2; drop++) {
        handled = 0;
        signal_mask_add(USR1 | realtime(0), &mask);
        CHECK_OK(signal_target_send(&self, SIGUSR1, 1));
        CHECK_OK(signal_target_send(&self, SIGRTMIN, 1));
        CHECK_EQ(handled, 0);
        signal_mask_restore(&mask, drop);
        while (!drop && handled < 2)
            (void)usleep(1); /* the thread sanitizer calls handlers late */
        CHECK_EQ(handled, drop ? 0 : 2);
        CHECK_EQ(take_none(USR1 | realtime(0)), -EAGAIN);
    }
    signal_target_close(&self);
}

static void *restore_elsewhere(void *argument)
{
    uint64_t before = blocked_now();

    signal_mask_restore(argument, true);
    CHECK(blocked_now() == before);
    return NULL;
}

TEST(another_thread_does_not_restore_a_mask)
{
    struct signal_mask mask;
    pthread_t thread;

    signal_mask_add(USR1, &mask);
    CHECK_EQ(pthread_create(&thread, NULL, restore_elsewhere, &mask), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK((blocked_now() & USR1) != 0);
    signal_mask_restore(&mask, true);
    CHECK((blocked_now() & USR1) == 0);
}

static void *wait_at_barrier(void *barrier)
{
    (void)pthread_barrier_wait(barrier);
    (void)pthread_barrier_wait(barrier);
    return NULL;
}

TEST(a_thread_that_does_not_block_a_signal_is_found)
{
    pthread_barrier_t barrier;
    pthread_t thread;
    int id = 0, number = 0;

    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int blocks = 0; blocks < 2; blocks++) {
        struct signal_mask mask;

        if (blocks)
            signal_mask_add(USR1 | realtime(0), &mask); /* the thread inherits it */
        CHECK_EQ(pthread_create(&thread, NULL, wait_at_barrier, &barrier), 0);
        (void)pthread_barrier_wait(&barrier);
        if (!blocks)
            signal_mask_add(USR1 | realtime(0), &mask);
        CHECK_EQ(signal_finds_open_thread(USR1 | realtime(0), &id, &number), !blocks);
        if (!blocks) {
            CHECK(id != getpid() && id != 0);
            CHECK_EQ(number, SIGUSR1);
        }
        (void)pthread_barrier_wait(&barrier);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        signal_mask_restore(&mask, true);
    }
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
}

/* ---- sending ------------------------------------------------------------------------------------------------ */

struct other_thread {
    pthread_barrier_t barrier;
    int32_t id;
};

static void *tell_id(void *argument)
{
    struct other_thread *t = argument;

    t->id = (int32_t)syscall(SYS_gettid);
    return wait_at_barrier(&t->barrier);
}

static void check_who_is_no_process(void)
{
    struct other_thread other;
    struct signal_target t;
    pthread_t thread;

    CHECK_EQ(signal_target_open(4194304, &t), -ESRCH);
    CHECK_EQ(pthread_barrier_init(&other.barrier, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, tell_id, &other), 0);
    (void)pthread_barrier_wait(&other.barrier);
    CHECK_EQ(signal_target_open(other.id, &t), -ESRCH);
    (void)pthread_barrier_wait(&other.barrier);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(pthread_barrier_destroy(&other.barrier), 0);
}

static void sleep_on(void *argument)
{
    (void)argument;
    for (;;)
        (void)pause();
}

static void check_death_is_noticed(void)
{
    pid_t child = test_child(sleep_on, NULL);
    struct signal_target t = open_target(child);
    bool pending;

    CHECK_OK(signal_target_send(&t, SIGCONT, 0));
    test_kill(child);
    CHECK_EQ(signal_target_send(&t, SIGCONT, 0), -ESRCH);
    CHECK_EQ(signal_target_pending(&t, SIGNAL_BIT(SIGCONT), &pending), -ESRCH);
    signal_target_close(&t);
    CHECK_EQ(signal_target_open(child, &t), -ESRCH);
}

/* ---- numbers that come again ---------------------------------------------------------------------------------- */

enum { NOT_PERMITTED = 77 };

/* The next process of this namespace gets that number. */
static bool prepare_number(pid_t number)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%d", number - 1);
    int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, (size_t)length) == length;

    descriptor_close(fd);
    return written;
}

static void check_number_used_again(void)
{
    pid_t first = test_child(sleep_on, NULL), second;
    struct signal_target t = open_target(first);

    test_kill(first);
    if (!prepare_number(first))
        _exit(NOT_PERMITTED);
    second = test_child(sleep_on, NULL);
    CHECK_EQ(second, first);
    CHECK_EQ(signal_target_send(&t, SIGKILL, 0), -ESRCH);
    CHECK_EQ(waitpid(second, NULL, WNOHANG), 0);
    test_kill(second);
    signal_target_close(&t);
}

static void run_first(void)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", 0, NULL) != 0 || !prepare_number(50))
        _exit(NOT_PERMITTED);
    check_number_used_again();
    _exit(0);
}

/* In a pid namespace of its own: on the whole machine the numbers of others would come again, too. */
static void run_with_own_numbers(void *unused)
{
    int user = geteuid() == 0 ? 0 : CLONE_NEWUSER, status;
    pid_t pid;

    (void)unused;
    if (unshare(user | CLONE_NEWPID | CLONE_NEWNS) != 0)
        _exit(NOT_PERMITTED);
    pid = fork();
    if (pid == 0)
        run_first();
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void check_later_process(void)
{
    int status;
    pid_t pid = test_child(run_with_own_numbers, NULL);

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_PERMITTED)
        SKIP("no pid namespace with a /proc and numbers of its own may be made here");
    CHECK_EQ(WEXITSTATUS(status), 0);
}

/* ---- who is no process ---------------------------------------------------------------------------------------- */

TEST(what_is_no_process_gets_no_signal)
{
    check_who_is_no_process();
}

TEST(what_is_no_process_gets_no_signal_on_old_kernels)
{
    signal_pretend_old_kernel(true);
    check_who_is_no_process();
}

TEST(the_end_of_a_process_is_noticed)
{
    check_death_is_noticed();
}

TEST(the_end_of_a_process_is_noticed_on_old_kernels)
{
    signal_pretend_old_kernel(true);
    check_death_is_noticed();
}

TEST(a_later_process_of_the_same_number_gets_no_signal)
{
    if (test_is_emulated())
        SKIP("the emulator starts processes beside those that a test starts");
    check_later_process();
}

TEST(a_later_process_of_the_same_number_gets_no_signal_on_old_kernels)
{
    if (test_is_emulated())
        SKIP("the emulator starts processes beside those that a test starts");
    signal_pretend_old_kernel(true);
    check_later_process();
}

static void send_to_root(void *argument)
{
    struct signal_target t;

    CHECK_EQ(signal_target_open(*(pid_t *)argument, &t), -EPERM);
    signal_pretend_old_kernel(true);
    CHECK_EQ(signal_target_open(*(pid_t *)argument, &t), -EPERM);
}

TEST(a_process_of_another_user_takes_no_signal)
{
    pid_t self = getpid();

    if (!test_is_root())
        SKIP("needs a process of another user: run as root");
    test_as_user(send_to_root, &self);
}

static void send_to_oneself(void *argument)
{
    struct signal_target self = open_target(getpid());

    (void)argument;
    block(realtime(0));
    CHECK_OK(signal_target_send(&self, SIGRTMIN, 4));
    CHECK_EQ(take(realtime(0)).value, 4);
    signal_target_close(&self);
}

TEST(an_ordinary_user_sends_to_his_own_processes)
{
    test_as_user(send_to_oneself, NULL);
}

TEST(more_signals_than_the_users_limit_are_refused_if_they_queue)
{
    struct signal_target self = open_target(getpid());
    struct rlimit none = {0, 0};

    block(USR1 | realtime(0));
    CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &none), 0);
    CHECK_EQ(signal_target_send(&self, SIGRTMIN, 1), -EAGAIN);
    CHECK_EQ(take_none(realtime(0)), -EAGAIN);
    CHECK_OK(signal_target_send(&self, SIGUSR1, 1));
    CHECK_EQ(take(USR1).value, 0); /* it came, and its value found no room */
    signal_target_close(&self);
}

static void wait_and_take(void *argument)
{
    test_gate_wait(argument);
    CHECK_EQ(take(realtime(0)).value, 1);
}

static void check_pending(void)
{
    struct test_gate *gate = test_gate_new();
    struct signal_target t;
    bool pending = false;
    pid_t child;

    block(realtime(0) | realtime(1));
    child = test_child(wait_and_take, gate);
    t = open_target(child);
    CHECK_OK(signal_target_send(&t, SIGRTMIN, 1));
    CHECK_OK(signal_target_pending(&t, realtime(0), &pending));
    CHECK(pending);
    CHECK_OK(signal_target_pending(&t, realtime(1), &pending));
    CHECK(!pending);
    test_gate_open(gate);
    while (signal_target_pending(&t, realtime(0), &pending) == 0 && pending)
        thread_yield();
    test_join(child);
    signal_target_close(&t);
}

TEST(what_waits_for_a_process_is_known)
{
    check_pending();
}

TEST(what_waits_for_a_process_is_known_on_old_kernels)
{
    signal_pretend_old_kernel(true);
    check_pending();
}
