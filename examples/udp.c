/* SPDX-License-Identifier: MIT */
/* UDP: each message goes by itself, and may be lost on the way; so who asks waits a while, and asks again. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int ask(const char *address)
{
    struct enl_link *server;
    char text[100];
    ssize_t size = -ETIMEDOUT;

    if (enl_open(address, ENL_READ | ENL_WRITE, &server) < 0)
        return failed("open");
    for (int tries = 0; size == -ETIMEDOUT && tries < 10; tries++) {
        if (enl_send(server, "who are you?", 12, ENL_FOREVER) < 0)
            return failed("ask");
        size = enl_receive(server, text, sizeof text, enl_in_ms(1000));
    }
    if (size < 0)
        return failed("the answer");
    printf("who are you? -> %.*s\n", (int)size, text);
    enl_close(server);
    return 0;
}

/* Answers whoever asks, until the asker is content. */
static int answer(struct enl_link *server, pid_t asker)
{
    char text[100];
    struct enl_message m = {.data = text, .capacity = sizeof text};
    ssize_t size = -ETIMEDOUT;
    int status;

    while (waitpid(asker, &status, WNOHANG) == 0) {
        size = enl_receive_message(server, NULL, enl_in_ms(10), &m);
        if (size == -ETIMEDOUT)
            continue;
        if (size < 0)
            return failed("receive");
        m.size = (size_t)snprintf(text, sizeof text, "a server");
        if (enl_send_message(server, &m, ENL_FOREVER) < 0) /* to the name that came with it */
            return failed("answer");
    }
    return status != 0;
}

int main(int argc, char **argv)
{
    struct enl_link *server;
    char address[ENL_ADDRESS_MAX];
    int result;
    pid_t asker;

    /* who creates it is the one that others know by its address */
    if (enl_open(argc > 1 ? argv[1] : "udp:127.0.0.1:0", ENL_READ | ENL_WRITE | ENL_CREATE,
                 &server) < 0 ||
        enl_link_address(server, address, sizeof address) < 0)
        return failed("create");
    asker = fork();
    if (asker == 0) {
        enl_close(server);
        return ask(address);
    }
    result = answer(server, asker);
    enl_close(server);
    return result;
}
