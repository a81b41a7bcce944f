/* SPDX-License-Identifier: MIT */
/* Bare peers, by sockets alone. */
#include "hostile/bare.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NEED(condition) ((condition) ? (void)0 : lack(__LINE__, #condition))

static _Noreturn void lack(int line, const char *condition)
{
    (void)fprintf(stderr, "bare.c:%d: %s does not hold: %s; %s\n", line, condition, strerror(errno),
                  enl_error_text());
    abort();
}

static int make_socket(const char *path, struct sockaddr_un *ret_name)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memset(ret_name, 0, sizeof *ret_name);
    ret_name->sun_family = AF_UNIX;
    NEED(strlen(path) < sizeof ret_name->sun_path);
    memcpy(ret_name->sun_path, path, strlen(path));
    NEED(fd >= 0);
    return fd;
}

int bare_listen(const char *path)
{
    struct sockaddr_un name;
    int fd = make_socket(path, &name);

    (void)unlink(path);
    NEED(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    NEED(listen(fd, 64) == 0);
    return fd;
}

int bare_connect(const char *path)
{
    struct sockaddr_un name;
    int fd = make_socket(path, &name);

    NEED(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    return fd;
}

int bare_accept(int listener_fd)
{
    struct pollfd p = {.fd = listener_fd, .events = POLLIN};
    int fd;

    while (poll(&p, 1, -1) < 0)
        NEED(errno == EINTR);
    fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    NEED(fd >= 0);
    return fd;
}

bool bare_say(int fd, const void *data, size_t size, const int fds[], unsigned fd_count)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * BARE_FDS_MOST)];
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd_count > 0) {
        struct cmsghdr *head = (void *)control;

        memset(control, 0, sizeof control);
        m.msg_control = control;
        m.msg_controllen = (socklen_t)CMSG_SPACE(sizeof(int) * fd_count);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = (socklen_t)CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
    }
    return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void bare_hear(int fd, struct bare_hello *ret_hello)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct iovec part = {ret_hello->bytes, sizeof ret_hello->bytes};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof ret_hello->fds)];
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t size;

    memset(ret_hello, 0, sizeof *ret_hello);
    while (poll(&p, 1, -1) < 0)
        NEED(errno == EINTR);
    size = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    NEED(size > 0);
    ret_hello->size = (size_t)size;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        ret_hello->fd_count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(ret_hello->fds, CMSG_DATA(c), ret_hello->fd_count * sizeof(int));
    }
}

void bare_overhear(const char *path, const char *address, struct bare_hello *ret_hello)
{
    int listener = bare_listen(path), fd;
    struct enl_link *opener;

    NEED(enl_open(address, ENL_READ | ENL_WRITE, &opener) == 0);
    NEED(enl_send(opener, "", 0, ENL_NOW) == 0); /* it greets with the first message */
    fd = bare_accept(listener);
    bare_hear(fd, ret_hello);
    enl_close(opener);
    (void)close(fd);
    (void)close(listener);
    (void)unlink(path);
}

void bare_forget(struct bare_hello *hello)
{
    while (hello->fd_count > 0)
        (void)close(hello->fds[--hello->fd_count]);
}
