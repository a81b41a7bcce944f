/* SPDX-License-Identifier: MIT */
/* Proof of inspect.c: what a channel's ends have sent, hold and wait for is seen from outside. */
#include "runner/test.h"
#include "shm/channel_facts.h"
#include "shm/segment.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING 65536u

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static struct channel_header *make_end(struct segment *s)
{
    struct channel_header *header;

    CHECK_OK(segment_create(sizeof *header, RING, s));
    header = s->header;
    header->magic = CHANNEL_MAGIC;
    header->version = CHANNEL_VERSION;
    header->layout = CHANNEL_LAYOUT;
    header->ring_bytes = RING;
    header->largest = 1000;
    return header;
}

static void write_facts(void *header, const char *name, const struct segment *peer)
{
    struct stat status;

    channel_facts_write(header, name);
    if (peer == NULL)
        return;
    CHECK_EQ(fstat(peer->fd, &status), 0);
    channel_facts_write_peer(header, 9, status.st_ino);
}

static const struct enl_channel_end *end_of(const struct enl_channel_end ends[], ssize_t count,
                                            const char *name)
{
    for (ssize_t i = 0; i < count; i++)
        if (strcmp(ends[i].name, name) == 0)
            return &ends[i];
    FAIL("no end is called %s", name);
}

TEST(two_ends_are_seen_with_what_lies_between_them)
{
    struct segment a, b;
    struct channel_header *one = make_end(&a), *two = make_end(&b);
    struct enl_channel_end ends[4];
    const struct enl_channel_end *end;

    write_facts(one, "one", &b);
    write_facts(two, "two", &a);
    atomic_store(&one->sent, 3u);
    atomic_store(&one->tail, 50u);
    atomic_store(&two->received, UINT32_MAX); /* 4 less */
    atomic_store(&two->head, 20u);
    atomic_store(&two->sleep, 5 * CHANNEL_SLEEP_STEP + CHANNEL_ASLEEP);
    atomic_store(&two->rings, 8u);
    atomic_store(&two->ended, CHANNEL_SENDS_NO_MORE);
    atomic_store(&one->space_sleep, CHANNEL_ASLEEP);
    CHECK_EQ(enl_inspect_channels(getpid(), ends, 4), 2);
    end = end_of(ends, 2, "one");
    CHECK_EQ(end->pid, getpid());
    CHECK_EQ(end->peer_pid, getpid());
    CHECK_EQ(end->uid, geteuid());
    CHECK_EQ(end->flags, ENL_END_WAITS_FOR_SPACE);
    CHECK_EQ(end->ring_bytes, RING);
    CHECK_EQ(end->largest_message, 1000);
    CHECK_EQ(end->sent_messages, 3);
    CHECK_EQ(end->sent_bytes, 400);
    CHECK_EQ(end->queued_messages, 4);
    CHECK_EQ(end->queued_bytes, 240);
    CHECK_EQ(end_of(ends, 2, "two")->segment, end->peer_segment);
    end = end_of(ends, 2, "two");
    CHECK_EQ(end->flags, ENL_END_WAITS_FOR_MESSAGE | ENL_END_SENDS_NO_MORE);
    CHECK_EQ(end->received_messages, UINT32_MAX);
    CHECK_EQ(end->sleeps, 5);
    CHECK_EQ(end->rings, 8);
    CHECK_EQ(end->queued_messages, 0);
    CHECK_EQ(end->queued_bytes, 0);
    CHECK_EQ(enl_inspect_channels(getpid(), NULL, 0), 2);
    CHECK_EQ(enl_inspect_channels(getpid(), ends, 1), 2);
    segment_unmap(&a);
    segment_unmap(&b);
}

/* Of the segments that anybody on this machine has, this one: how often it is shown, and the last time as whose. */
static int count_segment(uint64_t segment, pid_t *ret_pid)
{
    enum { MOST = 4096 };
    struct enl_channel_end *ends = calloc(MOST, sizeof *ends);
    ssize_t count;
    int found = 0;

    CHECK(ends != NULL);
    count = CHECK_OK(enl_inspect_channels(0, ends, MOST));
    CHECK(count <= MOST);
    for (ssize_t i = 0; i < count; i++) {
        if (ends[i].segment != segment)
            continue;
        *ret_pid = ends[i].pid;
        found++;
    }
    free(ends);
    return found;
}

static void see_one(void *argument)
{
    pid_t owner = *(pid_t *)argument, shown = 0;
    struct enl_channel_end ends[64];

    CHECK_EQ(CHECK_OK(enl_inspect_channels(owner, ends, 64)), 1);
    /* this child has inherited it, yet it is shown once, as its owner's */
    CHECK_EQ(count_segment(ends[0].segment, &shown), 1);
    CHECK_EQ(shown, owner);
    CHECK_STR(ends[0].name, "only");
    CHECK_EQ(CHECK_OK(enl_inspect_channels(owner, ends, 64)), 1);
    CHECK_EQ(ends[0].peer_segment, 0);
    CHECK_EQ(ends[0].peer_pid, 0);
    CHECK_EQ(ends[0].queued_messages, ENL_UNKNOWN);
    CHECK_EQ(ends[0].queued_bytes, ENL_UNKNOWN);
}

TEST(an_end_that_has_not_heard_of_its_peer_is_shown_with_it)
{
    struct segment a, b;
    struct channel_header *one = make_end(&a), *two = make_end(&b);
    struct enl_channel_end ends[2];

    write_facts(one, "one", NULL);
    write_facts(two, "two", &a);
    atomic_store(&one->sent, 3u);
    CHECK_EQ(enl_inspect_channels(getpid(), ends, 2), 2);
    CHECK_EQ(end_of(ends, 2, "one")->peer_segment, end_of(ends, 2, "two")->segment);
    CHECK_EQ(end_of(ends, 2, "one")->queued_messages, 3);
    CHECK_EQ(end_of(ends, 2, "two")->queued_messages, ENL_UNKNOWN); /* its peer has read nothing */
    segment_unmap(&a);
    segment_unmap(&b);
}

TEST(an_end_that_waits_for_its_peer_is_seen_by_others)
{
    struct segment s;
    pid_t own = getpid();

    write_facts(make_end(&s), "only", NULL);
    test_join(test_child(see_one, &own));
    segment_unmap(&s);
}

TEST(an_end_of_another_version_is_named_and_nothing_more)
{
    struct segment s;
    struct channel_header *header = make_end(&s);
    struct enl_channel_end end;

    header->version++;
    write_facts(header, "newer", NULL);
    CHECK_EQ(enl_inspect_channels(getpid(), &end, 1), 1);
    CHECK_EQ(end.flags, ENL_END_OTHER_VERSION);
    CHECK_STR(end.name, "newer");
    CHECK_EQ(end.sent_messages, ENL_UNKNOWN);
    segment_unmap(&s);
}

/* ---- living channels ---------------------------------------------------------------------------------------- */

#define SHOWN "channel:shown?message=1000&depth=8&wait=sleep"

static void call_and_wait(void *gate)
{
    struct enl_link *l;
    char text[1000];

    CHECK_OK(enl_open_until(SHOWN, ENL_READ | ENL_WRITE, test_until(), &l));
    CHECK_EQ(enl_send(l, "hello", 5, ENL_NOW), 5);
    CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), 5); /* now both have met */
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(enl_send(l, text, 100, ENL_NOW), 100);
    test_gate_open(gate);
    CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), 4); /* sleeps until it comes */
    test_gate_wait_times(gate, 2);
    enl_close(l);
}

/* The ends of this process and of the child, once the child sleeps. */
static void look_until_it_waits(pid_t pid, struct enl_channel_end ret_ends[2])
{
    for (;;) {
        CHECK_EQ(CHECK_OK(enl_inspect_channels(pid, &ret_ends[1], 1)), 1);
        if ((ret_ends[1].flags & ENL_END_WAITS_FOR_MESSAGE) != 0)
            break;
        (void)sched_yield();
    }
    CHECK_EQ(CHECK_OK(enl_inspect_channels(getpid(), &ret_ends[0], 1)), 1);
}

TEST(a_living_channel_is_seen_from_outside)
{
    struct test_gate *gate = test_gate_new();
    struct enl_channel_end ends[2];
    struct enl_link *listener, *l;
    char text[1000];
    uint64_t slept, rings;
    pid_t pid;

    CHECK_OK(enl_listen(SHOWN, &listener));
    pid = test_child(call_and_wait, gate);
    CHECK_OK(enl_accept(listener, test_until(), &l));
    CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), 5);
    CHECK_EQ(enl_send(l, "hello", 5, ENL_NOW), 5);
    test_gate_wait(gate);
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(enl_receive(l, text, sizeof text, test_until()), 100);
    look_until_it_waits(pid, ends);
    CHECK_STR(ends[0].name, "shown");
    CHECK_STR(ends[1].name, "shown");
    CHECK_EQ(ends[0].peer_segment, ends[1].segment);
    CHECK_EQ(ends[1].peer_segment, ends[0].segment);
    CHECK_EQ(ends[0].peer_pid, pid);
    CHECK_EQ(ends[1].peer_pid, getpid());
    CHECK_EQ(ends[0].largest_message, 1000);
    CHECK_EQ(ends[1].sent_messages, 6);
    CHECK_EQ(ends[0].flags & ENL_END_WAITS_FOR_MESSAGE, 0);
    /* a reader tells how far it is now and then */
    CHECK(ends[1].queued_messages >= 3 && ends[1].queued_messages <= 5);
    CHECK(ends[1].queued_bytes >= 300);
    CHECK_EQ(ends[0].sent_messages, 1);
    rings = ends[0].rings;
    slept = ends[1].sleeps;

    CHECK_EQ(enl_send(l, "wake", 4, test_until()), 4);
    test_gate_open(gate);
    CHECK_EQ(CHECK_OK(enl_inspect_channels(getpid(), ends, 1)), 1);
    CHECK_EQ(ends[0].sent_messages, 2);
    CHECK_EQ(ends[0].rings, rings + 1);
    CHECK(slept >= 1);
    enl_close(l);
    enl_close(listener);
    test_join(pid);
    CHECK_EQ(enl_inspect_channels(getpid(), ends, 1), 0);
}

TEST(wrong_arguments_are_told)
{
    struct enl_channel_end end;

    CHECK_EQ(enl_inspect_channels(-1, &end, 1), -EINVAL);
    CHECK_EQ(enl_inspect_channels(0, NULL, 1), -EINVAL);
    CHECK_EQ(enl_inspect_channels(0x7ffffff0, &end, 1), -ESRCH);
}
