/* SPDX-License-Identifier: MIT */
/* A connection over a UNIX socket: one process listens at a name, the other opens it, and both talk. */
#include <ctype.h>
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

static void to_capitals(char *text, ssize_t size)
{
    for (ssize_t i = 0; i < size; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
}

/* Answers each message in capital letters, until the client has gone. */
static int serve(struct enl_link *listener)
{
    struct enl_link *client;
    char text[100];
    ssize_t size;

    if (enl_accept(listener, ENL_FOREVER, &client) < 0)
        return failed("accept");
    while ((size = enl_receive(client, text, sizeof text, ENL_FOREVER)) >= 0) {
        to_capitals(text, size);
        if (enl_send(client, text, (size_t)size, ENL_FOREVER) < 0)
            return failed("answer");
    }
    enl_close(client);
    return size == -ESHUTDOWN ? 0 : failed("serve");
}

static int ask(const char *address)
{
    static const char *const words[] = {"one", "two", "three"};
    struct enl_link *server;
    struct enl_peer peer;
    char text[100];
    ssize_t size;

    if (enl_open(address, ENL_READ | ENL_WRITE, &server) < 0)
        return failed("open");
    if (enl_link_peer(server, &peer) < 0)
        return failed("peer");
    printf("says the kernel, the server is %s\n",
           peer.pid == getppid() ? "my parent" : "a stranger");
    for (int i = 0; i < 3; i++) {
        if (enl_send(server, words[i], strlen(words[i]), ENL_FOREVER) < 0)
            return failed("send");
        size = enl_receive(server, text, sizeof text, ENL_FOREVER);
        if (size < 0)
            return failed("receive");
        printf("%s -> %.*s\n", words[i], (int)size, text);
    }
    enl_close(server);
    return 0;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "unix:@enlace-unix_stream";
    struct enl_link *listener;
    int result;
    int status;

    if (enl_listen(address, &listener) < 0)
        return failed("listen");
    if (fork() == 0) {
        enl_close(listener); /* the parent's: the name stays */
        return ask(address);
    }
    result = serve(listener);
    enl_close(listener); /* removes the name */
    return wait(&status) < 0 || status != 0 || result != 0;
}
