/* SPDX-License-Identifier: MIT */
/* An echo over bare sockets, to compare with echo_server.c: no messages, and one client that does not read its
 * answers stops all others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int set;

static int failed(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        failed("watch");
}

static void welcome(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0)
        watch(fd);
}

/* One step: returns whether the client is still there. */
static int serve(int fd)
{
    char bytes[65536];
    ssize_t size = read(fd, bytes, sizeof bytes);
    ssize_t sent = 0;

    while (sent < size) {
        ssize_t r = send(fd, bytes + sent, (size_t)(size - sent), MSG_NOSIGNAL);

        if (r < 0)
            return 0;
        sent += r;
    }
    return size > 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct epoll_event events[64];
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int clients = argc > 2 ? atoi(argv[2]) : 1; /* so many, then it ends */

    set = epoll_create1(EPOLL_CLOEXEC);
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s", argc > 1 ? argv[1] : "/tmp/echo");
    unlink(name.sun_path);
    if (bind(listener, (struct sockaddr *)&name, sizeof name) < 0 || listen(listener, 128) < 0)
        failed("listen");
    watch(listener);
    while (clients > 0) {
        int count = epoll_wait(set, events, 64, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == listener) {
                welcome(listener);
            } else if (!serve(fd)) {
                close(fd);
                clients--;
            }
        }
    }
    close(listener);
    unlink(name.sun_path);
    printf("the last client has left\n");
    return 0;
}
