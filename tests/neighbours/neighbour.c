/* SPDX-License-Identifier: MIT */
/* One side of an exchange between two builds of the library:
 *
 *     neighbour serve|call ADDRESS ROUNDS [die]
 *     neighbour share ADDRESS ROUNDS PARTIES DEATHS [die]
 *
 * `serve` listens and says "ready", `call` opens. Each round is a message of a size that both know, sent by the
 * caller, and an answer of another size; by copying and in place in turn, some with a descriptor. Then the
 * caller closes, or with `die` ends itself, and the server says how the link ended.
 *
 * `share` uses locks in a region together with others: share.h. */
#include "share.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 240000

static unsigned char *buffer; /* of the largest message */
static size_t largest;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    exit(1);
}

/* The same numbers in all builds. */
static uint32_t mix(uint32_t n)
{
    n = (n ^ n >> 16) * 0x45d9f3bu;
    n = (n ^ n >> 16) * 0x45d9f3bu;
    return n ^ n >> 16;
}

/* Small ones, those around a word and a cache line, and now and then one of any size. */
static size_t size_of(uint32_t number)
{
    uint32_t n = mix(number);
    size_t size = n % 8 == 0 ? mix(n) % (largest + 1) : n % 8 == 1 ? largest : n / 8 % 140;

    return size <= largest ? size : largest;
}

static unsigned char byte_of(uint32_t number, size_t at)
{
    return (unsigned char)(number * 7 + at * 31 + (at >> 8));
}

static void fill(unsigned char *data, uint32_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(number, i);
}

static void check(const unsigned char *data, uint32_t number, size_t size)
{
    if (size != size_of(number)) {
        fprintf(stderr, "message %u has %zu bytes, not %zu\n", number, size, size_of(number));
        exit(1);
    }
    for (size_t i = 0; i < size; i++)
        if (data[i] != byte_of(number, i)) {
            fprintf(stderr, "message %u of %zu bytes is wrong at %zu\n", number, size, i);
            exit(1);
        }
}

static int passes_descriptors(struct enl_link *l, uint32_t number)
{
    return number % 8 == 3 && (enl_link_caps(l)->can & ENL_CAN_PASS_FDS) != 0;
}

static void send_one(struct enl_link *l, uint32_t number)
{
    struct enl_message m = {.data = buffer, .size = size_of(number)};
    int ends[2] = {-1, -1};

    if (number % 2 == 0 && (enl_link_caps(l)->can & ENL_CAN_ZERO_COPY) != 0) {
        if (enl_loan(l, size_of(number), enl_in_ms(WAIT_MS), &m) < 0)
            fail("loan");
        fill(m.data, number, m.size);
        if (enl_commit(&m) < 0)
            fail("commit");
        return;
    }
    fill(buffer, number, m.size);
    if (passes_descriptors(l, number)) {
        if (pipe(ends) != 0 || write(ends[1], &number, sizeof number) != sizeof number)
            fail("pipe");
        m.fds = &ends[0];
        m.fd_count = 1;
    }
    if (enl_send_message(l, &m, enl_in_ms(WAIT_MS)) < 0)
        fail("send");
    if (ends[0] >= 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

/* Returns 0, or how the link has ended. */
static ssize_t receive_one(struct enl_link *l, uint32_t number)
{
    int fd = -1;
    struct enl_message m = {.data = buffer, .capacity = largest, .fds = &fd, .fd_capacity = 1};
    uint32_t inside;
    ssize_t size;

    if (number % 3 == 0 && !passes_descriptors(l, number)) {
        size = enl_take(l, NULL, enl_in_ms(WAIT_MS), &m);
        if (size < 0)
            return size;
        check(m.data, number, (size_t)size);
        return enl_release(&m);
    }
    size = enl_receive_message(l, NULL, enl_in_ms(WAIT_MS), &m);
    if (size < 0)
        return size;
    check(buffer, number, (size_t)size);
    if (!passes_descriptors(l, number))
        return 0;
    if (m.fd_count != 1 || read(fd, &inside, sizeof inside) != sizeof inside || inside != number) {
        fprintf(stderr, "message %u has not brought its descriptor\n", number);
        exit(1);
    }
    (void)close(fd);
    return 0;
}

static void prepare(struct enl_link *l)
{
    largest = (size_t)enl_link_caps(l)->largest_message;
    buffer = malloc(largest);
    if (buffer == NULL)
        fail("memory");
}

static int serve(const char *address, uint32_t rounds)
{
    struct enl_link *listener, *l;
    ssize_t end;

    if (enl_listen(address, &listener) < 0)
        fail("listen");
    puts("ready");
    fflush(stdout);
    if (enl_accept(listener, enl_in_ms(WAIT_MS), &l) < 0)
        fail("accept");
    prepare(l);
    for (uint32_t i = 0; i < rounds; i++) {
        if (receive_one(l, 2 * i) < 0)
            fail("receive");
        send_one(l, 2 * i + 1);
    }
    end = receive_one(l, 2 * rounds);
    puts(end == -ESHUTDOWN ? "closed" : end == -ECONNRESET ? "died" : enl_error_text());
    enl_close(l);
    enl_close(listener);
    free(buffer);
    return 0;
}

static int call(const char *address, uint32_t rounds, int dies)
{
    struct enl_link *l;

    if (enl_open_until(address, ENL_READ | ENL_WRITE, enl_in_ms(WAIT_MS), &l) < 0)
        fail("open");
    prepare(l);
    for (uint32_t i = 0; i < rounds; i++) {
        send_one(l, 2 * i);
        if (receive_one(l, 2 * i + 1) < 0)
            fail("receive");
    }
    if (dies)
        (void)raise(SIGKILL);
    enl_close(l);
    free(buffer);
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;

    if (argc > 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], rounds);
    if (argc > 3 && strcmp(argv[1], "call") == 0)
        return call(argv[2], rounds, argc > 4 && strcmp(argv[4], "die") == 0);
    if (argc > 5 && strcmp(argv[1], "share") == 0)
        return share(argv[2], rounds, (uint32_t)strtoul(argv[4], NULL, 10),
                     (uint32_t)strtoul(argv[5], NULL, 10), argc > 6 && strcmp(argv[6], "die") == 0);
    fprintf(stderr, "usage: neighbour serve|call ADDRESS ROUNDS [die]\n"
                    "       neighbour share ADDRESS ROUNDS PARTIES DEATHS [die]\n");
    return 2;
}
