/* SPDX-License-Identifier: MIT */
/* Signals as messages: their number is the type, their value the data. No handler, and nothing to be careful of. */
#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* Ordinary signals that wait are one; real-time signals queue, each with its value. */
static int child(void)
{
    char address[100];
    struct enl_link *parent;

    (void)snprintf(address, sizeof address, "signal:USR1,RTMIN?pid=%d", getppid());
    if (enl_open(address, ENL_WRITE, &parent) < 0)
        return failed("open to send");
    for (uintptr_t value = 1; value <= 3; value++) {
        struct enl_message m = {.data = &value, .size = sizeof value};

        m.type = SIGUSR1;
        if (enl_send_message(parent, &m, ENL_FOREVER) < 0)
            return failed("send");
        m.type = SIGRTMIN;
        if (enl_send_message(parent, &m, ENL_FOREVER) < 0)
            return failed("send");
    }
    enl_close(parent);
    return 0;
}

int main(void)
{
    uintptr_t value;
    struct enl_message m = {.data = &value, .capacity = sizeof value};
    struct enl_link *in;
    ssize_t size;
    int status;

    if (enl_open("signal:USR1,RTMIN", ENL_READ, &in) < 0)
        return failed("open");
    if (fork() == 0)
        _exit(child());
    if (wait(&status) < 0 || status != 0)
        return 1;
    while ((size = enl_receive_message(in, NULL, ENL_NOW, &m)) >= 0)
        printf("%s with the value %d\n", m.type == SIGUSR1 ? "USR1" : "RTMIN", (int)value);
    enl_close(in);
    return size == -EAGAIN ? 0 : failed("receive");
}
