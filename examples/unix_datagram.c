/* SPDX-License-Identifier: MIT */
/* Datagrams: one socket receives from anybody, and answers each to the name that its message came with. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ASKERS 3

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* No connection: who opens it to read as well gets a name of the kernel's choice, for the answer. */
static int ask(const char *address, int number)
{
    struct enl_link *server;
    char text[100], expected[100];
    ssize_t size;

    (void)snprintf(text, sizeof text, "%d", number);
    (void)snprintf(expected, sizeof expected, "%d squared is %d", number, number * number);
    if (enl_open(address, ENL_READ | ENL_WRITE, &server) < 0)
        return failed("open");
    if (enl_send(server, text, strlen(text), ENL_FOREVER) < 0)
        return failed("ask");
    size = enl_receive(server, text, sizeof text - 1, ENL_FOREVER);
    if (size < 0)
        return failed("the answer");
    text[size] = '\0';
    enl_close(server);
    return strcmp(text, expected) != 0;
}

static int answer(struct enl_link *server)
{
    char text[100];
    struct enl_message m = {.data = text, .capacity = sizeof text - 1};
    int number;

    if (enl_receive_message(server, NULL, ENL_FOREVER, &m) < 0)
        return failed("receive");
    text[m.size] = '\0';
    if (sscanf(text, "%d", &number) != 1)
        return 1;
    m.size = (size_t)snprintf(text, sizeof text, "%d squared is %d", number, number * number);
    /* m still has the sender's name: that is where it goes now */
    return enl_send_message(server, &m, ENL_FOREVER) < 0 ? failed("answer") : 0;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "unix:@enlace-unix_datagram?type=datagram";
    struct enl_link *server;
    int result = 0;
    int status;

    if (enl_open(address, ENL_READ | ENL_WRITE | ENL_CREATE, &server) < 0)
        return failed("create");
    for (int i = 0; i < ASKERS; i++)
        if (fork() == 0)
            _exit(ask(address, i + 2));
    for (int i = 0; i < ASKERS && result == 0; i++)
        result = answer(server);
    enl_close(server); /* removes the name */
    for (int i = 0; i < ASKERS; i++)
        if (wait(&status) < 0 || status != 0)
            result = 1;
    if (result == 0)
        printf("%d questions came over one socket, and each asker got its own answer\n", ASKERS);
    return result;
}
