/* SPDX-License-Identifier: MIT */
/* How children end: with a status, by a signal, stopped meanwhile; and a program that cannot be started. */
#include <enlace/enlace.h>
#include <signal.h>
#include <stdio.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* Starts a script of the shell and tells all that happens to it. */
static int watch(const char *script)
{
    const char *const words[] = {"sh", "-c", script, NULL};
    struct enl_child *child;
    struct enl_status status;
    char text[ENL_STATUS_TEXT_MAX];

    if (enl_spawn(&(struct enl_spawn){.argv = words}, &child) < 0)
        return failed("spawn");
    do {
        if (enl_child_wait_change(child, ENL_FOREVER, &status) < 0)
            return failed("wait");
        printf("%-20s %s\n", script, enl_status_text(&status, text, sizeof text));
        if (status.change == ENL_STOPPED && enl_child_signal(child, SIGKILL, ENL_CHILD_ALONE) < 0)
            return failed("signal");
    } while (status.change == ENL_STOPPED || status.change == ENL_CONTINUED);
    enl_child_close(child);
    return 0;
}

int main(void)
{
    static const char *const scripts[] = {"exit 0",   "exit 1",        "exit 2",
                                          "exit 255", "kill -TERM $$", "kill -STOP $$"};
    const char *const missing[] = {"no-such-program", NULL};
    struct enl_child *child;

    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        if (watch(scripts[i]) != 0)
            return 1;
    if (enl_spawn(&(struct enl_spawn){.argv = missing}, &child) < 0)
        printf("%s\n", enl_error_text()); /* no child that exits with 127 */
    return 0;
}
