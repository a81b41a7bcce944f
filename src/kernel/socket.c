/* SPDX-License-Identifier: MIT */
/* UNIX sockets: making, meeting and asking. Messages are in socket_message.c. */
#include "kernel/socket.h"

#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/descriptor.h"
#include "kernel/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SIOCOUTQ_ 0x5411  /* SIOCOUTQ, of a header that musl systems lack */
#define LAST_PART_MOST 80 /* of a long path, behind its directory's /proc/self/fd/2147483647/ */
#define LOCK_WAIT_NS 2000000000 /* starters hold the lock for microseconds */

static const int types[] = {
    [SOCKET_STREAM] = SOCK_STREAM,
    [SOCKET_SEQPACKET] = SOCK_SEQPACKET,
    [SOCKET_DATAGRAM] = SOCK_DGRAM,
};

static int make(enum socket_type type, int flags, int *ret_fd)
{
    int fd = socket(AF_UNIX, types[type] | flags | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int socket_create_pair(enum socket_type type, int ret_fds[2])
{
    return socketpair(AF_UNIX, types[type] | SOCK_CLOEXEC, 0, ret_fds) == 0 ? 0 : -errno;
}

/* What stands in for a path: itself if it fits, else one through an open descriptor (ret_fd) of its directory
 * or, for connecting, of the socket. */
struct address {
    struct sockaddr_un name;
    socklen_t size;
    int fd;
};

static int address_of_abstract(const struct socket_name *name, struct address *ret)
{
    if (name->size > sizeof ret->name.sun_path - 1)
        return error_set(-ENAMETOOLONG, "an abstract name has at most %zu bytes, this one has %zu",
                         sizeof ret->name.sun_path - 1, name->size);
    memcpy(ret->name.sun_path + 1, name->bytes, name->size);
    ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + name->size);
    return 0;
}

static int address_of(const struct socket_name *name, bool exists, struct address *ret)
{
    const char *slash = strrchr(name->bytes, '/');
    char directory[PATH_MAX];

    *ret = (struct address){.name.sun_family = AF_UNIX, .size = sizeof ret->name, .fd = -1};
    if (name->abstract)
        return address_of_abstract(name, ret);
    if (name->size < sizeof ret->name.sun_path) {
        memcpy(ret->name.sun_path, name->bytes, name->size + 1);
        return 0;
    }
    if (exists) {
        ret->fd = open(name->bytes, O_PATH | O_CLOEXEC);
        if (ret->fd < 0)
            return -errno;
        (void)snprintf(ret->name.sun_path, sizeof ret->name.sun_path, "/proc/self/fd/%d", ret->fd);
        return 0;
    }
    if (slash == NULL || (size_t)(slash - name->bytes) >= sizeof directory ||
        strlen(slash + 1) > LAST_PART_MOST)
        return error_set(-ENAMETOOLONG, "the last part of a socket's path has at most %d bytes: %s",
                         LAST_PART_MOST, slash == NULL ? name->bytes : slash + 1);
    memcpy(directory, name->bytes, (size_t)(slash - name->bytes));
    directory[slash - name->bytes] = '\0';
    ret->fd = open(slash == name->bytes ? "/" : directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (ret->fd < 0)
        return -errno;
    (void)snprintf(ret->name.sun_path, sizeof ret->name.sun_path, "/proc/self/fd/%d/%.80s", ret->fd,
                   slash + 1);
    return 0;
}

/* The kernel says of all that is no socket what it says of a socket without a listener. */
static int explain_refusal(const struct socket_name *name)
{
    struct stat facts;

    if (name->abstract || stat(name->bytes, &facts) != 0 || S_ISSOCK(facts.st_mode))
        return -ECONNREFUSED;
    return error_set(-EINVAL, "%s is there and is not a socket: choose another path", name->bytes);
}

int socket_connect(enum socket_type type, const struct socket_name *name, int *ret_fd)
{
    struct address address;
    int result = address_of(name, true, &address);
    int fd = -1;

    /* A full backlog must answer, not make us wait. */
    if (result == 0)
        result = make(type, SOCK_NONBLOCK, &fd);
    if (result == 0 && connect(fd, (struct sockaddr *)&address.name, address.size) != 0)
        result = -errno;
    if (result == 0 && fcntl(fd, F_SETFL, 0) != 0) /* a new one has no other flags */
        result = -errno;
    descriptor_close(address.fd);
    if (result < 0) {
        descriptor_close(fd);
        return result == -ECONNREFUSED ? explain_refusal(name) : result;
    }
    *ret_fd = fd;
    return 0;
}

/* Whether somebody lives at a path that is taken. A datagram socket asks without being noticed: a listener
 * answers EPROTOTYPE, where a connection would look like a peer that comes and goes. */
static int probe(const struct socket_name *name)
{
    int fd = -1;
    int result = socket_connect(SOCKET_DATAGRAM, name, &fd);

    if (result == 0)
        descriptor_close(fd);
    if (result == -ECONNREFUSED)
        return 0;
    if (result == -EACCES)
        return error_set(-EADDRINUSE, "%s is taken, and this user may not ask by whom",
                         name->bytes);
    return error_set(-EADDRINUSE, "somebody listens on %s already", name->bytes);
}

static int bind_path(int fd, const struct socket_name *name, const struct address *address)
{
    struct path_facts facts;
    int result;

    if (bind(fd, (const struct sockaddr *)&address->name, address->size) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    result = path_facts(name->bytes, &facts);
    if (result < 0)
        return result;
    if (facts.kind != PATH_SOCKET)
        return error_set(-EADDRINUSE,
                         "%s is there and is not a socket: choose another path, or remove it first",
                         name->bytes);
    result = probe(name);
    if (result < 0)
        return result;
    result = path_remove(name->bytes);
    if (result < 0)
        return error_set(result, "%s was left by a dead process and cannot be removed",
                         name->bytes);
    return bind(fd, (const struct sockaddr *)&address->name, address->size) == 0 ? 0 : -errno;
}

/* Under the directory's lock: between bind and listen nobody takes the socket for a dead one. */
static int serve_path(int fd, enum socket_type type, const struct socket_name *name, uint32_t mode,
                      int backlog)
{
    struct address address;
    int lock_fd;
    int result = address_of(name, false, &address);

    if (result < 0)
        return result;
    result = path_lock_directory(name->bytes, clock_now_ns() + LOCK_WAIT_NS, &lock_fd);
    if (result == 0) {
        /* born with no more than this mode; the umask may take bits away, which come back below */
        result = descriptor_set_mode(fd, mode);
        if (result == 0)
            result = bind_path(fd, name, &address);
        if (result == 0) {
            result = path_set_mode(name->bytes, mode);
            if (result == 0 && type != SOCKET_DATAGRAM && listen(fd, backlog) != 0)
                result = -errno;
            if (result < 0)
                (void)path_remove(name->bytes);
        }
        descriptor_close(lock_fd);
    }
    descriptor_close(address.fd);
    return result;
}

static int serve_abstract(int fd, enum socket_type type, const struct socket_name *name,
                          int backlog)
{
    struct address address;
    int result = address_of(name, false, &address);

    if (result < 0)
        return result;
    if (bind(fd, (const struct sockaddr *)&address.name, address.size) != 0)
        return errno == EADDRINUSE
                   ? error_set(-EADDRINUSE, "somebody has the abstract name @%.*s already",
                               (int)name->size, name->bytes)
                   : -errno;
    if (type != SOCKET_DATAGRAM && listen(fd, backlog) != 0)
        return -errno;
    return 0;
}

int socket_serve(enum socket_type type, const struct socket_name *name, uint32_t mode, int backlog,
                 int *ret_fd)
{
    int fd = -1;
    int result = make(type, 0, &fd);

    if (result < 0)
        return result;
    if (type != SOCKET_DATAGRAM)
        result = descriptor_set_blocking(fd, false); /* accept asks, it never waits */
    if (result == 0)
        result = name->abstract ? serve_abstract(fd, type, name, backlog)
                                : serve_path(fd, type, name, mode, backlog);
    if (result < 0) {
        descriptor_close(fd);
        return result;
    }
    *ret_fd = fd;
    return 0;
}

int socket_accept(int listener_fd, int *ret_fd)
{
    int fd;

    do
        fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int socket_bind_any(int fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    return bind(fd, (struct sockaddr *)&name, sizeof name.sun_family) == 0 ? 0 : -errno;
}

static int option(int fd, int name, int *ret_value)
{
    socklen_t size = sizeof *ret_value;

    return getsockopt(fd, SOL_SOCKET, name, ret_value, &size) == 0 ? 0 : -errno;
}

int socket_facts(int fd, struct socket_facts *ret_facts)
{
    int family = 0, type = 0, listens = 0;
    int result = option(fd, SO_DOMAIN, &family);

    if (result == 0)
        result = option(fd, SO_TYPE, &type);
    if (result == 0)
        result = option(fd, SO_ACCEPTCONN, &listens);
    if (result < 0)
        return result;
    *ret_facts = (struct socket_facts){
        .family = family,
        .type = type == SOCK_STREAM  ? SOCKET_STREAM
                : type == SOCK_DGRAM ? SOCKET_DATAGRAM
                                     : SOCKET_SEQPACKET,
        .listens = listens != 0,
    };
    return 0;
}

int socket_take_error(int fd)
{
    int error = 0;
    int result = option(fd, SO_ERROR, &error);

    return result < 0 ? result : -error;
}

int socket_capacity(int fd, size_t *ret_bytes)
{
    int bytes;
    int result = option(fd, SO_SNDBUF, &bytes);

    if (result == 0)
        *ret_bytes = (size_t)bytes;
    return result;
}

int socket_set_capacity(int fd, size_t bytes)
{
    int half = bytes / 2 > INT_MAX / 2 ? INT_MAX / 2 : (int)(bytes / 2); /* the kernel doubles it */
    size_t got = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof half) != 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof half) != 0)
        return error_set(-errno, "the kernel refuses a capacity of %zu bytes", bytes);
    (void)socket_capacity(fd, &got);
    if (got < bytes - 1)
        return error_set(-EPERM,
                         "needs a send buffer of %zu bytes, the kernel gives %zu: raise "
                         "/proc/sys/net/core/wmem_max to %zu",
                         bytes, got, bytes / 2);
    return 0;
}

int socket_set_message_size(int fd, size_t bytes)
{
    size_t needs = bytes + 64; /* the kernel keeps 32 of them, and rounds */
    size_t has = 0;
    int result = socket_capacity(fd, &has);

    if (result < 0 || has >= needs)
        return result;
    return socket_set_capacity(fd, needs);
}

void socket_shut_down(int fd)
{
    (void)shutdown(fd, SHUT_RDWR);
}

int socket_end_sending(int fd)
{
    return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
}

int socket_want_sender(int fd)
{
    int on = 1;

    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 ? 0 : -errno;
}

int socket_peer(int fd, struct enl_peer *ret_peer)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return -errno;
    if (peer.uid == (uid_t)-1 && peer.pid == 0)
        return -ENOTCONN;
    *ret_peer = (struct enl_peer){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
    return 0;
}

int socket_unreceived(int fd, size_t *ret_bytes)
{
    int bytes;

    if (ioctl(fd, SIOCOUTQ_, &bytes) != 0)
        return -errno;
    *ret_bytes = bytes > 0 ? (size_t)bytes : 0;
    return 0;
}
