/* SPDX-License-Identifier: MIT */
/* A signal that arrives while a line is read: the call fails, or begins anew, or a link's wait is ended on purpose; and
 * in none of the three a byte is lost. */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* The child: signals its parent for a while, and then sends the line. */
static int disturb(void *argument)
{
    struct enl_link *line;

    (void)argument;
    if (enl_inherit("line", ENL_WRITE, &line) < 0)
        return 1;
    for (int i = 0; i < 100; i++) {
        if (enl_signal_send(SIGUSR1, ENL_TO_PROCESS, getppid()) < 0)
            return 1;
        usleep(5000);
    }
    if (enl_send(line, "a line\n", 7, enl_in_ms(10000)) < 0)
        return 1;
    enl_close(line);
    return 0;
}

static void read_bare(int fd)
{
    char text[64];
    ssize_t size = read(fd, text, sizeof text);

    if (size < 0)
        printf("  read: %s\n", strerror(errno));
    while (size < 0)
        size = read(fd, text, sizeof text);
    printf("  read: %.*s", (int)size, text);
}

static void read_link(struct enl_link *link)
{
    char text[64];
    ssize_t size = enl_receive(link, text, sizeof text, enl_in_ms(10000));

    if (size == -ECANCELED)
        printf("  enl_receive: interrupted\n");
    while (size == -ECANCELED) {
        enl_interrupt_clear(link);
        size = enl_receive(link, text, sizeof text, enl_in_ms(10000));
    }
    printf("  enl_receive: %.*s", (int)size, text);
}

static int show(const char *title, const struct enl_disposition *how, int fd,
                struct enl_link *writer)
{
    const struct enl_give give = {.fd = ENL_FD_ANY, .link = writer, .name = "line"};
    const struct enl_fork plan = {.run = disturb, .give = &give, .give_count = 1};
    struct enl_child *child;
    struct enl_status status;

    printf("%s\n", title);
    fflush(stdout);
    if (enl_disposition_set(SIGUSR1, how, NULL) < 0 || enl_fork(&plan, &child) < 0)
        return failed("fork");
    if (how->reaction == ENL_SIGNAL_INTERRUPT)
        read_link(how->link);
    else
        read_bare(fd);
    if (enl_child_wait(child, ENL_FOREVER, &status) < 0 || status.number != 0)
        return failed("wait");
    enl_child_close(child);
    printf("  signals came: %s\n", enl_signal_count(SIGUSR1) > 0 ? "yes" : "no");
    return 0;
}

int main(void)
{
    struct enl_disposition how = {.reaction = ENL_SIGNAL_COUNT};
    struct enl_link *reader, *writer;
    int fds[2], result;

    if (pipe(fds) != 0)
        return 1;
    if (enl_adopt(dup(fds[0]), "fd:?frame=raw", &reader) < 0 ||
        enl_adopt(fds[1], "fd:?frame=raw", &writer) < 0)
        return failed("adopt");
    result = show("counted:", &how, fds[0], writer);
    how.flags = ENL_SIGNAL_RESTART;
    if (result == 0)
        result = show("counted, and calls restart:", &how, fds[0], writer);
    how = (struct enl_disposition){.reaction = ENL_SIGNAL_INTERRUPT, .link = reader};
    if (result == 0)
        result = show("interrupts the link:", &how, fds[0], writer);
    if (enl_disposition_set(SIGUSR1, &(struct enl_disposition){0}, NULL) < 0)
        return failed("restore");
    enl_close(reader);
    enl_close(writer);
    close(fds[0]);
    return result;
}
