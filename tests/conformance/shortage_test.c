/* SPDX-License-Identifier: MIT */
/* With too few descriptors each opening call fails with an explanation and leaves nothing; the
 * calls on messages need no memory after their first use. */
#include "kernel/thread.h"
#include "suite.h"

#include "allocation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- descriptors ----------------------------------------------------------------------------- */

enum { HIGHEST = 256 }; /* no test has a descriptor above it */

static int fillers[HIGHEST];
static unsigned filler_count;

static unsigned open_count(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 2 * HIGHEST; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void limit_to(rlim_t number)
{
    struct rlimit limit;

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = number;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Lets this process open so many descriptors more: fills the gaps, then lowers the limit. */
static void allow_descriptors(unsigned more)
{
    int highest = 0, fd;

    for (int i = 0; i < 2 * HIGHEST; i++)
        if (fcntl(i, F_GETFD) >= 0)
            highest = i;
    do {
        CHECK_OK(fd = open("/dev/null", O_RDONLY | O_CLOEXEC));
        CHECK(filler_count < HIGHEST);
        fillers[filler_count++] = fd;
    } while (fd < highest);
    limit_to((rlim_t)(fd > highest ? fd : highest) + 1 + more);
}

static void allow_all_descriptors(void)
{
    limit_to(4 * HIGHEST);
    while (filler_count > 0)
        CHECK_EQ(close(fillers[--filler_count]), 0);
}

static int open_pair(struct rig *r)
{
    struct enl_link *ends[2];
    int result = enl_pair(r->address, ends);

    if (result < 0)
        return result;
    r->receiver = ends[0];
    r->sender = ends[1];
    return result;
}

static int open_receiver(struct rig *r)
{
    return enl_open(r->address, rig_receiver_flags(r), &r->receiver);
}

static int open_sender(struct rig *r)
{
    enl_deadline until = rig_is_network(r) ? test_until() : ENL_NOW;

    return enl_open_until(r->sender_address, rig_sender_flags(r), until, &r->sender);
}

static int open_listener(struct rig *r)
{
    return enl_listen(r->address, &r->listener);
}

static int accept_receiver(struct rig *r)
{
    return enl_accept(r->listener, test_until(), &r->receiver);
}

static int ask_for_descriptors(struct rig *r)
{
    if (!rig_can(r, ENL_CAN_POLL))
        return 0;
    int result = enl_link_fd(r->receiver);
    return result < 0 ? result : enl_link_want(r->sender, ENL_WRITABLE);
}

/* Tries a step with no descriptor left, with one, with two ... until it succeeds. */
static void try_step(struct rig *r, int (*step)(struct rig *r))
{
    for (unsigned free_count = 0;; free_count++) {
        CHECK(free_count < 20);
        allow_descriptors(free_count);
        unsigned before = open_count();
        int result = step(r);
        if (result >= 0) {
            CHECK(open_count() <= before + free_count);
            allow_all_descriptors();
            return;
        }
        CHECK_EQ(result, -EMFILE);
        CHECK_CONTAINS(enl_error_text(), "descriptor");
        if (step != ask_for_descriptors) /* there one of two may have what it asked for */
            CHECK_EQ(open_count(), before);
        allow_all_descriptors();
    }
}

static void opening_without_descriptors_leaves_nothing(struct rig *r)
{
    switch (rig_way(r)) {
    case ENL_MEET_PAIR:
        try_step(r, open_pair);
        break;
    case ENL_MEET_OPEN:
        try_step(r, open_receiver);
        try_step(r, open_sender);
        break;
    default:
        try_step(r, open_listener);
        try_step(r, open_sender);
        try_step(r, accept_receiver);
    }
    try_step(r, ask_for_descriptors);
    check_works(r, 0);
}

static void wait_in_vain(struct rig *r, int64_t ms)
{
    const struct call *c;

    for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++)
        CHECK_EQ(c->call(r, 0, enl_in_ms(ms)), -ETIMEDOUT);
    if (rig_can(r, ENL_CAN_LOSSLESS)) {
        unsigned count = fill_up(r, size_near(r, CALL_SEND_SIZE));
        CHECK_EQ(try_send(r->sender, size_near(r, CALL_SEND_SIZE), 0, enl_in_ms(ms)), -ETIMEDOUT);
        empty_out(r, size_near(r, CALL_SEND_SIZE), 0, count);
    }
}

static void open_links_need_no_more_descriptors(struct rig *r)
{
    check_works(r, 0);
    check_works(r, 1); /* the sender has heard of its receiver */
    /* Where libc does not say that there is one thread, each end makes a descriptor to be woken by
     * in its first wait; and so that it does wait, the deadline is far enough off not to pass before. */
    if (!thread_is_alone())
        wait_in_vain(r, 100);
    allow_descriptors(0);
    for (unsigned i = 0; i < 20; i++)
        check_works(r, i);
    wait_in_vain(r, 1);
    allow_all_descriptors();
    check_works(r, 0);
}

/* The message is there; that its descriptors had no room here is told. */
static void descriptors_that_find_no_room_are_told(struct rig *r)
{
    unsigned char buffer[128];
    int fds[2] = {STDOUT_FILENO, STDERR_FILENO}, got[2];
    struct enl_message m = {.data = buffer, .size = size_near(r, 64), .fds = fds, .fd_count = 2};

    check_works(r, 0); /* the ends have what they need themselves */
    for (unsigned free_count = 0; free_count < 2; free_count++) {
        fill(buffer, m.size, 0, free_count);
        CHECK_EQ(enl_send_message(r->sender, &m, test_until()), m.size);
        struct enl_message in = {.data = buffer, .capacity = 128, .fds = got, .fd_capacity = 2};
        allow_descriptors(free_count);
        CHECK_EQ(enl_receive_message(r->receiver, NULL, test_until(), &in), size_near(r, 64));
        check_filled(buffer, in.size, 0, free_count);
        CHECK_EQ(in.flags & ENL_FDS_LOST, ENL_FDS_LOST);
        CHECK(in.fd_count <= free_count);
        for (unsigned i = 0; i < in.fd_count; i++)
            CHECK_EQ(close(got[i]), 0);
        allow_all_descriptors();
    }
    check_works(r, 0);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void use_every_call_once(struct rig *r, unsigned number)
{
    static unsigned char buffer[20000];
    size_t size = size_near(r, CALL_RECEIVE_SIZE), large = size_near(r, sizeof(buffer));
    const struct call *c;

    for (size_t i = 0; (c = call_that_receives(r, i)) != NULL; i++) {
        fill(buffer, size, 0, number);
        CHECK_EQ(enl_send(r->sender, buffer, size, test_until()), size);
        CHECK_OK(enl_flush(r->sender, test_until()));
        CHECK_OK(c->call(r, number, test_until()));
        CHECK_EQ(c->call(r, number, ENL_NOW), -EAGAIN);
    }
    for (size_t i = 0; (c = call_that_sends(r, i)) != NULL; i++) {
        if (!c->carries)
            continue;
        CHECK_OK(c->call(r, number, test_until()));
        CHECK_OK(enl_flush(r->sender, test_until()));
        CHECK_OK(enl_receive(r->receiver, buffer, CALL_SEND_SIZE, test_until()));
    }
    fill(buffer, large, 0, number);
    CHECK_EQ(enl_send(r->sender, buffer, large, test_until()), large);
    CHECK_OK(enl_flush(r->sender, test_until()));
    for (size_t have = 0; have < large;) {
        ssize_t got = enl_receive(r->receiver, buffer, sizeof(buffer), test_until());
        CHECK_OK(got);
        have += (size_t)got;
    }
    if (r->drains)
        CHECK_OK(enl_drain(r->sender, test_until()));
}

static void calls_allocate_nothing_after_first_use(struct rig *r)
{
    use_every_call_once(r, 0);
    CHECK(allocation_count() > 0); /* the counter counts */
    allocation_count_start();
    for (unsigned i = 0; i < rounds(100); i++)
        use_every_call_once(r, i);
    CHECK_EQ(allocation_count(), 0);
}

static const struct suite_case cases[] = {
    CASE(opening_without_descriptors_leaves_nothing, .bare = true),
    CASE(open_links_need_no_more_descriptors),
    CASE(descriptors_that_find_no_room_are_told, .needs = ENL_CAN_PASS_FDS),
    CASE(calls_allocate_nothing_after_first_use),
};
SUITE(cases)
