/* SPDX-License-Identifier: MIT */
/* A zombie: a child that has ended keeps its entry until it is collected. One shown, one avoided, one whose handle was
 * closed early. */
#include <enlace/enlace.h>
#include <poll.h>
#include <stdio.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* The state of a process: R runs, S sleeps, Z has ended and was not collected, - has no entry any more. */
static char state_of(int pid)
{
    char path[32], state = '-';
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    if (file != NULL)
        fclose(file);
    return state;
}

int main(void)
{
    const char *const words[] = {"true", NULL};
    const struct enl_spawn how = {.argv = words};
    struct enl_child *child;
    struct pollfd end = {.events = POLLIN};
    int pid;

    if (enl_spawn(&how, &child) < 0)
        return failed("spawn");
    pid = enl_child_pid(child);
    end.fd = enl_child_fd(child);
    poll(&end, 1, -1); /* its end is an event, and does not collect it */
    printf("ended:             %c\n", state_of(pid));
    if (enl_child_wait(child, ENL_FOREVER, NULL) < 0)
        return failed("wait");
    printf("collected:         %c\n", state_of(pid));
    enl_child_close(child);

    if (enl_spawn(&how, &child) < 0)
        return failed("spawn");
    pid = enl_child_pid(child);
    enl_child_close(child); /* nobody will wait for it: a later call collects it */
    while (enl_reap() > 0)
        poll(NULL, 0, 1);
    printf("closed and reaped: %c\n", state_of(pid));

    if (enl_spawn(&how, NULL) < 0) /* nobody's child: init collects it */
        return failed("spawn");
    printf("detached:          no child of ours\n");
    return 0;
}
