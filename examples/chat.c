/* SPDX-License-Identifier: MIT */
/* A chat of several clients over TCP: what one says, the server tells the others. Here three clients talk in
 * turn; by hand, `chat 7000` serves for ever and `nc localhost 7000` joins. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 16

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    exit(1);
}

static int says(const char *line, ssize_t size, const char *word)
{
    return (size_t)size == strlen(word) && memcmp(line, word, (size_t)size) == 0;
}

/* Joins, speaks when the one before has, and leaves when the last one has. */
static int talk(const char *address, const char *name, const char *before, const char *last)
{
    struct enl_link *room;
    char line[100];
    ssize_t size;

    if (enl_open_until(address, ENL_READ | ENL_WRITE, enl_in_ms(5000), &room) < 0)
        failed(name);
    do {
        size = enl_receive(room, line, sizeof line, enl_in_ms(5000));
        if (size >= 0 && says(line, size, before)) {
            enl_send(room, name, strlen(name), ENL_FOREVER);
            if (strcmp(name, last) == 0)
                break;
        }
    } while (size >= 0 && !says(line, size, last));
    enl_close(room);
    return size < 0;
}

/* What clients[from] said goes to the others. False when it has left. */
static int tell_others(struct enl_link *clients[], size_t count, size_t from)
{
    char line[1000];
    ssize_t size = enl_receive(clients[from], line, sizeof line, ENL_NOW);

    if (size == -EAGAIN)
        return 1;
    if (size < 0)
        return 0;
    printf("%.*s speaks\n", (int)size, line);
    for (size_t i = 1; i < count; i++)
        if (i != from)
            enl_send(clients[i], line, (size_t)size, ENL_NOW); /* who does not listen misses it */
    return 1;
}

/* links[0] is the listener, the others are clients. Ends when so many guests have come, been
 * welcomed, and gone. */
static void serve(struct enl_link *listener, int guests)
{
    struct enl_link *links[MOST] = {listener};
    size_t count = 1;
    int begun = 0;

    while (guests != 0) {
        if (enl_poll(links, count, ENL_FOREVER) < 0)
            failed("poll");
        for (size_t i = count - 1; i > 0; i--)
            if (enl_link_events(links[i]) != 0 && !tell_others(links, count, i)) {
                enl_close(links[i]);
                links[i] = links[--count];
                guests--;
            }
        if (count < MOST && enl_accept(listener, ENL_NOW, &links[count]) == 0)
            count++;
        if (guests > 0 && !begun && count == (size_t)guests + 1) {
            begun = 1;
            for (size_t i = 1; i < count; i++)
                enl_send(links[i], "welcome", 7, ENL_NOW);
        }
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"ana", "bela", "caio"};
    char address[ENL_ADDRESS_MAX] = "tcp:127.0.0.1:0?frame=line";
    struct enl_link *listener;

    if (argc > 1)
        snprintf(address, sizeof address, "tcp:127.0.0.1:%s?frame=line", argv[1]);
    if (enl_listen(address, &listener) < 0)
        failed("listen");
    if (argc > 1)
        serve(listener, -1);
    enl_link_address(listener, address, sizeof address); /* with the port that the system chose */
    strcat(address, "?frame=line");
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            enl_close(listener);
            _exit(talk(address, names[i], i > 0 ? names[i - 1] : "welcome", names[2]));
        }
    serve(listener, 3);
    enl_close(listener);
    for (int status = 0; wait(&status) > 0;)
        printf("a guest went home%s\n", status == 0 ? "" : " early");
    return 0;
}
