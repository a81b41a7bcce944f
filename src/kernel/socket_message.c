/* SPDX-License-Identifier: MIT */
/* Messages of UNIX sockets: plain ones, and ones with descriptors, credentials or a name. */
#include "kernel/descriptor.h"
#include "kernel/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MUSL_CONTROL_MOST 1024

ssize_t socket_send(int fd, const void *data, size_t size, bool may_block)
{
    ssize_t count = send(fd, data, size, MSG_NOSIGNAL | (may_block ? 0 : MSG_DONTWAIT));

    return count >= 0 ? count : -errno;
}

ssize_t socket_receive(int fd, void *buffer, size_t size, bool may_block)
{
    ssize_t count = recv(fd, buffer, size, may_block ? 0 : MSG_DONTWAIT);

    return count >= 0 ? count : -errno;
}

ssize_t socket_receive_packet(int fd, void *buffer, size_t size, bool *ret_named, bool may_block)
{
    struct sockaddr name; /* its length alone is of interest, which the kernel tells whole */
    socklen_t name_size = sizeof name;
    ssize_t count =
        recvfrom(fd, buffer, size, MSG_TRUNC | (may_block ? 0 : MSG_DONTWAIT), &name, &name_size);

    *ret_named = count >= 0 && name_size > 0;
    return count >= 0 ? count : -errno;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * SOCKET_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
};

/* musl's sendmsg copies the control bytes, and has room for one descriptor less than the kernel takes. */
static ssize_t send_header(int fd, const struct msghdr *header, int flags)
{
    if (header->msg_controllen <= MUSL_CONTROL_MOST)
        return sendmsg(fd, header, flags);
    return syscall(SYS_sendmsg, fd, header, flags);
}

ssize_t socket_send_message(int fd, const struct socket_message *m, bool may_block)
{
    union control control;
    struct msghdr header = {
        .msg_name = m->name,
        .msg_namelen = m->name_size,
        .msg_iov = (struct iovec *)(uintptr_t)m->parts,
        .msg_iovlen = (size_t)m->part_count,
    };
    ssize_t count;

    if (m->fd_count > 0) {
        size_t bytes = sizeof(int) * m->fd_count;
        struct cmsghdr *part;

        header.msg_control = control.bytes;
        header.msg_controllen = (socklen_t)CMSG_SPACE(bytes);
        memset(control.bytes, 0, CMSG_SPACE(bytes));
        part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = (socklen_t)CMSG_LEN(bytes);
        memcpy(CMSG_DATA(part), m->fds, bytes);
    }
    count = send_header(fd, &header, MSG_NOSIGNAL | (may_block ? 0 : MSG_DONTWAIT));
    return count >= 0 ? count : -errno;
}

/* What does not fit is closed, and told. */
static void keep_fds(struct socket_message *m, const struct cmsghdr *part)
{
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
        if (m->fd_count < m->fd_capacity)
            m->fds[m->fd_count++] = fd;
        else {
            descriptor_close(fd);
            m->fds_lost = true;
        }
    }
}

static void read_control(struct socket_message *m, struct msghdr *header)
{
    struct cmsghdr *part;

    for (part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part)) {
        struct ucred sender;

        if (part->cmsg_level != SOL_SOCKET)
            continue;
        if (part->cmsg_type == SCM_RIGHTS)
            keep_fds(m, part);
        if (part->cmsg_type == SCM_CREDENTIALS && part->cmsg_len >= CMSG_LEN(sizeof sender)) {
            memcpy(&sender, CMSG_DATA(part), sizeof sender);
            m->has_sender = true;
            m->sender = (struct enl_peer){.pid = sender.pid, .uid = sender.uid, .gid = sender.gid};
        }
    }
}

static ssize_t receive_header(int fd, struct socket_message *m, int flags)
{
    union control control;
    struct msghdr header = {
        .msg_name = m->name,
        .msg_namelen = m->name != NULL ? ENL_PEER_NAME_SIZE : 0,
        .msg_iov = m->parts,
        .msg_iovlen = (size_t)m->part_count,
        .msg_control = control.bytes,
        /* room for fds only where they are wanted: the kernel drops the others by itself */
        .msg_controllen =
            m->fd_capacity > 0 ? sizeof control.bytes : CMSG_SPACE(sizeof(struct ucred)),
    };
    ssize_t count = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | (m->packets ? MSG_TRUNC : 0) | flags);

    m->fd_count = 0;
    m->fds_lost = m->has_sender = false;
    if (count < 0)
        return -errno;
    read_control(m, &header);
    m->fds_lost = m->fds_lost || (header.msg_flags & MSG_CTRUNC) != 0;
    m->cut = (header.msg_flags & MSG_TRUNC) != 0;
    m->name_size = m->name == NULL                            ? 0
                   : header.msg_namelen <= ENL_PEER_NAME_SIZE ? header.msg_namelen
                                                              : ENL_PEER_NAME_SIZE;
    return count;
}

ssize_t socket_receive_message(int fd, struct socket_message *m, bool may_block)
{
    return receive_header(fd, m, may_block ? 0 : MSG_DONTWAIT);
}

ssize_t socket_peek_message(int fd, struct socket_message *m)
{
    return receive_header(fd, m, MSG_PEEK | MSG_DONTWAIT);
}

ssize_t socket_peek(int fd, void *buffer, size_t size)
{
    ssize_t count = recv(fd, buffer, size, MSG_PEEK | MSG_DONTWAIT);

    return count >= 0 ? count : -errno;
}

ssize_t socket_send_many(int fd, const struct socket_item items[], size_t count, bool may_block)
{
    struct mmsghdr headers[SOCKET_BATCH];
    struct iovec parts[SOCKET_BATCH];
    int sent;

    if (count > SOCKET_BATCH)
        count = SOCKET_BATCH;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = items[i].data, .iov_len = items[i].size};
        headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    sent = sendmmsg(fd, headers, (unsigned)count, MSG_NOSIGNAL | (may_block ? 0 : MSG_DONTWAIT));
    return sent >= 0 ? sent : -errno;
}

ssize_t socket_receive_many(int fd, struct socket_item items[], size_t count)
{
    struct mmsghdr headers[SOCKET_BATCH];
    struct iovec parts[SOCKET_BATCH];
    struct sockaddr names[SOCKET_BATCH];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } controls[SOCKET_BATCH];
    int received;

    if (count > SOCKET_BATCH)
        count = SOCKET_BATCH;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = items[i].data, .iov_len = items[i].size};
        headers[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &names[i],
                                                  .msg_namelen = sizeof names[i],
                                                  .msg_iov = &parts[i],
                                                  .msg_iovlen = 1,
                                                  .msg_control = controls[i].bytes,
                                                  .msg_controllen = sizeof controls[i].bytes}};
    }
    received = recvmmsg(fd, headers, (unsigned)count, MSG_DONTWAIT, NULL);
    if (received < 0)
        return -errno;
    for (int i = 0; i < received; i++) {
        struct socket_message m = {.fd_capacity = 0};

        read_control(&m, &headers[i].msg_hdr);
        items[i].size = headers[i].msg_len;
        items[i].has_sender = m.has_sender;
        items[i].sender = m.sender;
        items[i].named = headers[i].msg_hdr.msg_namelen > 0;
        items[i].cut = (headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    return received;
}
