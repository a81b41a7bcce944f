/* SPDX-License-Identifier: MIT */
/* Two processes, every way to wait on either side, random sizes, pauses and CPUs: nobody may wait for what is there.
 * All tests together take about a minute, or $STRESS_MS each. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS 1500
#define STALL_MS 15000
#define LARGEST 9000
#define ANSWER 1u /* flags of a message */
#define LAST 2u

enum way { BLOCK, TAKE, POLL, SELECT, LEVEL, EDGE, ENL_POLL_WAY, WAYS };

static const char *const way_names[WAYS] = {
    "blocking", "take", "poll", "select", "epoll_level", "epoll_edge", "enl_poll",
};

struct head {
    uint32_t number;
    uint32_t flags;
};

struct side {
    struct enl_link *link;
    enum way way;
    int epoll;
    bool may_be_ready; /* of EDGE: not yet drained */
    uint32_t seed;
    unsigned char buffer[LARGEST];
};

struct plan {
    struct enl_link *ends[2];
    enum way sends, receives;
    const char *address;
};

static int64_t run_ms(void)
{
    const char *text = getenv("STRESS_MS");

    return text != NULL ? strtol(text, NULL, 10) : RUN_MS;
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static int64_t now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nothing most of the time, else from a moment to a sleep; now and then onto another CPU. */
static void dawdle(uint32_t *seed)
{
    uint32_t choice = next_random(seed) % 1024;

    if (choice < 8) {
        struct timespec pause = {.tv_nsec = next_random(seed) % 300000};

        (void)nanosleep(&pause, NULL);
    } else if (choice < 40) {
        int64_t end = now() + next_random(seed) % 40000;

        while (now() < end)
            ;
    } else if (choice == 40) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(next_random(seed) % 2, &set);
        if (next_random(seed) % 2 == 0)
            CPU_SET(1 - CPU_ISSET(1, &set), &set);
        (void)sched_setaffinity(0, sizeof set, &set); /* where there is but one CPU it fails */
    }
}

static void open_side(struct side *s, struct enl_link *link, enum way way, uint32_t seed)
{
    struct epoll_event event = {.events = way == EDGE ? EPOLLIN | EPOLLET : EPOLLIN};

    s->link = link;
    s->way = way;
    s->epoll = -1;
    s->may_be_ready = true;
    s->seed = seed;
    if (way == LEVEL || way == EDGE) {
        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        CHECK_OK(s->epoll);
        CHECK_OK(epoll_ctl(s->epoll, EPOLL_CTL_ADD, enl_link_fd(link), &event));
    }
}

static void close_side(struct side *s)
{
    if (s->epoll >= 0)
        CHECK_OK(close(s->epoll));
    enl_close(s->link);
}

/* Sleeps until the link may be ready, as the side's way is. */
static void sleep_for(struct side *s)
{
    struct pollfd item = {.fd = enl_link_fd(s->link), .events = POLLIN};
    struct timeval limit = {.tv_sec = STALL_MS / 1000};
    struct epoll_event event;
    int ready = 0;
    fd_set set;

    switch (s->way) {
    case SELECT:
        FD_ZERO(&set);
        FD_SET(item.fd, &set);
        ready = select(item.fd + 1, &set, NULL, NULL, &limit);
        break;
    case LEVEL:
    case EDGE:
        ready = epoll_wait(s->epoll, &event, 1, STALL_MS);
        break;
    case ENL_POLL_WAY:
        ready = enl_poll(&s->link, 1, enl_in_ms(STALL_MS));
        break;
    default:
        ready = poll(&item, 1, STALL_MS);
    }
    if (ready <= 0)
        FAIL("a stall: %s slept for %d s (%d)", way_names[s->way], STALL_MS / 1000, ready);
}

static ssize_t receive_waiting(struct side *s)
{
    struct enl_message m;
    ssize_t size;

    if (s->way == BLOCK)
        return enl_receive(s->link, s->buffer, LARGEST, enl_in_ms(STALL_MS));
    size = enl_take(s->link, NULL, enl_in_ms(STALL_MS), &m);
    if (size >= 0) {
        memcpy(s->buffer, m.data, m.size);
        CHECK_OK(enl_release(&m));
    }
    return size;
}

static ssize_t receive(struct side *s)
{
    ssize_t size;

    if (s->way == BLOCK || s->way == TAKE)
        return receive_waiting(s);
    for (;;) {
        /* of level-triggered ways sometimes the descriptor is asked first, though a message may wait */
        if (s->way != EDGE && next_random(&s->seed) % 4 == 0)
            sleep_for(s);
        size = enl_receive(s->link, s->buffer, LARGEST, ENL_NOW);
        if (size != -EAGAIN)
            return size;
        sleep_for(s);
        (void)enl_link_events(s->link);
    }
}

static void send_by_events(struct side *s, size_t size)
{
    ssize_t sent;

    while ((sent = enl_send(s->link, s->buffer, size, ENL_NOW)) == -EAGAIN) {
        CHECK_OK(enl_link_want(s->link, ENL_WRITABLE));
        sleep_for(s);
        CHECK((enl_link_events(s->link) & ~ENL_WRITABLE) == 0 ||
              (enl_link_events(s->link) & ENL_READABLE) != 0);
        CHECK_OK(enl_link_want(s->link, ENL_READABLE));
    }
    CHECK_EQ(sent, size);
}

static void send(struct side *s, uint32_t number, uint32_t flags)
{
    struct head head = {.number = number, .flags = flags};
    uint32_t choice = next_random(&s->seed);
    size_t size =
        sizeof head + (choice % 16 == 0 ? choice % (LARGEST - sizeof head) : choice % 100);
    struct enl_message m;

    if (s->way == TAKE) {
        CHECK_OK(enl_loan(s->link, size, enl_in_ms(STALL_MS), &m));
        memset(m.data, (int)number & 0xff, size);
        memcpy(m.data, &head, sizeof head);
        CHECK_OK(enl_commit(&m));
        return;
    }
    memset(s->buffer, (int)number & 0xff, size);
    memcpy(s->buffer, &head, sizeof head);
    if (s->way == BLOCK)
        CHECK_EQ(enl_send(s->link, s->buffer, size, enl_in_ms(STALL_MS)), size);
    else
        send_by_events(s, size);
}

static struct head check(const struct side *s, ssize_t size, uint32_t number)
{
    struct head head;

    CHECK_OK(size);
    CHECK(size >= (ssize_t)sizeof head);
    memcpy(&head, s->buffer, sizeof head);
    CHECK_EQ(head.number, number);
    for (ssize_t i = sizeof head; i < size; i++)
        if (s->buffer[i] != (unsigned char)number)
            FAIL("message %u has a wrong byte at %zd", number, i);
    return head;
}

static void answer(void *argument)
{
    struct plan *p = argument;
    struct side *s = calloc(1, sizeof *s);
    struct head head = {.flags = 0};

    CHECK(s != NULL);
    enl_close(p->ends[1]);
    open_side(s, p->ends[0], p->receives, (uint32_t)getpid());
    for (uint32_t number = 0; (head.flags & LAST) == 0; number++) {
        head = check(s, receive(s), number);
        if ((head.flags & ANSWER) != 0)
            send(s, number, 0);
        dawdle(&s->seed);
    }
    close_side(s);
    free(s);
}

static void run(const void *argument)
{
    struct plan p = *(const struct plan *)argument;
    struct side *s = calloc(1, sizeof *s);
    int64_t end;
    bool over;
    pid_t child;

    CHECK(s != NULL);
    CHECK_OK(enl_pair(p.address, p.ends));
    child = test_child(answer, &p);
    enl_close(p.ends[0]);
    open_side(s, p.ends[1], p.sends, (uint32_t)child);
    end = now() + run_ms() * 1000000;
    over = false;
    for (uint32_t number = 0; !over; number++) {
        uint32_t flags = next_random(&s->seed) % 64 == 0 ? ANSWER : 0;

        over = number % 16 == 0 && now() > end;
        send(s, number, flags | (over ? LAST | ANSWER : 0));
        if (flags != 0 || over)
            (void)check(s, receive(s), number);
        dawdle(&s->seed);
    }
    CHECK_EQ(enl_receive(s->link, s->buffer, LARGEST, enl_in_ms(STALL_MS)), -ESHUTDOWN);
    close_side(s);
    free(s);
    test_join(child);
}

/* Both ends send and receive at once, each by a thread of its own. */
struct stream {
    struct enl_link *link;
    uint32_t count, seed;
};

static void *send_stream(void *argument)
{
    struct stream *t = argument;
    struct side *s = calloc(1, sizeof *s);

    CHECK(s != NULL);
    s->link = t->link;
    s->seed = t->seed;
    for (uint32_t i = 0; i < t->count; i++) {
        s->way = next_random(&s->seed) % 2 == 0 ? BLOCK : TAKE;
        send(s, i, 0);
        dawdle(&s->seed);
    }
    free(s);
    return NULL;
}

static void run_streams(struct enl_link *link, uint32_t seed)
{
    struct stream t = {.link = link, .count = 40000, .seed = seed};
    struct side *s = calloc(1, sizeof *s);
    pthread_t thread;

    CHECK(s != NULL);
    CHECK_EQ(pthread_create(&thread, NULL, send_stream, &t), 0);
    s->link = link;
    s->seed = seed + 1;
    for (uint32_t i = 0; i < t.count; i++) {
        s->way = i % 1000 < 500 ? BLOCK : POLL;
        (void)check(s, receive(s), i);
        dawdle(&s->seed);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OK(enl_drain(link, enl_in_ms(STALL_MS)));
    free(s);
}

static void run_other_end(void *argument)
{
    struct enl_link **ends = argument;

    enl_close(ends[1]);
    run_streams(ends[0], (uint32_t)getpid());
    enl_close(ends[0]);
}

TEST(channel_carries_both_ways_by_two_threads_each, .stress = true, .deadline_s = 120)
{
    struct enl_link *ends[2];
    pid_t child;

    test_explain = enl_error_text;
    CHECK_OK(enl_pair("channel:?message=9000&depth=3", ends));
    child = test_child(run_other_end, ends);
    enl_close(ends[0]);
    run_streams(ends[1], 77);
    test_join(child);
    enl_close(ends[1]);
}

static struct plan plans[2 * WAYS * WAYS];

__attribute__((constructor)) static void add_all(void)
{
    static const char *const addresses[] = {"channel:?message=9000&depth=3",
                                            "channel:?message=9000&depth=3&wait=sleep"};
    unsigned count = 0;

    test_explain = enl_error_text;
    for (unsigned sends = 0; sends < WAYS; sends++) {
        for (unsigned receives = 0; receives < WAYS; receives++) {
            struct plan *p = &plans[count];
            char name[100];

            /* about forty of them: each pair of ways once, the wait modes in turns */
            if (sends == TAKE && receives > TAKE)
                continue;
            *p = (struct plan){.sends = sends,
                               .receives = receives,
                               .address = addresses[(sends + receives) % 2]};
            (void)snprintf(name, sizeof name, "channel_never_stalls/%s_to_%s%s", way_names[sends],
                           way_names[receives], (sends + receives) % 2 == 0 ? "" : "_asleep");
            test_add(name, run, p,
                     &(const struct test_options){.stress = true,
                                                  .deadline_s = 60,
                                                  .file = __FILE__});
            count++;
        }
    }
}
