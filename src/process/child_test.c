/* SPDX-License-Identifier: MIT */
/* Waiting for children, signalling and ending them. */
#include "process/shell_test.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* ---- wait ---------------------------------------------------------------------------------------------- */

TEST(status_says_how_a_child_ended_or_changed)
{
    struct enl_child *c = start_shell("kill -STOP $$; exit 3", 0, NULL, 0);
    struct enl_status status;
    char text[ENL_STATUS_TEXT_MAX];

    CHECK_EQ(enl_child_wait(c, enl_in_ms(1), NULL), -ETIMEDOUT);
    CHECK_OK(enl_child_wait_change(c, test_until(), &status));
    CHECK_STR(enl_status_text(&status, text, sizeof text), "stopped by SIGSTOP");
    CHECK_EQ(enl_child_wait_change(c, ENL_NOW, &status), -EAGAIN);
    CHECK_EQ(enl_child_wait(c, ENL_NOW, &status), -EAGAIN);
    CHECK_OK(enl_child_signal(c, SIGCONT, ENL_CHILD_ALONE));
    CHECK_OK(enl_child_wait_change(c, test_until(), &status));
    if (status.change == ENL_CONTINUED) { /* unless its end came first */
        CHECK_STR(enl_status_text(&status, text, sizeof text), "continued");
        CHECK_OK(enl_child_wait_change(c, test_until(), &status));
    }
    CHECK_STR(enl_status_text(&status, text, sizeof text), "exited with 3");
    CHECK(status.largest_bytes > 0);
    CHECK_EQ(enl_child_signal(c, SIGTERM, ENL_CHILD_ALONE), -ESRCH);
    enl_child_close(c);
    c = start_shell("kill -TERM $$", 0, NULL, 0);
    CHECK_OK(enl_child_wait(c, test_until(), &status));
    CHECK_STR(enl_status_text(&status, text, sizeof text), "killed by SIGTERM");
    enl_child_close(c);
}

TEST(wait_never_takes_the_children_of_others)
{
    pid_t other = test_child((void (*)(void *))(uintptr_t)usleep, (void *)0);
    struct enl_child *c = start_shell("exit 0", 0, NULL, 0);

    CHECK_EQ(collect(c, ENL_EXITED), 0);
    CHECK_OK(enl_reap());
    test_join(other);
}

TEST(somebody_who_collects_all_is_named)
{
    struct enl_child *c = start_shell("exit 0", 0, NULL, 0);

    CHECK_EQ(waitpid(-1, NULL, 0), enl_child_pid(c));
    CHECK_EQ(enl_child_wait(c, test_until(), NULL), -ECHILD);
    CHECK_EQ(enl_child_signal(c, SIGTERM, ENL_CHILD_TREE), -ECHILD);
    enl_child_close(c);
}

static void *interrupt_soon(void *argument)
{
    (void)usleep(1000);
    CHECK_OK(enl_child_interrupt(argument));
    return NULL;
}

TEST(wait_is_interrupted)
{
    struct enl_child *c = start_shell("sleep 100", ENL_SPAWN_GROUP, NULL, 0);
    struct enl_status status;
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, interrupt_soon, c), 0);
    CHECK_EQ(enl_child_wait(c, test_until(), NULL), -ECANCELED);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(enl_child_wait(c, test_until(), NULL), -ECANCELED);
    enl_child_interrupt_clear(c);
    CHECK_OK(enl_child_signal(c, SIGKILL, ENL_CHILD_GROUP));
    do
        (void)poll(&(struct pollfd){.fd = enl_child_fd(c), .events = POLLIN}, 1, -1);
    while (enl_child_wait(c, ENL_NOW, &status) == -EAGAIN);
    CHECK_EQ(status.number, SIGKILL);
    enl_child_close(c);
}

TEST(closed_child_is_collected_by_a_later_call)
{
    struct enl_link *ends[2];
    struct enl_child *c;
    struct enl_give give[] = {{.fd = 0}};
    siginfo_t info;

    CHECK_OK(enl_pair("pipe:", ends));
    give[0].link = ends[0];
    c = start_shell("cat; exit 4", 0, give, 1);
    enl_close(ends[0]);
    enl_child_close(c);
    CHECK_EQ(enl_reap(), 1);
    enl_close(ends[1]);
    CHECK_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0); /* it has ended: a zombie */
    CHECK_EQ(collect(start_shell("exit 0", 0, NULL, 0), ENL_EXITED), 0);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* and was collected */
    CHECK_EQ(errno, ECHILD);
}

TEST(a_hundred_children_are_one_epoll_set, .deadline_s = 60)
{
    enum { COUNT = 100 };
    struct enl_child *children[COUNT];
    struct epoll_event event;
    int set = epoll_create1(EPOLL_CLOEXEC);
    int sum = 0;

    for (int i = 0; i < COUNT; i++) {
        char script[32];

        (void)snprintf(script, sizeof script, "exit %d", i);
        children[i] = start_shell(script, 0, NULL, 0);
        event = (struct epoll_event){.events = EPOLLIN, .data.u32 = (uint32_t)i};
        CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, enl_child_fd(children[i]), &event), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        struct enl_status status;

        CHECK_EQ(epoll_wait(set, &event, 1, -1), 1);
        CHECK_OK(enl_child_wait(children[event.data.u32], ENL_NOW, &status));
        CHECK_EQ(status.number, (int)event.data.u32);
        sum += status.number;
        enl_child_close(children[event.data.u32]);
    }
    CHECK_EQ(sum, COUNT * (COUNT - 1) / 2);
    CHECK_EQ(close(set), 0);
}

/* Ten thousand, or where everything is slower so many less. */
TEST(thousands_of_children_leave_no_zombie_and_no_descriptor, .deadline_s = 280)
{
    const char *const words[] = {"/bin/true", NULL};
    const int count = 10000 / (int)test_time_scale();
    int before = dup(0), after;

    CHECK_EQ(close(before), 0);
    for (int i = 0; i < count && test_has_time(); i++) {
        struct enl_child *c;

        CHECK_OK(enl_spawn(&(struct enl_spawn){.argv = words}, &c));
        if (i % 4 != 0)
            CHECK_OK(enl_child_wait(c, test_until(), NULL));
        enl_child_close(c); /* one in four before its end */
    }
    while (enl_reap() > 0)
        (void)usleep(1000);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
    after = dup(0);
    CHECK_EQ(after, before);
    CHECK_EQ(close(after), 0);
}

/* ---- end ----------------------------------------------------------------------------------------------- */

TEST(value_comes_with_a_signal)
{
    const int number = SIGRTMIN + 3;
    char script[64];
    struct enl_link *out;
    struct enl_status status;
    struct enl_child *c;

    if (test_is_emulated())
        SKIP("the emulator gives real-time signals numbers of its own");
    (void)snprintf(script, sizeof script, "echo; exec sleep 100");
    c = start_ready(script, 0, &out);
    CHECK_OK(enl_child_signal(c, 0, ENL_CHILD_ALONE));
    CHECK_OK(enl_child_signal_value(c, number, 1234));
    CHECK_OK(enl_child_wait(c, test_until(), &status));
    CHECK_EQ(status.change, ENL_KILLED);
    CHECK_EQ(status.number, number);
    enl_child_close(c);
    enl_close(out);
}

TEST(child_that_ignores_sigterm_is_killed_after_the_grace)
{
    struct enl_link *out;
    struct enl_child *c =
        start_ready("trap '' TERM; echo; while :; do sleep 100; done", ENL_SPAWN_GROUP, &out);
    struct enl_status status;
    char text[16];

    CHECK_OK(enl_child_end(c, ENL_CHILD_GROUP, enl_in_ms(20), &status));
    CHECK_EQ(status.change, ENL_KILLED);
    CHECK_EQ(status.number, SIGKILL);
    CHECK_EQ(enl_receive(out, text, sizeof text, test_until()), -ESHUTDOWN); /* its sleep, too */
    enl_child_close(c);
    enl_close(out);
}

TEST(child_that_obeys_sigterm_ends_by_itself_even_if_stopped)
{
    struct enl_link *out;
    struct enl_child *c =
        start_ready("trap 'exit 5' TERM; echo; while :; do sleep 0.01; done", 0, &out);
    struct enl_status status;

    CHECK_OK(enl_child_signal(c, SIGSTOP, ENL_CHILD_ALONE));
    CHECK_OK(enl_child_end(c, ENL_CHILD_ALONE, test_until(), &status));
    CHECK_EQ(status.change, ENL_EXITED);
    CHECK_EQ(status.number, 5);
    CHECK_OK(enl_child_end(c, ENL_CHILD_ALONE, test_until(), &status)); /* again: the same */
    CHECK_EQ(status.number, 5);
    enl_child_close(c);
    enl_close(out);
}

TEST(tree_ends_with_descendants_in_other_groups_and_sessions)
{
    struct enl_link *out;
    struct enl_child *c = start_ready("setsid sh -c 'sleep 100 & echo; wait' & wait", 0, &out);
    struct enl_status status;
    char text[16];

    CHECK_OK(enl_child_end(c, ENL_CHILD_TREE, ENL_NOW, &status));
    CHECK_EQ(status.number, SIGKILL);
    CHECK_EQ(enl_receive(out, text, sizeof text, test_until()), -ESHUTDOWN);
    enl_child_close(c);
    enl_close(out);
}

TEST(group_is_signalled_only_if_it_is_the_childs_own)
{
    struct enl_child *c = start_shell("exec sleep 100", 0, NULL, 0);

    CHECK_EQ(enl_child_signal(c, SIGKILL, ENL_CHILD_GROUP), -EINVAL);
    CHECK_OK(enl_child_end(c, ENL_CHILD_ALONE, ENL_NOW, NULL));
    enl_child_close(c);
}

TEST(orphans_come_to_who_adopts_them)
{
    struct enl_child *c;
    struct enl_status status;
    int32_t pid, child;
    int orphans = 0;

    if (test_is_emulated())
        SKIP("the emulator adopts no orphans");
    CHECK_OK(enl_adopt_orphans(1));
    CHECK_EQ(enl_reap_any(&pid, &status), -ECHILD);
    c = start_shell("sh -c 'exit 9' & sh -c 'exit 9' & kill -9 $$", 0, NULL, 0);
    child = enl_child_pid(c);
    CHECK_EQ(poll(&(struct pollfd){.fd = enl_child_fd(c), .events = POLLIN}, 1, -1), 1);
    for (int result; (result = enl_reap_any(&pid, &status)) != -ECHILD;) {
        if (result == -EAGAIN) {
            (void)usleep(1000);
            continue;
        }
        CHECK_OK(result);
        orphans += pid != child && status.change == ENL_EXITED && status.number == 9;
    }
    CHECK_EQ(orphans, 2);
    CHECK_EQ(collect(c, ENL_KILLED), SIGKILL); /* kept, though enl_reap_any took it */
    CHECK_OK(enl_adopt_orphans(0));
}
