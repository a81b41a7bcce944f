/* SPDX-License-Identifier: MIT */
/* What goes with a message, and who sent it: descriptors, priority, type, credentials. What a
 * mechanism says it lacks it refuses, by name; what it says it has, it has. */
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- descriptors ----------------------------------------------------------------------------- */

enum { FDS = 3 };

struct files {
    int fds[FDS];
    struct stat status[FDS];
};

static void files_open(struct files *f)
{
    for (int i = 0; i < FDS; i++) {
        CHECK_OK(f->fds[i] = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        CHECK_EQ(fstat(f->fds[i], &f->status[i]), 0);
    }
}

static void files_close(struct files *f)
{
    for (int i = 0; i < FDS; i++)
        CHECK_EQ(close(f->fds[i]), 0);
}

/* What came is another descriptor of the same file, closed by exec; it is closed here. */
static void check_came(const struct files *f, const int fds[], unsigned count)
{
    struct stat status;

    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(fstat(fds[i], &status), 0);
        CHECK_EQ(status.st_ino, f->status[i].st_ino);
        CHECK(fds[i] != f->fds[i]);
        CHECK_EQ(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        CHECK_EQ(close(fds[i]), 0);
    }
}

static void send_with_fds(struct rig *r, struct files *f, unsigned count, unsigned number)
{
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .size = size_near(r, 64)};

    fill(buffer, m.size, 0, number);
    m.fds = f->fds;
    m.fd_count = count;
    CHECK_EQ(enl_send_message(r->sender, &m, test_until()), m.size);
    CHECK_OK(enl_flush(r->sender, test_until()));
}

/* Receives message `number` with room for so many descriptors. */
static void receive_with_fds(struct rig *r, struct enl_message *m, int fds[], unsigned room,
                             unsigned number)
{
    unsigned char buffer[128];

    *m = (struct enl_message){.data = buffer, .capacity = sizeof(buffer)};
    m->fds = fds;
    m->fd_capacity = room;
    CHECK_EQ(enl_receive_message(r->receiver, NULL, test_until(), m), size_near(r, 64));
    check_filled(buffer, m->size, 0, number);
}

static void descriptors_come_with_their_message(struct rig *r)
{
    struct enl_message m;
    struct files f;
    int fds[FDS];

    files_open(&f);
    for (unsigned count = FDS; count <= FDS; count--) {
        if (count > 0)
            send_with_fds(r, &f, count, count);
        else
            send_numbered(r->sender, size_near(r, 64), 0, 0);
        CHECK_OK(enl_flush(r->sender, test_until()));
        receive_with_fds(r, &m, fds, FDS, count);
        CHECK_EQ(m.fd_count, count);
        CHECK_EQ(m.flags, 0);
        check_came(&f, fds, count);
    }
    files_close(&f);
}

/* Many messages wait, some with descriptors: none gets those of another. */
static void descriptors_stay_with_their_message(struct rig *r)
{
    struct enl_message m;
    struct files f;
    int fds[FDS];

    files_open(&f);
    for (unsigned i = 0; i < 6; i++)
        send_with_fds(r, &f, i % 3, i);
    for (unsigned i = 0; i < 6; i++) {
        receive_with_fds(r, &m, fds, FDS, i);
        CHECK_EQ(m.fd_count, i % 3);
        check_came(&f, fds, i % 3);
    }
    files_close(&f);
}

static void taken_message_brings_its_descriptors(struct rig *r)
{
    struct enl_message m;
    struct files f;

    files_open(&f);
    send_with_fds(r, &f, 2, 0);
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    CHECK_EQ(m.fd_count, 2);
    check_came(&f, m.fds, 2);
    CHECK_OK(enl_release(&m));
    files_close(&f);
}

static void descriptors_without_room_are_told_and_closed(struct rig *r)
{
    unsigned char buffer[128];
    struct enl_message m;
    struct files f;
    int fds[FDS];

    files_open(&f);
    send_with_fds(r, &f, FDS, 0);
    receive_with_fds(r, &m, fds, 1, 0);
    CHECK_EQ(m.flags & ENL_FDS_LOST, ENL_FDS_LOST);
    CHECK(m.fd_count <= 1);
    check_came(&f, fds, m.fd_count);
    send_with_fds(r, &f, FDS, 1);
    receive_with_fds(r, &m, NULL, 0, 1);
    CHECK_EQ(m.flags & ENL_FDS_LOST, ENL_FDS_LOST);
    CHECK_EQ(m.fd_count, 0);
    send_with_fds(r, &f, FDS, 2);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), test_until()), size_near(r, 64));
    send_with_fds(r, &f, FDS, 3); /* never received: the runner finds none of them */
    files_close(&f);
}

/* The message does not fit and is kept: with its descriptors. */
static void kept_message_keeps_its_descriptors(struct rig *r)
{
    struct enl_message m;
    struct files f;
    int fds[FDS];

    files_open(&f);
    send_with_fds(r, &f, 2, 0);
    m = (struct enl_message){.data = &(char){0}, .capacity = 1, .fds = fds, .fd_capacity = FDS};
    CHECK_EQ(enl_receive_message(r->receiver, NULL, test_until(), &m), -EMSGSIZE);
    receive_with_fds(r, &m, fds, FDS, 0);
    CHECK_EQ(m.fd_count, 2);
    check_came(&f, fds, 2);
    files_close(&f);
}

static void descriptors_that_are_none_are_refused(struct rig *r)
{
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .size = size_near(r, 64)};
    int bad = -1;

    m.fds = &bad;
    m.fd_count = 1;
    CHECK_EQ(enl_send_message(r->sender, &m, test_until()), -EBADF);
    CHECK(enl_error_text()[0] != '\0');
    m.fds = NULL;
    CHECK_EQ(enl_send_message(r->sender, &m, test_until()), -EINVAL);
    CHECK_EQ(enl_receive(r->receiver, buffer, sizeof(buffer), ENL_NOW), -EAGAIN);
    check_works(r, 0);
}

/* ---- what is lacking ------------------------------------------------------------------------- */

static void init_plain(const struct rig *r, struct enl_message *m, unsigned char buffer[64])
{
    *m = (struct enl_message){.data = buffer, .size = size_near(r, 64), .capacity = 64};
    fill(buffer, m->size, 0, 0);
}

static void check_refused(struct rig *r, struct enl_message *m, uint32_t bit)
{
    unsigned char *data = m->data;

    CHECK_LACKS(enl_send_message(r->sender, m, ENL_NOW), bit);
    CHECK_LACKS(enl_send_messages(r->sender, m, 1, ENL_NOW), bit);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_EQ(enl_receive(r->receiver, data, 64, ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

static void without_it_descriptors_are_refused(struct rig *r)
{
    unsigned char buffer[64];
    struct enl_message m;
    int fd = STDERR_FILENO;

    init_plain(r, &m, buffer);
    m.fds = &fd;
    m.fd_count = 1;
    check_refused(r, &m, ENL_CAN_PASS_FDS);
}

static void without_it_priority_is_refused(struct rig *r)
{
    unsigned char buffer[64];
    struct enl_message m;

    init_plain(r, &m, buffer);
    m.priority = 1;
    check_refused(r, &m, ENL_CAN_PRIORITY);
}

static void without_them_types_are_refused(struct rig *r)
{
    static const enum enl_match_kind kinds[] = {ENL_MATCH_TYPE, ENL_MATCH_UP_TO, ENL_MATCH_ALL_BUT};
    struct enl_match match = {.kind = ENL_MATCH_ANY, .type = 5};
    unsigned char buffer[64];
    struct enl_message m;

    init_plain(r, &m, buffer);
    m.type = 7;
    check_refused(r, &m, ENL_CAN_TYPES);
    for (unsigned i = 0; i < 3; i++) {
        match.kind = kinds[i];
        init_plain(r, &m, buffer);
        CHECK_LACKS(enl_receive_message(r->receiver, &match, ENL_NOW, &m), ENL_CAN_TYPES);
        CHECK_LACKS(enl_take(r->receiver, &match, ENL_NOW, &m), ENL_CAN_TYPES);
    }
    match.kind = ENL_MATCH_ANY;
    send_numbered(r->sender, size_near(r, 64), 0, 3);
    CHECK_OK(enl_flush(r->sender, test_until()));
    init_plain(r, &m, buffer);
    CHECK_EQ(enl_receive_message(r->receiver, &match, test_until(), &m), size_near(r, 64));
    check_filled(buffer, m.size, 0, 3);
}

static void match_without_sense_is_refused(struct rig *r)
{
    struct enl_match match = {.kind = (enum enl_match_kind)77};
    unsigned char buffer[64];
    struct enl_message m;

    init_plain(r, &m, buffer);
    CHECK_EQ(enl_receive_message(r->receiver, &match, ENL_NOW, &m), -EINVAL);
}

/* ---- priority and types ---------------------------------------------------------------------- */

static void send_marked(struct rig *r, uint32_t priority, int64_t type, unsigned number)
{
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .size = size_near(r, 64)};

    fill(buffer, m.size, 0, number);
    m.priority = priority;
    m.type = type;
    CHECK_EQ(enl_send_message(r->sender, &m, test_until()), m.size);
    CHECK_OK(enl_flush(r->sender, test_until()));
}

static struct enl_message receive_marked(struct rig *r, enum enl_match_kind kind, int64_t type,
                                         unsigned number)
{
    struct enl_match match = {.kind = kind, .type = type};
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .capacity = sizeof(buffer)};

    CHECK_OK(enl_receive_message(r->receiver, &match, test_until(), &m));
    check_filled(buffer, m.size, 0, number);
    return m;
}

static void highest_priority_is_received_first(struct rig *r)
{
    static const uint32_t sent[] = {1, 5, 3, 5, 0, 1};
    static const unsigned order[] = {1, 3, 2, 0, 5, 4};

    for (unsigned i = 0; i < 6; i++)
        send_marked(r, sent[i], 0, i);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(receive_marked(r, ENL_MATCH_ANY, 0, order[i]).priority, sent[order[i]]);
}

static void types_are_matched(struct rig *r)
{
    static const int64_t sent[] = {4, 2, 9, 2, 7, 3, 9, 4};
    struct enl_match none = {.kind = ENL_MATCH_TYPE, .type = 1000};
    unsigned char buffer[64];
    struct enl_message m;

    for (unsigned i = 0; i < 8; i++)
        send_marked(r, 0, sent[i], i);
    init_plain(r, &m, buffer);
    CHECK_EQ(enl_receive_message(r->receiver, &none, ENL_NOW, &m), -EAGAIN);
    CHECK_EQ(receive_marked(r, ENL_MATCH_TYPE, 9, 2).type, 9);
    CHECK_EQ(receive_marked(r, ENL_MATCH_UP_TO, 4, 1).type, 2);
    CHECK_EQ(receive_marked(r, ENL_MATCH_UP_TO, 4, 3).type, 2);
    CHECK_EQ(receive_marked(r, ENL_MATCH_UP_TO, 4, 5).type, 3);
    CHECK_EQ(receive_marked(r, ENL_MATCH_ALL_BUT, 4, 4).type, 7);
    CHECK_EQ(receive_marked(r, ENL_MATCH_ANY, 0, 0).type, 4);
    CHECK_EQ(receive_marked(r, ENL_MATCH_TYPE, 4, 7).type, 4);
    CHECK_EQ(receive_marked(r, ENL_MATCH_ANY, 0, 6).type, 9);
}

/* ---- who it was ------------------------------------------------------------------------------ */

struct caller {
    struct rig *r;
    struct test_gate *done;
    atomic_uint *uid;
};

static void call_and_wait(void *argument)
{
    struct caller *c = argument;
    struct rig *r = c->r;

    atomic_store(c->uid, getuid());
    if (rig_way(r) == ENL_MEET_OPEN)
        rig_close_sender(r); /* the parent's */
    if (r->sender == NULL)
        CHECK_OK(enl_open_until(r->sender_address, rig_sender_flags(r), test_until(), &r->sender));
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    test_gate_wait(c->done);
    rig_close_sender(r);
}

static void kernel_says_who_the_peer_is(struct rig *r)
{
    struct caller c = {r, test_gate_new(), test_shared(sizeof(*c.uid))};
    struct enl_peer peer, peers[2];

    CHECK_OK(enl_listen(r->address, &r->listener));
    pid_t child = test_child(call_and_wait, &c);
    CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    CHECK_OK(enl_link_peer(r->receiver, &peer));
    CHECK_EQ(peer.pid, child);
    CHECK_EQ(peer.uid, atomic_load(c.uid));
    CHECK_EQ(peer.gid, getgid());
    CHECK_EQ(enl_link_peers(r->receiver, peers, 2), 1);
    CHECK_EQ(peers[0].pid, child);
    CHECK_EQ(enl_link_peers(r->receiver, NULL, 0), 1);
    test_gate_open(c.done);
    test_join(child);
}

static void kernel_says_who_made_the_pair(struct rig *r)
{
    struct enl_peer peer;

    CHECK_OK(enl_link_peer(r->receiver, &peer));
    CHECK_EQ(peer.pid, getpid());
    CHECK_EQ(peer.uid, getuid());
    CHECK_OK(enl_link_peer(r->sender, &peer));
    CHECK_EQ(peer.pid, getpid());
}

static void without_credentials_it_says_so(struct rig *r)
{
    struct enl_peer peer;

    CHECK_LACKS(enl_link_peer(r->receiver, &peer), ENL_CAN_CREDENTIALS);
    CHECK_LACKS(enl_link_peers(r->receiver, &peer, 1), ENL_CAN_CREDENTIALS);
}

static void kernel_says_who_sent_each_message(struct rig *r)
{
    struct caller c = {r, test_gate_new(), test_shared(sizeof(*c.uid))};
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .capacity = sizeof(buffer)};

    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_receive_message(r->receiver, NULL, test_until(), &m));
    CHECK_EQ(m.sender.pid, getpid());
    CHECK_EQ(m.sender.uid, getuid());
    pid_t child = test_child(call_and_wait, &c);
    CHECK_OK(enl_receive_message(r->receiver, NULL, test_until(), &m));
    CHECK_EQ(m.sender.pid, child);
    CHECK_EQ(m.sender.uid, atomic_load(c.uid));
    test_gate_open(c.done);
    test_join(child);
}

static void without_it_messages_name_no_sender(struct rig *r)
{
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .capacity = sizeof(buffer)};

    m.sender.pid = 99;
    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_OK(enl_receive_message(r->receiver, NULL, test_until(), &m));
    CHECK_EQ(m.sender.pid, 0);
}

/* ---- looking without taking ------------------------------------------------------------------ */

static void messages_are_looked_at_and_stay(struct rig *r)
{
    unsigned char buffer[64];
    struct enl_message m = {.data = buffer, .capacity = sizeof(buffer)};

    CHECK_EQ(enl_peek(r->receiver, 0, &m), -EAGAIN);
    for (unsigned i = 0; i < 3; i++)
        send_numbered(r->sender, size_near(r, 20 + i), 0, i);
    for (unsigned i = 0; i < 6; i++) {
        ssize_t size = enl_peek(r->receiver, i % 3, &m);
        if (size == -ENOSYS)
            SKIP("this kernel cannot: %s", enl_error_text());
        CHECK_EQ(size, size_near(r, 20 + i % 3));
        check_filled(buffer, m.size, 0, i % 3);
    }
    CHECK_EQ(enl_peek(r->receiver, 3, &m), -EAGAIN);
    m = (struct enl_message){.data = buffer, .capacity = 1};
    CHECK_EQ(enl_peek(r->receiver, 0, &m), -EMSGSIZE);
    for (unsigned i = 0; i < 3; i++)
        receive_numbered(r->receiver, size_near(r, 20 + i), 0, i);
    CHECK_EQ(enl_peek(r->receiver, 0, &m), -EAGAIN);
}

static void without_it_looking_is_refused(struct rig *r)
{
    unsigned char buffer[64];
    struct enl_message m;

    init_plain(r, &m, buffer);
    CHECK_LACKS(enl_peek(r->receiver, 0, &m), ENL_CAN_PEEK);
    check_works(r, 0);
}

/* ---- the row itself -------------------------------------------------------------------------- */

static void row_of_the_address_is_that_of_the_link(struct rig *r)
{
    struct enl_caps asked;

    CHECK_OK(enl_address_caps(r->address, &asked));
    const struct enl_caps *has = enl_link_caps(r->receiver);
    CHECK_EQ(has->can, asked.can);
    CHECK_EQ(has->meet, asked.meet);
    CHECK_EQ(has->reach, asked.reach);
    CHECK_EQ(has->senders, asked.senders);
    CHECK_EQ(has->receivers, asked.receivers);
    CHECK_EQ(has->largest_message, asked.largest_message);
    CHECK_OK(enl_address_caps(r->sender_address, &asked));
    CHECK_EQ(enl_link_caps(r->sender)->can, asked.can);
    CHECK(asked.largest_message > 0);
    CHECK(asked.senders > 0 && asked.receivers > 0);
}

static void row_names_every_way_to_meet(struct rig *r)
{
    struct enl_link *link, *ends[2];

    if ((r->caps.meet & ENL_MEET_PAIR) == 0)
        CHECK(enl_pair(r->address, ends) < 0);
    if ((r->caps.meet & ENL_MEET_LISTEN) == 0)
        CHECK(enl_listen(r->address, &link) < 0);
    if ((r->caps.meet & ENL_MEET_OPEN) == 0)
        CHECK(enl_open(r->address, ENL_READ | ENL_WRITE | ENL_CREATE, &link) < 0);
    if ((r->caps.meet & ENL_MEET_ADOPT) == 0)
        CHECK(enl_adopt(STDERR_FILENO, r->address, &link) < 0);
    else
        CHECK_EQ(enl_adopt(-1, r->address, &link), -EBADF);
    CHECK(enl_error_text()[0] != '\0');
}

static const struct suite_case cases[] = {
    CASE(descriptors_come_with_their_message, .needs = ENL_CAN_PASS_FDS),
    CASE(descriptors_stay_with_their_message, .needs = ENL_CAN_PASS_FDS | ENL_CAN_BOUNDARIES),
    CASE(taken_message_brings_its_descriptors, .needs = ENL_CAN_PASS_FDS),
    CASE(descriptors_without_room_are_told_and_closed, .needs = ENL_CAN_PASS_FDS),
    CASE(kept_message_keeps_its_descriptors, .needs = ENL_CAN_PASS_FDS | ENL_CAN_BOUNDARIES),
    CASE(descriptors_that_are_none_are_refused, .needs = ENL_CAN_PASS_FDS),
    CASE(without_it_descriptors_are_refused, .lacks = ENL_CAN_PASS_FDS),
    CASE(without_it_priority_is_refused, .lacks = ENL_CAN_PRIORITY),
    CASE(without_them_types_are_refused, .lacks = ENL_CAN_TYPES),
    CASE(match_without_sense_is_refused, .needs = ENL_CAN_TYPES),
    CASE(highest_priority_is_received_first, .needs = ENL_CAN_PRIORITY),
    CASE(types_are_matched, .needs = ENL_CAN_TYPES),
    CASE(kernel_says_who_the_peer_is, .needs = ENL_CAN_CREDENTIALS, .meet = ENL_MEET_LISTEN,
         .bare = true),
    CASE(kernel_says_who_made_the_pair, .needs = ENL_CAN_CREDENTIALS, .meet = ENL_MEET_PAIR),
    CASE(without_credentials_it_says_so, .lacks = ENL_CAN_CREDENTIALS),
    CASE(kernel_says_who_sent_each_message, .needs = ENL_CAN_SENDER),
    CASE(without_it_messages_name_no_sender, .lacks = ENL_CAN_SENDER),
    CASE(messages_are_looked_at_and_stay, .needs = ENL_CAN_PEEK | ENL_CAN_LOSSLESS),
    CASE(without_it_looking_is_refused, .lacks = ENL_CAN_PEEK),
    CASE(row_of_the_address_is_that_of_the_link),
    CASE(row_names_every_way_to_meet, .bare = true),
};
SUITE(cases)
