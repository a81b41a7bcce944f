/* SPDX-License-Identifier: MIT */
/* A System V queue: each message has a type, and receivers choose by it. */
#include <enlace/enlace.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, enl_error_text());
    return 1;
}

static int send_all(struct enl_link *out)
{
    static char words[][10] = {"four", "two", "four, too", "one", "three"};
    static const int64_t types[] = {4, 2, 4, 1, 3};

    for (int i = 0; i < 5; i++) {
        struct enl_message m = {.data = words[i], .size = strlen(words[i]), .type = types[i]};

        if (enl_send_message(out, &m, ENL_NOW) < 0)
            return failed("send");
    }
    return 0;
}

static int receive(struct enl_link *in, const char *which, const struct enl_match *match)
{
    char text[100];
    struct enl_message m = {.data = text, .capacity = sizeof text};
    ssize_t size = enl_receive_message(in, match, ENL_NOW, &m);

    if (size < 0)
        return failed(which);
    printf("%-22s type %d, %.*s\n", which, (int)m.type, (int)size, text);
    return 0;
}

int main(void)
{
    struct enl_link *ends[2];
    int result;

    /* a queue without a key, for relatives; svmsg:0x1234 and svmsg:/path#1 are for all */
    if (enl_pair("svmsg:", ends) < 0)
        return failed("pair");
    result = send_all(ends[1]);
    if (result == 0)
        result = receive(ends[0], "exactly 4:", &(struct enl_match){ENL_MATCH_TYPE, 4}) ||
                 receive(ends[0], "the lowest up to 3:", &(struct enl_match){ENL_MATCH_UP_TO, 3}) ||
                 receive(ends[0], "any but 2:", &(struct enl_match){ENL_MATCH_ALL_BUT, 2}) ||
                 receive(ends[0], "the next:", NULL) || receive(ends[0], "the next:", NULL);
    enl_close(ends[0]);
    enl_close(ends[1]);
    return result;
}
