/* SPDX-License-Identifier: MIT */
/* Peers of another version, or that want something else: refused, and both sides can say in what they differ. */
#include "hostile/bare.h"
#include "runner/test.h"
#include "shm/channel_layout.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS "?message=1000&depth=4&fds=1"

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static void address_of(char address[300], const char *path, const char *options)
{
    (void)snprintf(address, 300, "channel:%s%s", path, options);
}

/* Waits for the peer's answer. */
static void refused_with(struct enl_link *l, const char *words)
{
    char text[8];

    CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), -EPROTO);
    CHECK_CONTAINS(enl_error_text(), words);
    CHECK_EQ(enl_receive(l, text, sizeof text, ENL_NOW), -EPROTO);
    CHECK_EQ(enl_send(l, "more", 4, ENL_NOW), -EPROTO);
    CHECK_CONTAINS(enl_error_text(), words);
    CHECK(enl_link_events(l) & ENL_GONE);
}

/* Between two honest ends stands somebody who makes one of them speak of another version: what it says first, from
 * `at` on, is changed, and everything else is passed on. */
static void refuse_changed(size_t at, uint32_t value, const char *words)
{
    const char *here = test_temp_path("here"), *there = test_temp_path("there");
    char here_address[300], there_address[300];
    struct bare_hello hello, answer;
    struct enl_link *listener, *opened, *accepted;
    int gate, to_opener, to_listener;

    address_of(here_address, here, OPTIONS);
    address_of(there_address, there, OPTIONS);
    gate = bare_listen(here);
    CHECK_OK(enl_listen(there_address, &listener));
    CHECK_OK(enl_open(here_address, ENL_READ | ENL_WRITE, &opened));
    CHECK_EQ(enl_send(opened, "early", 5, ENL_NOW), 5); /* it greets with the first message */
    to_opener = bare_accept(gate);
    bare_hear(to_opener, &hello);
    memcpy(hello.bytes + at, &value, sizeof value);
    to_listener = bare_connect(there);
    CHECK(bare_say(to_listener, hello.bytes, hello.size, hello.fds, hello.fd_count));

    CHECK_OK(enl_accept(listener, test_until(), &accepted));
    refused_with(accepted, words);
    do { /* its own hello, then what it says to the changed one */
        bare_hear(to_listener, &answer);
        (void)bare_say(to_opener, answer.bytes, answer.size, answer.fds, answer.fd_count);
        bare_forget(&answer);
    } while (answer.bytes[12] != 3); /* a refusal */
    refused_with(opened, words);

    enl_close(opened);
    enl_close(accepted);
    enl_close(listener);
    bare_forget(&hello);
    (void)close(gate);
    (void)close(to_opener);
    (void)close(to_listener);
    CHECK_EQ(unlink(here), 0);
}

TEST(another_version_is_refused_by_name)
{
    char words[100];

    (void)snprintf(words, sizeof words, "version %u and %u", CHANNEL_VERSION, CHANNEL_VERSION + 1);
    refuse_changed(4, CHANNEL_VERSION + 1, words);
}

TEST(another_layout_of_the_same_version_is_refused_by_name)
{
    refuse_changed(8, CHANNEL_LAYOUT ^ 1u, "layouts differ");
}

static void refuse_options(const char *theirs, const char *words)
{
    const char *path = test_temp_path("place");
    char address[300];
    struct enl_link *listener, *opened, *accepted;

    address_of(address, path, OPTIONS);
    CHECK_OK(enl_listen(address, &listener));
    address_of(address, path, theirs);
    CHECK_OK(enl_open(address, ENL_READ | ENL_WRITE, &opened));
    CHECK_EQ(enl_send(opened, "early", 5, ENL_NOW), 5);
    CHECK_OK(enl_accept(listener, test_until(), &accepted));
    refused_with(accepted, words);
    refused_with(opened, words);
    enl_close(opened);
    enl_close(accepted);
    enl_close(listener);
}

TEST(other_limits_are_refused_by_name)
{
    refuse_options("?message=999&depth=4&fds=1", "message=1000");
    refuse_options("?message=1000&depth=999&fds=1", "depth=4");
    refuse_options("?message=1000&depth=4&fds=2", "fds=1");
    refuse_options("?message=1000&depth=4", "fds=1");
}

/* What the order of meeting allows: the opener has sent before it learns that it is refused. */
TEST(what_was_sent_before_a_refusal_is_not_received)
{
    const char *path = test_temp_path("place");
    char address[300], text[8];
    struct enl_link *listener, *opened, *accepted;

    address_of(address, path, OPTIONS);
    CHECK_OK(enl_listen(address, &listener));
    address_of(address, path, "?message=999&depth=4&fds=1");
    CHECK_OK(enl_open(address, ENL_READ | ENL_WRITE, &opened));
    CHECK_EQ(enl_send(opened, "early", 5, ENL_NOW), 5);
    CHECK_OK(enl_accept(listener, test_until(), &accepted));
    CHECK_EQ(enl_receive(accepted, text, sizeof text, test_until()), -EPROTO);
    enl_close(opened);
    enl_close(accepted);
    enl_close(listener);
}
