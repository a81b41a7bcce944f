/* SPDX-License-Identifier: MIT */
/* Proof of eventfd: what is special about a link whose messages are numbers that add up. */
#include <enlace/enlace.h>

#include "kernel/descriptor.h"
#include "kernel/event.h"
#include "link/link.h"
#include "runner/test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST EVENT_COUNTER_MOST

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static ssize_t send_number(struct enl_link *l, uint64_t number, enl_deadline until)
{
    return enl_send(l, &number, sizeof number, until);
}

static uint64_t received(struct enl_link *l)
{
    uint64_t number = 0;

    CHECK_EQ(enl_receive(l, &number, sizeof number, test_until()), sizeof number);
    return number;
}

static ssize_t receive_now(struct enl_link *l)
{
    uint64_t number;

    return enl_receive(l, &number, sizeof number, ENL_NOW);
}

static void close_both(struct enl_link *ends[2])
{
    enl_close(ends[0]);
    enl_close(ends[1]);
}

/* ---- values ------------------------------------------------------------------------------------------------- */

TEST(what_waits_is_added_up)
{
    struct enl_link *ends[2];

    CHECK_OK(enl_pair("eventfd:", ends));
    CHECK_EQ(receive_now(ends[0]), -EAGAIN);
    for (uint64_t number = 1; number <= 10; number++)
        CHECK_EQ(send_number(ends[1], number, ENL_NOW), 8);
    CHECK_EQ(received(ends[0]), 55);
    CHECK_EQ(receive_now(ends[0]), -EAGAIN);
    close_both(ends);
}

TEST(a_link_may_begin_with_a_value)
{
    struct enl_link *ends[2];

    CHECK_OK(enl_pair("eventfd:?value=18446744073709551614", ends));
    CHECK(received(ends[0]) == MOST);
    close_both(ends);
    CHECK_EQ(enl_pair("eventfd:?value=18446744073709551615", ends), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "18446744073709551614");
    CHECK_EQ(enl_pair("eventfd:?value=-1", ends), -EINVAL);
    CHECK_EQ(enl_pair("eventfd:name", ends), -EINVAL);
}

TEST(a_semaphore_gives_one_to_each_receive)
{
    struct enl_link *ends[2];
    struct enl_caps caps;

    CHECK_OK(enl_pair("eventfd:?value=1&semaphore", ends));
    CHECK_EQ(send_number(ends[1], 2, ENL_NOW), 8);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(received(ends[0]), 1);
    CHECK_EQ(receive_now(ends[0]), -EAGAIN);
    CHECK_OK(enl_address_caps("eventfd:?semaphore", &caps));
    CHECK_EQ(caps.can & (ENL_CAN_MERGE | ENL_CAN_BOUNDARIES), 0);
    CHECK_EQ(enl_link_caps(ends[0])->can, caps.can);
    close_both(ends);
}

TEST(numbers_that_cannot_be_added_are_refused_with_a_reason)
{
    struct enl_link *ends[2];

    CHECK_OK(enl_pair("eventfd:", ends));
    CHECK_EQ(send_number(ends[1], UINT64_MAX, ENL_NOW), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "18446744073709551614");
    CHECK_EQ(send_number(ends[1], 0, ENL_NOW), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "nobody would receive it");
    CHECK_EQ(enl_send(ends[1], "1234567", 7, ENL_NOW), -EMSGSIZE);
    CHECK_EQ(enl_send(ends[1], "123456789", 9, ENL_NOW), -EMSGSIZE);
    CHECK_EQ(receive_now(ends[0]), -EAGAIN);
    close_both(ends);
}

/* ---- overflow ----------------------------------------------------------------------------------------------- */

static void check_overflow(const char *address)
{
    struct enl_link *ends[2];
    enl_deadline until;

    CHECK_OK(enl_pair(address, ends));
    CHECK_EQ(send_number(ends[1], MOST - 1, ENL_NOW), 8);
    CHECK_EQ(send_number(ends[1], 2, ENL_NOW), -EAGAIN);
    until = enl_in_ms(5);
    CHECK_EQ(send_number(ends[1], 2, until), -ETIMEDOUT);
    CHECK(enl_in_ns(1) > until);
    CHECK_EQ(send_number(ends[1], 1, ENL_NOW), 8);
    CHECK_EQ(send_number(ends[1], 1, ENL_NOW), -EAGAIN);
    CHECK_EQ(send_number(ends[1], 1, enl_in_ms(1)), -ETIMEDOUT);
    CHECK_EQ(enl_link_events(ends[1]) & ENL_WRITABLE, 0);
    CHECK(received(ends[0]) == MOST);
    CHECK_EQ(enl_link_events(ends[1]) & ENL_WRITABLE, ENL_WRITABLE);
    CHECK_EQ(send_number(ends[1], MOST, ENL_NOW), 8);
    CHECK(received(ends[0]) == MOST);
    close_both(ends);
}

TEST(a_full_counter_makes_senders_wait_or_say_so)
{
    check_overflow("eventfd:");
    check_overflow("eventfd:?nonblock");
    event_pretend_old_kernel(true);
    check_overflow("eventfd:");
}

static void take_soon(void *argument)
{
    struct enl_link *receiver = argument;

    CHECK(received(receiver) == MOST);
}

/* With a deadline, and without one. */
static void check_woken(const char *address, uint64_t number)
{
    struct enl_link *ends[2];

    CHECK_OK(enl_pair(address, ends));
    for (int i = 0; i < 4; i++) {
        pid_t child;

        CHECK_EQ(send_number(ends[1], MOST, ENL_NOW), 8);
        child = test_child(take_soon, ends[0]);
        CHECK_EQ(send_number(ends[1], number, i % 2 == 0 ? ENL_FOREVER : test_until()), 8);
        test_join(child);
        CHECK(received(ends[0]) == number);
    }
    close_both(ends);
}

TEST(a_sender_that_waits_for_room_is_woken)
{
    check_woken("eventfd:", 1);
    check_woken("eventfd:", 1000);
    check_woken("eventfd:?nonblock", 1);
    check_woken("eventfd:?nonblock", 1000);
}

/* ---- buffers ------------------------------------------------------------------------------------------------ */

TEST(a_buffer_under_eight_bytes_is_refused_and_the_value_kept)
{
    unsigned char buffer[8] = {0};
    struct enl_message m = {.data = buffer, .capacity = 7};
    struct enl_link *ends[2];

    CHECK_OK(enl_pair("eventfd:", ends));
    CHECK_EQ(enl_receive(ends[0], buffer, 7, ENL_NOW),
             -EAGAIN); /* nothing is there to be refused */
    CHECK_EQ(enl_receive(ends[0], buffer, 7, enl_in_ms(1)), -ETIMEDOUT);
    CHECK_EQ(send_number(ends[1], 5, ENL_NOW), 8);
    CHECK_EQ(enl_receive(ends[0], buffer, 7, ENL_NOW), -EMSGSIZE);
    CHECK_CONTAINS(enl_error_text(), "8 bytes");
    CHECK_EQ(enl_receive(ends[0], NULL, 0, ENL_FOREVER), -EMSGSIZE);
    CHECK_EQ(enl_receive_message(ends[0], NULL, ENL_NOW, &m), -EMSGSIZE);
    CHECK_EQ(received(ends[0]), 5);
    CHECK_EQ(send_number(ends[1], 0x0102030405060708, ENL_NOW), 8);
    m.flags = ENL_TRUNCATE;
    CHECK_EQ(enl_receive_message(ends[0], NULL, ENL_NOW, &m), 7);
    CHECK_EQ(m.full_size, 8);
    CHECK_EQ(m.flags & ENL_TRUNCATED, ENL_TRUNCATED);
    CHECK_EQ(buffer[7], 0);
    close_both(ends);
}

/* ---- shared ------------------------------------------------------------------------------------------------- */

static void add_ten(void *argument)
{
    for (int i = 0; i < 10; i++)
        CHECK_EQ(send_number(argument, 1, ENL_FOREVER), 8);
}

TEST(children_add_to_what_their_parent_receives)
{
    struct enl_link *ends[2];
    pid_t children[5];
    uint64_t sum = 0;

    CHECK_OK(enl_pair("eventfd:", ends));
    for (int i = 0; i < 5; i++)
        children[i] = test_child(add_ten, ends[1]);
    while (sum < 50)
        sum += received(ends[0]);
    CHECK_EQ(sum, 50);
    for (int i = 0; i < 5; i++)
        test_join(children[i]);
    CHECK_EQ(receive_now(ends[0]), -EAGAIN);
    close_both(ends);
}

static void take_some(void *argument)
{
    for (int i = 0; i < 10; i++)
        CHECK_EQ(received(argument), 1);
}

TEST(children_share_a_semaphore)
{
    struct enl_link *ends[2];
    pid_t children[5];

    CHECK_OK(enl_pair("eventfd:?semaphore", ends));
    for (int i = 0; i < 5; i++)
        children[i] = test_child(take_some, ends[0]);
    for (int i = 0; i < 25; i++)
        CHECK_EQ(send_number(ends[1], 2, ENL_FOREVER), 8);
    for (int i = 0; i < 5; i++)
        test_join(children[i]);
    CHECK_EQ(receive_now(ends[0]), -EAGAIN);
    close_both(ends);
}

/* One that knows nothing of enlace, by its bare calls; with each mode of the description. */
static void check_bare_peer(int flags)
{
    int fd = eventfd(3, EFD_CLOEXEC | flags);
    struct descriptor_facts facts;
    struct enl_link *link;
    eventfd_t value = 0;
    int own_fd;

    CHECK_OK(fd);
    CHECK_OK(descriptor_duplicate(fd, &own_fd));
    CHECK_OK(enl_adopt(own_fd, "eventfd:", &link));
    CHECK_EQ(received(link), 3);
    CHECK_EQ(eventfd_write(fd, 4), 0);
    CHECK_EQ(received(link), 4);
    CHECK_EQ(receive_now(link), -EAGAIN);
    CHECK_EQ(enl_receive(link, &value, sizeof value, enl_in_ms(1)), -ETIMEDOUT);
    CHECK_EQ(send_number(link, 5, ENL_NOW), 8);
    CHECK_EQ(send_number(link, 6, ENL_FOREVER), 8);
    CHECK_EQ(eventfd_read(fd, &value), 0);
    CHECK_EQ(value, 11);
    CHECK_EQ(enl_interrupt(link), 0);
    CHECK_EQ(enl_receive(link, &value, sizeof value, ENL_FOREVER), -ECANCELED);
    CHECK_OK(descriptor_facts(fd, &facts));
    CHECK_EQ(facts.blocks, (flags & EFD_NONBLOCK) == 0); /* what others share is as it was */
    enl_close(link);
    descriptor_close(fd);
}

TEST(bare_calls_are_peers)
{
    check_bare_peer(0);
    check_bare_peer(EFD_NONBLOCK);
}

TEST(a_descriptor_that_came_over_a_socket_is_a_link)
{
    struct enl_link *sockets[2], *link;
    int fd = eventfd(0, EFD_CLOEXEC), got = -1;
    char byte = 'e';
    struct enl_message out = {.data = &byte, .size = 1, .fds = &fd, .fd_count = 1};
    struct enl_message in = {.data = &byte, .capacity = 1, .fds = &got, .fd_capacity = 1};
    char address[32];

    CHECK_OK(fd);
    CHECK_OK(enl_pair("unix:?fds=1", sockets));
    CHECK_EQ(enl_send_message(sockets[1], &out, ENL_NOW), 1);
    CHECK_EQ(enl_receive_message(sockets[0], NULL, test_until(), &in), 1);
    CHECK_EQ(in.fd_count, 1);
    (void)snprintf(address, sizeof address, "fd:%d", got);
    CHECK_OK(enl_open(address, ENL_READ | ENL_WRITE, &link));
    CHECK_EQ(enl_link_caps(link)->can & ENL_CAN_MERGE, ENL_CAN_MERGE);
    CHECK_EQ(eventfd_write(fd, 9), 0);
    CHECK_EQ(received(link), 9);
    enl_close(link);
    descriptor_close(fd);
    close_both(sockets);
}

TEST(a_program_gets_an_end_by_its_descriptor)
{
    struct enl_link *ends[2];
    char address[64], command[160];
    int status;
    pid_t child;

    CHECK_OK(enl_pair("eventfd:", ends));
    CHECK_OK(link_export(ends[1], address, sizeof address));
    CHECK_EQ(strncmp(address, "fd:", 3), 0);
    /* eight bytes that are the same number whichever end they begin at */
    (void)snprintf(command, sizeof command,
                   "printf '\\001\\000\\000\\000\\000\\000\\000\\001' >&%s", address + 3);
    child = fork();
    CHECK_OK(child);
    if (child == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(received(ends[0]) == 0x0100000000000001);
    close_both(ends);
}

TEST(other_descriptors_are_no_eventfds)
{
    struct enl_link *link;
    int fds[2];

    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(enl_adopt(fds[0], "eventfd:", &link), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), "not an eventfd");
    CHECK_EQ(enl_adopt(9999, "eventfd:", &link), -EBADF);
    descriptor_close(fds[0]);
    descriptor_close(fds[1]);
    fds[0] = eventfd(0, EFD_CLOEXEC);
    CHECK_OK(fds[0]);
    CHECK_EQ(enl_adopt(fds[0], "eventfd:?value=3", &link), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "value=");
    CHECK_EQ(enl_adopt(fds[0], "eventfd:?semaphore", &link), -EINVAL);
    CHECK_EQ(enl_adopt(fds[0], "pipe:", &link), -ENOTSUP);
    descriptor_close(fds[0]); /* still ours */
}

/* ---- asked ---------------------------------------------------------------------------------------------------- */

TEST(what_waits_is_known)
{
    struct enl_link *ends[2];
    struct enl_stat stat;

    CHECK_OK(enl_pair("eventfd:", ends));
    CHECK_OK(enl_drain(ends[1], ENL_NOW));
    CHECK_EQ(send_number(ends[1], 3, ENL_NOW), 8);
    CHECK_EQ(send_number(ends[1], 4, ENL_NOW), 8);
    CHECK_EQ(enl_drain(ends[1], ENL_NOW), -EAGAIN);
    CHECK_OK(enl_link_stat(ends[0], &stat));
    CHECK_EQ(stat.queued_messages, 1);
    CHECK_EQ(stat.queued_bytes, 8);
    CHECK_EQ(received(ends[0]), 7);
    CHECK_OK(enl_drain(ends[1], ENL_NOW));
    CHECK_OK(enl_link_stat(ends[0], &stat));
    CHECK_EQ(stat.queued_messages, 0);
    CHECK_EQ(stat.received_messages, 1);
    close_both(ends);
    CHECK_OK(enl_pair("eventfd:?semaphore&value=6", ends));
    CHECK_OK(enl_link_stat(ends[0], &stat));
    CHECK_EQ(stat.queued_messages, 6);
    close_both(ends);
}

TEST(the_descriptor_is_ready_while_there_is_a_value)
{
    struct enl_link *ends[2];
    struct pollfd item = {.events = POLLIN};

    CHECK_OK(enl_pair("eventfd:?semaphore", ends));
    item.fd = enl_link_fd(ends[0]);
    CHECK_OK(item.fd);
    CHECK_EQ(poll(&item, 1, 0), 0);
    CHECK_EQ(send_number(ends[1], 2, ENL_NOW), 8);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(poll(&item, 1, 1000), 1);
        CHECK_EQ(enl_link_events(ends[0]), ENL_READABLE);
        CHECK_EQ(received(ends[0]), 1);
    }
    CHECK_EQ(poll(&item, 1, 0), 0);
    close_both(ends);
}
