/* SPDX-License-Identifier: MIT */
/* Whom a signal reaches: one child, a process group with all its members, a child with its descendants in whatever
 * group; and that a child's number is never another's. */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* Says that it is there, and waits for USR1. */
static int wait_for_signal(void *argument)
{
    struct enl_link *ready;

    (void)argument;
    if (enl_inherit("ready", ENL_WRITE, &ready) < 0 ||
        enl_send(ready, "!", 1, enl_in_ms(10000)) < 0)
        return 1;
    return enl_signal_wait("USR1", enl_in_ms(10000), NULL) == SIGUSR1 ? 0 : 1;
}

/* The leader of a group, or of a session: it has a child, and returns what that has returned. */
static int lead(void *argument)
{
    struct enl_link *ready;
    struct enl_give give = {.fd = ENL_FD_ANY, .name = "ready"};
    struct enl_status status;
    struct enl_child *child;

    if (enl_inherit("ready", ENL_WRITE, &ready) < 0)
        return 2;
    give.link = ready;
    if (enl_fork(&(struct enl_fork){.run = wait_for_signal,
                                    .give = &give,
                                    .give_count = 1,
                                    .flags = *(uint32_t *)argument},
                 &child) < 0 ||
        enl_signal_wait("USR1", enl_in_ms(10000), NULL) != SIGUSR1)
        return 3;
    if (enl_child_wait(child, enl_in_ms(10000), &status) < 0)
        return 4;
    enl_child_close(child);
    return status.number;
}

static int show(const char *title, enum enl_scope scope, uint32_t grandchild)
{
    struct enl_link *ends[2];
    struct enl_give give = {.fd = ENL_FD_ANY, .name = "ready"};
    struct enl_status status;
    struct enl_child *child;
    char text[ENL_STATUS_TEXT_MAX], byte;

    if (enl_pair("pipe:", ends) < 0)
        return failed("pipe");
    give.link = ends[1];
    if (enl_fork(&(struct enl_fork){.run = lead,
                                    .argument = &grandchild,
                                    .give = &give,
                                    .give_count = 1,
                                    .flags = ENL_SPAWN_GROUP},
                 &child) < 0 ||
        enl_receive(ends[0], &byte, 1, enl_in_ms(10000)) < 0)
        return failed("fork");
    if (enl_child_signal(child, SIGUSR1, scope) < 0 ||
        enl_child_wait(child, enl_in_ms(10000), &status) < 0)
        return failed("signal");
    printf("%s: both had it, and %s\n", title, enl_status_text(&status, text, sizeof text));
    if (enl_child_signal(child, SIGUSR1, ENL_CHILD_ALONE) == -ESRCH)
        printf("  a second one: the child is gone, and nobody else is hit\n");
    enl_child_close(child);
    enl_close(ends[0]);
    enl_close(ends[1]);
    return 0;
}

int main(void)
{
    if (enl_signal_block("USR1", NULL) < 0) /* in all that are forked from now on, too */
        return failed("block");
    if (show("to a group", ENL_CHILD_GROUP, 0) != 0 ||
        show("to a tree of two sessions", ENL_CHILD_TREE, ENL_SPAWN_SESSION) != 0)
        return 1;
    if (enl_signal_send(SIGUSR1, ENL_TO_THREAD, 0) < 0 ||
        enl_signal_wait("USR1", ENL_NOW, NULL) != SIGUSR1)
        return failed("thread");
    printf("to this thread: taken\n");
    if (enl_signal_send(SIGUSR1, ENL_TO_GROUP, 1) < 0)
        printf("to everybody by accident: %s\n", enl_error_text());
    return 0;
}
