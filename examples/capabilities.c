/* SPDX-License-Identifier: MIT */
/* Message passing as a model: the questions that every textbook asks of a link, put to links at run time. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static const char *how_many(uint32_t count)
{
    return count == ENL_MANY ? "many" : "one";
}

static const char *answer(const struct enl_caps *caps, uint32_t bit)
{
    return caps->can & bit ? "yes" : "no";
}

/* What can be known before anything is opened. */
static int describe(const char *address)
{
    static const char *const reaches[] = {"this process", "relatives", "any of this machine",
                                          "any of a network"};
    struct enl_caps caps;

    if (enl_address_caps(address, &caps) < 0)
        return failed(address);
    printf("%s\n", address);
    printf("  how is a link established?     %s%s%s\n",
           caps.meet & ENL_MEET_PAIR ? "as a pair, one end for each" : "",
           caps.meet & ENL_MEET_OPEN ? "both open the same name" : "",
           caps.meet & ENL_MEET_LISTEN ? "one listens at a name, others open it" : "");
    printf("  between which processes?       %s\n", reaches[caps.reach]);
    printf("  how many may send, receive?    %s, %s\n", how_many(caps.senders),
           how_many(caps.receivers));
    printf("  one way or both?               %s\n", caps.can & ENL_CAN_DUPLEX ? "both" : "one");
    printf("  messages or a stream of bytes? %s\n",
           caps.can & ENL_CAN_BOUNDARIES ? "messages" : "a stream");
    printf("  fixed or variable size?        %s, up to %llu bytes\n",
           caps.can & ENL_CAN_FIXED_SIZE ? "fixed" : "variable",
           (unsigned long long)caps.largest_message);
    printf("  in order? without loss?        %s, %s\n", answer(&caps, ENL_CAN_ORDER),
           answer(&caps, ENL_CAN_LOSSLESS));
    if (caps.capacity == ENL_UNKNOWN)
        printf("  how much waits in it?          that changes\n");
    else
        printf("  how much waits in it?          %llu bytes\n", (unsigned long long)caps.capacity);
    printf("  is a peer's leaving told?      to receivers %s, to senders %s\n",
           answer(&caps, ENL_CAN_END), answer(&caps, ENL_CAN_BROKEN));
    return 0;
}

static const char *name_of(ssize_t result)
{
    return result == -EAGAIN ? "-EAGAIN" : result == -ETIMEDOUT ? "-ETIMEDOUT" : "something else";
}

/* Blocking or not is no property of a link: each call, on either side, says how long it waits. */
static int block_or_not(struct enl_link *in, struct enl_link *out)
{
    char text[1000] = "";
    ssize_t result;

    printf("blocking or not?\n");
    result = enl_receive(in, text, sizeof text, ENL_NOW);
    printf("  empty, receive, do not wait:   %s\n", name_of(result));
    result = enl_receive(in, text, sizeof text, enl_in_ms(10));
    printf("  empty, receive, wait 10 ms:    %s\n", name_of(result));
    do
        result = enl_send(out, text, sizeof text, ENL_NOW);
    while (result >= 0);
    printf("  full, send, do not wait:       %s\n", name_of(result));
    result = enl_send(out, text, sizeof text, enl_in_ms(10));
    printf("  full, send, wait 10 ms:        %s\n", name_of(result));
    return result != -ETIMEDOUT;
}

/* Two processes may have any number of links, and none of them knows of another. */
static int two_links(void)
{
    struct enl_link *first[2], *second[2]; /* [0] receives, [1] sends */
    char text[10];
    int result;

    if (enl_pair("pipe:", first) < 0 || enl_pair("pipe:", second) < 0)
        return failed("pair");
    result = block_or_not(first[0], first[1]);
    printf("how many links between the same two processes?\n");
    printf("  one is full, another takes:    %zd bytes\n",
           enl_send(second[1], "hello", 5, ENL_NOW));
    printf("  and gives:                     %zd bytes\n",
           enl_receive(second[0], text, sizeof text, ENL_NOW));
    for (int i = 0; i < 2; i++) {
        enl_close(first[i]);
        enl_close(second[i]);
    }
    return result;
}

int main(int argc, char **argv)
{
    static const char *const all[] = {"pipe:",
                                      "fifo:/tmp/f",
                                      "unix:/tmp/s",
                                      "unix:/tmp/s?type=datagram",
                                      "tcp:127.0.0.1:4000",
                                      "udp:127.0.0.1:4000"};
    int result = 0;

    for (int i = 1; i < argc; i++)
        result |= describe(argv[i]);
    if (argc > 1)
        return result;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        result |= describe(all[i]);
    return result | two_links();
}
