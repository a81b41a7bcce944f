/* SPDX-License-Identifier: MIT */
/* Internet sockets. */
#include "kernel/inet.h"

#include "base/error.h"
#include "kernel/descriptor.h"
#include "kernel/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A number must be one of a port; getaddrinfo() would take its lowest 16 bits. What is no number is a service's name. */
static int check_port(const char *text, const char *port)
{
    size_t digits = strspn(port, "0123456789");
    size_t zeros = strspn(port, "0");

    if (port[digits] != '\0' || digits - zeros < 5)
        return 0;
    if (digits - zeros == 5 && strcmp(port + zeros, "65535") <= 0)
        return 0;
    return error_set(-EINVAL, "\"%s\": port %s is out of range: 0 to 65535", text, port);
}

int inet_parse(const char *text, struct inet_name *ret_name)
{
    const char *end = strrchr(text, ':');
    const char *host = text;
    size_t size;
    int result;

    if (end == NULL || end[1] == '\0')
        return error_set(-EINVAL, "\"%s\" names no port: HOST:PORT, or [V6]:PORT", text);
    size = (size_t)(end - text);
    if (host[0] == '[') {
        if (size < 2 || host[size - 1] != ']')
            return error_set(-EINVAL,
                             "\"%s\": an IPv6 address stands in brackets, as in [::1]:7000", text);
        host++;
        size -= 2;
    } else if (memchr(host, ':', size) != NULL) {
        return error_set(-EINVAL, "\"%s\": an IPv6 address stands in brackets, as in [::1]:7000",
                         text);
    }
    if (size > INET_HOST_MAX || strlen(end + 1) >= sizeof ret_name->port)
        return error_set(-EINVAL, "\"%s\": the host has at most %d bytes, the port %zu", text,
                         INET_HOST_MAX, sizeof ret_name->port - 1);
    result = check_port(text, end + 1);
    if (result < 0)
        return result;
    memcpy(ret_name->host, host, size);
    ret_name->host[size] = '\0';
    memcpy(ret_name->port, end + 1, strlen(end + 1) + 1);
    return 0;
}

static int look_up(const struct inet_name *name, bool stream, bool serve,
                   struct addrinfo **ret_list)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = stream ? SOCK_STREAM : SOCK_DGRAM,
        .ai_flags = serve ? AI_PASSIVE : 0,
    };
    const char *host = name->host[0] == '\0' ? NULL : name->host;
    int result = getaddrinfo(host, name->port, &hints, ret_list);

    if (result == 0)
        return 0;
    if (result == EAI_SYSTEM)
        return error_set(-errno, "cannot look up %s:%s: %s", name->host, name->port,
                         strerror(errno));
    return error_set(result == EAI_SERVICE ? -EINVAL : -EHOSTUNREACH, "cannot look up %s:%s: %s",
                     name->host, name->port, gai_strerror(result));
}

/* The kernel may choose the very port that was asked for to connect from, where it is one of those for whoever wants
 * any: then the two halves of one socket have met, and nobody is there. */
static bool is_met_by_itself(int fd)
{
    char own[INET_TEXT_MAX], peer[INET_TEXT_MAX];

    return inet_local(fd, own) == 0 && inet_remote(fd, peer) == 0 && strcmp(own, peer) == 0;
}

/* One address, under the deadline. */
static int connect_one(const struct addrinfo *to, enl_deadline until, int *ret_fd)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    struct pollfd item = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int error = 0;
    int result = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        result = -errno;
        if (result == -EINPROGRESS)
            result = wait_for(&item, 1, NULL, 0, until);
        if (result > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        result = result < 0 ? result : -error;
    }
    if (result == 0 && to->ai_socktype == SOCK_STREAM && is_met_by_itself(fd))
        result = -ECONNREFUSED;
    if (result == 0)
        result = descriptor_set_blocking(fd, true);
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}

int inet_connect(const struct inet_name *name, bool stream, enl_deadline until, int *ret_fd)
{
    struct addrinfo *list;
    int result;

    if (strspn(name->port, "0") == strlen(name->port))
        return error_set(-EINVAL,
                         "%s:0: nobody is at port 0: it is for who listens, and gets a free one",
                         name->host);
    result = look_up(name, stream, false, &list);
    if (result < 0)
        return result;
    result = -EHOSTUNREACH;
    for (struct addrinfo *to = list; to != NULL; to = to->ai_next) {
        result = connect_one(to, until, ret_fd);
        if (result == 0)
            break;
    }
    freeaddrinfo(list);
    if (result == -EADDRNOTAVAIL)
        return error_set(result,
                         "no port or address of this machine is left to reach %s:%s from: see "
                         "/proc/sys/net/ipv4/ip_local_port_range",
                         name->host, name->port);
    if (result == -ETIMEDOUT)
        return error_set(result,
                         "%s:%s did not answer before the deadline: enl_open_until gives it "
                         "more time",
                         name->host, name->port);
    return result;
}

static int serve_one(const struct addrinfo *at, int backlog, bool reuse, int *ret_fd)
{
    bool stream = at->ai_socktype == SOCK_STREAM;
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | (stream ? SOCK_NONBLOCK : 0),
                    at->ai_protocol);
    int on = reuse;
    int off = 0;
    int result = 0;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        result = -errno;
    /* "every address" is IPv4's too */
    if (result == 0 && at->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (result == 0 && bind(fd, at->ai_addr, at->ai_addrlen) != 0)
        result = -errno;
    if (result == 0 && stream && listen(fd, backlog) != 0)
        result = -errno;
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}

int inet_serve(const struct inet_name *name, bool stream, int backlog, bool reuse, int *ret_fd)
{
    struct addrinfo *list;
    int result = look_up(name, stream, true, &list);

    if (result < 0)
        return result;
    result = -EADDRNOTAVAIL;
    /* of "every address", IPv6 first: it serves IPv4 as well */
    for (int pass = name->host[0] == '\0' ? 0 : 1; pass < 2 && result != 0; pass++)
        for (struct addrinfo *at = list; at != NULL && result != 0; at = at->ai_next)
            if (pass == 1 || at->ai_family == AF_INET6)
                result = serve_one(at, backlog, stream && reuse, ret_fd);
    freeaddrinfo(list);
    if (result == -EADDRINUSE && strcmp(name->port, "0") == 0)
        return error_set(result, "no port is free: see /proc/sys/net/ipv4/ip_local_port_range");
    if (result == -EADDRINUSE)
        return error_set(result, "somebody has %s:%s already", name->host, name->port);
    if (result == -EADDRNOTAVAIL)
        return error_set(result, "no interface of this machine has the address %s", name->host);
    if (result == -EACCES)
        return error_set(result,
                         "this user may not serve on port %s (below "
                         "/proc/sys/net/ipv4/ip_unprivileged_port_start)",
                         name->port);
    return result;
}

static int name_text(const struct sockaddr_storage *name, char ret_text[INET_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (name->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)name;

        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        (void)snprintf(ret_text, INET_TEXT_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
        return 0;
    }
    if (name->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)name;

        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        (void)snprintf(ret_text, INET_TEXT_MAX, "%s:%u", host, ntohs(v4->sin_port));
        return 0;
    }
    return -EAFNOSUPPORT;
}

int inet_local(int fd, char ret_text[INET_TEXT_MAX])
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;

    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 ? name_text(&name, ret_text)
                                                                 : -errno;
}

int inet_remote(int fd, char ret_text[INET_TEXT_MAX])
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;

    return getpeername(fd, (struct sockaddr *)&name, &size) == 0 ? name_text(&name, ret_text)
                                                                 : -errno;
}

static int set(int fd, int level, int option, unsigned value)
{
    int number = (int)value;

    return setsockopt(fd, level, option, &number, sizeof number) == 0 ? 0 : -errno;
}

int inet_set_nodelay(int fd, bool on)
{
    return set(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

int inet_set_keepalive(int fd, unsigned seconds)
{
    unsigned third = seconds >= 3 ? seconds / 3 : 1;
    int result = set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);

    if (result == 0)
        result = set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    if (result == 0)
        result = set(fd, IPPROTO_TCP, TCP_KEEPINTVL, third);
    if (result == 0)
        result = set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    return result;
}

bool inet_is(int fd, bool stream)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;
    int type = 0;
    socklen_t type_size = sizeof type;

    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
           (name.ss_family == AF_INET || name.ss_family == AF_INET6) &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 &&
           type == (stream ? SOCK_STREAM : SOCK_DGRAM);
}
