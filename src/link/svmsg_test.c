/* SPDX-License-Identifier: MIT */
/* Proof of svmsg.c, beside the conformance suite: keys, types, sizes, looking, descriptors on request, and peers on the
 * bare calls. */
#include "link/svmsg_rig_test.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <unistd.h>

#define TEXT_SIZE 64

static ssize_t put(struct enl_link *l, int64_t type, const char *text)
{
    char copy[TEXT_SIZE];
    struct enl_message m = {.data = copy, .size = strlen(text), .type = type};

    memcpy(copy, text, strlen(text));
    return enl_send_message(l, &m, ENL_NOW);
}

static ssize_t get(struct enl_link *l, enum enl_match_kind kind, int64_t type, char *ret_text)
{
    struct enl_match match = {.kind = kind, .type = type};
    struct enl_message m = {.data = ret_text, .capacity = TEXT_SIZE};

    return enl_receive_message(l, &match, ENL_NOW, &m);
}

/* ---- addresses -------------------------------------------------------------------------------------------- */

TEST(what_is_no_key_is_refused)
{
    static const char *const bad[] = {
        "svmsg:jobs",
        "svmsg:0",
        "svmsg:0x0",
        "svmsg:0x",
        "svmsg:12a",
        "svmsg:0x12g",
        "svmsg:-1",
        "svmsg:4294967296",
        "svmsg:/tmp",
        "svmsg:#1",
        "svmsg:/tmp#",
        "svmsg:/tmp#0",
        "svmsg:/tmp#256",
        "svmsg:/tmp#x",
        "svmsg:/tmp#1x",
        "svmsg:/tmp#99999999999",
        "svmsg:1?depth=3",
        "svmsg:1?message=0",
        "svmsg:1?capacity=0",

        "svmsg:1?message=1G",
        "svmsg:1?message=200&capacity=100",
        "svmsg:99999999999999999999",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (enl_address_caps(bad[i], NULL) != -EINVAL)
            FAIL("%s was taken for an address", bad[i]);
        CHECK(enl_error_text()[0] != '\0');
    }
    CHECK_OK(enl_address_caps("svmsg:4294967295", NULL));
    CHECK_OK(enl_address_caps("svmsg:0xffffffff", NULL));
    CHECK_OK(enl_address_caps("svmsg:/a#b#255", NULL));
}

TEST(a_path_and_a_number_name_the_queue_of_their_key)
{
    struct enl_link *l = make(""), *same;
    char number[32], text[TEXT_SIZE];

    (void)snprintf(number, sizeof number, "svmsg:0x%x", (unsigned)ftok(test_dir(), 1));
    same = open_ok(number, ENL_WRITE);
    CHECK_EQ(put(same, 1, "hello"), 5);
    CHECK_EQ(get(l, ENL_MATCH_ANY, 0, text), 5);
    enl_close(same);
    enl_close(l);
    CHECK_OK(enl_unlink(number));
    CHECK_EQ(enl_unlink(number), -ENOENT);
}

TEST(a_path_that_is_missing_is_told_and_waited_for)
{
    struct enl_link *l;

    CHECK_EQ(enl_open("svmsg:missing#1", ENL_READ | ENL_CREATE, &l), -ENOENT);
    CHECK_CONTAINS(enl_error_text(), "missing");
    CHECK_EQ(enl_unlink("svmsg:missing#1"), -ENOENT);
    CHECK_EQ(enl_open_until("svmsg:missing#1", ENL_READ, enl_in_ms(5), &l), -ETIMEDOUT);
}

TEST(the_ways_to_meet_are_told_apart)
{
    struct enl_link *l, *ends[2];

    CHECK_EQ(enl_open("svmsg:", ENL_READ, &l), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "KEY");
    CHECK_EQ(enl_pair(address_of(""), ends), -EINVAL);
    CHECK_EQ(enl_unlink("svmsg:"), -ENOTSUP);
}

/* ---- types ------------------------------------------------------------------------------------------------- */

TEST(a_message_without_a_type_has_type_one)
{
    struct enl_link *l = make("");
    char text[TEXT_SIZE];
    struct enl_message m = {.data = text, .capacity = sizeof text};

    CHECK_EQ(enl_send(l, "hello", 5, ENL_NOW), 5);
    CHECK_EQ(enl_receive_message(l, NULL, ENL_NOW, &m), 5);
    CHECK_EQ(m.type, 1);
    CHECK_EQ(put(l, -1, "x"), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "-1");
    end(l);
}

TEST(the_largest_type_is_as_good_as_any)
{
    int64_t type = sizeof(long) == 8 ? INT64_MAX : INT32_MAX;
    struct enl_link *l = make("");
    char text[TEXT_SIZE];

    CHECK_EQ(put(l, type, "hello"), 5);
    CHECK_EQ(get(l, ENL_MATCH_UP_TO, type - 1, text), -EAGAIN);
    CHECK_EQ(get(l, ENL_MATCH_ALL_BUT, type, text), -EAGAIN);
    CHECK_EQ(get(l, ENL_MATCH_TYPE, type, text), 5);
    CHECK_EQ(put(l, type, "hello"), 5);
    CHECK_EQ(get(l, ENL_MATCH_UP_TO, type, text), 5);
    end(l);
}

TEST(a_choice_of_a_type_that_none_has_is_refused)
{
    struct enl_link *l = make("");
    char text[TEXT_SIZE];

    CHECK_EQ(get(l, ENL_MATCH_TYPE, 0, text), -EINVAL);
    CHECK_EQ(get(l, ENL_MATCH_UP_TO, -5, text), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "-5");
    CHECK_EQ(get(l, ENL_MATCH_ALL_BUT, 0, text), -EINVAL);
    end(l);
}

static void wait_for_type(void *unused)
{
    struct enl_link *l = open_ok(address_of(""), ENL_READ);
    struct enl_match match = {.kind = ENL_MATCH_TYPE, .type = 7};
    char text[TEXT_SIZE];
    struct enl_message m = {.data = text, .capacity = sizeof text};

    (void)unused;
    CHECK_EQ(enl_receive_message(l, &match, ENL_FOREVER, &m), 5);
    CHECK_MEM(text, "seven", 5);
    CHECK_EQ(enl_receive_message(l, &match, test_until(), &m), 9);
    enl_close(l);
}

TEST(who_waits_for_a_type_is_not_woken_by_another)
{
    struct enl_link *l = make("");
    pid_t child = test_child(wait_for_type, NULL);
    char text[TEXT_SIZE];

    CHECK_EQ(put(l, 6, "six"), 3);
    (void)usleep(3000);
    CHECK_EQ(put(l, 7, "seven"), 5);
    (void)usleep(3000);
    CHECK_EQ(put(l, 7, "seventeen"), 9);
    test_join(child);
    CHECK_EQ(get(l, ENL_MATCH_ANY, 0, text), 3);
    end(l);
}

/* ---- sizes -------------------------------------------------------------------------------------------------- */

TEST(a_message_without_room_stays_in_the_queue_and_its_size_is_told)
{
    struct enl_match up_to = {.kind = ENL_MATCH_UP_TO, .type = 8};
    struct enl_link *l = make("");
    char text[TEXT_SIZE];
    struct enl_message m = {.data = text, .capacity = 4};
    struct enl_stat stat;

    CHECK_EQ(put(l, 9, "not this one"), 12);
    CHECK_EQ(put(l, 8, "nor this"), 8);
    CHECK_EQ(put(l, 5, "hello"), 5);
    CHECK_EQ(enl_receive_message(l, &up_to, ENL_NOW, &m), -EMSGSIZE);
    CHECK_CONTAINS(enl_error_text(), "has 5 bytes, the buffer 4");
    CHECK_EQ(enl_receive(l, text, 11, ENL_NOW), -EMSGSIZE);
    CHECK_CONTAINS(enl_error_text(), "has 12 bytes, the buffer 11");
    CHECK_OK(enl_link_stat(l, &stat));
    CHECK_EQ(stat.queued_messages, 3);
    CHECK_EQ(stat.queued_bytes, 25);
    m = (struct enl_message){.data = text, .capacity = 4, .flags = ENL_TRUNCATE};
    CHECK_EQ(enl_receive_message(l, &up_to, ENL_NOW, &m), 4);
    CHECK_EQ(m.full_size, 5);
    CHECK_EQ(m.flags & ENL_TRUNCATED, ENL_TRUNCATED);
    CHECK_MEM(text, "hell", 4);
    end(l);
}

TEST(a_link_with_little_room_keeps_what_is_larger_or_cuts_it)
{
    struct enl_link *l = make(""),
                    *little = open_ok(address_of("?message=8"), ENL_READ | ENL_WRITE);
    char text[TEXT_SIZE];
    struct enl_message m = {.data = text, .capacity = sizeof text};

    CHECK_EQ(enl_link_caps(little)->largest_message, 8);
    CHECK_EQ(put(little, 1, "123456789"), -EMSGSIZE);
    CHECK_EQ(put(l, 1, "123456789"), 9);
    CHECK_EQ(enl_receive_message(little, NULL, ENL_NOW, &m), -EMSGSIZE);
    CHECK_CONTAINS(enl_error_text(), "message=8");
    CHECK_EQ(enl_peek(little, 0, &m), -EMSGSIZE);
    m.flags = ENL_TRUNCATE;
    CHECK_EQ(enl_receive_message(little, NULL, ENL_NOW, &m), 8);
    CHECK_MEM(text, "12345678", 8);
    enl_close(little);
    end(l);
}

TEST(what_the_queue_cannot_hold_is_refused)
{
    struct enl_link *l = make("?capacity=100"), *other;

    CHECK_EQ(enl_link_caps(l)->capacity, 100);
    CHECK_EQ(enl_link_caps(l)->largest_message, 100);
    other = open_ok(address_of(""), ENL_READ | ENL_WRITE);
    CHECK_EQ(enl_link_caps(other)->largest_message, 100);
    CHECK_EQ(enl_send(other, (char[101]){0}, 101, ENL_NOW), -EMSGSIZE);
    CHECK_EQ(enl_send(other, (char[100]){0}, 100, ENL_NOW), 100);
    CHECK_EQ(enl_send(other, "x", 1, ENL_NOW), -EAGAIN);
    enl_close(other);
    CHECK_EQ(enl_open(address_of("?capacity=101"), ENL_READ, &other), -EINVAL);
    CHECK_CONTAINS(enl_error_text(), "holds 100 bytes");
    CHECK_EQ(enl_open(address_of("?message=101"), ENL_READ, &other), -EINVAL);
    end(l);
}

/* The kernel lets as many messages wait as the queue has bytes, so that empty ones come to an end, too. */
TEST(empty_messages_fill_a_queue)
{
    struct enl_link *l = make("?capacity=100");
    struct enl_stat stat;

    for (int i = 0; i < 100; i++)
        CHECK_EQ(enl_send(l, NULL, 0, ENL_NOW), 0);
    CHECK_EQ(enl_send(l, NULL, 0, ENL_NOW), -EAGAIN);
    CHECK_EQ(enl_send(l, NULL, 0, enl_in_ms(10)), -ETIMEDOUT);
    CHECK_OK(enl_link_stat(l, &stat));
    CHECK_EQ(stat.queued_messages, 100);
    CHECK_EQ(stat.queued_bytes, 0);
    CHECK_EQ(enl_receive(l, NULL, 0, ENL_NOW), 0);
    CHECK_EQ(enl_send(l, NULL, 0, ENL_NOW), 0);
    end(l);
}

/* ---- looking ------------------------------------------------------------------------------------------------- */

TEST(messages_are_looked_at_in_their_order_and_stay)
{
    struct enl_link *l = make(""), *ends[2];
    char text[TEXT_SIZE];
    struct enl_message m = {.data = text, .capacity = sizeof text};

    CHECK_EQ(enl_peek(l, 0, &m), -EAGAIN);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(put(l, 4, "one"), 3);
    CHECK_EQ(put(l, 2, ""), 0);
    for (int again = 0; again < 2; again++) {
        CHECK_EQ(enl_peek(l, 0, &m), 3);
        CHECK_EQ(m.type, 4);
        CHECK_EQ(m.size, 3);
        CHECK_EQ(m.deliveries, 1);
        CHECK_MEM(text, "one", 3);
        CHECK_EQ(enl_peek(l, 1, &m), 0);
        CHECK_EQ(m.type, 2);
        CHECK_EQ(enl_peek(l, 2, &m), -EAGAIN);
        CHECK_EQ(enl_peek(l, SIZE_MAX, &m), -EAGAIN);
    }
    m.capacity = 2;
    CHECK_EQ(enl_peek(l, 0, &m), -EMSGSIZE);
    CHECK_CONTAINS(enl_error_text(), "has 3 bytes, the buffer 2");
    m.flags = ENL_TRUNCATE;
    CHECK_EQ(enl_peek(l, 0, &m), 2);
    CHECK_EQ(m.full_size, 3);
    CHECK_EQ(enl_peek(l, 0, NULL), -EINVAL);
    CHECK_EQ(enl_peek(NULL, 0, &m), -EINVAL);
    end(l);
    CHECK_OK(enl_pair("pipe:", ends));
    CHECK_EQ(enl_peek(ends[0], 0, &m), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), enl_capability_name(ENL_CAN_PEEK));
    enl_close(ends[0]);
    enl_close(ends[1]);
}

/* ---- peers that know nothing of enlace ------------------------------------------------------------------------ */

struct bare {
    long type;
    char text[TEXT_SIZE];
};

/* Answers questions, of type 1, with their text in capitals, of the type that their first word is. */
static void answer_bare(void *unused)
{
    int id = msgget(ftok(test_dir(), 1), 0600);
    struct bare m;
    ssize_t size;

    (void)unused;
    CHECK(id >= 0);
    while ((size = msgrcv(id, &m, sizeof m.text, 1, 0)) > 0) {
        m.type = strtol(m.text, NULL, 10);
        for (ssize_t i = 0; i < size; i++)
            m.text[i] = (char)(m.text[i] >= 'a' && m.text[i] <= 'z' ? m.text[i] - 32 : m.text[i]);
        CHECK_EQ(msgsnd(id, &m, (size_t)size, 0), 0);
    }
    CHECK_EQ(size, 0);
}

TEST(a_program_on_the_bare_calls_is_a_peer)
{
    struct enl_match mine = {.kind = ENL_MATCH_TYPE, .type = 77};
    struct enl_link *l = make("");
    pid_t child = test_child(answer_bare, NULL);
    char text[TEXT_SIZE];
    struct enl_message m = {.data = text, .capacity = sizeof text};

    for (int i = 0; i < 50; i++) {
        CHECK_EQ(enl_send(l, "77 hello", 8, ENL_FOREVER), 8);
        CHECK_EQ(enl_receive_message(l, &mine, i % 2 == 0 ? ENL_FOREVER : test_until(), &m), 8);
        CHECK_MEM(text, "77 HELLO", 8);
        CHECK_EQ(m.type, 77);
    }
    CHECK_EQ(enl_send(l, "", 0, ENL_FOREVER), 0);
    test_join(child);
    end(l);
}

/* ---- a descriptor on request ---------------------------------------------------------------------------------- */

TEST(a_link_has_a_descriptor_only_if_its_address_asks_for_one)
{
    struct enl_link *l = make("?pollable"), *plain = open_ok(address_of(""), ENL_WRITE);

    CHECK_EQ(enl_link_fd(plain), -ENOTSUP);
    CHECK_CONTAINS(enl_error_text(), enl_capability_name(ENL_CAN_POLL));
    CHECK_EQ(enl_poll(&l, 1, enl_in_ms(5)), -ETIMEDOUT);
    CHECK_EQ(enl_send(plain, "hello", 5, ENL_NOW), 5);
    CHECK_EQ(enl_poll(&l, 1, test_until()), 1);
    CHECK_EQ(enl_receive(l, (char[16]){0}, 16, ENL_NOW), 5);
    CHECK_EQ(enl_poll(&l, 1, ENL_NOW), -EAGAIN);
    CHECK_OK(enl_unlink(address_of("")));
    CHECK_EQ(enl_poll(&l, 1, test_until()), 1); /* the next call says why */
    CHECK_EQ(enl_receive(l, (char[16]){0}, 16, ENL_NOW), -EIDRM);
    enl_close(plain);
    enl_close(l);
}

static void poll_as_child(void *argument)
{
    struct enl_link **ends = argument;
    struct pollfd item = {.events = POLLIN};

    enl_close(ends[1]);
    CHECK_EQ(enl_poll(ends, 1, test_until()), 1);
    CHECK_EQ(enl_receive(ends[0], (char[16]){0}, 16, ENL_NOW), 5);
    CHECK_OK(item.fd = enl_link_fd(ends[0]));
    CHECK_EQ(poll(&item, 1, -1), 1);
    CHECK_EQ(enl_receive(ends[0], (char[16]){0}, 16, ENL_NOW), 5);
    CHECK_EQ(poll(&item, 1, 0), 0);
    enl_close(ends[0]);
}

TEST(a_forked_child_has_a_descriptor_of_its_own)
{
    struct enl_link *ends[2];
    pid_t child;

    if (test_is_emulated())
        SKIP("the emulator cannot fork a program with threads");
    for (int i = 0; i < 5; i++) {
        CHECK_OK(enl_pair("svmsg:?pollable", ends));
        child = test_child(poll_as_child, ends);
        enl_close(ends[0]);
        CHECK_EQ(enl_send(ends[1], "hello", 5, ENL_NOW), 5);
        CHECK_OK(enl_drain(ends[1], test_until()));
        CHECK_EQ(enl_send(ends[1], "again", 5, ENL_NOW), 5);
        test_join(child);
        enl_close(ends[1]);
    }
}
