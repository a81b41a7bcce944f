/* SPDX-License-Identifier: MIT */
/* Peers that flood, stall, meet by halves, or share what they should not: their victim's calls end by their deadlines, honest
 * peers are served meanwhile, and nothing is left over. */
#include "hostile/bare.h"
#include "runner/test.h"
#include "shm/channel_layout.h"
#include "shm/segment.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS "?message=200&depth=4&fds=2&mode=0666"

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

/* The place where victim and peer meet. */
struct place {
    const char *path;
    char address[200];
    struct enl_link *listener;
    struct test_gate *gate;
};

static void open_place(struct place *p)
{
    *p = (struct place){.path = test_temp_path("place"), .gate = test_gate_new()};
    (void)snprintf(p->address, sizeof p->address, "channel:%s%s", p->path, OPTIONS);
}

static void listen_there(struct place *p)
{
    CHECK_OK(enl_listen(p->address, &p->listener));
}

/* What an honest opener would say there. */
static void overhear(struct bare_hello *hello)
{
    const char *path = test_temp_path("overheard");
    char address[200];

    (void)snprintf(address, sizeof address, "channel:%s%s", path, OPTIONS);
    bare_overhear(path, address, hello);
    CHECK(hello->fd_count >= 2);
}

static void serve_an_honest_one(struct place *p)
{
    struct enl_link *client, *server;
    char text[8];

    CHECK_OK(enl_open_until(p->address, ENL_READ | ENL_WRITE, test_until(), &client));
    CHECK_OK(enl_accept(p->listener, test_until(), &server));
    CHECK_EQ(enl_send(client, "honest", 6, test_until()), 6);
    CHECK_EQ(enl_receive(server, text, sizeof text, test_until()), 6);
    CHECK_EQ(enl_send(server, "served", 6, test_until()), 6);
    CHECK_EQ(enl_receive(client, text, sizeof text, test_until()), 6);
    enl_close(client);
    enl_close(server);
}

static bool is_end(ssize_t result)
{
    return result == -ESHUTDOWN || result == -ECONNRESET || result == -EPIPE ||
           result == -EBADMSG || result == -EPROTO;
}

/* ---- half handshakes ---------------------------------------------------------------------------------------- */

TEST(peers_that_connect_and_say_nothing_hold_nobody_up)
{
    struct place p;
    struct enl_link *silent[8];
    char text[8];
    int fds[8];

    open_place(&p);
    listen_there(&p);
    for (unsigned i = 0; i < 8; i++) {
        fds[i] = bare_connect(p.path);
        CHECK_OK(enl_accept(p.listener, test_until(), &silent[i]));
        CHECK_EQ(enl_receive(silent[i], text, sizeof text, ENL_NOW), -EAGAIN);
        CHECK_EQ(enl_receive(silent[i], text, sizeof text, enl_in_ms(5)), -ETIMEDOUT);
    }
    serve_an_honest_one(&p);
    for (unsigned i = 0; i < 8; i++) {
        (void)close(fds[i]);
        CHECK(is_end(enl_receive(silent[i], text, sizeof text, test_until())));
        enl_close(silent[i]);
    }
    enl_close(p.listener);
}

TEST(peers_that_hang_up_before_they_are_accepted_hold_nobody_up)
{
    struct place p;
    struct bare_hello hello;
    struct enl_link *l;
    char text[8];

    overhear(&hello);
    open_place(&p);
    listen_there(&p);
    for (unsigned i = 0; i < 8; i++) {
        int fd = bare_connect(p.path);

        if (i % 2 != 0)
            (void)bare_say(fd, hello.bytes, hello.size, hello.fds, hello.fd_count);
        if (i % 4 == 2)
            (void)bare_say(fd, hello.bytes, hello.size / 2, hello.fds, 1);
        (void)close(fd);
    }
    for (unsigned i = 0; i < 8; i++) {
        int result = enl_accept(p.listener, ENL_NOW, &l);

        if (result < 0)
            continue; /* it may be left out */
        do            /* the hello was that of one who had sent a message */
            result = (int)enl_receive(l, text, sizeof text, test_until());
        while (result == 0);
        CHECK(is_end(result));
        enl_close(l);
    }
    serve_an_honest_one(&p);
    enl_close(p.listener);
    bare_forget(&hello);
}

TEST(a_backlog_full_of_silent_peers_is_told_and_passes)
{
    struct place p;
    struct enl_link *l;
    int result, count = 0;

    open_place(&p);
    listen_there(&p);
    while ((result = enl_open(p.address, ENL_READ | ENL_WRITE, &l)) >= 0 && count++ < 10000)
        enl_close(l); /* what it left stays in the backlog */
    CHECK_EQ(result, -EAGAIN);
    CHECK_EQ(enl_open_until(p.address, ENL_READ | ENL_WRITE, enl_in_ms(20), &l), -ETIMEDOUT);
    while (enl_accept(p.listener, ENL_NOW, &l) >= 0)
        enl_close(l);
    serve_an_honest_one(&p);
    enl_close(p.listener);
}

/* ---- floods ------------------------------------------------------------------------------------------------- */

TEST(descriptors_that_nobody_asked_for_are_closed)
{
    struct place p;
    struct bare_hello hello;
    struct enl_link *l;
    int many[BARE_FDS_MOST];
    char text[8];
    ssize_t result = 0;

    overhear(&hello);
    open_place(&p);
    listen_there(&p);
    for (unsigned i = 0; i < BARE_FDS_MOST; i++)
        many[i] = 0;
    for (unsigned round = 0; round < 3; round++) {
        int fd = bare_connect(p.path);
        int before;

        CHECK_OK(enl_accept(p.listener, test_until(), &l));
        if (round == 1) /* a hello with far more than it may bring */
            (void)bare_say(fd, hello.bytes, hello.size, many, BARE_FDS_MOST);
        if (round == 2)
            CHECK(bare_say(fd, hello.bytes, hello.size, hello.fds, hello.fd_count));
        (void)enl_receive(l, text, sizeof text, ENL_NOW);
        before = dup(0);
        (void)close(before);
        for (unsigned i = 0; i < 50; i++) {
            int after;

            (void)bare_say(fd, "", 1, many, BARE_FDS_MOST);
            result = enl_receive(l, text, sizeof text, ENL_NOW);
            CHECK(result == -EAGAIN || is_end(result));
            after = dup(0);
            (void)close(after);
            CHECK(after <= before);
        }
        enl_close(l);
        (void)close(fd);
    }
    serve_an_honest_one(&p);
    enl_close(p.listener);
    bare_forget(&hello);
}

static void flood(void *argument)
{
    struct place *p = argument;
    int fd = bare_connect(p->path);

    test_gate_open(p->gate);
    while (bare_say(fd, "", 1, NULL, 0) || errno == EAGAIN)
        ;
    (void)close(fd);
}

TEST(a_peer_that_rings_without_end_does_not_stretch_deadlines, .stress = true)
{
    struct place p;
    struct enl_link *l;
    char text[8];
    pid_t pid;

    open_place(&p);
    listen_there(&p);
    pid = test_child(flood, &p);
    CHECK_OK(enl_accept(p.listener, test_until(), &l));
    test_gate_wait(p.gate);
    for (unsigned i = 0; i < 50; i++) {
        ssize_t result = enl_receive(l, text, sizeof text, i % 2 ? ENL_NOW : enl_in_ms(2));

        CHECK(result == -EAGAIN || result == -ETIMEDOUT || is_end(result));
        result = enl_poll(&l, 1, enl_in_ms(1));
        CHECK(result == 1 || result == -ETIMEDOUT || is_end(result));
        (void)enl_link_events(l);
    }
    enl_close(l);
    test_join(pid);
    enl_close(p.listener);
}

/* ---- peers with segments of their own ----------------------------------------------------------------------- */

/* An end that meets as an honest one does, made of what that one said but for its segment. */
struct bare_end {
    struct bare_hello hello;
    struct segment segment;
    struct channel_header *header;
    int fd;
};

static void make_end(struct bare_end *e)
{
    struct segment honest;
    off_t size;

    overhear(&e->hello);
    size = lseek(e->hello.fds[0], 0, SEEK_END);
    CHECK_OK(segment_map(e->hello.fds[0], sizeof *e->header,
                         (size_t)size - segment_header_size(sizeof *e->header), &honest));
    CHECK_OK(segment_create(sizeof *e->header, honest.ring_size, &e->segment));
    memcpy(e->segment.header, honest.header, offsetof(struct channel_header, tail));
    e->header = e->segment.header;
    segment_unmap(&honest);
    (void)close(e->hello.fds[0]);
    e->hello.fds[0] = dup(e->segment.fd);
    e->fd = -1;
}

static void end_end(struct bare_end *e)
{
    bare_forget(&e->hello);
    segment_unmap(&e->segment);
    (void)close(e->fd);
}

static void greet(struct bare_end *e, const char *path)
{
    e->fd = bare_connect(path);
    CHECK(bare_say(e->fd, e->hello.bytes, e->hello.size, e->hello.fds, e->hello.fd_count));
}

static uint32_t *record_at(struct bare_end *e, uint32_t position)
{
    return (void *)(e->segment.ring + position * LANE_UNIT % e->segment.ring_size);
}

TEST(a_peer_of_skips_without_end_does_not_stretch_deadlines)
{
    struct place p;
    struct bare_end e;
    struct enl_link *l;
    char text[8];

    make_end(&e);
    open_place(&p);
    listen_there(&p);
    greet(&e, p.path);
    CHECK_OK(enl_accept(p.listener, test_until(), &l));
    for (uint32_t i = 0; i < e.segment.ring_size / LANE_UNIT; i++)
        *record_at(&e, i) = RECORD_THERE | RECORD_SKIP; /* all round, for ever */
    for (unsigned i = 0; i < 20; i++) {
        ssize_t result = enl_receive(l, text, sizeof text, i % 2 ? ENL_NOW : enl_in_ms(2));

        CHECK(result == -EAGAIN || result == -ETIMEDOUT || result == -EBADMSG);
        result = enl_poll(&l, 1, enl_in_ms(2));
        CHECK(result == 1 || result == -ETIMEDOUT || is_end(result));
    }
    enl_close(l);
    enl_close(p.listener);
    end_end(&e);
}

TEST(descriptors_that_are_promised_and_never_come_hold_nobody_up)
{
    struct place p;
    struct bare_end e;
    struct enl_link *l;
    int fds[2] = {-1, -1};
    char text[8];
    struct enl_message m = {.data = text, .capacity = sizeof text, .fds = fds, .fd_capacity = 2};
    static const uint32_t promised[] = {1, 2, 3, 254, UINT32_MAX};

    for (unsigned i = 0; i < sizeof promised / sizeof promised[0]; i++) {
        ssize_t result;

        make_end(&e);
        open_place(&p);
        listen_there(&p);
        record_at(&e, 0)[1] = promised[i];
        record_at(&e, 0)[0] = RECORD_THERE | RECORD_MESSAGE | 3;
        atomic_store(&e.header->tail, 2);
        greet(&e, p.path);
        CHECK_OK(enl_accept(p.listener, test_until(), &l));
        result = enl_receive_message(l, NULL, enl_in_ms(20), &m);
        CHECK(result == 3 || result == -ETIMEDOUT || is_end(result));
        CHECK(result != 3 || (m.fd_count == 0 && (m.flags & ENL_FDS_LOST) != 0));
        CHECK_EQ(fds[0], -1);
        enl_close(l);
        enl_close(p.listener);
        end_end(&e);
    }
}

/* The victim's user is root here; its peer is nobody. That one brings a bell of its own, which blocks and is full, and
 * says that it sleeps. */
static void bring_a_bell_that_blocks(void *argument)
{
    struct place *p = argument;
    struct bare_end e;
    int bell = eventfd(0, EFD_CLOEXEC);
    uint64_t most = UINT64_MAX - 1;

    CHECK_EQ(write(bell, &most, sizeof most), (ssize_t)sizeof most);
    make_end(&e);
    CHECK(e.hello.fd_count >= 3); /* an honest one of the same user has brought one */
    (void)close(e.hello.fds[2]);
    e.hello.fds[2] = bell;
    atomic_store(&e.header->sleep, CHANNEL_SLEEP_STEP | CHANNEL_ASLEEP);
    greet(&e, p->path);
    test_gate_open(p->gate);
    test_gate_wait_times(p->gate, 2);
    end_end(&e);
}

TEST(a_bell_of_another_user_is_never_rung)
{
    struct place p;
    struct enl_link *l;
    pid_t pid;

    if (!test_is_root())
        SKIP("only root can be two users");
    open_place(&p);
    CHECK_EQ(chmod(test_dir(), 0777), 0);
    listen_there(&p);
    pid = test_child_as_user(bring_a_bell_that_blocks, &p);
    test_gate_wait(p.gate);
    CHECK_OK(enl_accept(p.listener, test_until(), &l));
    for (unsigned i = 0; i < 3; i++) {
        ssize_t result = enl_send(l, "wake", 4, ENL_NOW);

        CHECK(result == 4 || result == -EAGAIN || is_end(result));
    }
    enl_close(l);
    test_gate_open(p.gate);
    test_join(pid);
    enl_close(p.listener);
}

/* ---- stalls -------------------------------------------------------------------------------------------------- */

static void meet_and_stop(void *argument)
{
    struct place *p = argument;
    struct enl_link *l;

    CHECK_OK(enl_open(p->address, ENL_READ | ENL_WRITE, &l));
    CHECK_EQ(enl_send(l, "last", 4, ENL_NOW), 4);
    CHECK_EQ(raise(SIGSTOP), 0);
    enl_close(l);
}

TEST(a_peer_that_is_stopped_holds_nobody_up)
{
    struct place p;
    struct enl_link *l;
    char data[200] = "";
    ssize_t result;
    int status;
    pid_t pid;

    open_place(&p);
    listen_there(&p);
    pid = test_child(meet_and_stop, &p);
    CHECK_OK(enl_accept(p.listener, test_until(), &l));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(enl_receive(l, data, sizeof data, test_until()), 4);
    CHECK_EQ(enl_receive(l, data, sizeof data, enl_in_ms(5)), -ETIMEDOUT);
    do
        result = enl_send(l, data, sizeof data, enl_in_ms(5));
    while (result >= 0);
    CHECK_EQ(result, -ETIMEDOUT);
    CHECK_EQ(enl_drain(l, enl_in_ms(5)), -ETIMEDOUT);
    CHECK_EQ(enl_link_events(l) & ENL_GONE, 0);
    enl_close(l);
    CHECK_EQ(kill(pid, SIGCONT), 0);
    test_join(pid);
    enl_close(p.listener);
}
