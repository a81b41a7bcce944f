/* SPDX-License-Identifier: MIT */
/* Functions in forked children: memory is a copy, links are given, nothing is printed twice, nobody hangs. */
#include "process/shell_test.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static struct enl_child *fork_run(int (*run)(void *), void *argument, const struct enl_give *give,
                                  size_t count)
{
    struct enl_child *c;

    CHECK_OK(enl_fork(
        &(struct enl_fork){.run = run, .argument = argument, .give = give, .give_count = count},
        &c));
    return c;
}

static int change(void *argument)
{
    *(int *)argument += 1;
    return *(int *)argument;
}

TEST(memory_is_a_copy_and_the_result_is_the_status)
{
    int number = 41;

    CHECK_EQ(collect(fork_run(change, &number, NULL, 0), ENL_EXITED), 42);
    CHECK_EQ(number, 41);
    number = 0x1ff - 1;
    CHECK_EQ(collect(fork_run(change, &number, NULL, 0), ENL_EXITED), 0xff);
}

static int list_descriptors(void *argument)
{
    int count = 0;

    (void)argument;
    for (int fd = 0; fd < 2000; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            count = count * 10 + fd;
    return count == 127 ? 0 : 1; /* 0, 1, 2 and 7 */
}

struct links {
    struct enl_link *mine[2], *other;
    struct enl_message taken;
};

static int use_links(void *argument)
{
    struct links *links = argument;
    struct enl_message m = {0};
    struct enl_link *out, *none;
    struct enl_stat stat;
    char byte;

    if (enl_send(links->mine[1], "x", 1, ENL_NOW) != -EBADF ||
        enl_receive(links->mine[0], &byte, 1, ENL_NOW) != -EBADF ||
        enl_link_fd(links->other) != -EBADF || enl_link_stat(links->other, &stat) != -EBADF ||
        enl_flush(links->other, ENL_NOW) != -EBADF || enl_poll(links->mine, 2, ENL_NOW) != -EBADF ||
        enl_take(links->mine[0], NULL, ENL_NOW, &m) != -EBADF)
        return 1;
    if (enl_link_events(links->other) != 0)
        return 2;
    enl_close(links->mine[0]); /* does nothing: its number may be another's */
    if (enl_inherit("out", ENL_WRITE, &out) != 0 || enl_inherit("in", ENL_READ, &none) != -ENOENT)
        return 3;
    if (enl_send(out, "hello", 5, ENL_FOREVER) != 5)
        return 4;
    enl_close(out);
    return 0;
}

TEST(child_has_the_given_links_and_is_refused_all_others)
{
    struct links links;
    struct enl_link *ends[2];
    struct enl_give give[] = {{.fd = 7, .name = "out"}};
    char text[16];

    CHECK_OK(enl_pair("unix:", ends));
    links.other = ends[0];
    CHECK_OK(enl_pair("pipe:", links.mine));
    give[0].link = links.mine[1];
    CHECK_EQ(collect(fork_run(use_links, &links, give, 1), ENL_EXITED), 0);
    CHECK_EQ(enl_receive(links.mine[0], text, sizeof text, test_until()), 5);
    CHECK_EQ(collect(fork_run(list_descriptors, NULL, give, 1), ENL_EXITED), 0);
    CHECK_OK(enl_send(links.mine[1], "still", 5, test_until())); /* here they are as before */
    CHECK_EQ(enl_receive(links.mine[0], text, sizeof text, test_until()), 5);
    enl_close(links.mine[0]);
    enl_close(links.mine[1]);
    enl_close(ends[0]);
    enl_close(ends[1]);
}

static int print(void *argument)
{
    printf("%s", (const char *)argument);
    return 0;
}

/* stdout becomes a file that is read at the end. */
static int capture_output(void)
{
    int saved;

    CHECK_EQ(fflush(stdout), 0);
    saved = fcntl(1, F_DUPFD_CLOEXEC, 3);
    CHECK(freopen("printed", "w", stdout) != NULL);
    return saved;
}

static void check_printed(int saved, const char *expected)
{
    char text[256] = "";
    int fd;

    CHECK_EQ(fflush(stdout), 0);
    fd = open("printed", O_RDONLY | O_CLOEXEC);
    CHECK(read(fd, text, sizeof text - 1) >= 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(dup2(saved, 1), 1);
    CHECK_EQ(close(saved), 0);
    CHECK_STR(text, expected);
}

TEST(what_was_printed_before_comes_once, .leaves_files = true)
{
    int saved = capture_output();
    char child[] = "child ";

    printf("before ");
    CHECK_EQ(collect(fork_run(print, child, NULL, 0), ENL_EXITED), 0);
    printf("after");
    check_printed(saved, "before child after");
}

struct holder {
    atomic_int stop, holds;
};

static void *hold_streams(void *argument)
{
    struct holder *h = argument;

    flockfile(stdout);
    flockfile(stdin);
    (void)fputs_unlocked("held", stdout);
    atomic_store(&h->holds, 1);
    while (!atomic_load(&h->stop))
        (void)usleep(1000);
    funlockfile(stdin);
    funlockfile(stdout);
    return NULL;
}

TEST(thread_that_holds_a_stream_does_not_hold_the_fork, .leaves_files = true)
{
    struct holder h = {0};
    int saved = capture_output();
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, hold_streams, &h), 0);
    while (!atomic_load(&h.holds))
        (void)usleep(1000);
    CHECK_EQ(collect(fork_run(change, &(int){0}, NULL, 0), ENL_EXITED), 1);
    atomic_store(&h.stop, 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    check_printed(saved, "held"); /* once: the child's copy was dropped */
}

static atomic_int stop_all;

static void *allocate_and_print(void *argument)
{
    while (!atomic_load(&stop_all)) {
        char *text = malloc(100 + (size_t)rand() % 5000);

        fprintf(argument, "%p", (void *)text);
        free(text);
    }
    return NULL;
}

static int allocate_in_child(void *argument)
{
    char *text = malloc(100000);

    (void)argument;
    if (text == NULL)
        return 1;
    free(text);
    fprintf(stderr, "%s", "");
    return 0;
}

TEST(fork_while_threads_hold_the_locks_of_malloc_and_stdio, .stress = true, .deadline_s = 100)
{
    FILE *null = fopen("/dev/null", "we");
    pthread_t threads[3];

    atomic_store(&stop_all, 0);
    CHECK(null != NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, allocate_and_print, null), 0);
    for (int i = 0; i < 100 && test_has_time(); i++)
        CHECK_EQ(collect(fork_run(allocate_in_child, NULL, NULL, 0), ENL_EXITED), 0);
    atomic_store(&stop_all, 1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(fclose(null), 0);
}

static int sleep_long(void *argument)
{
    (void)argument;
    (void)poll(NULL, 0, 100000);
    return 0;
}

static void parent_of_tied(void *argument)
{
    const int *pipe = argument;
    const struct enl_give give[] = {{.fd = 3, .from_fd = pipe[1]}};
    struct enl_child *c;

    CHECK_OK(enl_fork(&(struct enl_fork){.run = sleep_long,
                                         .give = give,
                                         .give_count = 1,
                                         .flags = ENL_SPAWN_DIES_WITH_PARENT},
                      &c));
    CHECK_EQ(enl_child_wait(c, enl_in_ms(20), NULL), -ETIMEDOUT);
    (void)kill(getpid(), SIGKILL);
}

TEST(forked_child_dies_with_its_parent)
{
    int fds[2];
    pid_t parent;
    char byte;

    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    parent = test_child(parent_of_tied, fds);
    CHECK_EQ(close(fds[1]), 0);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    test_join_killed(parent, SIGKILL);
    CHECK_EQ(close(fds[0]), 0);
}

TEST(wrong_forks_are_refused)
{
    struct enl_child *c;
    const struct enl_give give[] = {{.fd = 5, .from_fd = 999}};

    CHECK_EQ(enl_fork(NULL, &c), -EINVAL);
    CHECK_EQ(enl_fork(&(struct enl_fork){.run = change, .flags = ENL_SPAWN_USER}, &c), -EINVAL);
    CHECK_EQ(enl_fork(&(struct enl_fork){.run = change, .give = give, .give_count = 1}, &c),
             -EBADF);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
}

/* A child has no children of its parent. */
static int use_child(void *argument)
{
    struct enl_child *c = argument;

    if (enl_child_wait(c, ENL_NOW, NULL) != -ECHILD)
        return 1;
    if (enl_child_fd(c) != -ECHILD || enl_child_signal(c, SIGKILL, ENL_CHILD_ALONE) != -ECHILD)
        return 2;
    enl_child_close(c);
    return enl_reap() != 0;
}

TEST(children_are_the_parents)
{
    struct enl_child *c = start_shell("exec sleep 100", 0, NULL, 0);

    CHECK_EQ(collect(fork_run(use_child, c, NULL, 0), ENL_EXITED), 0);
    CHECK_OK(enl_child_end(c, ENL_CHILD_ALONE, ENL_NOW, NULL));
    enl_child_close(c);
}
