/* SPDX-License-Identifier: MIT */
/* Proof of disposition.c: counts, interrupts, functions, flags, masks, and dispositions given back. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void react(int number, int reaction)
{
    CHECK_OK(enl_disposition_set(number, &(struct enl_disposition){.reaction = reaction}, NULL));
}

/* A handler may be late by a little under a sanitizer. */
static void await_count(int number, int count)
{
    int seen = 0;

    while ((seen += enl_signal_count(number)) < count)
        (void)usleep(1000);
    CHECK_EQ(seen, count);
}

TEST(signals_are_counted_without_a_handler_of_the_program)
{
    react(SIGUSR1, ENL_SIGNAL_COUNT);
    react(SIGUSR2, ENL_SIGNAL_COUNT);
    for (int i = 1; i <= 3; i++) {
        CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_SELF, 0));
        await_count(SIGUSR1, 1);
    }
    CHECK_EQ(enl_signal_count(SIGUSR1), 0);
    CHECK_EQ(enl_signal_count(SIGUSR2), 0);
    react(SIGUSR2, ENL_SIGNAL_IGNORE);
    CHECK_OK(enl_signal_send(SIGUSR2, ENL_TO_SELF, 0));
    CHECK_EQ(enl_signal_count(SIGUSR2), 0);
    CHECK_EQ(enl_signal_count(0), -EINVAL);
    CHECK_EQ(enl_signal_count(65), -EINVAL);
}

struct sender {
    pid_t to;
    int end; /* of a pipe */
};

static bool sleeps(pid_t pid)
{
    char path[64], text[512] = "";
    const char *after;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    CHECK(file != NULL);
    CHECK(fread(text, 1, sizeof text - 1, file) > 0);
    CHECK_EQ(fclose(file), 0);
    after = strrchr(text, ')');
    return after != NULL && after[2] == 'S';
}

/* Signals its parent while that sleeps, and later writes to it. */
static void signal_and_write(void *argument)
{
    const struct sender *s = argument;

    for (int i = 0; i < 20; i++) {
        while (!sleeps(s->to))
            (void)usleep(1000);
        CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_PROCESS, s->to));
        (void)usleep(2000);
    }
    CHECK_EQ(write(s->end, "x", 1), 1);
}

/* Reads from a pipe while signals come: errno, or 0. */
static int read_while_signalled(uint32_t flags)
{
    int fds[2], result;
    char byte;
    pid_t pid;

    CHECK_OK(enl_disposition_set(
        SIGUSR1, &(struct enl_disposition){.reaction = ENL_SIGNAL_COUNT, .flags = flags}, NULL));
    CHECK_EQ(pipe(fds), 0);
    pid = test_child(signal_and_write, &(struct sender){getpid(), fds[1]});
    result = read(fds[0], &byte, 1) == 1 ? 0 : errno;
    test_join(pid);
    CHECK(enl_signal_count(SIGUSR1) > 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return result;
}

TEST(restart_says_whether_calls_of_others_are_interrupted)
{
    if (test_delays_signals())
        SKIP("handlers run late here");
    CHECK_EQ(read_while_signalled(ENL_SIGNAL_RESTART), 0);
    CHECK_EQ(read_while_signalled(0), EINTR);
}

/* What a function saw while it ran. */
struct seen {
    struct enl_signal_info info;
    int runs, depth, deepest;
    int other_inside; /* how often the other signal was handled meanwhile */
    int again;        /* how often it sends itself the same signal */
};

static void look(const struct enl_signal_info *info, void *argument)
{
    struct seen *seen = argument;

    seen->info = *info;
    seen->runs++;
    if (++seen->depth > seen->deepest)
        seen->deepest = seen->depth;
    (void)kill(getpid(), SIGUSR2);
    seen->other_inside += enl_signal_count(SIGUSR2);
    if (seen->again-- > 0)
        (void)kill(getpid(), SIGUSR1);
    seen->depth--;
}

static void run_look(struct seen *seen, enl_signals masked, uint32_t flags)
{
    CHECK_OK(enl_disposition_set(SIGUSR1,
                                 &(struct enl_disposition){.reaction = ENL_SIGNAL_RUN,
                                                           .flags = flags,
                                                           .masked = masked,
                                                           .run = look,
                                                           .argument = seen},
                                 NULL));
    CHECK_OK(enl_signal_send_value(SIGUSR1, ENL_TO_SELF, 0, 42));
}

TEST(function_gets_the_facts_and_the_mask_holds_others_back)
{
    struct seen seen = {0};

    if (test_delays_signals())
        SKIP("handlers run late here");
    react(SIGUSR2, ENL_SIGNAL_COUNT);
    run_look(&seen, 0, 0);
    CHECK_EQ(seen.runs, 1);
    CHECK_EQ(seen.info.number, SIGUSR1);
    CHECK_EQ(seen.info.pid, getpid());
    CHECK_EQ(seen.info.uid, getuid());
    CHECK_EQ(seen.info.code, SI_QUEUE);
    CHECK_EQ(seen.info.value, 42);
    CHECK_EQ(seen.other_inside, 1);
    seen = (struct seen){0};
    run_look(&seen, ENL_SIGNAL(SIGUSR2), 0);
    CHECK_EQ(seen.runs, 1);
    CHECK_EQ(seen.other_inside, 0);
    await_count(SIGUSR2, 1);
    CHECK_EQ(enl_signal_count(SIGUSR1), 2);
}

TEST(signal_waits_for_its_own_handler_unless_nested)
{
    struct seen seen = {.again = 2};

    if (test_delays_signals())
        SKIP("handlers run late here");
    react(SIGUSR2, ENL_SIGNAL_IGNORE);
    run_look(&seen, 0, 0);
    CHECK_EQ(seen.runs, 3);
    CHECK_EQ(seen.deepest, 1);
    seen = (struct seen){.again = 2};
    run_look(&seen, 0, ENL_SIGNAL_NESTED);
    CHECK_EQ(seen.runs, 3);
    CHECK_EQ(seen.deepest, 3);
}

static void be_signalled_twice(void *argument)
{
    struct enl_disposition now;

    (void)argument;
    CHECK_OK(enl_disposition_set(SIGUSR1,
                                 &(struct enl_disposition){.reaction = ENL_SIGNAL_COUNT,
                                                           .flags = ENL_SIGNAL_ONCE},
                                 NULL));
    CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_SELF, 0));
    await_count(SIGUSR1, 1);
    CHECK_OK(enl_disposition_get(SIGUSR1, &now));
    CHECK_EQ(now.reaction, ENL_SIGNAL_DEFAULT);
    CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_SELF, 0));
    FAIL("the second one did nothing");
}

TEST(once_is_once)
{
    test_join_killed(test_child(be_signalled_twice, NULL), SIGUSR1);
}

static void signal_parent_until_killed(void *argument)
{
    for (;;) {
        CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_PROCESS, *(pid_t *)argument));
        (void)usleep(2000);
    }
}

TEST(interrupt_ends_the_wait_of_a_link_and_of_a_child)
{
    const char *const argv[] = {"sleep", "600", NULL};
    struct enl_link *ends[2];
    struct enl_child *c;
    pid_t self = getpid(), pid;
    char byte;

    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_OK(enl_spawn(&(struct enl_spawn){.argv = argv}, &c));
    CHECK_OK(enl_disposition_set(
        SIGUSR1,
        &(struct enl_disposition){.reaction = ENL_SIGNAL_INTERRUPT, .link = ends[0], .child = c},
        NULL));
    pid = test_child(signal_parent_until_killed, &self);
    CHECK_EQ(enl_receive(ends[0], &byte, 1, test_until()), -ECANCELED);
    CHECK_EQ(enl_child_wait(c, test_until(), NULL), -ECANCELED);
    test_kill(pid);
    react(SIGUSR1, ENL_SIGNAL_DEFAULT);
    enl_child_interrupt_clear(c);
    CHECK_OK(enl_child_end(c, ENL_CHILD_ALONE, ENL_NOW, NULL));
    enl_child_close(c);
    enl_close(ends[0]);
    enl_close(ends[1]);
}

static volatile sig_atomic_t foreign_runs;

static void foreign(int number)
{
    (void)number;
    foreign_runs++;
}

TEST(what_was_before_is_told_and_restored)
{
    struct sigaction own = {.sa_handler = foreign, .sa_flags = SA_RESTART}, now;
    struct enl_disposition before, counted;

    (void)sigemptyset(&own.sa_mask);
    (void)sigaddset(&own.sa_mask, SIGUSR2);
    CHECK_EQ(sigaction(SIGUSR1, &own, NULL), 0);
    CHECK_OK(enl_disposition_set(SIGUSR1,
                                 &(struct enl_disposition){.reaction = ENL_SIGNAL_COUNT,
                                                           .flags = ENL_SIGNAL_NESTED,
                                                           .masked = ENL_SIGNAL(SIGHUP)},
                                 &before));
    CHECK_EQ(before.reaction, ENL_SIGNAL_OTHER);
    CHECK_EQ(before.masked, ENL_SIGNAL(SIGUSR2));
    CHECK_EQ(before.flags, ENL_SIGNAL_RESTART);
    CHECK_OK(enl_disposition_set(SIGUSR1, &before, &counted));
    CHECK_EQ(counted.reaction, ENL_SIGNAL_COUNT);
    CHECK_EQ(counted.masked, ENL_SIGNAL(SIGHUP));
    CHECK_EQ(counted.flags, ENL_SIGNAL_NESTED);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &now), 0);
    CHECK(now.sa_handler == foreign);
    CHECK_EQ(now.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO), SA_RESTART);
    CHECK_EQ(sigismember(&now.sa_mask, SIGUSR2), 1);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(foreign_runs, 1);
    react(SIGUSR1, ENL_SIGNAL_IGNORE);
    CHECK_OK(enl_disposition_get(SIGUSR1, &before));
    CHECK_EQ(before.reaction, ENL_SIGNAL_IGNORE);
}

TEST(what_was_said_of_childrens_signals_is_restored)
{
    struct sigaction quiet = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP}, now;
    struct enl_disposition before;

    CHECK_EQ(sigaction(SIGCHLD, &quiet, NULL), 0);
    CHECK_OK(enl_disposition_set(SIGCHLD, &(struct enl_disposition){.reaction = ENL_SIGNAL_COUNT},
                                 &before));
    CHECK_OK(enl_disposition_set(SIGCHLD, &before, NULL));
    CHECK_EQ(sigaction(SIGCHLD, NULL, &now), 0);
    CHECK_EQ(now.sa_flags & SA_NOCLDSTOP, SA_NOCLDSTOP);
}

TEST(what_cannot_be_is_refused)
{
    struct enl_disposition d = {.reaction = ENL_SIGNAL_COUNT};

    CHECK_EQ(enl_disposition_set(SIGKILL, &d, NULL), -EINVAL);
    CHECK_EQ(enl_disposition_set(SIGSTOP, &d, NULL), -EINVAL);
    CHECK_EQ(enl_disposition_set(SIGSEGV, &d, NULL), -EINVAL);
    CHECK_EQ(enl_disposition_set(0, &d, NULL), -EINVAL);
    CHECK_EQ(enl_disposition_set(65, &d, NULL), -EINVAL);
    CHECK_EQ(enl_disposition_set(SIGUSR1, NULL, NULL), -EINVAL);
    CHECK_EQ(enl_disposition_get(SIGUSR1, NULL), -EINVAL);
    d.flags = 8;
    CHECK_EQ(enl_disposition_set(SIGUSR1, &d, NULL), -EINVAL);
    d = (struct enl_disposition){.reaction = ENL_SIGNAL_RUN};
    CHECK_EQ(enl_disposition_set(SIGUSR1, &d, NULL), -EINVAL);
    d.reaction = ENL_SIGNAL_INTERRUPT;
    CHECK_EQ(enl_disposition_set(SIGUSR1, &d, NULL), -EINVAL);
    d.reaction = 9;
    CHECK_EQ(enl_disposition_set(SIGUSR1, &d, NULL), -EINVAL);
}

/* ---- changes while handlers run ---------------------------------------------------------------------- */

static atomic_int first_runs, second_runs, mixed;
static atomic_bool over;
static char first_argument, second_argument;

static void be_first(const struct enl_signal_info *info, void *argument)
{
    (void)info;
    atomic_fetch_add(argument == &first_argument ? &first_runs : &mixed, 1);
}

static void be_second(const struct enl_signal_info *info, void *argument)
{
    (void)info;
    atomic_fetch_add(argument == &second_argument ? &second_runs : &mixed, 1);
}

static void change_once(void)
{
    struct enl_disposition first = {.reaction = ENL_SIGNAL_RUN,
                                    .run = be_first,
                                    .argument = &first_argument};
    struct enl_disposition second = {.reaction = ENL_SIGNAL_RUN,
                                     .run = be_second,
                                     .argument = &second_argument};

    CHECK_OK(enl_disposition_set(SIGUSR1, &first, NULL));
    CHECK_OK(enl_disposition_set(SIGUSR1, &second, NULL));
}

static void *change(void *argument)
{
    while (!atomic_load(&over))
        change_once();
    return argument;
}

static void *be_signalled(void *argument)
{
    while (!atomic_load(&over))
        CHECK_OK(enl_signal_send(SIGUSR1, ENL_TO_THREAD, 0));
    return argument;
}

TEST(handler_never_sees_half_a_change, .stress = true)
{
    pthread_t changers[2], signalled[2];

    change_once();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pthread_create(&changers[i], NULL, change, NULL), 0);
        CHECK_EQ(pthread_create(&signalled[i], NULL, be_signalled, NULL), 0);
    }
    while (atomic_load(&first_runs) < 200 || atomic_load(&second_runs) < 200)
        (void)usleep(1000);
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pthread_join(changers[i], NULL), 0);
        CHECK_EQ(pthread_join(signalled[i], NULL), 0);
    }
    CHECK_EQ(atomic_load(&mixed), 0);
}

static int change_in_a_copy(void *argument)
{
    (void)argument;
    change_once();
    return 0;
}

TEST(forked_child_may_change_what_a_thread_of_its_parent_was_changing, .stress = true)
{
    struct enl_status status;
    struct enl_child *c;
    pthread_t changer;

    CHECK_EQ(pthread_create(&changer, NULL, change, NULL), 0);
    for (int i = 0; i < 50 && test_has_time(); i++) {
        CHECK_OK(enl_fork(&(struct enl_fork){.run = change_in_a_copy}, &c));
        CHECK_OK(enl_child_wait(c, test_until(), &status));
        CHECK_EQ(status.change, ENL_EXITED);
        CHECK_EQ(status.number, 0);
        enl_child_close(c);
    }
    atomic_store(&over, true);
    CHECK_EQ(pthread_join(changer, NULL), 0);
}
