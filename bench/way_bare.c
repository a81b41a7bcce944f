/* SPDX-License-Identifier: MIT */
/* The bare ways: the kernel's own calls, as a program without a library would make them. */
#include "way.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int result(ssize_t r)
{
    return r < 0 ? -errno : 0;
}

int way_make_directory(char *ret_path, size_t size)
{
    const char *base = getenv("TMPDIR");

    (void)snprintf(ret_path, size, "%s/enlace-bench-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(ret_path) == NULL ? -errno : 0;
}

static int set_blocking(struct course *c, int fd)
{
    int flags = fcntl(fd, F_GETFL);

    flags = c->wait == WAIT_LOOK ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return result(fcntl(fd, F_SETFL, flags));
}

/* Byte streams may take and give a message in parts. */
static int write_stream(struct course *c, const void *data)
{
    const unsigned char *at = data;
    size_t left = c->size;

    while (left > 0) {
        ssize_t n = write(c->fd.send[c->side], at, left);

        if (n > 0) {
            at += n;
            left -= (size_t)n;
        } else if (n < 0 && (errno != EAGAIN || left == c->size)) {
            return -errno;
        }
    }
    return 0;
}

static int read_stream(struct course *c, void *buffer)
{
    unsigned char *at = buffer;
    size_t left = c->size;

    while (left > 0) {
        ssize_t n = read(c->fd.receive[c->side], at, left);

        if (n > 0) {
            at += n;
            left -= (size_t)n;
        } else if (n == 0) {
            return -ESHUTDOWN;
        } else if (errno != EAGAIN || left == c->size) {
            return -errno;
        }
    }
    return 0;
}

static void join(struct course *c, enum side side)
{
    int other = !side;

    c->side = side;
    if (c->fd.send[other] >= 0)
        close(c->fd.send[other]);
    if (c->fd.receive[other] >= 0 && c->fd.receive[other] != c->fd.send[other])
        close(c->fd.receive[other]);
}

/* Makes one direction: from the side given to the other one. */
typedef int direction_maker(struct course *c, enum side from);

static int make_directions(struct course *c, direction_maker *make)
{
    int r;

    for (int i = 0; i < 2; i++)
        c->fd.send[i] = c->fd.receive[i] = -1;
    r = make(c, SIDE_PING);
    if (r == 0 && c->pattern == PATTERN_ROUND_TRIP)
        r = make(c, SIDE_PONG);
    return r;
}

static int own(struct course *c, enum side from, const int fds[2])
{
    c->fd.receive[!from] = fds[0];
    c->fd.send[from] = fds[1];
    return set_blocking(c, fds[0]) < 0 || set_blocking(c, fds[1]) < 0 ? -errno : 0;
}

static int pipe_direction(struct course *c, enum side from)
{
    int fds[2];

    return pipe2(fds, O_CLOEXEC) < 0 ? -errno : own(c, from, fds);
}

static int make_pipe(struct course *c)
{
    return make_directions(c, pipe_direction);
}

/* The name is not needed once both ends are open. */
static int fifo_direction(struct course *c, enum side from)
{
    char directory[80], path[96];
    int fds[2] = {-1, -1}, r = way_make_directory(directory, sizeof directory);

    if (r < 0)
        return r;
    (void)snprintf(path, sizeof path, "%s/fifo", directory);
    r = result(mkfifo(path, 0600));
    if (r == 0) {
        fds[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        fds[1] = open(path, O_WRONLY | O_CLOEXEC);
        r = fds[0] < 0 || fds[1] < 0 ? -errno : own(c, from, fds);
        (void)unlink(path);
    }
    (void)rmdir(directory);
    return r;
}

static int make_fifo(struct course *c)
{
    return make_directions(c, fifo_direction);
}

static int socket_type(const struct course *c)
{
    if (strcmp(c->what, "stream") == 0 || strcmp(c->what, "tcp") == 0)
        return SOCK_STREAM;
    return strcmp(c->what, "seqpacket") == 0 ? SOCK_SEQPACKET : SOCK_DGRAM;
}

/* A socket of the loopback with a port of the kernel's choice, and its name. */
static int bind_loopback(int type, int *ret_fd, struct sockaddr_in *ret_name)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    if (bind(fd, (struct sockaddr *)&name, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&name, &size) < 0)
        return -errno;
    *ret_name = name;
    return 0;
}

static int pair_tcp(int ret_fds[2])
{
    struct sockaddr_in name;
    int listener = -1, on = 1, r = bind_loopback(SOCK_STREAM, &listener, &name);

    if (r == 0)
        r = result(listen(listener, 1));
    if (r == 0)
        r = result(ret_fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (r >= 0)
        r = result(connect(ret_fds[0], (struct sockaddr *)&name, sizeof name));
    if (r == 0)
        r = result(ret_fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    close(listener);
    for (int i = 0; i < 2 && r >= 0; i++)
        r = result(setsockopt(ret_fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    return r;
}

static int pair_udp(int ret_fds[2])
{
    struct sockaddr_in names[2];
    int r = bind_loopback(SOCK_DGRAM, &ret_fds[0], &names[0]);

    if (r == 0)
        r = bind_loopback(SOCK_DGRAM, &ret_fds[1], &names[1]);
    for (int i = 0; i < 2 && r == 0; i++)
        r = result(connect(ret_fds[i], (struct sockaddr *)&names[!i], sizeof names[0]));
    return r;
}

static int pair_sockets(const struct course *c, int ret_fds[2])
{
    if (strcmp(c->what, "tcp") == 0)
        return pair_tcp(ret_fds);
    if (strcmp(c->what, "udp") == 0)
        return pair_udp(ret_fds);
    return result(socketpair(AF_UNIX, socket_type(c) | SOCK_CLOEXEC, 0, ret_fds));
}

static int make_socket(struct course *c)
{
    int fds[2] = {-1, -1}, r = pair_sockets(c, fds);

    if (r < 0)
        return r;
    for (int i = 0; i < 2; i++) {
        c->fd.send[i] = c->fd.receive[i] = fds[i];
        if (set_blocking(c, fds[i]) < 0)
            return -errno;
    }
    return 0;
}

/* Messages come and go whole; on a stream, in parts. */
static int send_socket(struct course *c, const void *data)
{
    const unsigned char *at = data;
    size_t left = c->size;

    while (left > 0) {
        ssize_t n = send(c->fd.send[c->side], at, left, MSG_NOSIGNAL);

        if (n > 0) {
            at += n;
            left -= (size_t)n;
        } else if (n < 0 && (errno != EAGAIN || left == c->size)) {
            return -errno;
        }
    }
    return 0;
}

static int receive_socket(struct course *c, void *buffer)
{
    unsigned char *at = buffer;
    size_t left = c->size;

    while (left > 0) {
        ssize_t n = recv(c->fd.receive[c->side], at, left, 0);

        if (n > 0) {
            at += n;
            left -= (size_t)n;
        } else if (n == 0) {
            return -ESHUTDOWN;
        } else if (errno != EAGAIN || left == c->size) {
            return -errno;
        }
    }
    return 0;
}

#define CALL_NO_SIGNAL 0x100 /* RWF_NOSIGNAL, which not every libc names */

bool way_without_sigpipe(void)
{
    char byte = 0;
    struct iovec one = {.iov_base = &byte, .iov_len = 1};
    int fds[2];
    ssize_t r;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    r = pwritev2(fds[1], &one, 1, -1, CALL_NO_SIGNAL);
    close(fds[0]);
    close(fds[1]);
    return r == 1;
}

static int check_no_signal(struct course *c)
{
    if (way_without_sigpipe())
        return 0;
    (void)snprintf(c->error, sizeof c->error, "this kernel has no RWF_NOSIGNAL (Linux 6.18 has)");
    return -EOPNOTSUPP;
}

static int write_no_signal(struct course *c, const void *data)
{
    struct iovec rest = {.iov_base = (void *)(uintptr_t)data, .iov_len = c->size};

    while (rest.iov_len > 0) {
        ssize_t n = pwritev2(c->fd.send[c->side], &rest, 1, -1, CALL_NO_SIGNAL);

        if (n > 0) {
            rest.iov_base = (unsigned char *)rest.iov_base + n;
            rest.iov_len -= (size_t)n;
        } else if (n < 0 && (errno != EAGAIN || rest.iov_len == c->size)) {
            return -errno;
        }
    }
    return 0;
}

/* Whether a message of this size fits: asked of the kernel, with a pair that nobody reads. */
static int check_socket(struct course *c)
{
    int fds[2] = {-1, -1}, r = 0;
    void *data;

    if (socket_type(c) == SOCK_STREAM)
        return 0;
    data = calloc(1, c->size);
    if (data == NULL || pair_sockets(c, fds) < 0) {
        free(data);
        return -errno;
    }
    if (send(fds[0], data, c->size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) {
        r = -errno;
        (void)snprintf(c->error, sizeof c->error, "the bare %s socket does not take %zu bytes: %s",
                       c->what, c->size, strerror(-r));
    }
    close(fds[0]);
    close(fds[1]);
    free(data);
    return r;
}

const struct way way_pipe = {
    .name = "bare",
    .make = make_pipe,
    .join = join,
    .send = write_stream,
    .receive = read_stream,
};

const struct way way_pipe_no_signal = {
    .name = "bare, no SIGPIPE",
    .check = check_no_signal,
    .make = make_pipe,
    .join = join,
    .send = write_no_signal,
    .receive = read_stream,
};

const struct way way_fifo = {
    .name = "bare",
    .make = make_fifo,
    .join = join,
    .send = write_stream,
    .receive = read_stream,
};

const struct way way_socket = {
    .name = "bare",
    .check = check_socket,
    .make = make_socket,
    .join = join,
    .send = send_socket,
    .receive = receive_socket,
};
