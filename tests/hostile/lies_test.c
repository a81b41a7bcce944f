/* SPDX-License-Identifier: MIT */
/* A victim works with a peer that lies in its own segment and on its own socket at the same time: whatever it reads,
 * every call ends with a known answer by its deadline, nothing is read outside, nothing is left over.
 *
 * $HOSTILE_LIES says how many; `make fuzz` asks for ten million. */
#include "hostile/liar.h"
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIES_OF_A_TEST 200000ull
#define LIES_OF_A_LINK 20000u
#define CALLS_OF_A_LINK 400u
#define OPTIONS "?message=300&depth=8&fds=2"

struct shared {
    _Atomic(uint64_t) lies;
    atomic_bool enough;
    atomic_uint honest; /* messages that came before the first lie of a link */
};

struct play {
    struct shared *shared;
    struct test_gate *ready;
    char address[200];
    bool liar_listens;
};

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

static uint64_t lies_wanted(void)
{
    const char *text = getenv("HOSTILE_LIES");

    return text != NULL ? strtoull(text, NULL, 10) : LIES_OF_A_TEST;
}

/* ---- the liar ----------------------------------------------------------------------------------------------- */

/* Some honest messages first, so that both sides are under way; then nothing but lies until the victim has left. */
static void lie(struct play *play, struct enl_link *l, uint64_t seed)
{
    struct liar liar;

    for (unsigned i = 0; i < 4; i++)
        (void)enl_send(l, "honest", 6, ENL_NOW);
    liar_begin(&liar, seed);
    for (unsigned i = 0; i < LIES_OF_A_LINK; i++) {
        liar_lie(&liar);
        if (i % 64 == 0)
            (void)sched_yield(); /* both run, also on one CPU */
        if (i % 512 == 511)
            liar_say(&liar);
        if (i % 256 == 255 && (enl_link_events(l) & ENL_GONE) != 0) {
            atomic_fetch_add(&play->shared->lies, i);
            return;
        }
    }
    atomic_fetch_add(&play->shared->lies, LIES_OF_A_LINK);
}

static void be_a_liar(void *argument)
{
    struct play *play = argument;
    struct enl_link *listener = NULL, *l;

    if (play->liar_listens)
        CHECK_OK(enl_listen(play->address, &listener));
    test_gate_open(play->ready);
    for (uint64_t seed = 1; !atomic_load(&play->shared->enough); seed++) {
        int result = play->liar_listens
                         ? enl_accept(listener, enl_in_ms(100), &l)
                         : enl_open_until(play->address, ENL_READ | ENL_WRITE, enl_in_ms(100), &l);

        if (result < 0)
            continue;
        lie(play, l, seed);
        enl_close(l);
    }
    enl_close(listener);
}

/* ---- the victim --------------------------------------------------------------------------------------------- */

/* Whether the link still lives. */
static bool check_known(const char *call, ssize_t result)
{
    static const int living[] = {EAGAIN, ETIMEDOUT, EMSGSIZE, EBUSY};
    static const int ends[] = {ESHUTDOWN, ECONNRESET, EPIPE, EBADMSG, EPROTO, ECONNREFUSED};

    if (result >= 0)
        return true;
    CHECK(enl_error_text()[0] != '\0');
    for (size_t i = 0; i < sizeof living / sizeof living[0]; i++)
        if (result == -living[i])
            return true;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (result == -ends[i])
            return false;
    FAIL("%s says %zd: %s", call, result, enl_error_text());
}

static void read_all(const void *data, ssize_t size)
{
    unsigned sum = 0;

    for (ssize_t i = 0; i < size; i++)
        sum += ((const unsigned char *)data)[i];
    CHECK(size < 0 || (size <= 300 && sum <= 255u * (unsigned)size));
}

static bool receive(struct enl_link *l, enl_deadline until)
{
    char buffer[400];
    int fds[2] = {-1, -1};
    struct enl_message m = {.data = buffer,
                            .capacity = sizeof buffer,
                            .fds = fds,
                            .fd_capacity = 2};
    ssize_t size = enl_receive_message(l, NULL, until, &m);

    if (size >= 0)
        read_all(buffer, size);
    for (unsigned i = 0; i < 2; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    return check_known("receive", size);
}

static bool take(struct enl_link *l, enl_deadline until)
{
    struct enl_message m = {0};
    ssize_t size = enl_take(l, NULL, until, &m);

    if (size < 0)
        return check_known("take", size);
    read_all(m.data, size);
    for (unsigned i = 0; i < m.fd_count; i++)
        (void)close(m.fds[i]);
    return check_known("release", enl_release(&m));
}

static bool loan(struct enl_link *l, size_t size, enl_deadline until)
{
    struct enl_message m;
    int result = enl_loan(l, size, until, &m);

    if (result < 0)
        return check_known("loan", result);
    memset(m.data, 1, size);
    if (size % 3 == 0) {
        enl_cancel(&m);
        return true;
    }
    result = enl_commit(&m);
    if (result < 0)
        enl_cancel(&m);
    return check_known("commit", result);
}

static bool send_with_descriptor(struct enl_link *l, enl_deadline until)
{
    struct enl_message m = {.data = (char[]){"with"}, .size = 4, .fds = (int[]){0}, .fd_count = 1};

    return check_known("send", enl_send_message(l, &m, until));
}

/* One call, with no wait or a short one. */
static bool call(struct enl_link *l, uint32_t r)
{
    enl_deadline until = r % 4 != 0 ? ENL_NOW : enl_in_ns(100000);
    size_t size = r / 64 % 300;
    char data[300];
    struct enl_stat stat;

    switch (r / 4 % 12) {
    case 0:
    case 1:
    case 2:
        return receive(l, until);
    case 3:
    case 4:
        return take(l, until);
    case 5:
    case 6:
        memset(data, 2, size);
        return check_known("send", enl_send(l, data, size, until));
    case 7:
        return loan(l, size, until);
    case 8:
        return check_known("poll", enl_poll(&l, 1, until));
    case 9:
        (void)enl_link_events(l);
        return check_known("want", r / 64 % 8 == 0 ? enl_link_want(l, 1 + r / 512 % 3) : 0);
    case 10:
        return check_known("stat", enl_link_stat(l, &stat)) &&
               (r / 64 % 4 != 0 || check_known("drain", enl_drain(l, until)));
    default:
        return r / 64 % 8 == 0 ? send_with_descriptor(l, until)
                               : r / 64 % 64 != 1 || enl_link_fd(l) >= 0;
    }
}

static void work(struct play *play, struct enl_link *l, uint64_t seed)
{
    struct liar numbers = {.state = seed * 2 + 1};
    char first[300];

    if (enl_receive(l, first, sizeof first, enl_in_ms(1000)) == 6 &&
        memcmp(first, "honest", 6) == 0)
        atomic_fetch_add(&play->shared->honest, 1);
    for (unsigned i = 0; i < CALLS_OF_A_LINK; i++)
        if (!call(l, (uint32_t)liar_random(&numbers)))
            return;
}

/* What the process holds; the same after any number of links. */
static size_t resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    CHECK(file != NULL);
    CHECK_EQ(fscanf(file, "%lu %lu", &size, &pages), 2);
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int next_descriptor(void)
{
    int fd = dup(0);

    CHECK(fd >= 0);
    (void)close(fd);
    return fd;
}

static void be_a_victim(bool liar_listens)
{
    struct play play = {.shared = test_shared(sizeof(struct shared)),
                        .ready = test_gate_new(),
                        .liar_listens = liar_listens};
    struct enl_link *listener = NULL, *l;
    uint64_t wanted = lies_wanted(), links = 0;
    size_t before = 0;
    int descriptor;
    pid_t liar;

    (void)snprintf(play.address, sizeof play.address, "channel:%s%s", test_temp_path("lies"),
                   OPTIONS);
    if (!liar_listens) {
        CHECK_OK(enl_listen(play.address, &listener));
        /* from now on the listener has what it waits with */
        CHECK_EQ(enl_accept(listener, enl_in_ms(1), &l), -ETIMEDOUT);
    }
    liar = test_child(be_a_liar, &play);
    test_gate_wait(play.ready);
    descriptor = next_descriptor();
    for (; atomic_load(&play.shared->lies) < wanted; links++) {
        if (liar_listens)
            CHECK_OK(enl_open_until(play.address, ENL_READ | ENL_WRITE, test_until(), &l));
        else
            CHECK_OK(enl_accept(listener, test_until(), &l));
        work(&play, l, links);
        enl_close(l);
        CHECK_EQ(next_descriptor(), descriptor);
        if (links == 20)
            before = resident();
    }
    if (links > 20) /* sanitizers keep some of what was freed */
        CHECK(resident() < before + ((size_t)256 << 20));
    atomic_store(&play.shared->enough, true);
    enl_close(listener);
    test_join(liar);
    CHECK(atomic_load(&play.shared->honest) > 0);
    (void)printf("# %llu lies over %llu links\n",
                 (unsigned long long)atomic_load(&play.shared->lies), (unsigned long long)links);
}

TEST(a_victim_that_was_called_survives_all_lies, .deadline_s = 600, .stress = true)
{
    be_a_victim(false);
}

TEST(a_victim_that_calls_survives_all_lies, .deadline_s = 600, .stress = true)
{
    be_a_victim(true);
}
