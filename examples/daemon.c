/* SPDX-License-Identifier: MIT */
/* A daemon: its starter returns when it says over a link that it is ready, and leaves it alone, in a session of its own,
 * in /, without a terminal: daemon SOCKET-PATH. It answers one client, and ends. */
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

/* The daemon itself. Only the link tells its starter what went wrong: its error stream is /dev/null. */
static int serve(const char *address)
{
    struct enl_link *ready, *listener, *client;
    char text[100];
    ssize_t size;

    if (enl_inherit("ready", ENL_WRITE, &ready) < 0)
        return 1;
    if (enl_listen(address, &listener) < 0) {
        enl_send(ready, enl_error_text(), strlen(enl_error_text()), ENL_FOREVER);
        return 1;
    }
    enl_send(ready, "ready", 5, ENL_FOREVER);
    enl_close(ready);
    if (enl_accept(listener, enl_in_ms(60000), &client) < 0)
        return 1;
    while ((size = enl_receive(client, text, sizeof text, ENL_FOREVER)) >= 0)
        enl_send(client, text, (size_t)size, ENL_FOREVER);
    enl_close(client);
    enl_close(listener);
    return 0;
}

int main(int argc, char **argv)
{
    char address[200], text[100];
    struct enl_link *ready[2];
    struct enl_give give[] = {{.fd = 0, .from_fd = ENL_NULL_DEVICE},
                              {.fd = 1, .from_fd = ENL_NULL_DEVICE},
                              {.fd = 2, .from_fd = ENL_NULL_DEVICE},
                              {.fd = ENL_FD_ANY, .name = "ready"}};
    const char *const words[] = {argv[0], argc > 1 ? argv[1] : "", "serve", NULL};
    ssize_t size;

    snprintf(address, sizeof address, "unix:%s?frame=line", words[1]);
    if (argc > 2)
        return serve(address);
    if (enl_pair("pipe:", ready) < 0)
        return failed("pair");
    give[3].link = ready[1];
    if (enl_spawn(&(struct enl_spawn){.program = "/proc/self/exe",
                                      .argv = words,
                                      .directory = "/",
                                      .give = give,
                                      .give_count = 4,
                                      .flags = ENL_SPAWN_SESSION},
                  NULL) < 0)
        return failed("spawn");
    enl_close(ready[1]);
    size = enl_receive(ready[0], text, sizeof text, ENL_FOREVER);
    if (size < 0)
        return failed("the daemon died before it was ready");
    printf("%.*s\n", (int)size, text);
    enl_close(ready[0]);
    return size != 5 || memcmp(text, "ready", 5) != 0;
}
